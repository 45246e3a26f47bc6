//! The messages between the reactor and the broker; both sides use the same types.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::target::AccountId;
use crate::domain::time::Time;

/// A request. Any further field is refused: the caller chooses nothing but the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The account to be reached.
    pub account: AccountId,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Credentials for one document.
    Granted(Granted),
    /// No credentials, and why.
    Refused(Refusal),
}

/// Credentials of a role session that can make nine calls on one document in one account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
    /// Session token.
    pub session_token: String,
    /// When the credentials expire.
    pub expiration: Time,
    /// The name of the assumed role, by which `CloudTrail` names the caller of the reactor's calls.
    pub role: String,
    /// When the account's member role was last used, if ever: the reactor should use it instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_role_used: Option<Time>,
}

/// Why there are no credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What stands in the way.
    pub cause: String,
    /// What to do about it.
    pub fix: String,
}

/// Omits the secrets.
impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { access_key_id, expiration, role, .. } = self;
        f.debug_struct("Granted")
            .field("access_key_id", access_key_id)
            .field("expiration", expiration)
            .field("role", role)
            .finish_non_exhaustive()
    }
}
