//! Received messages: hidden from other receivers, and made visible again.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::dead_letters::DeadLetters;
use crate::domain::dead_letter::DeadLetter;
use crate::ports::Fault;

/// Limit of received bytes in memory; further messages are left for the next run.
const BYTES_MAX: usize = 256 << 20;

/// Which messages to receive.
pub(in crate::cli) enum Filter {
    All,
    These(BTreeSet<String>),
}

impl Filter {
    fn wants(&self, id: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(ids) => ids.contains(id),
        }
    }

    fn are_all_among(&self, letters: &[DeadLetter]) -> bool {
        match self {
            Self::All => false,
            Self::These(ids) => letters.len() >= ids.len(),
        }
    }
}

/// The received messages.
#[derive(Default)]
pub(in crate::cli) struct ReceivedBatch {
    /// The wanted messages, oldest first, each once.
    pub(in crate::cli) letters: Vec<DeadLetter>,
    /// Wanted ids that were not found.
    pub(super) missing: BTreeSet<String>,
    /// The last receipt of each received message, wanted or not.
    receipts: BTreeMap<String, String>,
    /// Whether a limit ended the search early.
    pub(super) cut_short: bool,
    /// Whether further messages matter: all are wanted, or one is missing.
    wants_more: bool,
}

impl ReceivedBatch {
    /// Receives until nothing new arrives, every wanted message is found, or `limit` messages were received. All are
    /// received before the first is acted on, so that a message that reappears during the work is left alone.
    pub(in crate::cli) async fn gather(queue: &DeadLetters, filter: Filter, limit: usize) -> Result<Self, Fault> {
        let mut received = Self::default();
        if let Err(fault) = received.fill(&filter, limit, async |max| queue.receive(max).await).await {
            // Messages that stay hidden reappear by themselves; the first fault is the one to report.
            let _ = received.give_back(queue, &BTreeSet::new()).await;
            return Err(fault);
        }
        received.letters.sort_by(|a, b| (a.sent, &a.id).cmp(&(b.sent, &b.id)));
        received.wants_more = match filter {
            Filter::All => true,
            Filter::These(ids) => {
                let found = |id: &String| received.letters.iter().any(|letter| letter.id == *id);
                received.missing = ids.into_iter().filter(|id| !found(id)).collect();
                !received.missing.is_empty()
            }
        };
        Ok(received)
    }

    async fn fill(
        &mut self,
        filter: &Filter,
        limit: usize,
        mut receive: impl AsyncFnMut(usize) -> Result<Vec<DeadLetter>, Fault>,
    ) -> Result<(), Fault> {
        let mut bytes = 0;
        while !filter.are_all_among(&self.letters) && self.receipts.len() < limit && bytes < BYTES_MAX {
            let received = receive(limit - self.receipts.len()).await?;
            let mut news = false;
            for letter in received {
                // Of a message received twice, only the newer receipt is valid.
                if self.receipts.insert(letter.id.clone(), letter.receipt.clone()).is_some() {
                    self.renew(letter);
                } else {
                    news = true;
                    if filter.wants(&letter.id) {
                        bytes += letter.body.len();
                        self.letters.push(letter);
                    }
                }
            }
            if !news {
                return Ok(());
            }
        }
        self.cut_short = !filter.are_all_among(&self.letters);
        Ok(())
    }

    fn renew(&mut self, again: DeadLetter) {
        if let Some(letter) = self.letters.iter_mut().find(|letter| letter.id == again.id) {
            *letter = again;
        }
    }

    /// Makes every message visible again, except those in `gone`.
    pub(in crate::cli) async fn give_back(&self, queue: &DeadLetters, gone: &BTreeSet<String>) -> Result<(), Fault> {
        let kept = self.receipts.iter().filter(|(id, _)| !gone.contains(*id));
        let receipts: Vec<String> = kept.map(|(_, receipt)| receipt.clone()).collect();
        queue.give_back(&receipts).await
    }

    /// Approximate number of messages held by other receivers, where that matters; call it while this batch is still held.
    /// It is informational only: a fault counts as zero.
    pub(super) async fn elsewhere(&self, queue: &DeadLetters) -> u64 {
        if !self.wants_more {
            return 0;
        }
        let received_here = u64::try_from(self.receipts.len()).unwrap_or(u64::MAX);
        queue.in_flight().await.map_or(0, |received| received.saturating_sub(received_here))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(id: &str, receipt: usize, bytes: usize) -> DeadLetter {
        DeadLetter { id: id.to_owned(), receipt: receipt.to_string(), body: "x".repeat(bytes), ..DeadLetter::default() }
    }

    /// Receives from a queue that answers the nth call with `answer(n)`; returns the number of calls.
    fn walk(filter: &Filter, limit: usize, answer: impl Fn(usize) -> Vec<DeadLetter>) -> (ReceivedBatch, usize) {
        let (mut received, mut calls) = (ReceivedBatch::default(), 0);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let receive = async |max: usize| {
            calls += 1;
            assert!(max > 0 && max <= limit);
            Ok(answer(calls).into_iter().take(max).collect())
        };
        runtime.block_on(received.fill(filter, limit, receive)).unwrap();
        (received, calls)
    }

    #[test]
    fn a_message_that_comes_twice_is_held_once_by_its_newer_receipt() {
        let (received, calls) = walk(&Filter::All, 100, |call| match call {
            1 => vec![letter("a", 1, 1), letter("b", 1, 1)],
            2 => vec![letter("c", 2, 1), letter("a", 2, 1)],
            _ => Vec::new(),
        });
        let seen: Vec<_> =
            received.letters.iter().map(|letter| (letter.id.as_str(), letter.receipt.as_str())).collect();
        assert_eq!(seen, [("a", "2"), ("b", "1"), ("c", "2")]);
        assert_eq!(received.receipts.get("a").map(String::as_str), Some("2"));
        assert_eq!((received.cut_short, calls), (false, 3));
    }

    #[test]
    fn a_queue_that_only_repeats_itself_was_seen() {
        let (received, calls) = walk(&Filter::All, 100, |call| vec![letter("a", call, 1)]);
        assert_eq!((received.letters.len(), received.cut_short, calls), (1, false, 2));
    }

    #[test]
    fn the_search_ends_with_the_last_id() {
        let filter = Filter::These(["m2".to_owned()].into());
        let (received, calls) = walk(&filter, 100, |call| vec![letter(&format!("m{call}"), call, 1)]);
        assert_eq!((received.letters.len(), received.receipts.len(), received.cut_short, calls), (1, 2, false, 2));
        let (received, calls) = walk(&filter, 1, |call| vec![letter(&format!("m{call}"), call, 1)]);
        assert_eq!((received.letters.len(), received.cut_short, calls), (0, true, 1));
    }

    #[test]
    fn number_and_size_are_limited() {
        let (received, calls) = walk(&Filter::All, 3, |call| vec![letter(&format!("m{call}"), call, 1)]);
        assert_eq!((received.letters.len(), received.cut_short, calls), (3, true, 3));
        let (received, calls) =
            walk(&Filter::All, 1_000, |call| vec![letter(&format!("m{call}"), call, BYTES_MAX / 2)]);
        assert_eq!((received.letters.len(), received.cut_short, calls), (2, true, 2));
    }
}
