//! Makes a call that cannot succeed in each target and waits for its event. CloudTrail logs it, the forwarding rule sends
//! it to the hub's bus, and the function records its arrival.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt as _};

use super::members::{Rows, rows};
use crate::aws::ledger::view::LedgerView;
use crate::aws::{AwsWorld, Probed};
use crate::cli::plan::pace::patiently;
use crate::cli::printer::Printer;
use crate::domain::target::{AccountId, Target};
use crate::domain::time::{SECOND_MS, Time};
use crate::ports::{Access, Clock as _, Fault};

/// Pause between reads of the ledger; it is longer where each read is a scan of the table.
const PAUSE_MS: u64 = 3_000;
const SCAN_PAUSE_MS: u64 = 15_000;
/// Beyond this many accounts, each read is a scan.
const FEW_ACCOUNTS: usize = 20;
/// The result of a probe.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    /// Its event came back within this time.
    Back { within_ms: i64 },
    /// Its event did not come back in time.
    Silent,
    /// The call was not made, or was refused for a reason other than the version.
    Refused(Fault),
    /// The call succeeded, which should be impossible.
    Accepted,
    /// The ledger could not be read, so it is unknown whether the event came back.
    Unread(Fault),
}

/// Sends probes and waits for their events.
pub(super) struct Prober<'a> {
    pub(super) world: &'a AwsWorld,
    pub(super) view: &'a LedgerView,
    pub(super) access: &'a Access,
    pub(super) concurrency: usize,
    pub(super) patience_ms: i64,
    pub(super) printer: &'a Printer,
}

impl Prober<'_> {
    /// Probes each target; `before` holds the ledger's earlier rows.
    pub(super) async fn prove(&self, targets: &[Target], before: &Rows) -> BTreeMap<Target, Proof> {
        let (mut proofs, mut sent) = (BTreeMap::new(), BTreeMap::new());
        for (target, at, outcome) in self.send(targets).await {
            match outcome {
                Ok(Probed::Refused) => drop(sent.insert(target, at)),
                Ok(Probed::Accepted) => drop(proofs.insert(target, Proof::Accepted)),
                Err(fault) => drop(proofs.insert(target, Proof::Refused(fault))),
            }
        }
        self.await_events(sent, before, &mut proofs).await;
        self.printer.progress("");
        proofs
    }

    async fn send(&self, targets: &[Target]) -> Vec<(Target, Time, Result<Probed, Fault>)> {
        let done = AtomicUsize::new(0);
        let each = targets.iter().map(async |target| {
            let at = self.world.now();
            let outcome = patiently(self.world, async || self.world.probe(target, self.access).await).await;
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            self.printer.progress(&format!("probing: {count} of {} targets", targets.len()));
            (target.clone(), at, outcome)
        });
        stream::iter(each).buffer_unordered(self.concurrency).collect().await
    }

    /// Reads the ledger until every event has come back or the time limit is reached.
    async fn await_events(
        &self,
        mut sent: BTreeMap<Target, Time>,
        before: &Rows,
        proofs: &mut BTreeMap<Target, Proof>,
    ) {
        let (total, end) = (sent.len(), self.world.now().plus_ms(self.patience_ms));
        while !sent.is_empty() {
            let accounts: BTreeSet<&AccountId> = sent.keys().map(|target| &target.account).collect();
            let pause = if accounts.len() > FEW_ACCOUNTS { SCAN_PAUSE_MS } else { PAUSE_MS };
            let answer = rows(self.view, accounts.into_iter()).await;
            let now = self.world.now();
            if let Ok(rows) = &answer {
                sent.retain(|target, at| {
                    let back = is_back(newest_call(before, target), newest_call(rows, target));
                    if back {
                        proofs.insert(target.clone(), Proof::Back { within_ms: now.since(*at) });
                    }
                    !back
                });
            }
            let left = end.since(now);
            if left <= 0 {
                let proof = answer.err().map_or(Proof::Silent, Proof::Unread);
                proofs.extend(std::mem::take(&mut sent).into_keys().map(|target| (target, proof.clone())));
                return;
            }
            let (came, left_s) = (total - sent.len(), left / SECOND_MS);
            self.printer.progress(&format!("waiting for events: {came} of {total} came back, {left_s} s left"));
            if !sent.is_empty() {
                self.world.sleep(pause.min(left.unsigned_abs())).await;
            }
        }
    }
}

fn newest_call(rows: &Rows, target: &Target) -> Option<Time> {
    rows.get(target).and_then(|row| row.milestones.newest_call)
}

/// Whether the ledger's newest call is another than before the probe. Times are not compared with the probe's: clocks
/// differ, and an event of the minute before would prove nothing.
fn is_back(before: Option<Time>, newest_call: Option<Time>) -> bool {
    newest_call > before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_has_returned_when_the_ledger_has_a_newer_call() {
        let at = |ms| Some(Time::from_ms(ms));
        assert!(!is_back(None, None));
        assert!(is_back(None, at(1)), "the first event of all");
        assert!(is_back(at(1), at(2)));
        assert!(!is_back(at(2), at(2)), "an event of before");
    }
}
