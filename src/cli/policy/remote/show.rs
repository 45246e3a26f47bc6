//! Renders policies and their versions, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::assessment::Assessment;
use super::{Shell, no_version};
use crate::aws::ledger::policy_store::{Current, PolicyStore, PolicyVersion, Pushed};
use crate::cli::login::Failure;
use crate::cli::policy::count;
use crate::cli::{ExitStatus, Output};
use crate::domain::policy::Policy;
use crate::domain::policy::diff::PolicyChange;
use crate::domain::policy::impact::{AccountImpact, Impact};
use crate::domain::text::{NAME_CHARS_MAX, clean, escaped};

/// Version of the JSON that these commands write.
const SCHEMA_VERSION: u32 = 1;
/// Accounts named per reason; programs get all of them.
const NAMED_MAX: usize = 5;

/// The JSON output of these commands.
pub(super) fn data(value: &Value) -> String {
    let mut all = json!({ "schema_version": SCHEMA_VERSION });
    if let (Value::Object(all), Value::Object(more)) = (&mut all, value.clone()) {
        all.extend(more);
    }
    escaped(&format!("{all:#}\n"))
}

/// The changes to the policy and to the accounts.
pub(super) fn assessment(assessment: &Assessment) -> String {
    let Assessment { on, changes, impact, .. } = assessment;
    let mut text = match (changes, on) {
        (None, _) => "there is no policy to compare with\n".to_owned(),
        (Some(_), Some(on)) => format!("changes to version {on}:\n"),
        (Some(_), None) => "changes to the policy in force, which was not pushed:\n".to_owned(),
    };
    text.extend(changes.iter().flatten().map(change));
    let _ = writeln!(text, "what that means for {}:", count(impact.of, "account"));
    let mut effect = |words: &str, targets: usize, of: fn(&AccountImpact) -> usize| {
        let _ = writeln!(text, "  {} {words}", count(targets, "target"));
        text.push_str(&by_reason(impact, of));
    };
    effect("become enforced", impact.newly_enforced(), |account| account.newly_enforced.len());
    effect("get other values", impact.rewritten(), |account| account.rewritten.len());
    if impact.unshared() > 0 {
        effect("have foreign sharing undone from now on", impact.unshared(), |account| account.unshared.len());
    }
    effect("are no longer enforced", impact.released(), |account| account.released.len());
    text
}

/// One change: added, removed or different.
fn change(change: &PolicyChange) -> String {
    let value = |value: &Value| escaped(&value.to_string());
    match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("  ~ {}: {} -> {}\n", change.path, value(from), value(to)),
        (None, Some(to)) => format!("  + {}: {}\n", change.path, value(to)),
        (Some(from), None) => format!("  - {}: {}\n", change.path, value(from)),
        (None, None) => String::new(),
    }
}

/// The accounts behind a number, grouped by the rules that cause it.
fn by_reason(impact: &Impact, targets: fn(&AccountImpact) -> usize) -> String {
    let mut groups: BTreeMap<&str, Vec<&AccountImpact>> = BTreeMap::new();
    for account in impact.accounts.iter().filter(|account| targets(account) > 0) {
        groups.entry(&account.reason).or_default().push(account);
    }
    let mut text = String::new();
    for (reason, accounts) in groups {
        let sum: usize = accounts.iter().map(|account| targets(account)).sum();
        let _ = writeln!(text, "    {sum} in {}: {}", count(accounts.len(), "account"), escaped(reason));
        let name = |account: &&AccountImpact| {
            format!("{} {}", account.account, clean(&account.name, NAME_CHARS_MAX)).trim_end().to_owned()
        };
        let mut names: Vec<String> = accounts.iter().take(NAMED_MAX).map(name).collect();
        if accounts.len() > NAMED_MAX {
            names.push(format!("and {} more", accounts.len() - NAMED_MAX));
        }
        let _ = writeln!(text, "      {}", names.join(", "));
    }
    text
}

impl Shell<'_> {
    pub(super) async fn show(&self, book: &PolicyStore, number: Option<u64>) -> Result<ExitStatus, Failure> {
        let current = book.current().await?;
        let in_force = current.as_ref().and_then(|current| current.version.as_ref()).map(|version| version.number);
        let Some(number) = number.or(in_force) else { return self.show_unversioned(current) };
        let Some(pushed) = book.version(number).await? else { return Err(no_version(number)) };
        if in_force == Some(number) {
            self.printer.talk(&tampered(current.as_ref(), &pushed));
        }
        match self.output {
            Output::Json => {
                let policy: Value = serde_json::from_str(&pushed.compiled).unwrap_or_default();
                let more = json!({ "in_force": in_force == Some(number), "policy": policy, "yaml": pushed.yaml });
                self.printer.data(&data(&joined(version_data(&pushed.version), &more)));
            }
            Output::Table => {
                self.printer.talk(&version_line(&pushed.version));
                self.printer.data(&escaped(&pushed.yaml));
            }
        }
        Ok(ExitStatus::Success)
    }

    /// Shows a policy that was written to the table without `runasctl`.
    fn show_unversioned(&self, current: Option<Current>) -> Result<ExitStatus, Failure> {
        let Some(current) = current else {
            let problem = "no policy was pushed yet; fix: `runasctl policy push policy.yaml --message TEXT`";
            return Err(Failure::Error(problem.to_owned()));
        };
        let policy = current.policy.map_err(|problem| Failure::Error(problem.to_string()))?;
        self.printer
            .talk("the policy in force was put into the table by hand, and is no version; as it is compiled:\n");
        self.printer.data(&(policy.compiled() + "\n"));
        Ok(ExitStatus::Success)
    }

    pub(super) async fn history(&self, book: &PolicyStore, limit: usize) -> Result<ExitStatus, Failure> {
        let current = book.current().await?;
        let in_force = current.as_ref().and_then(|current| current.version.as_ref()).map(|version| version.number);
        let (versions, more) = book.versions(limit).await?;
        if self.output == Output::Json {
            let versions: Vec<Value> = versions.iter().map(version_data).collect();
            self.printer.data(&data(&json!({ "in_force": in_force, "versions": versions, "more": more })));
            return Ok(ExitStatus::Success);
        }
        for version in &versions {
            let mark = if in_force == Some(version.number) { "*" } else { " " };
            self.printer.data(&format!("{mark} {}", version_line(version)));
        }
        if versions.is_empty() {
            self.printer.talk("no policy was pushed yet\n");
        }
        if current.is_some() && in_force.is_none() {
            self.printer.talk("the policy in force was put into the table by hand, and is no version\n");
        }
        if more {
            self.printer.talk(&format!("there are more than {limit}; raise --limit\n"));
        }
        Ok(ExitStatus::Success)
    }
}

/// Reports a policy in force that was not pushed: write access to the table suffices to bypass `policy push`.
fn tampered(current: Option<&Current>, pushed: &Pushed) -> String {
    // Both are read by this version of the program, which may know fields that an older one did not write.
    let pushed_digest = Policy::from_compiled(&pushed.compiled).map(|policy| policy.digest().to_owned()).ok();
    let found = match current.map(|current| &current.policy) {
        Some(Ok(policy)) if Some(policy.digest()) == pushed_digest.as_deref() => return String::new(),
        Some(Ok(policy)) => format!("its digest is {}", policy.digest()),
        Some(Err(problem)) => problem.to_string(),
        None => return String::new(),
    };
    format!(
        "what is in force is not version {} as it was pushed: {found}; fix: `runasctl policy rollback {}`, and see in \
         CloudTrail who wrote the table\n",
        pushed.version.number, pushed.version.number
    )
}

fn version_line(version: &PolicyVersion) -> String {
    let PolicyVersion { number, at, by, why, digest, rollback_of } = version;
    let digest: String = digest.chars().take(12).collect();
    let back = rollback_of.map(|of| format!(" (version {of} again)")).unwrap_or_default();
    let by = clean(by, NAME_CHARS_MAX);
    format!("v{number}  {at}  {}  {by}  {}{back}\n", clean(&digest, 12), clean(why, NAME_CHARS_MAX))
}

fn version_data(version: &PolicyVersion) -> Value {
    let PolicyVersion { number, at, by, why, digest, rollback_of } = version;
    json!({ "version": number, "at": at, "by": by, "message": why, "digest": digest, "rollback_of": rollback_of })
}

fn joined(mut value: Value, more: &Value) -> Value {
    if let (Value::Object(all), Value::Object(more)) = (&mut value, more.clone()) {
        all.extend(more);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;
    use crate::policy_file;

    #[test]
    fn version_that_an_older_program_pushed_is_as_it_was_pushed_and_another_one_is_not() {
        let (policy, _) = policy_file::parse("", include_str!("../../../sim/stories/policy.yaml"), now()).unwrap();
        let compiled = policy.compiled();
        let older = compiled.replace(r#","readiness":{"retry_for_minutes":120}"#, "");
        assert_ne!(older, compiled);
        let version = PolicyVersion {
            number: 1,
            at: now(),
            by: String::new(),
            why: String::new(),
            digest: String::new(),
            rollback_of: None,
        };
        let pushed = Pushed { version: version.clone(), yaml: String::new(), compiled: older.clone() };
        let said = |text: &str| {
            let current = Current { policy: Policy::from_compiled(text), version: Some(version.clone()) };
            tampered(Some(&current), &pushed)
        };
        assert_eq!(said(&older), "");
        let other = compiled.replace(r#""retry_for_minutes":120"#, r#""retry_for_minutes":121"#);
        assert!(said(&other).contains("is not version 1 as it was pushed: its digest is "), "{}", said(&other));
    }
}
