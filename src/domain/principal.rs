//! Who: the caller that CloudTrail names, and what we make of it.

use serde::{Deserialize, Serialize};

/// The caller of an API call, reduced to what identifies it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// CloudTrail's `userIdentity.type` (`AssumedRole`, `IAMUser`, `Root`, …); `Unknown` where it says nothing.
    #[serde(rename = "type")]
    pub kind: String,
    /// The ARN to judge by: for a role session the **role's** ARN (with its path), because the session's ARN ends in a name
    /// that the caller chose.
    pub arn: Option<String>,
    /// What people call it: the session name, user name, or the service's DNS name.
    pub name: Option<String>,
}

impl Principal {
    /// Nobody that we could name.
    pub fn unknown() -> Self {
        Self { kind: "Unknown".to_owned(), arn: None, name: None }
    }

    /// What people call it: the role, and after it the session's name, which the caller chooses.
    pub fn called(&self) -> String {
        let role = self.arn.as_deref().and_then(|arn| arn.rsplit('/').next()).filter(|role| !role.is_empty());
        match (role.map(permission_set), self.name.as_deref()) {
            (Some(role), Some(name)) if role != name && self.kind == "AssumedRole" => format!("{role} ({name})"),
            (_, Some(name)) => name.to_owned(),
            (Some(role), None) => role.to_owned(),
            (None, None) => UNKNOWN.to_owned(),
        }
    }
}

/// Identity Center calls its roles `AWSReservedSSO_<permission set>_<16 hexadecimal digits>`; people know the permission set.
fn permission_set(role: &str) -> &str {
    let named = role.strip_prefix("AWSReservedSSO_").and_then(|rest| rest.rsplit_once('_'));
    named.map_or(role, |(set, _)| set)
}

/// Stands where no principal is known.
pub const UNKNOWN: &str = "unknown principal";

/// Who made one edit, as far as it changes what we do about it. It belongs to an edit, never to a signal or a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// Exactly what we would have written, whoever wrote it.
    Ours,
    /// A principal that the policy trusts with the fields we do not own.
    Trusted,
    /// A principal that may override us for a while, loudly.
    BreakGlass,
    /// Anybody else.
    Untrusted,
    /// An edit that nobody has told us the author of.
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
}
