//! The runbook for on-call: each alert, the trusted principals and the exemptions.

mod kinds;

use std::fmt::Write as _;

use crate::domain::finding::Kind;
use crate::domain::policy::Policy;
use crate::domain::policy::schema::{After, BreakGlass, Exemption};
use crate::domain::time::Time;

/// The runbook in Markdown.
pub(super) fn render(policy: &Policy, now: Time) -> String {
    let alerts: String = Kind::ALL.iter().map(|kind| alert(*kind)).collect();
    format!(
        "# Runbook: Session Manager's Run As\n\n{}\n## Alerts\n\n{}\n{alerts}## Exceptions\n\n{}\n{}",
        place(policy),
        "Commands read `RUNAS_TABLE`, `RUNAS_DLQ_URL` and `RUNAS_QUEUE_URL`, the outputs of the hub's stack. \
         Only those that say so write anything.\n",
        exemptions(policy, now),
        principals(policy),
    )
}

/// The policy of the runbook, and its organisation and hub.
fn place(policy: &Policy) -> String {
    format!(
        "Rendered from policy `{}` by `runasctl render runbook`; render it again when the policy changes.\n\n\
         | | |\n| --- | --- |\n| organisation | `{}` |\n| management account | `{}` |\n| hub | account `{}`, {} |\n",
        policy.label(),
        policy.organization_id(),
        policy.management_account(),
        policy.hub_account(),
        policy.home_region(),
    )
}

fn alert(kind: Kind) -> String {
    let guide = kinds::guide(kind);
    let mut text = format!("### `{}`\n\n{}\n\n", kind.as_str(), guide.means);
    text.push_str("First look:\n\n```console\n");
    for command in guide.commands {
        let _ = writeln!(text, "$ {command}");
    }
    let _ = write!(text, "```\n\nThen: {}\n\n", guide.act);
    text
}

fn exemptions(policy: &Policy, now: Time) -> String {
    let exemptions = &policy.document().exemptions;
    if exemptions.is_empty() {
        return "No account and no OU is exempt.\n".to_owned();
    }
    let mut text =
        "| exempt | until the end of | then | owner | reason |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for exemption in exemptions {
        let places: Vec<String> = exemption.accounts.iter().chain(&exemption.ous).map(|id| code(id)).collect();
        let _ = writeln!(
            text,
            "| {} | {}{} | {} | {} | {} |",
            places.join(", "),
            exemption.expires,
            if has_ended(exemption, now) { " (**ended**)" } else { "" },
            match exemption.after {
                After::Observe => "observe",
                After::Enforce => "enforce",
            },
            cell(&exemption.owner),
            cell(&exemption.reason),
        );
    }
    text
}

/// Both dates are YYYY-MM-DD in UTC, so they compare as text.
fn has_ended(exemption: &Exemption, now: Time) -> bool {
    let now = now.to_string();
    now.split('T').next().is_some_and(|today| exemption.expires.as_str() < today)
}

fn principals(policy: &Policy) -> String {
    let named = &policy.document().principals;
    let arns = |texts: &[String]| texts.iter().map(|text| code(text)).collect::<Vec<_>>();
    let mut rows = Vec::new();
    let mut row =
        |names: Vec<String>, meaning: String| rows.extend(names.into_iter().map(|name| (name, meaning.clone())));
    row(policy.roles().iter().map(|name| code(name)).collect(), "the reactor's role in each account".to_owned());
    row(
        policy.gap_roles().iter().map(|name| code(name)).collect(),
        "administrator role, through the broker only, while no role above works".to_owned(),
    );
    row(arns(&named.trusted), "trusted: what it changes in fields that the policy does not own is kept".to_owned());
    let BreakGlass { hold_minutes, daily_minutes } = policy.limits().break_glass;
    row(
        arns(&named.break_glass),
        format!(
            "break-glass: what it changes stands for {hold_minutes} minutes, up to {daily_minutes} in 24 hours, and is put \
             right then"
        ),
    );
    let mut text = "| principal | what it may do |\n| --- | --- |\n".to_owned();
    for (name, meaning) in rows {
        let _ = writeln!(text, "| {name} | {meaning} |");
    }
    text.push_str("\nNobody else may change the document where the service control policies are attached (`runasctl render scp`).\n");
    text
}

/// Escapes a text of the policy for a table cell.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '|' | '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']') {
            safe.push('\\');
        }
        safe.push(if c.is_control() { ' ' } else { c });
    }
    safe
}

/// A literal name in a table cell.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|").replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    /// The commands in a text, with their placeholders filled.
    fn commands(text: &str) -> Vec<Vec<String>> {
        let values =
            [("ACCOUNT", "444455556666"), ("REGION", "eu-west-1"), ("ID", "m-1"), ("TEXT", "because"), (" N ", " 6 ")];
        let quoted = text.split('`').filter(|part| part.starts_with("runasctl ") && !part.contains('\n'));
        let lines = text.lines().filter_map(|line| line.strip_prefix("$ "));
        let filled = quoted.chain(lines).map(|command| {
            values.iter().fold(command.to_owned(), |command, (name, value)| command.replace(name, value))
        });
        filled.map(|command| command.split_whitespace().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn each_command_is_one_that_runasctl_takes() {
        for kind in Kind::ALL {
            let text = alert(kind);
            let commands = commands(&text);
            assert!(!commands.is_empty(), "{text}");
            for command in commands {
                let taken = Cli::try_parse_from(&command);
                assert!(taken.is_ok(), "{}: {command:?}: {}", kind.as_str(), taken.err().unwrap());
            }
        }
    }

    #[test]
    fn an_exemption_has_ended_on_the_day_after_its_last() {
        let exemption: Exemption = serde_json::from_value(serde_json::json!({
            "accounts": ["555566667777"], "reason": "r", "owner": "o", "expires": "2027-01-31"
        }))
        .unwrap();
        let ended = |at: &str| has_ended(&exemption, at.parse().unwrap());
        assert_eq!([ended("2027-01-31T23:59:59Z"), ended("2027-02-01T00:00:00Z")], [false, true]);
    }
}
