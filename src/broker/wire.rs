//! What goes over the wire between the reactor and the broker, the same types on both sides.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::target::AccountId;
use crate::domain::time::Time;

/// The question. A payload that says more is refused: nothing but the account is the asker's to choose.
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
    /// None, and why.
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
    /// When they end.
    pub expiration: Time,
    /// The role that they are of, by name: `CloudTrail` tells the reactor's calls by it.
    pub role: String,
    /// When the account's member role was last used, where it was: it should be in use now.
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

/// Without the secrets.
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
