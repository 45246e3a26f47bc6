//! Every input of a decision as one value that can be stored and replayed; also the decision and its outcome.

use serde::{Deserialize, Serialize};

use super::document::{Change, Content};
use super::hold::Hold;
use super::observation::{Observation, Unreadable};
use super::policy::{Limits, Resolution};
use super::record::Record;
use super::signal::Cause;
use super::target::Target;
use super::time::Time;

/// Why an earlier attempt to write did not land.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The document is no longer the one that was observed.
    Conflict,
    /// SSM considers the content a duplicate.
    Duplicate,
    /// The first call, or a later one, had no clear answer: the write may have landed.
    Unconfirmed,
    /// The document has the maximum number of versions.
    VersionLimit,
    /// Not allowed.
    Denied,
    /// A service control policy denies it.
    DeniedByScp,
    /// SSM rejects the content.
    Invalid,
}

impl Refusal {
    /// Whether a new attempt, after a new observation, can help.
    pub fn is_outpaced(self) -> bool {
        match self {
            Self::Conflict | Self::Duplicate | Self::Unconfirmed | Self::VersionLimit => true,
            Self::Denied | Self::DeniedByScp | Self::Invalid => false,
        }
    }
}

/// Every input of one decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The account and region.
    pub target: Target,
    /// The account's name, for people.
    pub account_name: String,
    /// The time of the decision.
    pub now: Time,
    /// Why the target is observed.
    pub cause: Cause,
    /// When the cause arose; the configuration lag of a new account begins then.
    pub since: Time,
    /// How many messages came before this one.
    pub requeues: u32,
    /// Whether SQS has delivered the message before; the earlier invocation may have stopped anywhere.
    pub redelivered: bool,
    /// Correlation id.
    pub correlation: String,
    /// Event ids of the calls in the message; the calls themselves are among the record's facts.
    pub calls: Vec<String>,
    /// When the newest of them was made.
    pub newest_call: Option<Time>,
    /// Whether the target is observed through a member role rather than a gap role.
    pub by_member_role: bool,
    /// The policy's resolution for the account.
    pub resolution: Resolution,
    /// The policy's version.
    pub policy: String,
    /// The policy's limits.
    pub limits: Limits,
    /// The observed state.
    pub observation: Observation,
    /// Everything known, this observation and these calls included.
    pub record: Record,
    /// Outcomes of earlier attempts to write.
    #[serde(default)]
    pub refused: Vec<Refusal>,
    /// A random number, stored so that equal cases give equal decisions.
    pub random: u32,
}

/// The state of a target, judged by the document's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Verdict {
    /// The document complies.
    InSync,
    /// There is no document.
    Missing,
    /// The document differs.
    Drifted {
        /// Owned fields that differ from the baseline, and others that differ from the accepted content.
        drift: Change,
    },
    /// A new version cannot correct the document.
    Unusable {
        /// What is wrong with it.
        why: String,
    },
    /// It could not be read.
    Unknown {
        /// Why.
        why: Unreadable,
    },
    /// SSM has not settled, or a known change is not visible yet.
    Unsettled {
        /// What the reactor waits for.
        why: String,
    },
}

/// One reason for a decision, in a sentence.
pub type Reason = String;

/// One change to the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Write {
    /// Write a new version on top of `base`, or the first one where `base` is absent, and make it the default.
    Put {
        /// The latest version that was observed: the write is conditional on it.
        base: Option<u64>,
        /// The content.
        content: Content,
    },
    /// Make an existing version the default.
    Promote {
        /// The version.
        version: u64,
    },
    /// Unshare, delete, and create anew.
    Recreate {
        /// The content.
        content: Content,
    },
    /// Take these accounts out of those that the document is shared with.
    Unshare {
        /// The accounts; `all` for everybody.
        accounts: Vec<String>,
    },
}

impl Write {
    /// Whether it changes the content in force.
    pub fn changes_content(&self) -> bool {
        match self {
            Self::Put { .. } | Self::Promote { .. } | Self::Recreate { .. } => true,
            Self::Unshare { .. } => false,
        }
    }
}

/// What to do, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The state of the target.
    pub verdict: Verdict,
    /// Why this follows; never empty.
    pub reasons: Vec<Reason>,
    /// The one change to make.
    pub write: Option<Write>,
    /// What is not decided yet. It may accompany a write: content first, sharing after it.
    pub wait: Option<Wait>,
}

/// What a decision leaves open until another observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// When to observe again.
    pub until: Time,
    /// The reason.
    pub on: WaitsOn,
}

/// What a decision waits for, for how long, and what ends it.
///
/// Every chain of waits ends after [`REQUEUES_MAX`](super::durations::REQUEUES_MAX) messages; the next sweep goes on. Where no
/// decision waits, a message may: for the principal of an alert, after a refused write, for a new account's first event, for the
/// end of an incident ([`super::settle::schedule`]), after a fault ([`crate::reactor::retry`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsOn {
    /// The target is left as it is on purpose, until the hold ends. After an edit by a break-glass principal that is the policy's
    /// `break_glass.hold_minutes`, as far as its `daily_minutes` last and no untrusted principal acts. After a deletion by a
    /// trusted one, who may create the next document, it is 90 s. See [`super::hold`].
    Hold(Hold),
    /// An edit war: the more the reactor wrote in the policy's `breaker.within_minutes`, the longer it pauses. Against an
    /// untrusted principal the longest pause is 10 s, against a trusted one 5 min. There is none where it answered fewer edits
    /// than `breaker.reverts`. See [`super::breaker`].
    EditWar,
    /// The target cannot be read. Pauses begin with 5 s and double up to a minute, until the policy's
    /// `readiness.retry_for_minutes` have passed since the signal. A sweep does not wait, and a region that is off is waited for
    /// in a new account only.
    Obstacle,
    /// A change that is known to have happened is not visible yet, or a version is not active. Observed again every 5 s, until
    /// the change is a minute old ([`VISIBLE_MS`](super::durations::VISIBLE_MS)). Where only sharing is uncertain, once, then.
    Visibility,
    /// The document complies if the unknown principal behind a version proves trusted. That principal's event ends the wait,
    /// or the version's age of ten minutes ([`NAMES_MS`](super::durations::NAMES_MS)).
    Name,
    /// Another invocation is about to write. The end of its lease ends the wait, 15 s at most
    /// ([`LEASE_MS`](super::durations::LEASE_MS)).
    Intent,
    /// The content is written first. After 5 s the accounts are read that the document is shared with.
    Sharing,
}

/// The outcome of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// There was nothing to write.
    Nothing,
    /// The write took effect.
    Landed {
        /// The version that is now latest and default.
        version: u64,
        /// When that was certain.
        at: Time,
    },
    /// The write failed or is unconfirmed, and this was the last attempt.
    Refused(Refusal),
}
