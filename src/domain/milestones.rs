//! The way of a target from a new account on, until it needs no more than any other.

use serde::{Deserialize, Serialize};

use super::time::Time;

/// When a target passed which milestone. Each is set once, but for the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestones {
    /// When the target was heard of as one of a new account, before it was first put right; its configuration lag begins then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vended: Option<Time>,
    /// When the document could first be read, or was found absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Time>,
    /// When the target was first right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configured: Option<Time>,
    /// When it was first observed through a member role, so that no gap role is needed there any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_role: Option<Time>,
    /// When the newest call there was made whose event has arrived: trail and forwarder work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Time>,
}

impl Milestones {
    /// Names of the milestones, in the ledger and for programs.
    pub const NAMES: [&str; 5] = ["vended", "reached", "configured", "member_role", "heard"];

    /// The milestones that `time` knows by their names.
    pub fn by_name(time: impl Fn(&str) -> Option<Time>) -> Self {
        let [vended, reached, configured, member_role, heard] = Self::NAMES.map(time);
        Self { vended, reached, configured, member_role, heard }
    }

    /// The milestones that were passed, by name.
    pub fn passed(&self) -> impl Iterator<Item = (&'static str, Time)> {
        let times = [self.vended, self.reached, self.configured, self.member_role, self.heard];
        Self::NAMES.into_iter().zip(times).filter_map(|(name, at)| Some((name, at?)))
    }
}
