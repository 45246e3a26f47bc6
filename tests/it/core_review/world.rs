//! The same against the simulated world: crashes between any two steps, and more edits than a message holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;
use runas_reactor::cli::policy_yaml;
use runas_reactor::domain::decode::{EDITS_MAX, encode_work};
use runas_reactor::domain::edit::{Action, Edit};
use runas_reactor::domain::signal::{Cause, Work};
use runas_reactor::domain::target::{AccountFacts, AccountState};
use runas_reactor::lambda::handle;
use runas_reactor::ports::Clock as _;
use runas_reactor::reactor::{Message, PolicySource, Reactor};
use runas_reactor::sim::drive::run_for;
use runas_reactor::sim::{Account, Caller, Duplicates, Sim, Switches};
use serde_json::json;

use super::cases::{at, principal, right, right_but, target};

const POLICY: &str = r#"
version: 1
organization: { id: o-exampleorgid, management_account: "111122223333", hub_account: "222233334444", home_region: eu-west-1 }
regions: [eu-west-1]
access: { roles: [RunasReactorMember] }
unplaced: enforce
defaults: { mode: enforce, preferences: { runAsEnabled: true, runAsDefaultUser: ops } }
principals: { trusted: ["arn:aws:iam::*:role/AWSAccelerator-*"] }
"#;

fn world(switches: Switches) -> Reactor<Sim> {
    let sim = Sim::new(switches, at(0), 3);
    sim.push_policy(policy_yaml::parse("policy", POLICY, at(0)).unwrap().0);
    let facts = AccountFacts {
        account: target().account,
        name: "search".to_owned(),
        ou_path: Vec::new(),
        state: AccountState::Active,
    };
    let roles = BTreeMap::from([("RunasReactorMember".to_owned(), at(0))]);
    sim.put_account(Account { facts, roles, ready: at(0), regions_off: BTreeSet::new(), opted_in: BTreeSet::new() });
    Reactor::new(sim, PolicySource::Table)
}

/// In sync, and every event told.
async fn settled() -> Reactor<Sim> {
    let reactor = world(Switches::PLAIN);
    let body = json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": right() });
    reactor.world().create(&target(), &Caller::lza(&target().account), &body).unwrap();
    run_for(&reactor, 120).await;
    reactor
}

fn work(cause: Cause, edits: Vec<Edit>, now: runas_reactor::domain::time::Time) -> Work {
    Work { target: target(), cause, edits, correlation: "w".to_owned(), since: now, hop: 0, not_before: None }
}

#[tokio::test(start_paused = true)]
async fn what_a_sweep_found_is_told_wherever_the_function_stops() {
    for stop_ms in (0..800).step_by(20) {
        let reactor = settled().await;
        let sim = reactor.world();
        sim.delete_document(&target(), &Caller::administrator(&target().account, "mallory")).unwrap();
        // The event gets lost; the sweep finds it.
        sim.forget_messages();
        let mut message = Message {
            id: "m".to_owned(),
            body: encode_work(&work(Cause::Swept, Vec::new(), sim.now())),
            receipt: None,
            receives: 1,
        };
        let deadline = sim.now().plus_ms(1_500 + stop_ms);
        if !reactor.batch(std::slice::from_ref(&message), deadline).await.failed.is_empty() {
            message.receives = 2;
            let again = reactor.batch(&[message], sim.now().plus_ms(60_000)).await;
            assert!(again.failed.is_empty(), "{stop_ms} ms");
        }
        let told = sim.told().iter().filter(|alert| alert.text.contains("deleted the document")).count();
        assert!(told > 0, "stopped after {stop_ms} ms: nobody was told");
    }
}

#[tokio::test(start_paused = true)]
async fn more_edits_than_a_message_holds_are_sent_in_several() {
    let reactor = world(Switches { duplicates: Duplicates::Latest, pending_looks: 200, ..Switches::PLAIN });
    let sim = reactor.world();
    let body = json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {} });
    sim.create(&target(), &Caller::administrator(&target().account, "mallory"), &body).unwrap();
    sim.forget_messages();
    let edits = |from: usize| -> Vec<Edit> {
        let edit = |n| Edit {
            id: format!("tried-{n}"),
            at: sim.now(),
            action: Action::Updated { version: None },
            principal: principal("mallory"),
            failed: Some("AccessDenied".to_owned()),
            agent: String::new(),
            source_ip: String::new(),
        };
        (from..from + EDITS_MAX).map(edit).collect()
    };
    for from in [0, 1_000, 2_000] {
        sim.enqueue(&encode_work(&work(Cause::Touched, edits(from), sim.now())));
    }
    run_for(&reactor, 900).await;
    assert!(sim.dead_letters().is_empty(), "{:?}", sim.dead_letters().first().map(|dead| &dead.1));
    let told: BTreeSet<String> = sim.told().into_iter().map(|alert| alert.kind).collect();
    assert!(told.contains("attempt_denied"), "{told:?}");
}

/// Draws numbers, the same from the same seed; how often everything may still come twice; how often the function stopped.
struct Dice(u64, u32, u32);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Delivers what is due for some seconds; now and then the function stops in the middle, or everything comes twice.
async fn live(reactor: &Reactor<Sim>, dice: &mut Dice, seconds: i64, trouble: bool) {
    let sim = reactor.world();
    let until = sim.now().plus_ms(seconds * 1_000);
    while let Some(due) = sim.next_due().filter(|due| *due <= until) {
        let wait_ms = u64::try_from(due.since(sim.now())).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        let Some(delivery) = sim.receive() else { continue };
        let event: SqsEvent = serde_json::from_value(delivery.event.clone()).unwrap();
        let stop = trouble && dice.below(8) == 0;
        dice.2 += u32::from(stop);
        let left_ms = if stop { 1_500 + i64::try_from(dice.below(600)).unwrap() } else { 60_000 };
        let (response, _) = handle(reactor, event, sim.now().plus_ms(left_ms)).await.unwrap();
        let failed: Vec<String> = response.batch_item_failures.into_iter().map(|it| it.item_identifier).collect();
        sim.settle(&delivery, &failed);
        if trouble && dice.below(10) == 0 && dice.1 > 0 {
            dice.1 -= 1;
            sim.deliver_twice();
        }
    }
    let rest_ms = u64::try_from(until.since(sim.now())).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(rest_ms)).await;
}

async fn story(seed: u64) {
    let mut dice = Dice(seed, 3, 0);
    let switches = Switches::all();
    let switches = switches[usize::try_from(seed).unwrap() % switches.len()];
    let reactor = world(switches);
    let sim = reactor.world();
    let (mallory, pipeline) = (Caller::administrator(&target().account, "mallory"), Caller::lza(&target().account));
    let body = json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": right() });
    sim.create(&target(), &pipeline, &body).unwrap();
    live(&reactor, &mut dice, 120, false).await;
    let mut acts = 0;
    for n in 0..=dice.below(7) {
        let evil = json!({ "s3BucketName": format!("evil-{n}"), "runAsEnabled": false });
        let versions = |sim: &Sim| sim.document(&target()).map_or(0, |document| document.latest());
        let version = 1 + dice.below(versions(sim).max(1));
        let done = match dice.below(8) {
            0 | 1 => sim.edit_inputs(&target(), &mallory, &evil).is_ok(),
            2 => sim.delete_document(&target(), &mallory).is_ok(),
            3 => sim.move_default(&target(), &mallory, version).is_ok() && version != versions(sim),
            4 => sim.delete_version(&target(), &mallory, version).is_ok(),
            5 => {
                let gone = sim.delete_document(&target(), &mallory).is_ok();
                let inputs = right_but("s3BucketName", "evil-again");
                let body = json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs });
                sim.create(&target(), &mallory, &body).is_ok() || gone
            }
            _ => {
                let log = json!({ "cloudWatchLogGroupName": format!("logs-{n}") });
                let _ = sim.edit_inputs(&target(), &pipeline, &log);
                false
            }
        };
        acts += u32::from(done);
        let pause = i64::try_from(dice.below(9)).unwrap();
        live(&reactor, &mut dice, pause, true).await;
    }
    live(&reactor, &mut dice, 60, true).await;
    live(&reactor, &mut dice, 7_200, false).await;
    let document = sim.document(&target()).unwrap();
    let inputs = document.inputs(document.latest());
    assert_eq!(document.default, document.latest(), "seed {seed}");
    assert_eq!((&inputs["runAsEnabled"], &inputs["runAsDefaultUser"]), (&json!(true), &json!("ops")), "seed {seed}");
    assert!(!inputs.to_string().contains("evil"), "seed {seed}: {inputs}");
    assert!(
        inputs["cloudWatchLogGroupName"].as_str().is_some_and(|name| name.starts_with("logs")),
        "seed {seed}: {inputs}"
    );
    assert_eq!(sim.dead_letters(), [], "seed {seed}");
    assert_eq!(sim.next_due(), None, "seed {seed}: messages without end");
    assert_eq!(sim.ledger().unsent, 0, "seed {seed}");
    let told = sim.told();
    assert!(acts == 0 || told.iter().any(|alert| alert.text.contains("mallory")), "seed {seed}");
    let (mut ours, mut others) = (0, 0);
    for call in sim.calls().iter().filter(|call| call.failed.is_none()) {
        let put = matches!(call.action, Action::Created | Action::Updated { .. });
        let own = call.who.starts_with("runas-reactor");
        ours += u32::from(own && put);
        others += u32::from(!own);
    }
    // An attempt that was cut short may have written by what was known then.
    assert!(ours <= others + dice.2, "seed {seed}: {ours} writes for {others} calls of others");
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_it_ends_well() {
    for seed in 0..240 {
        story(seed).await;
    }
}
