//! Names of OS users. An agent passes one to a shell as root, so that only names without any shell syntax are names here.

use std::fmt;
use std::str::FromStr;

/// Longest name of a domain user, and of any.
const CHARS_MAX: usize = 128;

/// The name of an OS user that a session may run as: `ops`, or `ops@corp.example.com` where nodes are joined to a domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OsUser(String);

impl OsUser {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text names no user that a session may run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the name of a user that sessions can run as: up to 32 lower-case letters, digits, `_` or `-`, beginning with a letter \
     or `_`, or user@domain; `root` is none"
)]
pub struct NotAUser;

impl FromStr for OsUser {
    type Err = NotAUser;

    fn from_str(text: &str) -> Result<Self, NotAUser> {
        let valid = (is_local(text) || is_domain(text)) && !is_root(text);
        if valid { Ok(Self(text.to_owned())) } else { Err(NotAUser) }
    }
}

impl fmt::Display for OsUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Session Manager runs no session as `root`, of the node or of a domain.
pub(crate) fn is_root(name: &str) -> bool {
    name.split_once('@').map_or(name, |(local, _)| local).eq_ignore_ascii_case("root")
}

/// `^[a-z_][a-z0-9_-]{0,31}$`
pub(super) fn is_local(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 32
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

/// `user@domain.tld`. The form `DOMAIN\user` stays out: an unquoted backslash does not survive the agent's shell.
pub(super) fn is_domain(name: &str) -> bool {
    let Some((local, domain)) = name.split_once('@') else { return false };
    let labels = |text: &str| {
        text.split('.').all(|label| {
            !label.starts_with('-')
                && !label.is_empty()
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        })
    };
    name.len() <= CHARS_MAX && labels(local) && labels(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_without_shell_syntax_is_a_user_unless_it_is_root() {
        let longest = "a".repeat(32);
        for name in ["ops", "_ops-1", &longest, "ops@corp.example.com"] {
            let user = name.parse::<OsUser>();
            assert_eq!(user.as_ref().map(OsUser::as_str), Ok(name));
            assert_eq!(user.map(|user| user.to_string()), Ok(name.to_owned()));
        }
        for name in
            ["root", "Root@corp.example.com", "root@corp", "", "Ops", "a b", "ops;id", "1ops", "ops@", &"a".repeat(33)]
        {
            assert_eq!(name.parse::<OsUser>(), Err(NotAUser), "{name}");
        }
    }
}
