//! Runs the reactor on the simulated organisation, batch by batch, as the event source mapping would.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;

use super::Sim;
use crate::domain::time::{SECOND_MS, Time};
use crate::lambda::batch::handle;
use crate::ports::{Clock as _, World};
use crate::reactor::{BatchReport, Reactor};

/// The function's timeout.
pub(super) const TIMEOUT_MS: i64 = 60 * SECOND_MS;
/// Limit of batches in one run; more indicate a loop.
const BATCHES_MAX: usize = 10_000;

/// A world that contains a simulated organisation: the organisation itself, or a decorator around it.
pub trait Simulated: World {
    /// The organisation.
    fn sim(&self) -> &Sim;
}

impl Simulated for Sim {
    fn sim(&self) -> &Sim {
        self
    }
}

/// Delivers batches until `until`. Returns the report of each batch.
pub async fn run_until<W: Simulated>(reactor: &Reactor<W>, until: Time) -> Vec<BatchReport> {
    let sim = reactor.world().sim();
    let mut reports = Vec::new();
    while let Some(due) = sim.next_due().filter(|due| *due <= until) {
        let wait_ms = u64::try_from(due.since(sim.now())).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        let Some(delivery) = sim.receive() else { continue };
        let Ok(event) = serde_json::from_value::<SqsEvent>(delivery.event.clone()) else { break };
        let (failed, report) = match handle(reactor, event, sim.now().plus_ms(TIMEOUT_MS)).await {
            Ok((response, report)) => {
                (response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect(), report)
            }
            Err(_) => (delivery.message_ids(), BatchReport::default()),
        };
        sim.settle(&delivery, &failed);
        reports.push(report);
        if reports.len() >= BATCHES_MAX {
            break;
        }
    }
    let rest_ms = u64::try_from(until.since(sim.now())).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(rest_ms)).await;
    reports
}

/// [`run_until`] for `seconds` from now.
pub async fn run_for<W: Simulated>(reactor: &Reactor<W>, seconds: i64) -> Vec<BatchReport> {
    let until = reactor.world().now().plus_ms(seconds * SECOND_MS);
    run_until(reactor, until).await
}
