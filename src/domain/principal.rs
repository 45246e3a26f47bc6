//! Who: the caller that CloudTrail names, and its attribution.

use serde::{Deserialize, Serialize};

use super::text::clean;

/// The caller of an API call, reduced to what identifies it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// CloudTrail's `userIdentity.type` (`AssumedRole`, `IAMUser`, `Root`, …); `Unknown` where it says nothing.
    #[serde(rename = "type")]
    pub kind: String,
    /// The ARN to match. For a role session it is the **role's** ARN (with its path), because the session's own ends in a
    /// name that the caller chose.
    pub arn: Option<String>,
    /// Its own name: of the session, the user or the service (DNS).
    pub name: Option<String>,
}

impl Principal {
    /// The principal of a call that names none.
    pub fn unknown() -> Self {
        Self { kind: "Unknown".to_owned(), arn: None, name: None }
    }

    /// Its display name: the role, and after it the session's name, which the caller chooses.
    pub fn called(&self) -> String {
        let role = self.arn.as_deref().and_then(|arn| arn.rsplit('/').next()).filter(|role| !role.is_empty());
        match (role.map(permission_set), self.name.as_deref()) {
            (Some(role), Some(name)) if role != name && self.kind == "AssumedRole" => format!("{role} ({name})"),
            (_, Some(name)) => name.to_owned(),
            (Some(role), None) => role.to_owned(),
            (None, None) => UNKNOWN.to_owned(),
        }
    }

    /// The display name, bounded and cleaned: for people.
    pub fn display(&self) -> String {
        clean(&self.called(), 96)
    }

    /// The person behind a session of Identity Center, which names it after its user. Any other session's name is the
    /// caller's choice, and names no person.
    pub fn human(&self) -> Option<&str> {
        let signed_in =
            self.kind == "AssumedRole" && self.arn.as_deref().is_some_and(|arn| arn.contains(IDENTITY_CENTER));
        self.name.as_deref().filter(|_| signed_in)
    }
}

/// Where IAM keeps the roles of Identity Center. No caller can create a role there.
pub const IDENTITY_CENTER: &str = ":role/aws-reserved/sso.amazonaws.com/";

/// Identity Center calls its roles `AWSReservedSSO_<permission set>_<16 hexadecimal digits>`; the display name is
/// the permission set.
fn permission_set(role: &str) -> &str {
    let named = role.strip_prefix("AWSReservedSSO_").and_then(|rest| rest.rsplit_once('_'));
    named.map_or(role, |(set, _)| set)
}

/// The display name of an unknown principal.
pub const UNKNOWN: &str = "unknown principal";

/// Who made one edit, as far as the reaction depends on it. It belongs to an edit, never to a signal or a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// The reactor: an intent of its own explains the version.
    Reactor,
    /// A principal that the policy trusts with the fields that it does not own.
    Trusted,
    /// A principal that may override the policy for a while; always alerted.
    BreakGlass,
    /// Any other principal.
    Untrusted,
    /// The principal is not known.
    Unattributed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_is_named_before_its_session_and_everything_else_once() {
        let called = |kind: &str, arn: &str, name: &str| {
            let principal = Principal { kind: kind.to_owned(), arn: Some(arn.to_owned()), name: Some(name.to_owned()) };
            principal.called()
        };
        let role = "arn:aws:iam::444455556666:role/Ops";
        assert_eq!(called("AssumedRole", role, "alice"), "Ops (alice)");
        assert_eq!(called("AssumedRole", role, "Ops"), "Ops");
        assert_eq!(called("IAMUser", "arn:aws:iam::444455556666:user/alice", "bob"), "bob");
    }

    #[test]
    fn session_of_identity_center_has_a_person_behind_it_and_no_other_has() {
        let human = |kind: &str, arn: &str| {
            let arn = Some(arn.to_owned());
            Principal { kind: kind.to_owned(), arn, name: Some("alice".to_owned()) }.human().map(str::to_owned)
        };
        let set = "AWSReservedSSO_Admin_0123456789abcdef";
        let reserved = format!("arn:aws:iam::444455556666:role/aws-reserved/sso.amazonaws.com/eu-west-1/{set}");
        assert_eq!(human("AssumedRole", &reserved).as_deref(), Some("alice"));
        assert_eq!(human("IAMUser", &reserved), None);
        assert_eq!(human("AssumedRole", &format!("arn:aws:iam::444455556666:role/{set}")), None);
    }
}
