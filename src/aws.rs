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
//! | `ledger::view`, `ledger::policy_store`, `ledger::discarded_messages` | the table as an operator works on it: status and history, the policy's versions, discarded messages (feature `cli`) |
//! | `iam` | how IAM is reached: calls of the broker and of `principals` |
//! | `nodes` | managed nodes, asked by Run Command (feature `cli`) |
//! | `principals` | roles, users and Identity Center's attributes, read for an operator (feature `cli`) |
//! | `documents`, `directory`, `ledger`, `notifier`, `queue` | one port each |
//! | `cloudtrail`, `regions` | CloudTrail and Account Management: one call each |
//! | `http_call` | calls to services without a client here: Lambda, IAM, Scheduler, EventBridge, Identity Center |

pub mod broker;
mod client;
mod cloudtrail;
#[cfg(feature = "cli")]
pub mod dead_letters;
mod directory;
mod documents;
mod fault;
mod http_call;
#[cfg(feature = "cli")]
pub mod hub_view;
mod iam;
pub mod lambda;
pub mod ledger;
#[cfg(feature = "cli")]
pub mod nodes;
mod notifier;
#[cfg(feature = "cli")]
pub mod operator;
#[cfg(feature = "cli")]
pub mod principals;
mod queue;
mod regions;
#[cfg(test)]
mod scripted;
mod session;

use std::sync::Arc;

use crate::clock;
use crate::config::Config;
#[cfg(feature = "cli")]
use crate::domain::target::{AccountId, Target};
use crate::domain::time::Time;
use crate::ports;
#[cfg(feature = "cli")]
use crate::ports::{Access, Fault};
use client::Clients;
#[cfg(feature = "cli")]
pub use documents::probe::Probed;
use session::{Broker, Scope, Sessions};

/// Everything the reactor reaches in AWS. Creating one opens no connection and reads nothing.
pub struct AwsWorld {
    documents: documents::SsmDocuments,
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
            documents: documents::SsmDocuments::new(&config.connection, clients, Arc::clone(&sessions)),
            directory: directory::Organizations::new(clients, sessions),
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

impl ports::World for AwsWorld {
    type Documents = documents::SsmDocuments;
    type Directory = directory::Organizations;
    type Ledger = ledger::DynamoLedger;
    type Sweeps = ledger::DynamoLedger;
    type Outbox = ledger::DynamoLedger;
    type Notifier = notifier::SnsNotifier;
    type Queue = queue::SqsQueue;

    fn documents(&self) -> &Self::Documents {
        &self.documents
    }

    fn directory(&self) -> &Self::Directory {
        &self.directory
    }

    fn ledger(&self) -> &Self::Ledger {
        &self.ledger
    }

    fn sweeps(&self) -> &Self::Sweeps {
        &self.ledger
    }

    fn outbox(&self) -> &Self::Outbox {
        &self.ledger
    }

    fn notifier(&self) -> &Self::Notifier {
        &self.notifier
    }

    fn queue(&self) -> &Self::Queue {
        &self.queue
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
