//! What we remember of a target, and what one pass changes in the ledger.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{Body, Change, Content};
use super::edit::Edit;
use super::finding::Alert;
use super::glance::Noted;
use super::principal::{Attribution, Principal};
use super::signal::Work;
use super::target::{AccountFacts, Region};
use super::time::Time;

/// How a target stands, as far as we know. Only `InSync` is green.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Never looked at.
    #[default]
    New,
    /// As it should be.
    InSync,
    /// Not as it should be, and we only observe.
    Drifted,
    /// Not ours to judge for now.
    Exempt,
    /// Wrong on purpose for a while: break-glass, or a pipeline that is replacing the document.
    Held,
    /// Wrong, and we wait before writing again.
    BackingOff,
    /// We could not read it, and wait for it.
    Waiting,
    /// We could not read it, or could not put it right, and somebody has to see to it.
    Unreachable,
}

/// The last version that we have taken account of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounted {
    /// Its number.
    pub version: u64,
    /// When it was made: with the number, the identity of a version. Absent for a version of ours that we have not seen yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Time>,
    /// When we saw it land, where we wrote it: it was made before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed: Option<Time>,
    /// When the version was made that we wrote it on top of: while we wait for SSM, the document can be replaced, and another
    /// version of this number be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Time>,
    /// What it holds, where that is not the accepted content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// The number under which [`Record::recent`] remembers that the document was deleted.
pub const GONE: u64 = 0;

/// One version that was made by somebody, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The version's number.
    pub version: u64,
    /// When it was made.
    pub created: Time,
    /// Who made it.
    pub attribution: Attribution,
    /// The author, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// When the call was made that names the author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<Time>,
    /// The change to fields that we do not own. Where the author was not known, a later attribution can still accept it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub change: Change,
    /// What taking it over changed in the accepted content, the other way round: it may have to be taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo: Change,
}

/// How much is going on at a target: grows with each revert, decays with time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heat {
    /// Reverts, in thousandths, not yet decayed at `at`.
    pub milli: u64,
    /// When it was last brought up to date.
    pub at: Time,
    /// Writes in a row that were put off because of it.
    pub backoffs: u32,
    /// No write before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
}

/// A target that is left wrong on purpose for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Until when.
    pub until: Time,
    /// For whom.
    pub attribution: Attribution,
    /// Why, for people.
    pub why: String,
}

/// The findings about one target between trouble and peace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// The identity that alerts about it share.
    pub id: String,
    /// When the trouble began.
    pub opened: Time,
    /// What it is, in one line.
    pub summary: String,
    /// Those who made the edits, the latest first, at most [`OPPONENTS_MAX`].
    pub opponents: Vec<String>,
    /// Edits so far.
    pub edits: u32,
    /// Whether it was escalated as an edit war.
    pub escalated: bool,
    /// Whether people are waiting to hear that it is over.
    pub announce_end: bool,
}

/// How many opponents an incident names.
pub const OPPONENTS_MAX: usize = 10;
/// How many judged versions a record keeps for late attributions.
pub const RECENT_MAX: usize = 10;

/// What we remember of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Grows with each commit; the optimistic lock.
    pub generation: u64,
    /// How the target stands.
    pub standing: Standing,
    /// The content that trusted hands have made, edit by edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Content>,
    /// Up to where versions are accounted for; absent while there is no document that we know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounted: Option<Accounted>,
    /// The last versions and their authors, newest first, at most [`RECENT_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent: Vec<Judged>,
    /// How much is going on.
    #[serde(default)]
    pub heat: Heat,
    /// Calls that were told while the target could not be read, at most [`RECENT_MAX`]: they say who made which version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unplaced: Vec<Edit>,
    /// A hold in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The version that we wrote or promoted and have not heard back about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaiting_echo: Option<u64>,
    /// When we last deleted the document ourselves, to make it anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_by_us: Option<Time>,
    /// Why we are not in sync, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// When the target was heard of as one of a new account, before it was first put right; the start of the gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vended: Option<Time>,
    /// When the target was first put right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configured: Option<Time>,
    /// The last warning about an exemption that ends: its end and the days before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption_warned: Option<(Time, u8)>,
    /// When a message of ours looks whether an edit war is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Time>,
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

/// What the ledger answers to one read.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// What is known of the account.
    pub facts: Option<AccountFacts>,
    /// What is remembered of the target; a new record where there is none.
    pub record: Record,
    /// Those of the edits asked for that were settled before.
    pub seen: BTreeSet<String>,
    /// The last look that was written down.
    pub noted: Option<Noted>,
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

/// Everything that one pass changes, for one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The generation that the record was loaded with; the condition.
    pub expected: u64,
    /// The record as it is to be, with its next generation and its incident.
    pub record: Record,
    /// Edits settled by this pass.
    pub seen: Vec<String>,
    /// What happened.
    pub history: HistoryEntry,
    /// What people are told.
    pub alerts: Vec<Alert>,
}

/// What follows from one pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// What to remember; nothing where the target was in sync and nothing was new.
    pub commit: Option<Commit>,
    /// A message to send first, so that waiting is never a failed receive: the work and its delay in seconds.
    pub next: Option<(Work, u32)>,
}
