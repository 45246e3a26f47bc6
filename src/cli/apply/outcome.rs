//! The outcome of a plan's entry.

use serde::{Deserialize, Serialize};

use crate::cli::login::explained;
use crate::domain::case::{Applied, Verdict};
use crate::reactor::{BatchReport, NOT_APPROVED, Reconciled};

/// The outcome of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub(super) enum TargetOutcome {
    /// Written, and now the default version.
    Written {
        /// The version.
        version: u64,
    },
    /// It was already as planned.
    Already,
    /// The plan no longer holds, so nothing was done.
    Stale {
        /// What has changed.
        why: String,
    },
    /// Something prevents the write for now; the function continues from here.
    Waiting {
        /// The reason.
        why: String,
    },
    /// The target could not be read.
    Unreachable {
        /// The cause and the fix.
        why: String,
    },
    /// The attempt failed.
    Failed {
        /// The cause and the fix.
        why: String,
    },
    /// The run ended before this entry.
    NotBegun,
}

impl TargetOutcome {
    /// Nothing is left to do.
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

    /// The outcome in the reactor's report about one entry.
    pub(super) fn of(report: &BatchReport) -> Self {
        match (report.reconciled.first(), report.failed.values().next()) {
            (Some(reconciled), _) => Self::from_report(reconciled),
            (None, Some(fault)) if fault.code == NOT_APPROVED => Self::Stale { why: fault.message.clone() },
            (None, Some(fault)) => Self::Failed { why: explained(fault) },
            (None, None) => Self::Failed { why: undone(report) },
        }
    }

    fn from_report(reconciled: &Reconciled) -> Self {
        let Some(decision) = &reconciled.decision else {
            return Self::Stale { why: "the account is not governed any more".to_owned() };
        };
        let why = decision.reasons.join("; ");
        match (&reconciled.applied, &decision.verdict) {
            (Applied::Landed { version, .. }, _) => Self::Written { version: *version },
            (Applied::Refused(_), _) => Self::Failed { why: reconciled.fault.as_ref().map_or(why, explained) },
            (Applied::Nothing, Verdict::InSync) => Self::Already,
            (Applied::Nothing, Verdict::Unknown { .. }) => Self::Unreachable { why },
            (Applied::Nothing, _) => Self::Waiting { why },
        }
    }
}

/// The reactor has not reconciled the target although no call failed.
fn undone(report: &BatchReport) -> String {
    let said = report.ignored.first().or(report.undecodable.first()).map(|(_, reason)| reason.clone());
    said.unwrap_or_else(|| "its time was up; fix: run apply again".to_owned())
}
