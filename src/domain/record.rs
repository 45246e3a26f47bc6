//! What the ledger stores of a target, and what one reconciliation changes there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Facts;
use super::finding::Alert;
use super::milestones::Milestones;
use super::signal::{Cause, Work};
use super::target::{AccountFacts, Region};
use super::time::Time;

/// The status of a target, as far as it is known. Only `InSync` is green.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Never observed.
    #[default]
    New,
    /// Compliant.
    InSync,
    /// Not compliant, in observe mode.
    Drifted,
    /// Exempt.
    Exempt,
    /// Wrong on purpose for a while: break-glass, or a pipeline that is replacing the document.
    Held,
    /// Wrong, and the next write waits.
    BackingOff,
    /// Not readable yet, or a change is not visible yet.
    Waiting,
    /// Not readable, or not correctable: an operator has to intervene.
    Unreachable,
}

/// Foreign acts on one target, from the first until the target is in sync and quiet for the policy's window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// The id that its alerts share.
    pub id: String,
    /// When it began.
    pub opened: Time,
    /// One line about it: the newest act, or why the target is wrong.
    pub summary: String,
    /// The principals that act, at most [`OPPONENTS_MAX`].
    pub opponents: Vec<String>,
    /// What on-call was notified of: pairs of principal and kind of act. Repetitions are counted.
    #[serde(default)]
    pub notified: BTreeSet<String>,
    /// Acts so far.
    pub edits: u32,
    /// Acts that an alert showed.
    #[serde(default)]
    pub shown: u32,
    /// Whether it was escalated as an edit war.
    pub escalated: bool,
    /// Whether on-call waits for its end.
    pub notify_on_close: bool,
    /// Time of the newest act, or of the target's last change between right and wrong.
    #[serde(default)]
    pub last: Time,
    /// When on-call was last notified.
    #[serde(default)]
    pub notified_at: Time,
}

/// The number of opponents that an incident names.
pub const OPPONENTS_MAX: usize = 10;

/// The ledger's record of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Grows with each commit; the optimistic lock.
    pub generation: u64,
    /// The target's status.
    pub status: Status,
    /// Everything that is known of the document.
    #[serde(default)]
    pub facts: Facts,
    /// Why the target is not in sync, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// The target's milestones.
    #[serde(default)]
    pub milestones: Milestones,
    /// The last warning about an exemption's end: that end, and the days before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption_warned: Option<(Time, u8)>,
    /// Messages of the reactor's own that are on their way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wakes: Vec<Wake>,
    /// When something last changed in this record.
    #[serde(default)]
    pub updated: Time,
    /// Version of the policy behind the last decision.
    #[serde(default)]
    pub policy: String,
    /// The open incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
}

/// A message of the reactor's own that is on its way; one serves the target, however many events arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wake {
    /// When it comes.
    pub at: Time,
    /// Its cause.
    pub cause: Cause,
}

/// The ledger's answer to one read.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The stored facts of the account.
    pub facts: Option<AccountFacts>,
    /// The target's record; a new one where there is none.
    pub record: Record,
    /// Those of the requested calls that left the record; on-call was notified of them.
    pub seen: BTreeSet<String>,
    /// The last recorded check.
    pub last_check: Option<LastCheck>,
}

/// A recorded check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastCheck {
    /// When.
    pub at: Time,
    /// The fingerprint of a document in sync, valid for the generation of the record that it stands beside.
    pub fingerprint: Option<String>,
}

/// The regions that an account has enabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enabled {
    /// Which.
    pub regions: BTreeSet<Region>,
    /// When the account last reported them, within half a day.
    pub at: Time,
}

/// What the ledger knows of an account as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its facts, as Organizations last reported them.
    pub facts: Option<AccountFacts>,
    /// The enabled regions that it last reported; absent where it never did.
    pub enabled: Option<Enabled>,
    /// When each target was last checked, within half a day.
    pub last_checks: BTreeMap<Region, Time>,
}

/// One entry of a target's history: the decided case, with its contents by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Correlation id.
    pub id: String,
    /// When.
    pub at: Time,
    /// The findings and actions, in one line.
    pub summary: String,
    /// The case, the decision and its outcome; contents stand as `{"$digest": …}`.
    pub case: Value,
    /// The contents by digest, as canonical JSON.
    pub contents: BTreeMap<String, String>,
}

/// Everything that one reconciliation changes, for one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The generation that the record was loaded with; the condition.
    pub expected: u64,
    /// The new record, with its next generation and its incident.
    pub record: Record,
    /// Event ids of calls that left the record.
    pub seen: Vec<String>,
    /// The history entry; absent where only an intent is logged.
    pub history: Option<HistoryEntry>,
    /// The alerts to send.
    pub alerts: Vec<Alert>,
}

/// What follows from one reconciliation.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// What to store; absent where the target was in sync and nothing was new.
    pub commit: Option<Commit>,
    /// The message to send first, with its delay in seconds: waiting is never a failed receive.
    pub next: Option<(Work, u32)>,
}
