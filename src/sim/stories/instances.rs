//! The function's instances: they take batches from the queue concurrently, and die now and then.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use aws_lambda_events::event::sqs::SqsEvent;
use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;

use crate::domain::time::{SECOND_MS, Time};
use crate::lambda::batch::handle;
use crate::ports::Clock as _;
use crate::reactor::{BatchReport, Reactor};
use crate::sim::drive::TIMEOUT_MS;
use crate::sim::faults::{Ended, Faulty};
use crate::sim::{Delivery, Sim};

/// Concurrent instances.
const INSTANCES: usize = 3;
/// Receives from which a message meets no more faults: after five, SQS would dead-letter it.
const SPARED_FROM: u32 = 3;

/// A running batch.
type Flight<'a> = Pin<Box<dyn Future<Output = Landed> + 'a>>;

/// The end of a batch.
struct Landed {
    number: u64,
    delivery: Delivery,
    failed: Vec<String>,
    report: Option<BatchReport>,
}

/// The function's instances.
pub(super) struct Instances<'a, W> {
    reactor: &'a Reactor<W>,
    flights: FuturesUnordered<Flight<'a>>,
    next: u64,
    set_deadline: Option<u32>,
    /// Messages in all batches.
    pub(super) messages: u64,
    /// Invocations that failed or died.
    pub(super) troubled: BTreeSet<u64>,
    flying: BTreeSet<u64>,
    /// Reports of the batches since they were last taken.
    pub(super) reports: Vec<BatchReport>,
}

impl<'a, W: Faulty> Instances<'a, W> {
    pub(super) fn new(reactor: &'a Reactor<W>) -> Self {
        Self {
            reactor,
            flights: FuturesUnordered::new(),
            next: 0,
            set_deadline: None,
            messages: 0,
            troubled: BTreeSet::new(),
            flying: BTreeSet::new(),
            reports: Vec::new(),
        }
    }

    fn sim(&self) -> &'a Sim {
        self.reactor.world().injector().inner()
    }

    /// Whether an invocation is still running.
    pub(super) fn flying(&self, invocation: u64) -> bool {
        self.flying.contains(&invocation)
    }

    /// Limits the next invocation to this long, in milliseconds.
    pub(super) fn set_deadline(&mut self, ms: u32) {
        self.set_deadline = Some(ms);
    }

    /// Passes time until `end`, or until nothing is left to do.
    pub(super) async fn until(&mut self, end: Time) {
        let sim = self.sim();
        loop {
            let now = sim.now();
            let due = sim.next_due().filter(|_| self.flights.len() < INSTANCES);
            let next = due.map_or(end, |due| due.min(end)).max(now);
            if next <= now && due.is_some_and(|due| due <= now) && self.take() {
                continue;
            }
            if next >= end && now >= end {
                return;
            }
            let timer = std::pin::pin!(sim.sleep(u64::try_from(next.since(now)).unwrap_or(0)));
            if self.flights.is_empty() {
                timer.await;
            } else if let Either::Left((Some(landed), _)) = select(self.flights.next(), timer).await {
                self.land(landed);
            }
        }
    }

    /// Passes time until the queue is empty and no invocation runs, at most until `end`; returns whether that happened.
    pub(super) async fn until_quiet(&mut self, end: Time) -> bool {
        let sim = self.sim();
        while sim.now() < end {
            let Some(due) = sim.next_due() else {
                if self.flights.is_empty() {
                    return true;
                }
                self.until(sim.now().plus_ms(SECOND_MS)).await;
                continue;
            };
            self.until(due.max(sim.now().plus_ms(1)).min(end)).await;
        }
        false
    }

    fn take(&mut self) -> bool {
        let sim = self.sim();
        let Some(delivery) = sim.receive() else { return false };
        let Ok(event) = serde_json::from_value::<SqsEvent>(delivery.event.clone()) else { return false };
        let spared = delivery.receives_most() >= SPARED_FROM;
        let ms = if spared { None } else { self.set_deadline.take() };
        let deadline = sim.now().plus_ms(ms.map_or(TIMEOUT_MS, i64::from));
        self.next += 1;
        let number = self.next;
        self.messages += u64::try_from(delivery.message_ids().len()).unwrap_or(0);
        self.flying.insert(number);
        let reactor = self.reactor;
        self.flights.push(Box::pin(async move {
            let work = handle(reactor, event, deadline);
            match reactor.world().injector().invocation(number, spared, work).await {
                Ended::Returned(Ok((response, report))) => {
                    let failed = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier);
                    Landed { number, delivery, failed: failed.collect(), report: Some(report) }
                }
                Ended::Returned(Err(_)) | Ended::Stopped => {
                    Landed { number, failed: delivery.message_ids(), delivery, report: None }
                }
            }
        }));
        true
    }

    fn land(&mut self, landed: Landed) {
        self.flying.remove(&landed.number);
        let retried = landed.report.as_ref().is_some_and(|report| !report.retried.is_empty());
        if retried || !landed.failed.is_empty() {
            self.troubled.insert(landed.number);
        }
        self.sim().settle(&landed.delivery, &landed.failed);
        self.reports.extend(landed.report);
    }
}
