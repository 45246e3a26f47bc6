//! A simulated organisation: accounts, documents, events, queue, ledger and topic in memory, in virtual time.
//!
//! It simulates behaviour: versions count up, updates are conditional, roles appear late, and every write call causes the
//! event that CloudTrail would deliver. Behaviour that AWS leaves unconfirmed is a [`Switches`] setting, and every scenario
//! must end well under each of them.
//!
//! Time is tokio's paused clock: on a current-thread runtime with `start_paused`, waiting takes no real time.

mod caller;
mod documents;
pub mod drive;
pub mod faults;
pub mod intercept;
mod ledger;
mod organization;
mod queue;
pub(crate) mod stories;
mod trail;
mod writers;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::finding::Alert;
use crate::domain::policy::Policy;
use crate::domain::target::{AccountId, Target};
use crate::domain::time::Time;
use crate::ports::{Clock, Fault, FaultClass, Relapse};

pub use caller::Caller;
pub use documents::Document;
pub use ledger::LedgerRows;
pub use organization::Account;
pub use queue::Delivery;
pub use trail::{Called, Fate};

/// Behaviour that AWS leaves unconfirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches {
    /// Which versions new content must differ from.
    pub duplicates: Duplicates,
    /// Number of reads for which a new version stays `Creating` or `Updating`.
    pub pending_reads: u32,
    /// How long a reader may still see the document before a change, in milliseconds.
    pub stale_ms: u64,
    /// The span of one observation's answers, in milliseconds: writes may land between them, and each may lag differently.
    /// 0 gives all answers at the same moment.
    pub torn_ms: u64,
    /// How far CloudTrail's clock is ahead of SSM's, in milliseconds; no documentation says that they agree.
    pub skew_ms: i64,
    /// For how long a call may go on once its change is made, in milliseconds: CloudTrail's time is that of the call's end
    /// [docs: CloudTrail record, `eventTime`].
    pub slow_ms: u64,
    /// Versions that SSM keeps of a document: 1,000 [docs: general/latest/gr/ssm]; a lower limit is reached sooner.
    pub versions_max: usize,
}

/// Which versions SSM compares new content with [unconfirmed: the scope of `DuplicateDocumentContent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// The latest version, literally.
    Latest,
    /// Any version, literally.
    Any,
    /// Any version, ignoring white space.
    AnyMeaning,
}

impl Switches {
    /// The most favourable behaviour.
    pub const PLAIN: Self = Self {
        duplicates: Duplicates::Latest,
        pending_reads: 0,
        stale_ms: 0,
        torn_ms: 0,
        skew_ms: 0,
        slow_ms: 0,
        versions_max: 1_000,
    };

    /// Every combination of settings.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for duplicates in [Duplicates::Latest, Duplicates::Any, Duplicates::AnyMeaning] {
            for pending_reads in [0, 2] {
                for (stale_ms, torn_ms) in [(0, 0), (1_500, 0), (0, 120), (1_500, 120)] {
                    all.push(Self { duplicates, pending_reads, stale_ms, torn_ms, ..Self::PLAIN });
                }
            }
        }
        all
    }
}

/// Duration of one AWS call.
const CALL_MS: u64 = 40;

/// The simulated organisation.
#[derive(Debug)]
pub struct Sim {
    switches: Switches,
    began: Instant,
    epoch: Time,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    chance: u64,
    ids: u64,
    accounts: organization::Accounts,
    documents: documents::Documents,
    ledger: ledger::Tables,
    queue: queue::Queues,
    calls: Vec<trail::Called>,
    history: Vec<(Time, Target, String)>,
    /// How far CloudTrail's clock is ahead.
    skew_ms: i64,
    /// For how long a call may go on once its change is made.
    slow_ms: u64,
    fates: VecDeque<Fate>,
    vended: BTreeMap<AccountId, Time>,
    relapses: BTreeMap<AccountId, Relapse>,
    alerts: Vec<(Time, Alert)>,
    policy: Option<Policy>,
}

impl Sim {
    /// An empty organisation at `epoch`, with randomness drawn from `seed`.
    pub fn new(switches: Switches, epoch: Time, seed: u64) -> Self {
        let state = State { chance: seed, skew_ms: switches.skew_ms, slow_ms: switches.slow_ms, ..State::default() };
        Self { switches, began: Instant::now(), epoch, state: Mutex::new(state) }
    }

    /// Puts a policy in force, as `policy push` does.
    pub fn push_policy(&self, policy: Policy) {
        self.state().policy = Some(policy);
    }

    /// Makes the next session in the account one of a gap role, although the member role was used before.
    pub fn relapse(&self, account: &AccountId, relapse: Relapse) {
        self.state().relapses.insert(account.clone(), relapse);
    }

    /// How long before a call a change can be invisible to an observation right before that call, in milliseconds.
    pub fn unseen_ms(&self) -> i64 {
        i64::try_from(self.switches.stale_ms + CALL_MS).unwrap_or(i64::MAX)
    }

    /// How far CloudTrail's clock is ahead of SSM's, in milliseconds.
    pub fn skew_ms(&self) -> i64 {
        self.switches.skew_ms
    }

    /// Every published alert, in order.
    pub fn alerts(&self) -> Vec<Alert> {
        self.state().alerts.iter().map(|(_, alert)| alert.clone()).collect()
    }

    /// When each alert was published.
    pub fn alerts_at(&self) -> Vec<Time> {
        self.state().alerts.iter().map(|(at, _)| *at).collect()
    }

    /// Every call on a document, in order.
    pub fn calls(&self) -> Vec<Called> {
        self.state().calls.clone()
    }

    /// Calls on documents after the first `from`.
    pub fn calls_after(&self, from: usize) -> Vec<Called> {
        self.state().calls.iter().skip(from).cloned().collect()
    }

    /// Alerts published after the first `from`, with their times.
    pub fn alerts_after(&self, from: usize) -> Vec<(Time, Alert)> {
        self.state().alerts.iter().skip(from).cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call(&self) {
        tokio::time::sleep(Duration::from_millis(CALL_MS)).await;
    }

    /// Waits for the moment of one answer of an observation.
    async fn moment(&self) {
        if self.switches.torn_ms > 0 {
            let ms = u64::from(self.jitter()) % (self.switches.torn_ms + 1);
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }
}

impl State {
    /// `SplitMix64`: small and seeded, and good enough to spread delays.
    fn chance(&mut self) -> u32 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(u32::MAX)
    }

    fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("{:08x}-0000-4000-8000-{:012x}", self.chance(), self.ids)
    }
}

impl Clock for Sim {
    fn now(&self) -> Time {
        let passed = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.epoch.plus_ms(passed)
    }

    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    fn jitter(&self) -> u32 {
        self.state().chance()
    }
}

fn fault(class: FaultClass, call: &'static str, code: &str, message: &str) -> Fault {
    Fault { class, call, code: code.to_owned(), message: message.to_owned(), outcome_unknown: false }
}
