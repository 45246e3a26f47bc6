//! The same against the simulated world: crashes between any two steps, and more edits than a message holds.

use std::collections::{BTreeMap, BTreeSet};

use runas_reactor::cli::policy_yaml;
use runas_reactor::domain::decode::{EDITS_MAX, encode_work};
use runas_reactor::domain::edit::{Action, Edit};
use runas_reactor::domain::signal::{Cause, Work};
use runas_reactor::domain::target::{AccountFacts, AccountState};
use runas_reactor::ports::Clock as _;
use runas_reactor::reactor::{Message, PolicySource, Reactor};
use runas_reactor::sim::drive::run_for;
use runas_reactor::sim::{Account, Caller, Duplicates, Sim, Switches};
use serde_json::json;

use super::cases::{at, principal, right, target};

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
    sim.put_account(Account { facts, roles, ready: at(0), regions_off: BTreeSet::new() });
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
    let reactor = world(Switches { duplicates: Duplicates::Latest, pending_looks: 200, stale_ms: 0 });
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
