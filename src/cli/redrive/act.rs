//! Sends or drops messages, each on its own, so that one failure does not stop the others.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt as _};

use super::received::{Filter, ReceivedBatch};
use super::result::{MessageOutcome, MessageResult};
use super::show::{self, DryRun};
use super::{Failure, Shell};
use crate::aws::dead_letters::DeadLetters;
use crate::aws::ledger::discarded_messages::{DiscardedMessage, DiscardedMessages};
use crate::cli::ExitStatus;
use crate::cli::login::explained;
use crate::clock::now;
use crate::domain::dead_letter::DeadLetter;
use crate::ports::Fault;

/// Concurrent messages.
const PARALLEL: usize = 8;

/// How messages are sent back to work.
pub(super) struct Sending<'a> {
    pub(super) queue: &'a str,
    pub(super) force: bool,
    pub(super) dry_run: bool,
}

/// How messages are dropped.
pub(super) struct Dropping<'a> {
    pub(super) book: DiscardedMessages,
    pub(super) by: &'a str,
    pub(super) why: &'a str,
}

impl Shell<'_> {
    pub(super) async fn send(
        &self,
        queue: &DeadLetters,
        filter: Filter,
        sending: &Sending<'_>,
    ) -> Result<ExitStatus, Failure> {
        let received = ReceivedBatch::gather(queue, filter, self.limit).await?;
        let each = received.letters.iter().map(|letter| send_one(queue, letter, sending));
        let done = stream::iter(each).buffered(PARALLEL).collect().await;
        Ok(self.finish(queue, &received, done, sending.dry_run).await)
    }

    pub(super) async fn drop(
        &self,
        queue: &DeadLetters,
        filter: Filter,
        dropping: &Dropping<'_>,
    ) -> Result<ExitStatus, Failure> {
        let received = ReceivedBatch::gather(queue, filter, self.limit).await?;
        let each = received.letters.iter().map(|letter| drop_one(queue, letter, dropping));
        let done = stream::iter(each).buffered(PARALLEL).collect().await;
        Ok(self.finish(queue, &received, done, false).await)
    }

    /// Makes the remaining messages visible again, and reports what was done.
    async fn finish(
        &self,
        queue: &DeadLetters,
        received: &ReceivedBatch,
        mut done: Vec<MessageResult>,
        dry_run: bool,
    ) -> ExitStatus {
        let elsewhere = received.elsewhere(queue).await;
        let gone: BTreeSet<String> =
            done.iter().filter(|done| done.outcome.is_gone()).map(|done| done.id.clone()).collect();
        self.give_back(received, queue, &gone).await;
        let missing = received.missing.iter().map(|id| MessageResult {
            id: id.clone(),
            outcome: MessageOutcome::NotFound,
            note: "it is not in the queue; fix: see `runasctl redrive list`".to_owned(),
        });
        done.extend(missing);
        self.printer.data(&show::done(&done, dry_run, self.output));
        if done.is_empty() {
            self.printer.talk(&show::sum(&received.letters));
        }
        self.printer.talk(&show::beyond(received, self.limit, elsewhere));
        if done.iter().all(|done| done.outcome.is_well()) { ExitStatus::Success } else { ExitStatus::Error }
    }
}

/// Sends the message before it deletes it: a crash in between leaves it in both queues.
async fn send_one(queue: &DeadLetters, letter: &DeadLetter, sending: &Sending<'_>) -> MessageResult {
    let dry = DryRun::of(letter);
    let undecodable = dry.is_undecodable();
    let ended = |outcome, note: String| MessageResult { id: letter.id.clone(), outcome, note };
    let note = match dry.reason {
        Some(reason) if undecodable && !sending.force => {
            return ended(
                MessageOutcome::Refused,
                format!("it would be undecodable again: {reason}; fix: --force sends it all the same"),
            );
        }
        Some(reason) => format!("the function will find it {}: {reason}", dry.outcome),
        None => String::new(),
    };
    if sending.dry_run {
        return ended(MessageOutcome::WouldSend, note);
    }
    if let Err(fault) = queue.send_to(sending.queue, letter).await {
        return ended(MessageOutcome::Failed, untouched(&fault, "it may have been sent, and is still here"));
    }
    match queue.delete(letter).await {
        Ok(()) => ended(MessageOutcome::Sent, note),
        Err(fault) => {
            ended(MessageOutcome::SentAndKept, format!("{}; sending it twice does no harm", explained(&fault)))
        }
    }
}

/// Records the message before it deletes it.
async fn drop_one(queue: &DeadLetters, letter: &DeadLetter, dropping: &Dropping<'_>) -> MessageResult {
    let ended = |outcome, note: String| MessageResult { id: letter.id.clone(), outcome, note };
    let dropped = DiscardedMessage { letter, by: dropping.by, why: dropping.why, at: now() };
    if let Err(fault) = dropping.book.keep(&dropped).await {
        return ended(MessageOutcome::Failed, untouched(&fault, "it is still here"));
    }
    match queue.delete(letter).await {
        Ok(()) => ended(MessageOutcome::Dropped, String::new()),
        Err(fault) => ended(MessageOutcome::Failed, untouched(&fault, "it is written down, and may be gone")),
    }
}

fn untouched(fault: &Fault, perhaps: &str) -> String {
    if fault.outcome_unknown { format!("{} ({perhaps})", explained(fault)) } else { explained(fault) }
}
