//! Every input of a decision as one value that can be stored and replayed, and what comes of it.

use serde::{Deserialize, Serialize};

use super::document::{Change, Content};
use super::hold::Hold;
use super::observation::{Observation, Unreadable};
use super::policy::{Limits, Resolution};
use super::record::Record;
use super::signal::Cause;
use super::target::Target;
use super::time::Time;

/// Why a write of an earlier attempt did not land.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The document is no longer the one that was observed.
    Conflict,
    /// SSM holds the content to be a duplicate.
    Duplicate,
    /// No answer, or none to a later step: it may have landed.
    Unconfirmed,
    /// The document has as many versions as it may have.
    VersionLimit,
    /// Not allowed.
    Denied,
    /// SSM does not take what we want to write.
    Invalid,
}

impl Refusal {
    /// Another caller was faster, so that trying again can help.
    pub fn is_outpaced(self) -> bool {
        match self {
            Self::Conflict | Self::Duplicate | Self::Unconfirmed | Self::VersionLimit => true,
            Self::Denied | Self::Invalid => false,
        }
    }
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
    /// Why the target is observed.
    pub cause: Cause,
    /// When what led here began; for a new account the start of its configuration lag.
    pub since: Time,
    /// How many messages came before this one.
    pub requeues: u32,
    /// Correlation id.
    pub correlation: String,
    /// Event ids of the calls that the message brought; what they say stands among the record's facts.
    pub calls: Vec<String>,
    /// When the newest of them was made.
    pub heard: Option<Time>,
    /// Whether the target is observed through a member role, and not through a gap role.
    pub by_member_role: bool,
    /// What the policy says.
    pub resolution: Resolution,
    /// The policy's version.
    pub policy: String,
    /// The policy's numbers.
    pub limits: Limits,
    /// What is there.
    pub observation: Observation,
    /// What is known, this observation and these calls included.
    pub record: Record,
    /// What became of earlier attempts to write.
    #[serde(default)]
    pub refused: Vec<Refusal>,
    /// A random number, so that equal cases give equal decisions.
    pub random: u32,
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
    /// It could not be read.
    Unknown {
        /// Why.
        why: Unreadable,
    },
    /// SSM, or what is known of it, is still catching up.
    Unsettled {
        /// What is waited for.
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

/// Nothing more before `until`, then another observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// When to observe again.
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
    /// A change that is known to have happened is not visible yet.
    Visibility,
    /// The principal behind a version is not known yet.
    Name,
    /// Another invocation is about to write.
    Intent,
}

/// What came of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// There was nothing to write.
    Nothing,
    /// The write took effect; the version that is now latest and default, and when that was certain.
    Landed {
        /// The version.
        version: u64,
        /// When.
        at: Time,
    },
    /// It did not, and this was the last attempt.
    Refused(Refusal),
}
