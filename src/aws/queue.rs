//! The reactor's work queue and its dead-letter queue.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{BatchResultErrorEntry, MessageAttributeValue, SendMessageBatchRequestEntry};
use futures_util::stream::{self, TryStreamExt as _};

use super::client::{Clients, Lazy};
use super::fault::Call;
use crate::config::Config;
use crate::domain::dead_letter::{REASON, RECEIVED};
use crate::domain::decode::{Decoded, decode, encode};
use crate::domain::signal::Task;
use crate::domain::text::{MESSAGE_CHARS_MAX, clean};
use crate::ports::{Fault, FaultClass, Queue};

#[cfg(test)]
mod tests;

const SEND: Call = Call::write("SendMessageBatch");
const CHANGE_VISIBILITY: Call = Call::write("ChangeMessageVisibility");

/// Messages in one batch [bc sqs].
const BATCH_MAX: usize = 10;
/// Bytes in one batch: a quarter of the 1 MiB that SQS accepts [docs: gr/sqs-service].
const BATCH_BYTES_MAX: usize = 256 * 1_024;
/// Attributes count towards the 1 MiB of a message [docs: SQS quotas], and the reason is one. SQS would reject a longer
/// body, and its redrive policy would finally move the message without a reason.
const DEAD_LETTER_BYTES_MAX: usize = 1_048_576 - 4_096;
/// Concurrent batches: an OU of 100 accounts in 20 regions fills 200 of them.
const PARALLEL: usize = 8;
/// [docs: SQS quotas].
const DELAY_S_MAX: u32 = 900;
/// Twelve hours [docs: SQS quotas].
const VISIBILITY_S_MAX: u32 = 43_200;

/// Work queue and dead-letter queue.
pub struct SqsQueue {
    client: Lazy<Client>,
    queue: String,
    dlq: String,
}

impl SqsQueue {
    pub(super) fn new(config: &Config, clients: &Clients) -> Self {
        Self { client: clients.sqs(), queue: config.queue_url.clone(), dlq: config.dlq_url.clone() }
    }

    /// Each message of a batch succeeds or fails by itself. Those that failed on the service's side are sent once more.
    async fn send_batch(&self, queue: &str, batch: Vec<SendMessageBatchRequestEntry>) -> Result<(), Fault> {
        let failed = self.send_once(queue, batch.clone()).await?;
        if failed.is_empty() || failed.iter().any(BatchResultErrorEntry::sender_fault) {
            return first_fault(&failed);
        }
        let again = batch.into_iter().filter(|entry| failed.iter().any(|failure| failure.id() == entry.id()));
        first_fault(&self.send_once(queue, again.collect()).await?)
    }

    async fn send_once(
        &self,
        queue: &str,
        batch: Vec<SendMessageBatchRequestEntry>,
    ) -> Result<Vec<BatchResultErrorEntry>, Fault> {
        let sent = self.client.send_message_batch().queue_url(queue).set_entries(Some(batch)).send().await;
        sent.map(|answer| answer.failed).map_err(|error| SEND.failed(&error))
    }
}

impl Queue for SqsQueue {
    /// Some messages may have been sent despite a fault; the caller resends all: duplicates change nothing (invariant 5).
    async fn send(&self, tasks: &[(Task, u32)]) -> Result<(), Fault> {
        let batches: Vec<Result<Vec<SendMessageBatchRequestEntry>, Fault>> =
            batched(tasks)?.into_iter().map(Ok).collect();
        stream::iter(batches).try_for_each_concurrent(PARALLEL, |batch| self.send_batch(&self.queue, batch)).await
    }

    /// Uses a batch of one: one SDK operation fewer in the function's package.
    async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), Fault> {
        let reason = attribute("String", filled(&clean(reason, MESSAGE_CHARS_MAX)))?;
        let entry = SendMessageBatchRequestEntry::builder()
            .id("0")
            .message_body(filled(fitting(body)))
            .message_attributes(REASON, reason);
        self.send_batch(&self.dlq, vec![entry.build().map_err(|error| unbuilt(&error))?]).await
    }

    /// Sends the body unchanged, so that a duplicate changes nothing (invariant 5).
    async fn resend(&self, body: &str, received: u32, delay_s: u32) -> Result<(), Fault> {
        self.send_batch(&self.queue, vec![successor(body, received, delay_s)?]).await
    }

    async fn make_visible_after(&self, receipt: &str, delay_s: u32) -> Result<(), Fault> {
        let delay = i32::try_from(delay_s.min(VISIBILITY_S_MAX)).unwrap_or(0);
        self.client
            .change_message_visibility()
            .queue_url(&self.queue)
            .receipt_handle(receipt)
            .visibility_timeout(delay)
            .send()
            .await
            .map(drop)
            .map_err(|error| CHANGE_VISIBILITY.failed(&error))
    }
}

fn unbuilt(error: &aws_sdk_sqs::error::BuildError) -> Fault {
    SEND.fault(FaultClass::Invalid, "Build", &error.to_string())
}

/// SQS refuses an empty body or attribute [bc sqs].
fn filled(text: &str) -> &str {
    if text.is_empty() { "(empty)" } else { text }
}

fn attribute(kind: &str, value: &str) -> Result<MessageAttributeValue, Fault> {
    let attribute = MessageAttributeValue::builder().data_type(kind).string_value(value);
    attribute.build().map_err(|error| unbuilt(&error))
}

fn successor(body: &str, received: u32, delay_s: u32) -> Result<SendMessageBatchRequestEntry, Fault> {
    let entry = SendMessageBatchRequestEntry::builder()
        .id("0")
        .message_body(filled(body))
        .message_attributes(RECEIVED, attribute("Number", &received.to_string())?)
        .set_message_group_id(group_of_body(body))
        .delay_seconds(seconds(delay_s));
    entry.build().map_err(|error| unbuilt(&error))
}

/// Messages are grouped by account: a standard queue with groups is fair, so one account's backlog does not delay the
/// others [docs: SQS fair queues].
fn group_of_task(task: &Task) -> Option<String> {
    match task {
        Task::Work(work) => Some(work.target.account.to_string()),
        Task::SweepAccount { account, .. } => Some(account.to_string()),
        Task::SweepStep(_) => None,
    }
}

/// The group of a received message, derived from its account.
fn group_of_body(body: &str) -> Option<String> {
    match decode(body) {
        Decoded::Signal(event) => event.signal.account().or(event.reporter.as_ref()).map(ToString::to_string),
        Decoded::Ignored { .. } | Decoded::Untrusted { .. } | Decoded::Undecodable { .. } => None,
    }
}

/// Caps a delay at the SQS maximum.
fn seconds(delay_s: u32) -> i32 {
    i32::try_from(delay_s.min(DELAY_S_MAX)).unwrap_or(0)
}

/// Cuts a body so that SQS accepts it together with the reason.
fn fitting(body: &str) -> &str {
    body.get(..body.floor_char_boundary(DEAD_LETTER_BYTES_MAX)).unwrap_or(body)
}

fn first_fault(failed: &[BatchResultErrorEntry]) -> Result<(), Fault> {
    let Some(failure) = failed.first() else { return Ok(()) };
    // A failure that is not the sender's is the service's, whatever its code.
    let status = if failure.sender_fault() { 400 } else { 500 };
    let message = format!("{} messages were not taken: {}", failed.len(), failure.message().unwrap_or_default());
    Err(SEND.answered(Some(failure.code()), status, &message))
}

/// Splits messages into batches within SQS's limits of number and size.
fn batched(tasks: &[(Task, u32)]) -> Result<Vec<Vec<SendMessageBatchRequestEntry>>, Fault> {
    let mut batches: Vec<Vec<SendMessageBatchRequestEntry>> = Vec::new();
    let mut bytes = 0;
    for (task, delay) in tasks {
        let body = encode(task);
        let full = batches.last().is_none_or(|batch| batch.len() >= BATCH_MAX || bytes + body.len() > BATCH_BYTES_MAX);
        if full {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += body.len();
        let Some(batch) = batches.last_mut() else { continue };
        let entry = SendMessageBatchRequestEntry::builder()
            .id(batch.len().to_string())
            .message_body(body)
            .delay_seconds(seconds(*delay));
        let entry = entry.set_message_group_id(group_of_task(task));
        batch.push(entry.build().map_err(|error| unbuilt(&error))?);
    }
    Ok(batches)
}
