//! What made us look. A signal selects targets and supplies edits; it never says what is true there (invariant 1).

use serde::{Deserialize, Serialize};

use super::edit::Edit;
use super::principal::Principal;
use super::target::{AccountId, OuId, Region, Target};
use super::time::Time;

/// What happened, in our words.
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
    /// An account was created or did not come to be; there is nothing to look at.
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
    /// A region was switched on or off for an account.
    RegionChanged {
        /// The account and the region.
        target: Target,
        /// Whether it can be used now.
        enabled: bool,
    },
    /// The schedule: everything is to be looked at.
    Sweep,
    /// A message of our own: a sweep goes on with this step.
    SweepStep(u64),
    /// A message of our own: a sweep has come to this account.
    AccountSwept {
        /// The account to look at in every governed region.
        account: AccountId,
    },
    /// A message of our own.
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
            Self::RegionChanged { .. } => "region_changed",
            Self::Sweep => "sweep",
            Self::SweepStep(_) => "sweep_step",
            Self::AccountSwept { .. } => "account_swept",
            Self::Work(_) => "work",
        }
    }

    /// The account it is about, where it is about one.
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
            Self::Work(work) => Some(&work.target.account),
            Self::OuRegistered { .. } | Self::Sweep | Self::SweepStep(_) => None,
        }
    }

    /// The region it is about; `None` means every governed one.
    pub fn region(&self) -> Option<&Region> {
        match self {
            Self::DocumentTouched { target, .. } | Self::RegionChanged { target, .. } => Some(&target.region),
            Self::Work(work) => Some(&work.target.region),
            _ => None,
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
    /// `event.account`, which AWS sets. Organisation-wide news counts only from the management account.
    pub reporter: Option<AccountId>,
    /// Who called, where CloudTrail says so; for people and the log.
    pub principal: Option<Principal>,
}

impl InboundEvent {
    /// The work at one target that follows from it.
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

/// Why a target is looked at, as far as deciding depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Somebody called something on the document.
    DocumentEvent,
    /// The account is new, enrolled, moved or got a region: its readiness is waited for.
    AccountLifecycle,
    /// Nothing happened that we know of; we look all the same.
    Sweep,
}

/// A message of our own, to ourselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// One target to look at.
    Work(Work),
    /// The step of a sweep that is due.
    SweepStep(u64),
    /// An account to look at in every governed region: in one invocation, since its targets share credentials.
    SweepAccount {
        /// Which.
        account: AccountId,
        /// The sweep's id.
        sweep: String,
        /// When the sweep began.
        began: Time,
    },
}

/// One target to look at: the message that a signal expands into, and the successor of a message that has to wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Where to look.
    pub target: Target,
    /// Why.
    pub cause: Cause,
    /// The calls that led here, with their authors.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// The `eventID` or message id that it began with, through all successors.
    pub correlation: String,
    /// When it began.
    pub since: Time,
    /// How many messages came before this one; capped (invariant 8).
    #[serde(default)]
    pub requeues: u32,
    /// Not to be worked on earlier.
    #[serde(default)]
    pub not_before: Option<Time>,
}
