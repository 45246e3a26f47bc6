//! What the reactor asks of the world, in its own words: six narrow traits, implemented by [`crate::aws`] over the SDK and
//! by the simulated organisation. One method of [`Documents`] is one AWS call or one bundle of calls in parallel, so that a
//! decorator can count round trips, fail the k-th call or stop between any two.

use std::collections::BTreeSet;
use std::future::Future;

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

/// Why a call did not bring what was asked for.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{call}: {code}: {message}")]
pub struct Fault {
    /// What it means for us.
    pub class: FaultClass,
    /// The call, as AWS names it (`UpdateDocument`).
    pub call: &'static str,
    /// The error code, or a word for a failure below the API.
    pub code: String,
    /// What AWS said, bounded and without control characters.
    pub message: String,
    /// Whether the call may have taken effect all the same.
    pub outcome_unknown: bool,
}

/// What a fault means for us.
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
    /// What the call names is not there.
    NotFound,
    /// What the call names is no longer as it was: look again.
    Conflict,
    /// SSM holds the content to be a duplicate.
    Duplicate,
    /// The document has as many versions as it may have.
    VersionLimit,
    /// The request is wrong; sending it again cannot help.
    Invalid,
}

impl Fault {
    /// Whether the same call can succeed later without anybody doing anything.
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

/// How to get into an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Role names (with path), to be tried in order; the one that works is remembered.
    pub roles: Vec<String>,
    /// Names of the administrator roles that the broker may work through where none of `roles` works.
    pub gap_roles: Vec<String>,
    /// Correlation id, for the role session's name.
    pub correlation: String,
}

/// What CloudTrail's event history is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The calls since then. Where there are very many only the newest, and the log says so.
    Since(Time),
    /// The call with this event id.
    Event(String),
}

impl Access {
    /// The way that the policy lays down.
    pub fn by(policy: &Policy, correlation: &str) -> Self {
        Self {
            roles: policy.roles().to_vec(),
            gap_roles: policy.gap_roles().to_vec(),
            correlation: correlation.to_owned(),
        }
    }
}

/// How an account is entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleUse {
    /// Through a member role, and not through a gap role.
    pub by_member_role: bool,
    /// A use of a gap role that on-call is to be notified of.
    pub relapse: Option<Relapse>,
}

impl Default for RoleUse {
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
    /// How far SSM is with it.
    pub status: DocumentStatus,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it; nothing says little about the pages after it.
    pub items: Vec<T>,
    /// The page after it; absent on the last.
    pub next: Option<String>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next: None }
    }
}

/// One try at some messages.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    /// The messages, by the queue's ids; a message keeps its id when it comes again.
    pub messages: BTreeSet<String>,
    /// One of them was received before: an earlier try may have stopped anywhere, and is over.
    pub again: bool,
    /// When the function's time is up.
    pub deadline: Time,
}

/// The one document of a target. Every call is made with credentials that reach no further than this document.
pub trait Documents {
    /// Observes the document once: latest and default version with their contents, and the newest versions, all in parallel;
    /// contents of the versions in `between` too, as far as they exist, with the list read after them. Answers that do not
    /// belong together ([`assemble()`](crate::domain::observation::assemble())) are a fault of class [`FaultClass::Conflict`]. Never
    /// answers `Observation::Unknown`: an obstacle is a [`Fault`].
    fn observe(
        &self,
        target: &Target,
        access: &Access,
        between: &BTreeSet<u64>,
    ) -> impl Future<Output = Result<Observation, Fault>> + Send;

    /// `DescribeDocument`: one call, for a document that is expected to be as it was. A document that is not there is a
    /// fault like any other: it takes a full look to say that there is none.
    fn quick_check(&self, target: &Target, access: &Access) -> impl Future<Output = Result<QuickCheck, Fault>> + Send;

    /// Calls on the document in CloudTrail's event history, which holds those of 90 days, some minutes after they were made.
    fn lookup_events(
        &self,
        target: &Target,
        access: &Access,
        lookup: &Lookup,
    ) -> impl Future<Output = Result<Vec<Edit>, Fault>> + Send;

    /// `CreateDocument`; [`FaultClass::Conflict`] where the document exists by now.
    fn create(
        &self,
        target: &Target,
        access: &Access,
        text: &str,
        version_name: &str,
    ) -> impl Future<Output = Result<Written, Fault>> + Send;

    /// `UpdateDocument` on top of version `base`; [`FaultClass::Conflict`] where that is no longer the latest.
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

    /// Takes back every share of the document, then deletes it with all versions; no fault where it is already gone.
    fn delete(&self, target: &Target, access: &Access) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Deletes one superseded version; no fault where it is already gone.
    fn prune(&self, target: &Target, access: &Access, version: u64) -> impl Future<Output = Result<(), Fault>> + Send;

    /// How the account was entered for the last call; a relapse is handed out once for each session. Worlds without a broker
    /// know member roles only.
    fn entry(&self, _account: &AccountId, _access: &Access) -> impl Future<Output = RoleUse> + Send {
        std::future::ready(RoleUse::default())
    }
}

/// The organisation.
pub trait Directory {
    /// The account with its OU path, or `None` where the organisation has no such account.
    fn account(&self, account: &AccountId) -> impl Future<Output = Result<Option<AccountFacts>, Fault>> + Send;

    /// A page of the OUs directly below an OU or the root. Organizations counts such calls for everybody in the organisation
    /// together: who makes many of them paces himself.
    fn ous_in(&self, parent: &OuId, page: Option<&str>) -> impl Future<Output = Result<Page<OuId>, Fault>> + Send;

    /// A page of the accounts directly in the last OU of `path`, which leads there from the root.
    fn accounts_in(
        &self,
        path: &[OuId],
        page: Option<&str>,
    ) -> impl Future<Output = Result<Page<AccountFacts>, Fault>> + Send;

    /// The regions that an account can use, as it says itself.
    fn enabled_regions(
        &self,
        account: &AccountId,
        access: &Access,
    ) -> impl Future<Output = Result<BTreeSet<Region>, Fault>> + Send;

    /// Every account of the organisation, or every one below `ou`, nested OUs included; for operators, who wait for it.
    #[cfg(feature = "cli")]
    fn accounts(&self, under: Option<&OuId>) -> impl Future<Output = Result<Vec<AccountId>, Fault>> + Send;
}

/// What we remember.
pub trait Ledger {
    /// The policy in force, or `None` where none was pushed yet.
    fn policy(&self) -> impl Future<Output = Result<Option<Policy>, Fault>> + Send;

    /// What is known of an account.
    fn facts(&self, account: &AccountId) -> impl Future<Output = Result<Option<AccountFacts>, Fault>> + Send;

    /// Remembers what is known of an account, and that there is such an account.
    fn save_facts(&self, facts: &AccountFacts) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Facts of the account, record of the target, and which of `edit_ids` were settled before: one consistent read.
    fn load(&self, target: &Target, edit_ids: &BTreeSet<String>) -> impl Future<Output = Result<Loaded, Fault>> + Send;

    /// Everything that one pass changed, in one transaction, on condition that the record's generation is still the one
    /// that was loaded; [`FaultClass::Conflict`] where it is not.
    fn commit(&self, target: &Target, commit: &Commit) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Writes a look down, on condition that the record still has the generation that it belongs to; nothing is written, and
    /// nothing said, where it has not.
    fn record_check(
        &self,
        target: &Target,
        generation: u64,
        last_check: &LastCheck,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// What is known of an account and of its targets.
    fn known(&self, account: &AccountId) -> impl Future<Output = Result<Known, Fault>> + Send;

    /// The regions that an account had enabled when it last said so.
    fn reported_regions(&self, account: &AccountId) -> impl Future<Output = Result<Option<Enabled>, Fault>> + Send;

    /// Remembers which regions an account has enabled.
    fn save_regions(&self, account: &AccountId, enabled: &Enabled) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The last sweep, ended or not.
    fn sweep(&self) -> impl Future<Output = Result<Option<Sweep>, Fault>> + Send;

    /// Remembers where a sweep has come to, on condition that nobody has done the step before this one in between;
    /// [`FaultClass::Conflict`] where somebody has.
    fn save_sweep(&self, sweep: &Sweep) -> impl Future<Output = Result<(), Fault>> + Send;

    /// A sweep has met the account.
    fn met(&self, account: &AccountId, sweep: u64) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Accounts that a sweep has not met, apart from those that are known to have left.
    fn unmet(&self, sweep: u64) -> impl Future<Output = Result<Vec<AccountId>, Fault>> + Send;

    /// Alerts of the account that are not marked sent.
    fn unsent(&self, account: &AccountId) -> impl Future<Output = Result<Vec<Alert>, Fault>> + Send;

    /// Keeps an alert that belongs to no commit (an undecodable message, an event of an untrusted source), to be sent and marked like the
    /// others. True where it still has to be told; each time it is kept its count goes up.
    fn keep_alert(&self, alert: &Alert) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Claims the telling of an alert until the attempt's time is up; false where it was told, or another attempt has claimed
    /// it for a time that is not over. A message that comes again takes over what the try before has claimed for it.
    fn claim(&self, alert: &Alert, attempt: &Attempt, now: Time) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Marks an alert as sent. It stays for its dedupe key.
    fn mark_sent(&self, alert: &Alert) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Whoever is on call.
pub trait Notifier {
    /// Tells one alert.
    fn publish(&self, alert: &Alert) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The queue that the reactor lives on.
pub trait Queue {
    /// Sends messages of our own, each after its delay (at most 900 s [docs: SQS quotas]).
    fn send(&self, tasks: &[(Task, u32)]) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Puts a message that cannot be worked on aside, with the reason.
    fn dead_letter(&self, body: &str, reason: &str) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Sends a body once more, as a new message that comes after `delay_s` seconds; `received` is how often it came so far.
    fn resend(&self, body: &str, received: u32, delay_s: u32) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Lets a received message come back after `delay_s` seconds.
    fn hand_back(&self, receipt: &str, delay_s: u32) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Time and chance: the only source of either.
pub trait Clock {
    /// Now.
    fn now(&self) -> Time;

    /// Waits.
    fn sleep(&self, ms: u64) -> impl Future<Output = ()> + Send;

    /// A random number, for spreading delays and telling writes apart.
    fn jitter(&self) -> u32;
}

/// Everything the reactor can reach.
pub trait World: Documents + Directory + Ledger + Notifier + Queue + Clock + Sync {}

impl<T: Documents + Directory + Ledger + Notifier + Queue + Clock + Sync> World for T {}
