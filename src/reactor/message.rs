//! A message of a batch, and what became of the batch's messages.

use std::collections::{BTreeMap, BTreeSet};

use super::reconciled::Reconciled;
use crate::ports::Fault;

/// One message of a batch.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// SQS's `messageId`.
    pub id: String,
    /// The body.
    pub body: String,
    /// The receipt handle for changing its visibility; absent where no queue is behind it.
    pub receipt: Option<String>,
    /// How often it and its predecessors were received, this time included.
    pub receives: u32,
}

/// The outcome of a batch.
#[derive(Clone, Debug, Default)]
pub struct BatchReport {
    /// Messages that have to come again, and why.
    pub failed: BTreeMap<String, Fault>,
    /// Messages that are settled, and return as a successor.
    pub retried: BTreeSet<String>,
    /// Targets that were reconciled.
    pub reconciled: Vec<Reconciled>,
    /// Messages without consequence, and why.
    pub ignored: Vec<(String, String)>,
    /// Messages that were put into the dead-letter queue, and why.
    pub undecodable: Vec<(String, String)>,
    /// Alerts that were published.
    pub alerts: usize,
    /// Messages of the reactor's own that were sent.
    pub sent: usize,
    /// Targets that steps of a sweep sent on to be observed.
    pub to_sweep: u64,
}
