//! Everything that the reactor needs from outside the process: narrow traits, implemented by [`crate::aws`] over the SDK
//! and by the simulated organisation. One method of [`Documents`] is one AWS call or one set of parallel calls. A decorator
//! can thus count round trips, fail the k-th call or stop between any two.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::domain::edit::Edit;
use crate::domain::finding::Alert;
use crate::domain::observation::{DocumentStatus, Observation};
use crate::domain::policy::Policy;
use crate::domain::quick_check::QuickCheck;
use crate::domain::record::{Commit, Enabled, Known, LastCheck, Loaded};
use crate::domain::signal::Task;
use crate::domain::sweep::Sweep;
use crate::domain::target::{AccountFacts, AccountId, OuId, Region, Target};
use crate::domain::time::Time;

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{call}: {code}: {message}")]
pub struct Fault {
    /// What the fault means for the reactor.
    pub class: FaultClass,
    /// The call, as AWS names it (`UpdateDocument`).
    pub call: &'static str,
    /// The error code, or a word for a failure below the API.
    pub code: String,
    /// AWS's message, bounded and without control characters.
    pub message: String,
    /// Whether the call may have taken effect nevertheless.
    pub outcome_unknown: bool,
}

/// What a fault means for the reactor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultClass {
    /// Too many calls.
    Throttled,
    /// Timeouts, broken connections, errors of the service.
    Transient,
    /// Not allowed, or the role cannot be assumed.
    Denied,
    /// A service control policy does not allow it.
    DeniedByScp,
    /// The account is too new for the service.
    NotReady,
    /// The region is not enabled in the account.
    RegionOff,
    /// The resource that the call names does not exist.
    NotFound,
    /// The resource that the call names has changed: observe again.
    Conflict,
    /// SSM considers the content a duplicate.
    Duplicate,
    /// The document has the maximum number of versions.
    VersionLimit,
    /// The request is wrong; sending it again cannot help.
    Invalid,
}

impl Fault {
    /// Whether the same call can succeed later without any intervention.
    pub fn retryable(&self) -> bool {
        match self.class {
            FaultClass::Throttled | FaultClass::Transient | FaultClass::NotReady | FaultClass::Conflict => true,
            FaultClass::Denied
            | FaultClass::DeniedByScp
            | FaultClass::RegionOff
            | FaultClass::NotFound
            | FaultClass::Duplicate
            | FaultClass::VersionLimit
            | FaultClass::Invalid => false,
        }
    }
}

/// How the reactor enters an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Names of member roles, tried in order; the one that works is remembered.
    pub roles: Vec<String>,
    /// Names of administrator roles that the broker may use where none of `roles` works.
    pub gap_roles: Vec<String>,
    /// Correlation id, for the role session's name.
    pub correlation: String,
}

/// Which calls CloudTrail's event history is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// All calls since then. Of very many only the newest are read, and the log says so.
    Since(Time),
    /// The call with this event id.
    Event(String),
}

impl Access {
    /// The access that the policy lays down.
    pub fn by(policy: &Policy, correlation: &str) -> Self {
        Self {
            roles: policy.roles().to_vec(),
            gap_roles: policy.gap_roles().to_vec(),
            correlation: correlation.to_owned(),
        }
    }
}

/// Which role a session in an account came through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountAccess {
    /// Through a member role rather than a gap role.
    pub by_member_role: bool,
    /// Use of a gap role that on-call is to be notified of.
    pub relapse: Option<Relapse>,
}

impl Default for AccountAccess {
    fn default() -> Self {
        Self { by_member_role: true, relapse: None }
    }
}

/// A gap role was used in an account whose member role was used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relapse {
    /// The gap role, by name.
    pub role: String,
    /// When the member role was last used.
    pub member_role_used: Time,
}

/// A version that a write made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its number.
    pub version: u64,
    /// Its status in SSM.
    pub status: DocumentStatus,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries; an empty page may be followed by others.
    pub items: Vec<T>,
    /// Token of the next page; absent on the last.
    pub next: Option<String>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next: None }
    }
}

/// One attempt at some messages.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    /// The messages, by their SQS ids; a redelivered message keeps its id.
    pub messages: BTreeSet<String>,
    /// One of them was received before; the earlier attempt may have stopped anywhere, and is over.
    pub again: bool,
    /// When the function's time ends.
    pub deadline: Time,
    /// Alerts that the batch has published, over all of its attempts.
    pub published: Arc<AtomicUsize>,
}

/// The one document of a target. Credentials of every call reach no further than this document.
pub trait Documents {
    /// Observes the document once, in parallel: latest and default version with their contents, and the list of the newest
    /// versions. Also reads the contents of those versions in `between` that exist, of many only the first; the list is then
    /// read after them.
    /// Answers that disagree ([`assemble()`](crate::domain::observation::assemble())) are a fault of class
    /// [`FaultClass::Conflict`]. Never answers `Observation::Unknown`: an obstacle is a [`Fault`].
    fn observe(
        &self,
        target: &Target,
        access: &Access,
        between: &BTreeSet<u64>,
    ) -> impl Future<Output = Result<Observation, Fault>> + Send;

    /// `DescribeDocument`: one call, for a document that is expected to be unchanged. A missing document is a fault; only a
    /// full observation establishes its absence.
    fn quick_check(&self, target: &Target, access: &Access) -> impl Future<Output = Result<QuickCheck, Fault>> + Send;

    /// Calls on the document in CloudTrail's event history, which covers 90 days and lags by some minutes.
    fn lookup_events(
        &self,
        target: &Target,
        access: &Access,
        lookup: &Lookup,
    ) -> impl Future<Output = Result<Vec<Edit>, Fault>> + Send;

    /// `CreateDocument`; [`FaultClass::Conflict`] where the document exists already.
    fn create(
        &self,
        target: &Target,
        access: &Access,
        text: &str,
        version_name: &str,
    ) -> impl Future<Output = Result<Written, Fault>> + Send;

    /// `UpdateDocument` on top of version `base`; [`FaultClass::Conflict`] where `base` is no longer the latest.
    fn update(
        &self,
        target: &Target,
        access: &Access,
        base: u64,
        text: &str,
        version_name: &str,
    ) -> impl Future<Output = Result<Written, Fault>> + Send;

    /// The status of one version.
    fn status(
        &self,
        target: &Target,
        access: &Access,
        version: u64,
    ) -> impl Future<Output = Result<DocumentStatus, Fault>> + Send;

    /// `UpdateDocumentDefaultVersion`.
    fn promote(&self, target: &Target, access: &Access, version: u64)
    -> impl Future<Output = Result<(), Fault>> + Send;

    /// The accounts that the document is shared with; `all` where it is public. [`FaultClass::Conflict`] where there is no
    /// document.
    fn shares(&self, target: &Target, access: &Access) -> impl Future<Output = Result<BTreeSet<String>, Fault>> + Send;

    /// Ends the sharing of the document with these accounts; [`FaultClass::Conflict`] where there is no document.
    fn unshare(
        &self,
        target: &Target,
        access: &Access,
        accounts: &[String],
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Revokes every share of the document, then deletes it with all versions; no fault where it is already gone.
    fn delete(&self, target: &Target, access: &Access) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Deletes one superseded version; no fault where it is already gone.
    fn prune(&self, target: &Target, access: &Access, version: u64) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Which role the last call in the account came through. A relapse is returned once per session. Worlds without a
    /// broker have member roles only.
    fn account_access(&self, _account: &AccountId, _access: &Access) -> impl Future<Output = AccountAccess> + Send {
        std::future::ready(AccountAccess::default())
    }
}

/// The organisation.
pub trait Directory {
    /// The account with its OU path; `None` where the organisation has no such account.
    fn account(&self, account: &AccountId) -> impl Future<Output = Result<Option<AccountFacts>, Fault>> + Send;

    /// A page of the OUs directly below an OU or the root. Organizations limits such calls for the whole organisation
    /// together, so frequent callers pace themselves.
    fn ous_in(&self, parent: &OuId, page: Option<&str>) -> impl Future<Output = Result<Page<OuId>, Fault>> + Send;

    /// A page of the accounts directly in the last OU of `path`; `path` begins at the root.
    fn accounts_in(
        &self,
        path: &[OuId],
        page: Option<&str>,
    ) -> impl Future<Output = Result<Page<AccountFacts>, Fault>> + Send;

    /// The regions that the account itself reports as enabled.
    fn enabled_regions(
        &self,
        account: &AccountId,
        access: &Access,
    ) -> impl Future<Output = Result<BTreeSet<Region>, Fault>> + Send;

    /// Every account of the organisation, or every one below `ou`, nested OUs included; for operators' commands.
    #[cfg(feature = "cli")]
    fn accounts(&self, under: Option<&OuId>) -> impl Future<Output = Result<Vec<AccountId>, Fault>> + Send;
}

/// What the reactor stores: policy, facts of accounts, records of targets, alerts to publish.
pub trait Ledger {
    /// The policy in force, or `None` where none was pushed yet.
    fn policy(&self) -> impl Future<Output = Result<Option<Policy>, Fault>> + Send;

    /// The stored facts of an account.
    fn facts(&self, account: &AccountId) -> impl Future<Output = Result<Option<AccountFacts>, Fault>> + Send;

    /// Stores the facts of an account, and that the account exists.
    fn save_facts(&self, facts: &AccountFacts) -> impl Future<Output = Result<(), Fault>> + Send;

    /// In one consistent read: facts of the account, record of the target, and which of `edit_ids` were settled before.
    fn load(&self, target: &Target, edit_ids: &BTreeSet<String>) -> impl Future<Output = Result<Loaded, Fault>> + Send;

    /// Commits everything that one reconciliation changed, in one transaction. Answers [`FaultClass::Conflict`] where the
    /// record's generation is no longer the one that was loaded.
    fn commit(&self, target: &Target, commit: &Commit) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Records a check if the record still has the generation that the check belongs to; otherwise does nothing, without a
    /// fault.
    fn record_check(
        &self,
        target: &Target,
        generation: u64,
        last_check: &LastCheck,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// What the ledger knows of an account and of its targets.
    fn known(&self, account: &AccountId) -> impl Future<Output = Result<Known, Fault>> + Send;

    /// The enabled regions that the account last reported.
    fn reported_regions(&self, account: &AccountId) -> impl Future<Output = Result<Option<Enabled>, Fault>> + Send;

    /// Stores which regions an account has enabled.
    fn save_regions(&self, account: &AccountId, enabled: &Enabled) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The progress of sweeps.
pub trait Sweeps {
    /// The last sweep, ended or not.
    fn sweep(&self) -> impl Future<Output = Result<Option<Sweep>, Fault>> + Send;

    /// Stores the progress of a sweep. Answers [`FaultClass::Conflict`] where another invocation has done the step before
    /// this one meanwhile.
    fn save_sweep(&self, sweep: &Sweep) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Marks that a sweep has met the account.
    fn met(&self, account: &AccountId, sweep: u64) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Accounts that a sweep has not met, without those that are known to have left.
    fn unmet(&self, sweep: u64) -> impl Future<Output = Result<Vec<AccountId>, Fault>> + Send;
}

/// Alerts between the commit that raises them and their publication.
pub trait Outbox {
    /// Alerts of the account that are not marked sent.
    fn unsent(&self, account: &AccountId) -> impl Future<Output = Result<Vec<Alert>, Fault>> + Send;

    /// Stores an alert that belongs to no commit (an undecodable message, an event of an untrusted source), to be sent and
    /// marked like others. True where it is not sent yet. Each call raises its count.
    fn keep_alert(&self, alert: &Alert) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Claims an alert for publication until the attempt's time ends. False where it is sent, or another attempt's claim is
    /// still valid. A redelivered message takes over the claims of its earlier attempt.
    fn claim(&self, alert: &Alert, attempt: &Attempt, now: Time) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Marks an alert as sent. It stays stored for its dedupe key.
    fn mark_sent(&self, alert: &Alert) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The channel to on-call.
pub trait Notifier {
    /// Publishes one alert.
    fn publish(&self, alert: &Alert) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The reactor's own queue.
pub trait Queue {
    /// Sends messages of the reactor's own, each after its delay (at most 900 s [docs: SQS quotas]).
    fn send(&self, tasks: &[(Task, u32)]) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Puts an undecodable message into the dead-letter queue, with the reason.
    fn dead_letter(&self, body: &str, reason: &str) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Sends a body again as a new message, delayed by `delay_s` seconds; `received` counts its receives so far.
    fn resend(&self, body: &str, received: u32, delay_s: u32) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Makes a received message visible again after `delay_s` seconds; at once for 0.
    fn make_visible_after(&self, receipt: &str, delay_s: u32) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The only source of time and randomness.
pub trait Clock {
    /// The current time.
    fn now(&self) -> Time;

    /// Waits for `ms` milliseconds.
    fn sleep(&self, ms: u64) -> impl Future<Output = ()> + Send;

    /// A random number, for spreading delays and distinguishing writes.
    fn jitter(&self) -> u32;
}

/// Everything that the reactor reaches, one port each. A decorator replaces one port and hands out the others unchanged.
pub trait World: Clock + Sync {
    /// The documents of all accounts.
    type Documents: Documents + Sync;
    /// The organisation.
    type Directory: Directory + Sync;
    /// The ledger.
    type Ledger: Ledger + Sync;
    /// The progress of sweeps.
    type Sweeps: Sweeps + Sync;
    /// Alerts that are not published yet.
    type Outbox: Outbox + Sync;
    /// The channel to on-call.
    type Notifier: Notifier + Sync;
    /// The reactor's own queue.
    type Queue: Queue + Sync;

    /// The documents of all accounts.
    fn documents(&self) -> &Self::Documents;
    /// The organisation.
    fn directory(&self) -> &Self::Directory;
    /// The ledger.
    fn ledger(&self) -> &Self::Ledger;
    /// The progress of sweeps.
    fn sweeps(&self) -> &Self::Sweeps;
    /// Alerts that are not published yet.
    fn outbox(&self) -> &Self::Outbox;
    /// The channel to on-call.
    fn notifier(&self) -> &Self::Notifier;
    /// The reactor's own queue.
    fn queue(&self) -> &Self::Queue;
}

/// A type that implements every port is a world by itself.
impl<T: Documents + Directory + Ledger + Sweeps + Outbox + Notifier + Queue + Clock + Sync> World for T {
    type Documents = Self;
    type Directory = Self;
    type Ledger = Self;
    type Sweeps = Self;
    type Outbox = Self;
    type Notifier = Self;
    type Queue = Self;

    fn documents(&self) -> &Self {
        self
    }

    fn directory(&self) -> &Self {
        self
    }

    fn ledger(&self) -> &Self {
        self
    }

    fn sweeps(&self) -> &Self {
        self
    }

    fn outbox(&self) -> &Self {
        self
    }

    fn notifier(&self) -> &Self {
        self
    }

    fn queue(&self) -> &Self {
        self
    }
}
