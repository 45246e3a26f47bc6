//! Every input of a decision as one value that can be stored and replayed.

use serde::{Deserialize, Serialize};

use super::document::{Change, Content};
use super::edit::Edit;
use super::observation::{Observation, Unreadable};
use super::policy::{Limits, Resolution};
use super::principal::Attribution;
use super::record::{Hold, Record};
use super::signal::Cause;
use super::target::Target;
use super::time::Time;

/// An edit that the signal supplied, with the policy's opinion of its author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributedEdit {
    /// The edit.
    pub edit: Edit,
    /// Trusted, break-glass or untrusted by the policy. `Ours` is never decided here: content decides that.
    pub attribution: Attribution,
    /// Whether it was made with one of the roles that we work through. Enough to keep an echo quiet, never to accept content.
    #[serde(default)]
    pub by_our_role: bool,
    /// Settled by an earlier pass: a redelivery.
    #[serde(default)]
    pub seen: bool,
}

/// Why a write of an earlier look of this pass did not land.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Somebody was faster.
    Moved,
    /// SSM holds the content to be a duplicate.
    Duplicate,
    /// No answer, or none to a later step: it may have landed.
    Maybe,
    /// We deleted the document, or may have, and did not come to make it anew.
    Replacing,
    /// The document has as many versions as it may have.
    Full,
    /// Not allowed.
    Denied,
    /// SSM does not take what we want to write.
    Invalid,
}

/// Every input of one decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Where.
    pub target: Target,
    /// The account's name, for people.
    pub account_name: String,
    /// When.
    pub now: Time,
    /// Why we looked.
    pub cause: Cause,
    /// When what made us look began; the start of the gap for a new account.
    pub since: Time,
    /// How many messages came before this one.
    pub hop: u32,
    /// Correlation id.
    pub correlation: String,
    /// The calls that the signal tells of.
    pub edits: Vec<AttributedEdit>,
    /// What the policy says.
    pub resolution: Resolution,
    /// The policy's version.
    pub policy: String,
    /// The policy's numbers.
    pub limits: Limits,
    /// What is there.
    pub observation: Observation,
    /// What we remember.
    pub record: Record,
    /// What became of earlier writes of this pass.
    #[serde(default)]
    pub refused: Vec<Refusal>,
    /// Chance, so that equal cases give equal decisions.
    pub nonce: u32,
}

/// How the target stands, judged by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Verdict {
    /// As it should be.
    InSync,
    /// There is no document.
    Missing,
    /// The document differs.
    Drifted {
        /// Owned fields that differ from the baseline, and others that differ from the accepted content.
        drift: Change,
    },
    /// Not a document that could be put right by a new version.
    Unusable {
        /// What is wrong with it.
        why: String,
    },
    /// We could not read it.
    Unknown {
        /// Why.
        why: Unreadable,
    },
    /// SSM or our view of it is still catching up.
    Unsettled {
        /// What we wait for.
        why: String,
    },
}

/// One reason for a decision, in a sentence.
pub type Reason = String;

/// At most one change to the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Write {
    /// A new version on top of `base`, or the first one where `base` is absent; then make it the default.
    Put {
        /// The latest version that was seen: the condition.
        base: Option<u64>,
        /// What to write.
        content: Content,
    },
    /// Make an existing version the default.
    Promote {
        /// The version.
        version: u64,
    },
    /// Unshare, delete, and create anew.
    Recreate {
        /// What to write.
        content: Content,
    },
}

/// What is to be done, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// How the target stands.
    pub verdict: Verdict,
    /// Why this follows; never empty.
    pub reasons: Vec<Reason>,
    /// The one change to make.
    pub write: Option<Write>,
    /// What stands in the way of doing more now.
    pub wait: Option<Wait>,
}

/// Nothing more before `until`, then another look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// When to look again.
    pub until: Time,
    /// What for.
    pub on: WaitsOn,
}

/// What a decision waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsOn {
    /// The target is left wrong on purpose.
    Hold(Hold),
    /// An edit war: writing backs off.
    EditWar,
    /// The target cannot be read.
    Obstacle,
    /// SSM, or our view of it, is catching up.
    Visibility,
}

/// What came of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// There was nothing to write.
    Nothing,
    /// The write took effect; the version that is now latest and default, and when we saw it land.
    Landed {
        /// The version.
        version: u64,
        /// When.
        at: Time,
    },
    /// It did not, and this was the last look.
    Refused(Refusal),
}
