//! When a message comes again, becomes another message, or is put aside.
//!
//! | what happens to it | when | where |
//! | --- | --- | --- |
//! | it comes again after a delay | a fault that may pass ([`Fault::retryable`]: throttling, an outage, a conflict, an account not ready): 1 to 5 s, twice as long each time, up to 24 to 120 s | here |
//! | it comes again when its visibility timeout ends | any other fault, or the invocation dies (`infra/hub.yaml`: 360 s) | here |
//! | the same body is sent anew, and it is settled | such a fault again, when it and its predecessors were received three times | here |
//! | one message for each target is sent, and it is settled | an event is about several targets | [`batch`](super::batch) |
//! | messages for the accounts found and for the next step are sent, and it is settled | it is a step of a sweep | `sweep.rs` |
//! | a message for the same target is sent, and it is settled | the target has to be observed again later, or it came too early | [`schedule`](crate::domain::settle::schedule), [`batch`](super::batch) |
//! | the dead-letter queue gets it with the reason, and it is settled | it cannot be decoded | [`batch`](super::batch), [`dead_letter`](crate::domain::dead_letter) |
//! | SQS moves it to the dead-letter queue | ten receives of its own (`infra/hub.yaml`); no body is sent anew after [`RECEIVES_IN_ALL_MAX`] | SQS |
//!
//! SQS counts receives against messages that crash the function. Throttling and outages must not use them up; therefore the
//! body is sent anew before.

use super::message::{BatchReport, Message};
use super::{REPLY_MS, Reactor};
use crate::domain::time::Time;
use crate::ports::{Fault, Queue as _, World};

/// The first retry comes within one to this many seconds; the range doubles for each further one.
const FIRST_S: u32 = 5;
/// The longest delay of a retry, in seconds.
const LONGEST_S: u32 = 120;
/// From this receive on the body is sent anew.
const RECEIVES_BEFORE_SUCCESSOR: u32 = 3;
/// Receives of a message and its successors: about a day of retries, as long as `EventBridge` tries to deliver. The last
/// successor has none of its own: SQS moves it to the dead-letter queue, which has an alarm and `runasctl redrive`.
const RECEIVES_IN_ALL_MAX: u32 = 1_200;

impl<W: World> Reactor<W> {
    /// Returns a message to the queue: after a delay where the fault is retryable, else when its visibility timeout ends.
    pub(super) async fn give_back(&self, deadline: Time, message: &Message, fault: &Fault, report: &mut BatchReport) {
        // A message may stand for several targets, each with its own fault.
        if report.failed.contains_key(&message.id) || report.retried.contains(&message.id) {
            return;
        }
        tracing::warn!(message_id = message.id, error = %fault, class = ?fault.class, "message comes again");
        let Some(receipt) = message.receipt.as_ref().filter(|_| fault.retryable()) else {
            report.failed.insert(message.id.clone(), fault.clone());
            return;
        };
        let delay_s = retry_after_s(message.receives, self.world.jitter());
        let until = deadline.plus_ms(-REPLY_MS);
        if wants_successor(message) {
            let resend = self.world.queue().resend(&message.body, message.receives, delay_s);
            match self.by(until, Box::pin(resend)).await {
                Ok(()) => {
                    report.retried.insert(message.id.clone());
                    return;
                }
                Err(fault) => {
                    tracing::warn!(message_id = message.id, error = %fault, "no successor sent; retried itself");
                }
            }
        }
        report.failed.insert(message.id.clone(), fault.clone());
        if let Err(fault) = self.by(until, Box::pin(self.world.queue().make_visible_after(receipt, delay_s))).await {
            tracing::warn!(message_id = message.id, error = %fault, "visibility not changed; it comes back all the same");
        }
    }
}

/// A message without an id cannot be named in the response, so it must never be settled after a fault.
fn wants_successor(message: &Message) -> bool {
    !message.id.is_empty() && (RECEIVES_BEFORE_SUCCESSOR..RECEIVES_IN_ALL_MAX).contains(&message.receives)
}

/// The delay in seconds: exponential backoff, spread over the upper four fifths of each step.
fn retry_after_s(receives: u32, jitter: u32) -> u32 {
    let longest = FIRST_S.saturating_mul(2_u32.saturating_pow(receives.saturating_sub(1).min(8))).min(LONGEST_S);
    let shortest = longest / FIRST_S;
    shortest + jitter % (longest - shortest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_begin_with_one_to_five_seconds_and_double_up_to_two_minutes() {
        let range = |receives| {
            let delays = (0..1_000).map(|jitter| retry_after_s(receives, jitter));
            delays.fold((u32::MAX, 0), |(least, most), delay| (delay.min(least), delay.max(most)))
        };
        let ranges = [0, 1, 2, 3, 4, 5, 6, 1_200, u32::MAX].map(range);
        let expected = [(1, 5), (1, 5), (2, 10), (4, 20), (8, 40), (16, 80), (24, 120), (24, 120), (24, 120)];
        assert_eq!(ranges, expected);
    }

    #[test]
    fn a_message_has_a_successor_after_three_receives_until_there_were_too_many() {
        let message = |id: &str, receives| Message { id: id.to_owned(), receives, ..Message::default() };
        let wants = |receives| wants_successor(&message("m", receives));
        assert_eq!([2, 3, 1_199, 1_200].map(wants), [false, true, true, false]);
        assert!(!wants_successor(&message("", 3)));
    }
}
