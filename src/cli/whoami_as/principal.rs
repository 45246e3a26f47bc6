//! The principal that is asked about: an ARN, or a role's name.

use crate::domain::policy::arn_pattern;
use crate::domain::principal::IDENTITY_CENTER;
use crate::domain::target::AccountId;

/// A role or a user of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) kind: SubjectKind,
    /// The last part of its ARN.
    pub(super) name: String,
}

/// What can start sessions and carry tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SubjectKind {
    Role,
    User,
}

impl SubjectKind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::User => "user",
        }
    }
}

impl Subject {
    /// The principal that `text` names in an account.
    ///
    /// # Errors
    /// It names none, or one of another account; the text says cause and fix.
    pub(super) fn parse(text: &str, account: &AccountId) -> Result<Self, String> {
        if !text.starts_with("arn:") {
            let fix = "give a role's name without its path, or the ARN of a role, a session or a user";
            return named(SubjectKind::Role, text)
                .ok_or_else(|| format!("--principal: not the name of a role; fix: {fix}"));
        }
        let Some([_, _, service, _, owner, resource]) = arn_pattern::split(text) else {
            return Err("--principal: not an ARN; fix: copy it from `aws sts get-caller-identity`".to_owned());
        };
        if owner != account.as_str() {
            return Err(format!(
                "--principal: it is of account {owner}, and --account names {account}; fix: a session runs as a role or user of \
                 the account it is in, so name that one"
            ));
        }
        let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let found = match (service, resource.split_once('/')) {
            ("iam", Some(("role", path))) => named(SubjectKind::Role, &last(path)),
            ("iam", Some(("user", path))) => named(SubjectKind::User, &last(path)),
            ("sts", Some(("assumed-role", path))) => {
                named(SubjectKind::Role, path.split('/').next().unwrap_or_default())
            }
            _ => None,
        };
        found.ok_or_else(|| {
            "--principal: neither a role nor a user; fix: only these carry the tag SSMSessionRunAs, so name one, or a session \
             of a role"
                .to_owned()
        })
    }
}

/// [bc iam]: 1 to 64 characters of `\w+=,.@-`.
fn named(kind: SubjectKind, name: &str) -> Option<Subject> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let valid = (1..=64).contains(&name.len()) && name.chars().all(fits);
    valid.then(|| Subject { kind, name: name.to_owned() })
}

/// Identity Center's home region, from the ARN of one of its roles; `None` for any other principal. Its path names the region
/// unless it is us-east-1 [docs: `referencingpermissionsets`].
pub(super) fn identity_center_home(arn: &str) -> Option<&str> {
    let (_, path) = arn.split_once(IDENTITY_CENTER)?;
    Some(path.split_once('/').map_or("us-east-1", |(region, _)| region))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(SubjectKind, String), String> {
        let account = "444455556666".parse().unwrap();
        Subject::parse(text, &account).map(|principal| (principal.kind, principal.name))
    }

    #[test]
    fn roles_sessions_and_users_are_named_in_each_of_their_forms() {
        let set = "AWSReservedSSO_Admin_0123456789abcdef";
        for (text, kind, name) in [
            ("Engineer", SubjectKind::Role, "Engineer"),
            ("arn:aws:iam::444455556666:role/Engineer", SubjectKind::Role, "Engineer"),
            ("arn:aws-cn:iam::444455556666:role/team/a/Engineer", SubjectKind::Role, "Engineer"),
            ("arn:aws:sts::444455556666:assumed-role/Engineer/alice", SubjectKind::Role, "Engineer"),
            (&format!("arn:aws:sts::444455556666:assumed-role/{set}/alice@example.com"), SubjectKind::Role, set),
            ("arn:aws:iam::444455556666:user/people/alice", SubjectKind::User, "alice"),
        ] {
            assert_eq!(parsed(text), Ok((kind, name.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_carries_no_tag_or_is_elsewhere_is_refused_with_a_fix() {
        for (text, what) in [
            ("arn:aws:iam::111122223333:role/Engineer", "it is of account 111122223333"),
            ("arn:aws:iam::444455556666:root", "neither a role nor a user"),
            ("arn:aws:sts::444455556666:federated-user/alice", "neither a role nor a user"),
            ("arn:aws:iam::444455556666:role/", "neither a role nor a user"),
            ("arn:aws:iam", "not an ARN"),
            ("team/Engineer", "not the name of a role"),
            ("", "not the name of a role"),
        ] {
            let refused = parsed(text).expect_err(text);
            assert!(refused.contains(what) && refused.contains("; fix: "), "{refused}");
        }
    }

    #[test]
    fn only_a_role_below_the_reserved_path_is_of_identity_center() {
        let role = |path: &str| format!("arn:aws:iam::444455556666:role/{path}AWSReservedSSO_Admin_0123456789abcdef");
        let reserved = "aws-reserved/sso.amazonaws.com/";
        assert_eq!(identity_center_home(&role(&format!("{reserved}eu-west-1/"))), Some("eu-west-1"));
        assert_eq!(identity_center_home(&role(reserved)), Some("us-east-1"));
        assert_eq!(identity_center_home(&role("")), None);
        assert_eq!(identity_center_home("arn:aws:iam::444455556666:user/alice"), None);
    }
}
