//! The queue, its dead letters and the topic.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Sim;
use crate::domain::dead_letter::RECEIVED;
use crate::domain::decode::encode;
use crate::domain::finding::Alert;
use crate::domain::signal::Task;
use crate::domain::time::{SECOND_MS, Time};
use crate::ports::{Clock as _, Fault, Notifier, Queue};

/// Messages per batch of the event source mapping.
const BATCH: usize = 10;
/// Time until an unsettled message becomes visible again: longer than the function's timeout.
const VISIBILITY_MS: i64 = 90 * SECOND_MS;
/// Receives after which SQS moves a message to the dead-letter queue.
const RECEIVES_MAX: u32 = 5;

/// One message in the queue.
#[derive(Clone, Debug)]
struct Queued {
    body: String,
    due: Time,
    receives: u32,
    /// Receives of the messages that it succeeds.
    received: u32,
}

#[derive(Debug, Default)]
pub(super) struct Queues {
    messages: BTreeMap<u64, Queued>,
    next: u64,
    dead: Vec<(String, String)>,
}

impl Queues {
    pub(super) fn push(&mut self, body: String, due: Time) {
        self.push_successor(body, 0, due);
    }

    fn push_successor(&mut self, body: String, received: u32, due: Time) {
        self.next += 1;
        self.messages.insert(self.next, Queued { body, due, receives: 0, received });
    }
}

/// A batch as Lambda receives it, with its message ids.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The SQS event.
    pub event: Value,
    ids: Vec<u64>,
    receives: u32,
}

impl Delivery {
    /// The highest receive count of its messages.
    pub fn receives_most(&self) -> u32 {
        self.receives
    }

    /// The ids of its messages.
    pub fn message_ids(&self) -> Vec<String> {
        self.ids.iter().map(|id| format!("message-{id}")).collect()
    }
}

impl Sim {
    /// Puts a message into the queue, due now.
    pub fn enqueue(&self, body: &str) {
        let now = self.now();
        self.state().queue.push(body.to_owned(), now);
    }

    /// Delivers everything in the queue a second time.
    pub fn deliver_twice(&self) {
        let queue = &mut self.state().queue;
        for message in queue.messages.clone().into_values() {
            queue.push(message.body, message.due.plus_ms(SECOND_MS));
        }
    }

    /// Drops all messages, such as events from before the reactor's deployment.
    pub fn forget_messages(&self) {
        self.state().queue.messages.clear();
    }

    /// When the next message is due.
    pub fn next_due(&self) -> Option<Time> {
        self.state().queue.messages.values().map(|message| message.due).min()
    }

    /// Receives up to ten messages that are due.
    pub fn receive(&self) -> Option<Delivery> {
        let now = self.now();
        let mut state = self.state();
        let queue = &mut state.queue;
        let mut ids: Vec<u64> =
            queue.messages.iter().filter(|(_, message)| message.due <= now).map(|(id, _)| *id).collect();
        ids.truncate(BATCH);
        let mut records = Vec::new();
        let mut receives = 0;
        for id in &ids {
            let Some(message) = queue.messages.get_mut(id) else { continue };
            message.receives += 1;
            receives = receives.max(message.receives);
            message.due = now.plus_ms(VISIBILITY_MS);
            records.push(json!({
                "messageId": format!("message-{id}"),
                "receiptHandle": id.to_string(),
                "body": message.body,
                "attributes": { "ApproximateReceiveCount": message.receives.to_string() },
                "messageAttributes": attributes(message.received),
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:222233334444:runas-reactor",
                "awsRegion": "eu-west-1",
            }));
        }
        (!records.is_empty()).then(|| Delivery { event: json!({ "Records": records }), ids, receives })
    }

    /// Deletes the settled messages of a delivery; the others become visible again, or dead letters.
    pub fn settle(&self, delivery: &Delivery, failed: &[String]) {
        let mut state = self.state();
        for id in &delivery.ids {
            let again = failed.contains(&format!("message-{id}"));
            let worn_out = state.queue.messages.get(id).is_some_and(|message| message.receives >= RECEIVES_MAX);
            if again && !worn_out {
                continue;
            }
            if let Some(message) = state.queue.messages.remove(id)
                && again
            {
                state.queue.dead.push((message.body, "received too often".to_owned()));
            }
        }
    }

    /// Dead letters with their reasons.
    pub fn dead_letters(&self) -> Vec<(String, String)> {
        self.state().queue.dead.clone()
    }
}

/// The attributes of a message, as Lambda receives them.
fn attributes(received: u32) -> Value {
    match received {
        0 => json!({}),
        number => json!({ RECEIVED: { "stringValue": number.to_string(), "dataType": "Number" } }),
    }
}

impl Queue for Sim {
    async fn send(&self, tasks: &[(Task, u32)]) -> Result<(), Fault> {
        self.call().await;
        let now = self.now();
        let mut state = self.state();
        for (task, delay_s) in tasks {
            state.queue.push(encode(task), now.plus_ms(i64::from(*delay_s) * SECOND_MS));
        }
        Ok(())
    }

    async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), Fault> {
        self.call().await;
        self.state().queue.dead.push((body.to_owned(), reason.to_owned()));
        Ok(())
    }

    async fn resend(&self, body: &str, received: u32, delay_s: u32) -> Result<(), Fault> {
        self.call().await;
        let due = self.now().plus_ms(i64::from(delay_s) * SECOND_MS);
        self.state().queue.push_successor(body.to_owned(), received, due);
        Ok(())
    }

    async fn make_visible_after(&self, receipt: &str, delay_s: u32) -> Result<(), Fault> {
        self.call().await;
        let due = self.now().plus_ms(i64::from(delay_s) * SECOND_MS);
        let id = receipt.parse().unwrap_or(0);
        if let Some(message) = self.state().queue.messages.get_mut(&id) {
            message.due = due;
        }
        Ok(())
    }
}

impl Notifier for Sim {
    async fn publish(&self, alert: &Alert) -> Result<(), Fault> {
        self.call().await;
        let now = self.now();
        self.state().alerts.push((now, alert.clone()));
        Ok(())
    }
}
