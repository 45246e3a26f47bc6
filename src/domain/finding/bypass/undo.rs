//! How a call is undone: a command, or steps.

use crate::domain::bypass::{Bypass, BypassAct, RUN_AS_TAG, RoleChange, RuleChange};
use crate::domain::target::AccountId;

/// Longest name that goes into a command: of roles and archives 64 characters, of an ARN more.
const COMMAND_NAME_CHARS_MAX: usize = 128;

/// A way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Undo {
    /// A command, to be run in the account of the call.
    Command {
        /// The command, with a placeholder for each name that is none of a shell's words.
        text: String,
        /// Whether it has no placeholder.
        exact: bool,
        /// What may be left to do afterwards, to follow the command.
        then: &'static str,
    },
    /// What to do where no command does it.
    Steps(&'static str),
}

impl Undo {
    fn by(text: String, names: &[Word<'_>]) -> Self {
        Self::Command { text, exact: names.iter().all(|name| name.exact), then: "" }
    }

    /// A sentence's second half, for advice.
    pub(super) fn in_words(&self, account: &AccountId) -> String {
        match self {
            Self::Command { text, then, .. } => format!("undo it in {account}: `{text}`{then}."),
            Self::Steps(words) => (*words).to_owned(),
        }
    }

    /// The command, for programs; none that has a placeholder.
    pub(super) fn command(self) -> Option<String> {
        match self {
            Self::Command { text, exact: true, .. } => Some(text),
            Self::Command { exact: false, .. } | Self::Steps(_) => None,
        }
    }
}

const MAPPING: &str = "deploy infra/identity-center.yaml again with your whole list of attributes; \
     `aws sso-admin describe-instance-access-control-attribute-configuration --instance-arn ARN` shows those of now.";
const BY_HAND: &str = "make the change back by hand: `aws cloudformation detect-stack-drift --stack-name STACK` finds what \
     differs from the template that has it (member.yaml, management.yaml or hub.yaml). Deploying the same template again mends \
     no drift.";

/// How the call is undone.
pub(super) fn undo(bypass: &Bypass) -> Undo {
    let region = &bypass.target.region;
    match &bypass.act {
        BypassAct::Tagged { bearer, key, created, .. } => {
            let (kind, name) = bearer.parts();
            let (name, key) = (plain(name, "NAME"), plain(key, RUN_AS_TAG));
            let text = format!("aws iam untag-{kind} --{kind}-name {} --tag-keys {}", name.text, key.text);
            let then = if *created { "" } else { ", and tag it again if it had another value" };
            Undo::Command { text, exact: name.exact && key.exact, then }
        }
        BypassAct::Untagged { bearer } => {
            let (kind, name) = bearer.parts();
            let name = plain(name, "NAME").text;
            let text = format!("aws iam tag-{kind} --{kind}-name {name} --tags Key={RUN_AS_TAG},Value=USER");
            Undo::Command { text, exact: false, then: "" }
        }
        BypassAct::Mapped { .. } => Undo::Steps(MAPPING),
        BypassAct::SessionDocument { name, created: true, .. } => {
            let name = plain(name, "NAME");
            Undo::by(format!("aws ssm delete-document --region {region} --name {}", name.text), &[name])
        }
        BypassAct::SessionDocument { .. } => {
            Undo::Steps("see what it says now (`aws ssm get-document`), and delete it or write its last version again.")
        }
        BypassAct::Rule { name, bus, change: RuleChange::Disabled } => {
            let (name, bus) = (plain(name, "NAME"), plain(bus.as_deref().unwrap_or("default"), "BUS"));
            let text =
                format!("aws events enable-rule --region {region} --name {} --event-bus-name {}", name.text, bus.text);
            Undo::by(text, &[name, bus])
        }
        BypassAct::Rule { .. } | BypassAct::Bus { .. } => Undo::Steps(BY_HAND),
        BypassAct::Archived { name, .. } => {
            let name = plain(name, "NAME");
            Undo::by(format!("aws events delete-archive --region {region} --archive-name {}", name.text), &[name])
        }
        BypassAct::Replayed { name, .. } => {
            let name = plain(name, "NAME");
            Undo::by(format!("aws events cancel-replay --region {region} --replay-name {}", name.text), &[name])
        }
        BypassAct::Role { name, change } => of_role(&bypass.act, plain(name, "NAME"), change),
    }
}

fn of_role(act: &BypassAct, name: Word<'_>, change: &RoleChange) -> Undo {
    let command = |verb: &str| format!("aws iam {verb} --role-name {}", name.text);
    match change {
        RoleChange::PolicyWritten(policy) if !act.is_of_the_templates() => {
            let policy = plain(policy, "POLICY");
            Undo::by(format!("{} --policy-name {}", command("delete-role-policy"), policy.text), &[name, policy])
        }
        RoleChange::PolicyAttached(arn) => {
            let arn = plain(arn, "ARN");
            Undo::by(format!("{} --policy-arn {}", command("detach-role-policy"), arn.text), &[name, arn])
        }
        RoleChange::BoundarySet => Undo::by(command("delete-role-permissions-boundary"), &[name]),
        RoleChange::Deleted
        | RoleChange::TrustChanged
        | RoleChange::PolicyWritten(_)
        | RoleChange::PolicyDeleted(_)
        | RoleChange::PolicyDetached(_)
        | RoleChange::BoundaryDeleted => Undo::Steps(BY_HAND),
    }
}

/// A word of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word<'a> {
    text: &'a str,
    /// Whether it is the name itself, and no placeholder.
    exact: bool,
}

/// A name that a shell takes as one word and as no option; a placeholder for any other, which a caller may have chosen.
fn plain<'a>(name: &'a str, placeholder: &'a str) -> Word<'a> {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
    let exact = (1..=COMMAND_NAME_CHARS_MAX).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(known);
    Word { text: if exact { name } else { placeholder }, exact }
}

/// The command that lists the caller's calls in the account and region of this one, from a time on; those of every caller where
/// the name is none of a shell's words.
pub(super) fn calls_of_the_caller(bypass: &Bypass, since: &str) -> String {
    let name = plain(bypass.principal.name.as_deref().unwrap_or_default(), "");
    let of_caller = if name.exact {
        format!(" --lookup-attributes AttributeKey=Username,AttributeValue={}", name.text)
    } else {
        String::new()
    };
    format!("aws cloudtrail lookup-events --region {} --start-time {since}{of_caller}", bypass.target.region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_that_a_shell_would_read_otherwise_gets_into_no_command() {
        for name in ["", "a b", "$(id)", "a;b", "-o", "a'b", "a\"b", "`id`", "a|b", &"a".repeat(129)] {
            assert_eq!(plain(name, "NAME"), Word { text: "NAME", exact: false }, "{name}");
        }
        for name in ["Developer", "team@ops+1,2=3", "arn:aws:iam::aws:policy/ReadOnlyAccess"] {
            assert_eq!(plain(name, "NAME"), Word { text: name, exact: true });
        }
    }
}
