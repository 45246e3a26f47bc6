//! What triggers an observation: a signal selects targets and supplies edits, and never states what is true (invariant 1).

use serde::{Deserialize, Serialize};

use super::bypass::Bypass;
use super::edit::Edit;
use super::principal::Principal;
use super::target::{AccountId, OuId, Region, Target};
use super::time::Time;

/// What happened, in the reactor's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Organizations `CreateAccountResult` or Control Tower `CreateManagedAccount`, succeeded.
    AccountVended {
        /// The new account.
        account: AccountId,
    },
    /// Control Tower `UpdateManagedAccount` or `EnableBaseline` of an account: enrolled, or enrolled anew.
    AccountEnrolled {
        /// The enrolled account.
        account: AccountId,
    },
    /// Organizations or Control Tower failed to create or enrol an account; there is nothing to observe.
    VendFailed {
        /// The account, where the event still names one.
        account: Option<AccountId>,
        /// The reason that Organizations or Control Tower gives.
        why: String,
    },
    /// Organizations `AccountJoinedOrganization`.
    AccountJoined {
        /// The account that joined.
        account: AccountId,
    },
    /// Organizations `MoveAccount`: another OU, perhaps another baseline.
    AccountMoved {
        /// The moved account.
        account: AccountId,
    },
    /// Organizations `AccountDepartedOrganization` or `RemoveAccountFromOrganization`.
    AccountLeft {
        /// The account that left.
        account: AccountId,
    },
    /// Organizations `CloseAccountResult`.
    AccountClosed {
        /// The closed account.
        account: AccountId,
    },
    /// Control Tower `RegisterOrganizationalUnit`, or `EnableBaseline` of a whole OU: every account below it.
    OuRegistered {
        /// The OU to walk.
        ou: OuId,
    },
    /// A call on the document in one target; `edit` is absent where the event leaves open which document it changed.
    DocumentTouched {
        /// Where the call was made.
        target: Target,
        /// The call.
        edit: Option<Box<Edit>>,
    },
    /// A call that gets past the document, or at the reactor's own parts; there is nothing to observe.
    Bypass(Box<Bypass>),
    /// A region was switched on or off for an account.
    RegionChanged {
        /// The account and the region.
        target: Target,
        /// Whether it can be used now.
        enabled: bool,
    },
    /// The schedule: observe every target.
    Sweep,
    /// A task: the sweep continues with this step.
    SweepStep(u64),
    /// A task: the sweep has reached this account.
    AccountSwept {
        /// The account to observe in every governed region.
        account: AccountId,
    },
    /// A task: one target to observe.
    Work(Box<Work>),
}

impl Signal {
    /// The stable name of the kind, as `runasctl decode` and the logs write it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AccountVended { .. } => "account_vended",
            Self::AccountEnrolled { .. } => "account_enrolled",
            Self::VendFailed { .. } => "vend_failed",
            Self::AccountJoined { .. } => "account_joined",
            Self::AccountMoved { .. } => "account_moved",
            Self::AccountLeft { .. } => "account_left",
            Self::AccountClosed { .. } => "account_closed",
            Self::OuRegistered { .. } => "ou_registered",
            Self::DocumentTouched { .. } => "document_touched",
            Self::Bypass(_) => "bypass",
            Self::RegionChanged { .. } => "region_changed",
            Self::Sweep => "sweep",
            Self::SweepStep(_) => "sweep_step",
            Self::AccountSwept { .. } => "account_swept",
            Self::Work(_) => "work",
        }
    }

    /// The account that it concerns, if it concerns one.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::AccountVended { account }
            | Self::AccountEnrolled { account }
            | Self::AccountJoined { account }
            | Self::AccountMoved { account }
            | Self::AccountLeft { account }
            | Self::AccountClosed { account }
            | Self::AccountSwept { account } => Some(account),
            Self::VendFailed { account, .. } => account.as_ref(),
            Self::DocumentTouched { target, .. } | Self::RegionChanged { target, .. } => Some(&target.account),
            Self::Bypass(bypass) => Some(&bypass.target.account),
            Self::Work(work) => Some(&work.target.account),
            Self::OuRegistered { .. } | Self::Sweep | Self::SweepStep(_) => None,
        }
    }

    /// The region that it concerns; `None` means every governed one.
    pub fn region(&self) -> Option<&Region> {
        match self {
            Self::DocumentTouched { target, .. } | Self::RegionChanged { target, .. } => Some(&target.region),
            Self::Bypass(bypass) => Some(&bypass.target.region),
            Self::Work(work) => Some(&work.target.region),
            Self::AccountVended { .. }
            | Self::AccountEnrolled { .. }
            | Self::VendFailed { .. }
            | Self::AccountJoined { .. }
            | Self::AccountMoved { .. }
            | Self::AccountLeft { .. }
            | Self::AccountClosed { .. }
            | Self::AccountSwept { .. }
            | Self::OuRegistered { .. }
            | Self::Sweep
            | Self::SweepStep(_) => None,
        }
    }
}

/// A decoded message: the signal and who delivered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundEvent {
    /// What happened.
    pub signal: Signal,
    /// CloudTrail's `eventID`, or the envelope's id where there is none.
    pub id: String,
    /// When it happened.
    pub at: Time,
    /// `event.account`, which AWS sets. Organisation-wide events count only from the management account.
    pub reporter: Option<AccountId>,
    /// The caller, where CloudTrail names it; for people and the log.
    pub principal: Option<Principal>,
}

impl InboundEvent {
    /// The work at one target.
    pub fn work(&self, account: AccountId, region: Region, cause: Cause) -> Work {
        Work {
            target: Target::new(account, region),
            cause,
            edits: Vec::new(),
            correlation: self.id.clone(),
            since: self.at,
            requeues: 0,
            not_before: None,
        }
    }
}

/// Why a target is observed, as far as the decision depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A principal made a call on the document.
    DocumentEvent,
    /// The account is new, enrolled, moved or got a region: the reactor waits until it is usable.
    AccountLifecycle,
    /// No event that the reactor knows of: a routine observation.
    Sweep,
}

/// A message from the reactor to itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// One target to observe.
    Work(Work),
    /// The step of a sweep that is due.
    SweepStep(u64),
    /// An account to observe in every governed region; in one invocation, because its targets share credentials.
    SweepAccount {
        /// The account.
        account: AccountId,
        /// The sweep's id.
        sweep: String,
        /// When the sweep began.
        began: Time,
    },
}

/// One target to observe: the expansion of a signal, or the successor of a message that has to wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The target.
    pub target: Target,
    /// Why.
    pub cause: Cause,
    /// The calls that led here.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// The `eventID` or message id of the first cause; all successors keep it.
    pub correlation: String,
    /// When the first cause arose.
    pub since: Time,
    /// Number of messages before this one; capped (invariant 8).
    #[serde(default)]
    pub requeues: u32,
    /// The earliest time to work on it.
    #[serde(default)]
    pub not_before: Option<Time>,
}
