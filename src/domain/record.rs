//! What is remembered of a target, and what one reconciliation changes in the ledger.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fact::Facts;
use super::finding::Alert;
use super::milestones::Milestones;
use super::signal::{Cause, Work};
use super::target::{AccountFacts, Region};
use super::time::Time;

/// How a target stands, as far as is known. Only `InSync` is green.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Never observed.
    #[default]
    New,
    /// As it should be.
    InSync,
    /// Not as it should be, and only observed.
    Drifted,
    /// Exempt.
    Exempt,
    /// Wrong on purpose for a while: break-glass, or a pipeline that is replacing the document.
    Held,
    /// Wrong, and the next write waits.
    BackingOff,
    /// It cannot be read yet, or a change is not visible yet.
    Waiting,
    /// It cannot be read, or cannot be put right, and a person has to see to it.
    Unreachable,
}

/// Foreign acts on one target, from the first until the target was right and quiet for the policy's window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// The identity that alerts about it share.
    pub id: String,
    /// When it began.
    pub opened: Time,
    /// What it is, in one line.
    pub summary: String,
    /// Who acts, the least trusted first, at most [`OPPONENTS_MAX`].
    pub opponents: Vec<String>,
    /// What on-call was notified of: a principal with a kind of act. More of the same is counted.
    #[serde(default)]
    pub notified: BTreeSet<String>,
    /// Acts so far.
    pub edits: u32,
    /// Acts that an alert showed.
    #[serde(default)]
    pub shown: u32,
    /// Whether it was escalated as an edit war.
    pub escalated: bool,
    /// Whether people wait to hear that it is over.
    pub notify_on_close: bool,
    /// The newest act, or when the target was last found wrong.
    #[serde(default)]
    pub last: Time,
    /// When on-call was last notified.
    #[serde(default)]
    pub notified_at: Time,
}

/// How many opponents an incident names.
pub const OPPONENTS_MAX: usize = 10;

/// What is remembered of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Grows with each commit; the optimistic lock.
    pub generation: u64,
    /// How the target stands.
    pub status: Status,
    /// Everything that is known of the document.
    #[serde(default)]
    pub facts: Facts,
    /// Why the target is not in sync, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// How far the target has come.
    #[serde(default)]
    pub milestones: Milestones,
    /// The last warning about an exemption that ends: its end and the days before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption_warned: Option<(Time, u8)>,
    /// The messages that come by themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wakes: Vec<Wake>,
    /// When something last changed in this record.
    #[serde(default)]
    pub updated: Time,
    /// Version of the policy that the last decision was made by.
    #[serde(default)]
    pub policy: String,
    /// The open incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
}

/// A message of the reactor's own that is on its way: one watches a target, not one for each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wake {
    /// When it comes.
    pub at: Time,
    /// What it says the reason is.
    pub cause: Cause,
}

/// What the ledger answers to one read.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// What is known of the account.
    pub facts: Option<AccountFacts>,
    /// What is remembered of the target; a new record where there is none.
    pub record: Record,
    /// Those of the calls asked for whose facts have left the record; on-call was notified of them.
    pub seen: BTreeSet<String>,
    /// The last observation that was written down.
    pub last_check: Option<LastCheck>,
}

/// A look that was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastCheck {
    /// When.
    pub at: Time,
    /// The fingerprint of what was there, where that was in sync. It holds for the generation of the record that it stands beside.
    pub fingerprint: Option<String>,
}

/// The regions that an account has enabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enabled {
    /// Which.
    pub regions: BTreeSet<Region>,
    /// When it said so, give or take half a day.
    pub at: Time,
}

/// What the ledger knows of an account as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// What the organisation said of it last.
    pub facts: Option<AccountFacts>,
    /// The regions that it had enabled when it last said so; absent where it never has.
    pub enabled: Option<Enabled>,
    /// When each target was last looked at, give or take half a day.
    pub looks: BTreeMap<Region, Time>,
}

/// One line of a target's history: the case that was decided, with its contents by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Correlation id.
    pub id: String,
    /// When.
    pub at: Time,
    /// What was found and done, in one line.
    pub summary: String,
    /// The case, the decision and what came of it; contents stand as `{"$digest": …}`.
    pub case: Value,
    /// The contents by digest, as canonical JSON.
    pub contents: BTreeMap<String, String>,
}

/// Everything that one reconciliation changes, for one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The generation that the record was loaded with; the condition.
    pub expected: u64,
    /// The record as it is to be, with its next generation and its incident.
    pub record: Record,
    /// Event ids of calls that left the record.
    pub seen: Vec<String>,
    /// What happened; nothing yet where only an intent is logged.
    pub history: Option<HistoryEntry>,
    /// What people are notified of.
    pub alerts: Vec<Alert>,
}

/// What follows from one reconciliation.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// What to remember; nothing where the target was in sync and nothing was new.
    pub commit: Option<Commit>,
    /// A message to send first, so that waiting is never a failed receive: the work and its delay in seconds.
    pub next: Option<(Work, u32)>,
}
