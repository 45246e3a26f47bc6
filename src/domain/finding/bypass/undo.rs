//! How an operator undoes such a call: the AWS CLI's command where there is one, and words where there is none.

use crate::domain::bypass::{Bypass, BypassAct, RUN_AS_TAG, RoleChange, RuleChange};
use crate::domain::target::AccountId;

/// Names of the inline policies that the templates give to roles.
const OWN_POLICIES: [&str; 3] = ["document", "forward", "function"];
/// Longest name that goes into a command: of roles and archives 64 characters, of an ARN more.
const NAME_CHARS_MAX: usize = 128;

/// A way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Undo {
    /// The command, to be run in the account of the call.
    pub(super) command: Option<String>,
    /// What to do where no command does it.
    words: &'static str,
}

impl Undo {
    fn by(command: String) -> Self {
        Self { command: Some(command), words: "" }
    }

    fn in_steps(words: &'static str) -> Self {
        Self { command: None, words }
    }

    /// A sentence's second half, for advice.
    pub(super) fn in_words(&self, account: &AccountId) -> String {
        match &self.command {
            Some(command) => format!("undo it in {account}: `{command}`."),
            None => self.words.to_owned(),
        }
    }
}

const MAPPING: &str = "deploy infra/identity-center.yaml again with your whole list of attributes; \
     `aws sso-admin describe-instance-access-control-attribute-configuration --instance-arn ARN` shows those of now.";
const DEPLOY: &str = "deploy the template again that has it (member.yaml, management.yaml or hub.yaml). CloudFormation \
     mends no drift: delete the stack or stack instance there first, or make the change back by hand.";

/// How the call is undone.
pub(super) fn undo(bypass: &Bypass) -> Undo {
    let region = &bypass.target.region;
    match &bypass.act {
        BypassAct::Tagged { bearer, key, .. } => {
            let (kind, name) = bearer.parts();
            let (name, key) = (plain(name, "NAME"), plain(key, RUN_AS_TAG));
            Undo::by(format!("aws iam untag-{kind} --{kind}-name {name} --tag-keys {key}"))
        }
        BypassAct::Untagged { bearer } => {
            let (kind, name) = bearer.parts();
            let name = plain(name, "NAME");
            Undo::by(format!("aws iam tag-{kind} --{kind}-name {name} --tags Key={RUN_AS_TAG},Value=USER"))
        }
        BypassAct::Mapped { .. } => Undo::in_steps(MAPPING),
        BypassAct::SessionDocument { name, created: true, .. } => {
            Undo::by(format!("aws ssm delete-document --region {region} --name {}", plain(name, "NAME")))
        }
        BypassAct::SessionDocument { .. } => Undo::in_steps(
            "see what it says now (`aws ssm get-document`), and delete it or write its last version again.",
        ),
        BypassAct::Rule { name, bus, change: RuleChange::Disabled } => {
            let bus = bus.as_deref().map(|bus| format!(" --event-bus-name {}", plain(bus, "BUS"))).unwrap_or_default();
            Undo::by(format!("aws events enable-rule --region {region} --name {}{bus}", plain(name, "NAME")))
        }
        BypassAct::Rule { .. } => Undo::in_steps(DEPLOY),
        BypassAct::Archived { name, .. } => {
            Undo::by(format!("aws events delete-archive --region {region} --archive-name {}", plain(name, "NAME")))
        }
        BypassAct::Replayed { name, .. } => {
            Undo::by(format!("aws events cancel-replay --region {region} --replay-name {}", plain(name, "NAME")))
        }
        BypassAct::Role { name, change } => of_role(plain(name, "NAME"), change),
    }
}

fn of_role(name: &str, change: &RoleChange) -> Undo {
    match change {
        RoleChange::PolicyWritten(policy) if !OWN_POLICIES.contains(&policy.as_str()) => {
            let policy = plain(policy, "POLICY");
            Undo::by(format!("aws iam delete-role-policy --role-name {name} --policy-name {policy}"))
        }
        RoleChange::PolicyAttached(arn) => {
            let arn = plain(arn, "ARN");
            Undo::by(format!("aws iam detach-role-policy --role-name {name} --policy-arn {arn}"))
        }
        RoleChange::BoundarySet => Undo::by(format!("aws iam delete-role-permissions-boundary --role-name {name}")),
        RoleChange::Deleted
        | RoleChange::TrustChanged
        | RoleChange::PolicyWritten(_)
        | RoleChange::PolicyDeleted(_)
        | RoleChange::PolicyDetached(_)
        | RoleChange::BoundaryDeleted => Undo::in_steps(DEPLOY),
    }
}

/// A name that a shell takes as one word and as no option; a placeholder for any other, which a caller may have chosen.
fn plain<'a>(name: &'a str, placeholder: &'a str) -> &'a str {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
    let fits = (1..=NAME_CHARS_MAX).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(known);
    if fits { name } else { placeholder }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_that_a_shell_would_read_otherwise_gets_into_no_command() {
        for name in ["", "a b", "$(id)", "a;b", "-o", "a'b", "a\"b", "`id`", "a|b", &"a".repeat(129)] {
            assert_eq!(plain(name, "NAME"), "NAME", "{name}");
        }
        for name in ["Developer", "team@ops+1,2=3", "arn:aws:iam::aws:policy/ReadOnlyAccess"] {
            assert_eq!(plain(name, "NAME"), name);
        }
    }
}
