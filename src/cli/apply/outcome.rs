//! How an entry of a plan ended.

use serde::{Deserialize, Serialize};

use super::plan_checked::Watch;
use crate::cli::login::told;
use crate::domain::case::{Applied, Verdict};
use crate::reactor::{BatchReport, PassReport};

/// How an entry ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub(super) enum TargetOutcome {
    /// Written, and the default version now.
    Written {
        /// The version.
        version: u64,
    },
    /// It was already as the plan wants it.
    Already,
    /// The plan does not hold any more, so nothing was done.
    Stale {
        /// What has changed.
        why: String,
    },
    /// Something stands in the way for now; the function takes it from here.
    Waiting {
        /// What.
        why: String,
    },
    /// It could not be read.
    Unreachable {
        /// Why, and what to do about it.
        why: String,
    },
    /// It was tried, and is not done.
    Failed {
        /// Why, and what to do about it.
        why: String,
    },
    /// The run was stopped before it.
    NotBegun,
}

impl TargetOutcome {
    /// Nothing is left to be done.
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Written { .. } | Self::Already)
    }

    /// Counts against `--max-failures`.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Failed { .. })
    }

    pub(super) fn in_words(&self) -> &'static str {
        match self {
            Self::Written { .. } => "written",
            Self::Already => "already right",
            Self::Stale { .. } => "stale",
            Self::Waiting { .. } => "waiting",
            Self::Unreachable { .. } => "unreachable",
            Self::Failed { .. } => "failed",
            Self::NotBegun => "not begun",
        }
    }

    pub(super) fn why(&self) -> Option<&str> {
        match self {
            Self::Stale { why } | Self::Waiting { why } | Self::Unreachable { why } | Self::Failed { why } => Some(why),
            Self::Written { .. } | Self::Already | Self::NotBegun => None,
        }
    }

    /// What the reactor's report about one entry comes to.
    pub(super) fn of(report: &BatchReport, noticed: Watch) -> Self {
        if let Some(why) = noticed.stale {
            return Self::Stale { why };
        }
        match report.passes.first() {
            Some(pass) => Self::passed(pass, &noticed),
            None => Self::Failed { why: noticed.fault.as_ref().map_or_else(|| undone(report), told) },
        }
    }

    fn passed(pass: &PassReport, noticed: &Watch) -> Self {
        let Some(decision) = &pass.decision else {
            return Self::Stale { why: "the account is not ours to look at any more".to_owned() };
        };
        let why = decision.reasons.join("; ");
        match (&pass.applied, &decision.verdict) {
            (Applied::Landed { version, .. }, _) => Self::Written { version: *version },
            (Applied::Refused(_), _) => Self::Failed { why: noticed.fault.as_ref().map_or(why, told) },
            (Applied::Nothing, Verdict::InSync) => Self::Already,
            (Applied::Nothing, Verdict::Unknown { .. }) => Self::Unreachable { why },
            (Applied::Nothing, _) => Self::Waiting { why },
        }
    }
}

/// The reactor has not come to look, and no call has failed.
fn undone(report: &BatchReport) -> String {
    let said = report.ignored.first().or(report.undecodable.first()).map(|(_, reason)| reason.clone());
    said.unwrap_or_else(|| "its time was up; fix: run apply again".to_owned())
}
