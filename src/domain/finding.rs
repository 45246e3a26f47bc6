//! What people are told.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::target::{AccountId, Region};
use super::time::Time;

/// How loud an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look at it in working hours.
    Warning,
    /// Look at it now.
    High,
    /// It goes on while you read.
    Critical,
}

impl Severity {
    /// The word in subjects and message attributes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// One message to whoever is on call, ready to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Dedupe key: the same finding gives the same id, however often it is found.
    pub id: String,
    /// The account it is filed under.
    pub account: AccountId,
    /// The region, where it is about one.
    pub region: Option<Region>,
    /// How loud.
    pub severity: Severity,
    /// The stable name of what was found (`edit_reverted`).
    pub kind: String,
    /// Incident that it belongs to; receivers can thread by it.
    pub incident: Option<String>,
    /// One line of less than 100 characters.
    pub subject: String,
    /// For people.
    pub text: String,
    /// For programs.
    pub data: Value,
    /// When it was found.
    pub at: Time,
}
