//! What comes of a message while a service does not answer: it comes again soon, for as long as it takes, and is never lost.

use runas_reactor::domain::decode::encode_work;
use runas_reactor::domain::signal::{Cause, Work};
use runas_reactor::domain::time::{SECOND_MS, Time};
use runas_reactor::ports::{Clock as _, FaultClass};
use runas_reactor::reactor::{PolicySource, Reactor};
use runas_reactor::sim::drive::{Simulated as _, run_for, run_until};
use runas_reactor::sim::faults::{FaultInjector, InjectedFault};
use runas_reactor::sim::{Caller, Sim, Switches};
use serde_json::json;

use crate::support::org::{self, MEMBER};

fn reactor() -> Reactor<FaultInjector> {
    Reactor::new(FaultInjector::around(org::sim(Switches::PLAIN)), PolicySource::Table)
}

fn look_at_the_member(sim: &Sim, since: Time) {
    let work = Work {
        target: org::target(MEMBER, "eu-west-1"),
        cause: Cause::DocumentEvent,
        edits: Vec::new(),
        correlation: "retrying".to_owned(),
        since,
        requeues: 0,
        not_before: None,
    };
    sim.enqueue(&encode_work(&work));
}

#[tokio::test(start_paused = true)]
async fn every_retryable_fault_lets_the_message_come_again_within_five_seconds() {
    use FaultClass::{Conflict, NotReady, Throttled, Transient};
    let refused = [Throttled, Transient, NotReady, Conflict].map(InjectedFault::Refused);
    for (call, hit) in refused.map(|hit| ("load", hit)).into_iter().chain([("policy", InjectedFault::TimeoutBefore)]) {
        let reactor = reactor();
        let (world, sim) = (reactor.world(), reactor.world().sim());
        look_at_the_member(sim, sim.now());
        world.inject_always(call, hit);
        let reports = run_until(&reactor, sim.now()).await;
        assert_eq!((reports.len(), reports[0].failed.len()), (1, 1), "{call} {hit:?}");
        let wait_ms = sim.next_due().unwrap().since(sim.now());
        assert!((1..=5 * SECOND_MS).contains(&wait_ms), "{call} {hit:?}: {wait_ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_no_retry_mends_waits_for_the_visibility_timeout() {
    let reactor = reactor();
    let (world, sim) = (reactor.world(), reactor.world().sim());
    look_at_the_member(sim, sim.now());
    world.inject_always("load", InjectedFault::Refused(FaultClass::Denied));
    run_until(&reactor, sim.now()).await;
    let wait_ms = sim.next_due().unwrap().since(sim.now());
    assert!(wait_ms > 60 * SECOND_MS, "{wait_ms} ms");
}

#[tokio::test(start_paused = true)]
async fn half_an_hour_of_throttling_puts_no_event_aside() {
    let reactor = reactor();
    let (world, sim) = (reactor.world(), reactor.world().sim());
    let target = org::target(MEMBER, "eu-west-1");
    sim.lza_writes(&target, "lza-logs").unwrap();
    run_for(&reactor, 200).await;
    let alerts = sim.alerts().len();

    let mallory = Caller::administrator(&target.account, "mallory@example.com");
    sim.edit_inputs(&target, &mallory, &json!({ "runAsEnabled": false })).unwrap();
    world.inject_always("observe", InjectedFault::Refused(FaultClass::Throttled));
    let reports = run_for(&reactor, 1_800).await;
    let receives = reports.iter().map(|report| report.failed.len() + report.retried.len()).sum::<usize>();
    assert!(receives > 10, "tried {receives} times only");
    assert_eq!(sim.dead_letters(), []);

    world.stop_injecting();
    run_for(&reactor, 1_000).await;
    let document = sim.document(&target).unwrap();
    assert_eq!(document.inputs(document.default)["runAsEnabled"], json!(true));
    let kinds: Vec<String> = sim.alerts().into_iter().skip(alerts).map(|alert| alert.kind).collect();
    assert_eq!(kinds, ["edit_reverted"]);
    assert_eq!((sim.dead_letters(), sim.next_due()), (Vec::new(), None));
}

#[tokio::test(start_paused = true)]
async fn a_message_with_many_targets_has_one_successor() {
    let reactor = reactor();
    let (world, sim) = (reactor.world(), reactor.world().sim());
    let began = sim.now();
    let message =
        json!({ "kind": "sweep", "schema": 1, "account": MEMBER, "executionId": "s", "scheduledTime": began });
    sim.enqueue(&message.to_string());
    world.inject_always("load", InjectedFault::Refused(FaultClass::Throttled));
    let reports = run_for(&reactor, 600).await;
    let successors = reports.iter().filter(|report| !report.retried.is_empty()).count();
    assert!(
        successors > 3 && reports.iter().all(|report| report.failed.len() + report.retried.len() == 1),
        "{reports:?}"
    );
}

/// A sweep finds a pipeline's change whose event got lost, and cannot ask whose it was while CloudTrail throttles.
#[tokio::test(start_paused = true)]
async fn author_lookup_that_fails_is_repeated_and_not_taken_for_an_unknown_author() {
    let reactor = reactor();
    let (world, sim) = (reactor.world(), reactor.world().sim());
    let target = org::target(MEMBER, "eu-west-1");
    sim.lza_writes(&target, "lza-logs").unwrap();
    run_for(&reactor, 200).await;
    sim.edit_inputs(&target, &Caller::lza(&target.account), &json!({ "idleSessionTimeout": "7" })).unwrap();
    sim.forget_messages();
    run_for(&reactor, 600).await;

    let (began, called) = (sim.now(), InjectedFault::Refused(FaultClass::Throttled));
    let message =
        json!({ "kind": "sweep", "schema": 1, "account": MEMBER, "executionId": "s", "scheduledTime": began });
    sim.enqueue(&message.to_string());
    world.inject_always("lookup_events", called);
    let reports = run_for(&reactor, 3).await;
    assert!(reports.iter().any(|report| report.failed.len() == 1), "{reports:?}");
    world.stop_injecting();
    run_for(&reactor, 300).await;
    let document = sim.document(&target).unwrap();
    assert_eq!(document.inputs(document.default)["idleSessionTimeout"], json!("7"), "the pipeline's change is kept");
}
