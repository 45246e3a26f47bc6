//! The [`crate::ports`] implemented over the AWS SDK. SDK types stay in this module (invariant 7).
//!
//! | room | subject |
//! | --- | --- |
//! | `lambda` | how a Lambda function reaches AWS: lean, lazily, one HTTP client |
//! | `client` | what all clients share: region, endpoints, retries, timeouts, trust |
//! | `fault` | how SDK errors map to the reactor's faults |
//! | `session` | credentials of other accounts, limited to one document; requests to the broker |
//! | `broker` | the broker's calls in the management account |
//! | `operator` | how an operator reaches AWS: profiles and SSO (feature `cli`) |
//! | `dead_letters` | the dead-letter queue as an operator works on it (feature `cli`) |
//! | `hub_view` | the state of the hub's components for an operator (feature `cli`) |
//! | `ledger_view` | the ledger as an operator reads it (feature `cli`) |
//! | `nodes` | managed nodes, asked by Run Command (feature `cli`) |
//! | `policy_store` | the versions of the policy as an operator writes them (feature `cli`) |
//! | `documents`, `directory`, `ledger`, `notifier`, `queue` | one port each |
//! | `cloudtrail`, `regions` | CloudTrail and Account Management: one call each, made `by_hand` |

pub mod broker;
mod by_hand;
mod client;
mod cloudtrail;
#[cfg(feature = "cli")]
pub mod dead_letters;
mod directory;
mod documents;
mod fault;
#[cfg(feature = "cli")]
pub mod hub_view;
pub mod lambda;
mod ledger;
#[cfg(feature = "cli")]
pub mod ledger_view;
#[cfg(feature = "cli")]
pub mod nodes;
mod notifier;
#[cfg(feature = "cli")]
pub mod operator;
#[cfg(feature = "cli")]
pub mod policy_store;
mod queue;
mod regions;
mod session;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::clock;
use crate::config::Config;
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
use crate::ports::{self, Access, AccountAccess, Attempt, Fault, Lookup, Page, Written};
use client::Clients;
#[cfg(feature = "cli")]
pub use documents::probe::Probed;
use session::{Broker, Scope, Sessions};

/// Everything the reactor reaches in AWS. Creating one opens no connection and reads nothing.
pub struct AwsWorld {
    documents: documents::SsmDocuments,
    cloudtrail: cloudtrail::EventHistory,
    regions: regions::AccountRegions,
    directory: directory::Organizations,
    ledger: ledger::DynamoLedger,
    notifier: notifier::SnsNotifier,
    queue: queue::SqsQueue,
}

impl AwsWorld {
    fn new(config: &Config, clients: &Clients) -> Self {
        let mut sessions = Sessions::new(&config.connection, clients, Scope::Document);
        sessions.broker = config.broker.as_ref().map(|function| Broker::new(function, clients));
        let sessions = Arc::new(sessions);
        Self {
            documents: documents::SsmDocuments::new(clients, Arc::clone(&sessions)),
            cloudtrail: cloudtrail::EventHistory::new(&config.connection, clients),
            regions: regions::AccountRegions::new(&config.connection, clients, sessions),
            directory: directory::Organizations::new(clients),
            ledger: ledger::DynamoLedger::new(config, clients),
            notifier: notifier::SnsNotifier::new(config, clients),
            queue: queue::SqsQueue::new(config, clients),
        }
    }
}

/// Calls that only operators make.
#[cfg(feature = "cli")]
impl AwsWorld {
    /// Assumes one of the roles in an account and returns its name.
    ///
    /// # Errors
    /// No role admits the caller.
    pub async fn enter(&self, account: &AccountId, access: &Access) -> Result<String, Fault> {
        self.documents.enter(account, access).await
    }

    /// Calls `UpdateDocumentDefaultVersion` with an impossible version, to leave an event in the account's trail.
    ///
    /// # Errors
    /// The call was not made, or was refused for a reason other than the version.
    pub async fn probe(&self, target: &Target, access: &Access) -> Result<Probed, Fault> {
        self.documents.probe(target, access).await
    }
}

impl ports::Documents for AwsWorld {
    async fn observe(&self, target: &Target, access: &Access, between: &BTreeSet<u64>) -> Result<Observation, Fault> {
        self.documents.observe(target, access, between).await
    }

    async fn quick_check(&self, target: &Target, access: &Access) -> Result<QuickCheck, Fault> {
        self.documents.quick_check(target, access).await
    }

    async fn lookup_events(&self, target: &Target, access: &Access, lookup: &Lookup) -> Result<Vec<Edit>, Fault> {
        self.cloudtrail.lookup(target, access, lookup).await
    }

    async fn create(&self, target: &Target, access: &Access, text: &str, version_name: &str) -> Result<Written, Fault> {
        self.documents.create(target, access, text, version_name).await
    }

    async fn update(
        &self,
        target: &Target,
        access: &Access,
        base: u64,
        text: &str,
        version_name: &str,
    ) -> Result<Written, Fault> {
        self.documents.update(target, access, base, text, version_name).await
    }

    async fn status(&self, target: &Target, access: &Access, version: u64) -> Result<DocumentStatus, Fault> {
        self.documents.status(target, access, version).await
    }

    async fn promote(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        self.documents.promote(target, access, version).await
    }

    async fn delete(&self, target: &Target, access: &Access) -> Result<(), Fault> {
        self.documents.delete(target, access).await
    }

    async fn prune(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        self.documents.prune(target, access, version).await
    }

    async fn account_access(&self, account: &AccountId, access: &Access) -> AccountAccess {
        self.documents.account_access(account, access).await
    }
}

impl ports::Directory for AwsWorld {
    async fn account(&self, account: &AccountId) -> Result<Option<AccountFacts>, Fault> {
        self.directory.account(account).await
    }

    async fn ous_in(&self, parent: &OuId, page: Option<&str>) -> Result<Page<OuId>, Fault> {
        self.directory.ous_in(parent, page).await
    }

    async fn accounts_in(&self, path: &[OuId], page: Option<&str>) -> Result<Page<AccountFacts>, Fault> {
        self.directory.accounts_in(path, page).await
    }

    async fn enabled_regions(&self, account: &AccountId, access: &Access) -> Result<BTreeSet<Region>, Fault> {
        self.regions.enabled(account, access).await
    }

    #[cfg(feature = "cli")]
    async fn accounts(&self, under: Option<&OuId>) -> Result<Vec<AccountId>, Fault> {
        self.directory.accounts(under).await
    }
}

impl ports::Ledger for AwsWorld {
    async fn policy(&self) -> Result<Option<Policy>, Fault> {
        self.ledger.policy().await
    }

    async fn facts(&self, account: &AccountId) -> Result<Option<AccountFacts>, Fault> {
        self.ledger.facts(account).await
    }

    async fn save_facts(&self, facts: &AccountFacts) -> Result<(), Fault> {
        self.ledger.save_facts(facts).await
    }

    async fn load(&self, target: &Target, edit_ids: &BTreeSet<String>) -> Result<Loaded, Fault> {
        self.ledger.load(target, edit_ids).await
    }

    async fn commit(&self, target: &Target, commit: &Commit) -> Result<(), Fault> {
        self.ledger.commit(target, commit).await
    }

    async fn record_check(&self, target: &Target, generation: u64, last_check: &LastCheck) -> Result<(), Fault> {
        self.ledger.record_check(target, generation, last_check).await
    }

    async fn known(&self, account: &AccountId) -> Result<Known, Fault> {
        self.ledger.known(account).await
    }

    async fn reported_regions(&self, account: &AccountId) -> Result<Option<Enabled>, Fault> {
        self.ledger.reported_regions(account).await
    }

    async fn save_regions(&self, account: &AccountId, enabled: &Enabled) -> Result<(), Fault> {
        self.ledger.save_regions(account, enabled).await
    }

    async fn sweep(&self) -> Result<Option<Sweep>, Fault> {
        self.ledger.sweep().await
    }

    async fn save_sweep(&self, sweep: &Sweep) -> Result<(), Fault> {
        self.ledger.save_sweep(sweep).await
    }

    async fn met(&self, account: &AccountId, sweep: u64) -> Result<(), Fault> {
        self.ledger.met(account, sweep).await
    }

    async fn unmet(&self, sweep: u64) -> Result<Vec<AccountId>, Fault> {
        self.ledger.unmet(sweep).await
    }

    async fn unsent(&self, account: &AccountId) -> Result<Vec<Alert>, Fault> {
        self.ledger.unsent(account).await
    }

    async fn keep_alert(&self, alert: &Alert) -> Result<bool, Fault> {
        self.ledger.keep_alert(alert).await
    }

    async fn claim(&self, alert: &Alert, attempt: &Attempt, now: Time) -> Result<bool, Fault> {
        self.ledger.claim(alert, attempt, now).await
    }

    async fn mark_sent(&self, alert: &Alert) -> Result<(), Fault> {
        self.ledger.mark_sent(alert).await
    }
}

impl ports::Notifier for AwsWorld {
    async fn publish(&self, alert: &Alert) -> Result<(), Fault> {
        self.notifier.publish(alert).await
    }
}

impl ports::Queue for AwsWorld {
    async fn send(&self, tasks: &[(Task, u32)]) -> Result<(), Fault> {
        self.queue.send(tasks).await
    }

    async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), Fault> {
        self.queue.dead_letter(body, reason).await
    }

    async fn resend(&self, body: &str, received: u32, delay_s: u32) -> Result<(), Fault> {
        self.queue.resend(body, received, delay_s).await
    }

    async fn hand_back(&self, receipt: &str, delay_s: u32) -> Result<(), Fault> {
        self.queue.hand_back(receipt, delay_s).await
    }
}

impl ports::Clock for AwsWorld {
    fn now(&self) -> Time {
        clock::now()
    }

    async fn sleep(&self, ms: u64) {
        clock::sleep(ms).await;
    }

    fn jitter(&self) -> u32 {
        clock::jitter()
    }
}
