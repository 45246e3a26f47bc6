//! The progress of a new account's target, until it needs no special treatment.

use serde::{Deserialize, Serialize};

use super::time::Time;

/// When a target reached each milestone. Each is set once, except for the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestones {
    /// When its account's lifecycle event arose, before the target was first right; the configuration lag begins then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vended: Option<Time>,
    /// When the document could first be read, or was found missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Time>,
    /// When the target was first right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configured: Option<Time>,
    /// When it was first observed through a member role, so that it needs no gap role any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_role: Option<Time>,
    /// Time of the newest call whose event has arrived: trail and forwarder work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_call: Option<Time>,
}

impl Milestones {
    /// The configuration lag in milliseconds, for a new account's target that has become right since `before`.
    pub fn lag_since(&self, before: &Self) -> Option<i64> {
        let (Some(vended), Some(configured), None) = (self.vended, self.configured, before.configured) else {
            return None;
        };
        Some(configured.since(vended))
    }

    /// The milestones reached so far, each with its name in the ledger and for programs.
    pub fn reached_by_name(&self) -> impl Iterator<Item = (&'static str, Time)> {
        let all = [
            ("vended", self.vended),
            ("reached", self.reached),
            ("configured", self.configured),
            ("member_role", self.member_role),
            ("newest_call", self.newest_call),
        ];
        all.into_iter().filter_map(|(name, at)| Some((name, at?)))
    }
}
