//! Sweeps on the simulated organisation: changes without an event are found, and a sweep that stops continues or is alerted.

use runas_reactor::domain::finding::Alert;
use runas_reactor::domain::policy::Policy;
use runas_reactor::domain::record::Status;
use runas_reactor::domain::target::{AccountId, AccountState, OuId};
use runas_reactor::domain::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};
use runas_reactor::policy_file;
use runas_reactor::ports::{Clock as _, Sweeps as _};
use runas_reactor::reactor::{PolicySource, Reactor};
use runas_reactor::sim::drive::{Simulated, run_for, run_until};
use runas_reactor::sim::faults::{Ended, FaultInjector, InjectedFault};
use runas_reactor::sim::intercept::About;
use runas_reactor::sim::{Caller, Fate, Sim, Switches};
use serde_json::{Value, json};

use crate::support::org::{self, MANAGEMENT, MEMBER, epoch};

mod regions;

const SWEEP: &str = r#"{"kind":"sweep","schema":1}"#;
const REGIONS: [&str; 3] = ["eu-west-1", "eu-central-1", "us-east-1"];
const OPS: &str = "ou-root-workloads";
const PRODUCTION: &str = "ou-root-production";

/// The tests' policy with another user in one OU.
fn policy() -> Policy {
    policy_of("ops")
}

fn policy_of(user: &str) -> Policy {
    let text = r#"
version: 1
organization: { id: o-exampleorgid, management_account: "111122223333", hub_account: "222233334444", home_region: eu-west-1 }
regions: [eu-west-1, eu-central-1, us-east-1]
access: { roles: [RunasReactorMember], gap_roles: [AWSControlTowerExecution] }
unplaced: observe
defaults: { mode: enforce, preferences: { runAsEnabled: true, runAsDefaultUser: ops } }
scopes:
  - { name: production, ous: [ou-root-production], preferences: { runAsDefaultUser: prodops } }
  - { name: management, accounts: ["111122223333"], mode: enforce }
"#;
    policy_file::parse(
        "the sweeps' policy",
        &text.replace("runAsDefaultUser: ops", &format!("runAsDefaultUser: {user}")),
        epoch(),
    )
    .unwrap_or_else(|problems| panic!("{problems}"))
    .0
}

fn id(account: &str) -> AccountId {
    account.parse().unwrap()
}

fn mallory() -> Caller {
    Caller::administrator(&id(MEMBER), "mallory@example.com")
}

fn path(ous: &[&str]) -> Vec<OuId> {
    ["r-root"].iter().chain(ous).map(|ou| ou.parse().unwrap()).collect()
}

/// The organisation of [`org`] with this policy.
fn sim() -> Sim {
    let sim = org::sim(Switches::PLAIN);
    sim.push_policy(policy());
    sim
}

/// With forty accounts more, which takes more than one step.
fn larger() -> Sim {
    let sim = sim();
    for n in 0..40 {
        sim.put_account(org::account(&format!("5000000000{n:02}"), epoch()));
    }
    sim
}

struct Play<W>(Reactor<W>);

impl<W: Simulated> Play<W> {
    fn over(world: W) -> Self {
        Self(Reactor::new(world, PolicySource::Table))
    }

    fn sim(&self) -> &Sim {
        self.0.world().sim()
    }

    async fn sweep(&self) {
        self.sim().enqueue(SWEEP);
        run_for(&self.0, 300).await;
    }

    /// The Run As user of an account in every region, one word where they agree.
    fn user(&self, account: &str) -> String {
        let users = REGIONS.map(|region| {
            let document = self.sim().document(&org::target(account, region));
            let inputs = document.map_or(Value::Null, |document| document.inputs(document.default));
            inputs["runAsDefaultUser"].as_str().unwrap_or("none").to_owned()
        });
        assert!(users.iter().all(|user| *user == users[0]), "{users:?}");
        users[0].clone()
    }

    fn state(&self, account: &str) -> Option<AccountState> {
        self.sim().known_facts(&id(account)).map(|facts| facts.state)
    }

    fn kinds(&self) -> Vec<String> {
        self.sim().alerts().into_iter().map(|alert| alert.kind).collect()
    }

    fn of_kind(&self, kind: &str) -> Vec<Alert> {
        self.sim().alerts().into_iter().filter(|alert| alert.kind == kind).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_sweep_meets_every_account_and_says_where_it_has_come_to() {
    let play = Play::over(sim());
    for n in 0..17 {
        play.sim().put_account(org::account(&format!("5000000000{n:02}"), epoch()));
    }
    play.sweep().await;
    for account in [MEMBER, MANAGEMENT, "500000000016"] {
        assert_eq!(
            (play.user(account).as_str(), play.state(account)),
            ("ops", Some(AccountState::Active)),
            "{account}"
        );
    }
    let sweep = play.sim().last_sweep().unwrap();
    assert_eq!((sweep.accounts, sweep.targets), (19, 57));
    assert!(sweep.ended.is_some() && sweep.step > sweep.number, "{sweep:?}");
    assert_eq!(play.kinds(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_ou_that_is_registered_is_walked_with_everything_below_it() {
    let play = Play::over(sim());
    for (n, ous) in [vec![OPS], vec![OPS, "ou-root-nested"], vec![PRODUCTION]].into_iter().enumerate() {
        for m in 0..4 {
            let mut account = org::account(&format!("70000000{n}00{m}"), epoch());
            account.facts.ou_path = path(&ous);
            play.sim().put_account(account);
        }
    }
    let event = include_str!("../../events/control-tower/register-ou-succeeded.json");
    play.sim().enqueue(&event.replace("ou-ab12-11111111", OPS));
    run_for(&play.0, 300).await;
    for m in 0..4 {
        assert_eq!(play.user(&format!("70000000000{m}")), "ops");
        assert_eq!(play.user(&format!("70000000100{m}")), "ops");
        assert_eq!(play.user(&format!("70000000200{m}")), "none", "beside it");
    }
    assert_eq!(play.sim().last_sweep(), None);
}

#[tokio::test(start_paused = true)]
async fn an_account_directly_under_the_root_follows_unplaced_and_its_scope_once_it_has_one() {
    let play = Play::over(sim());
    let mut unplaced = org::account("500000000001", epoch());
    unplaced.facts.ou_path = path(&[]);
    play.sim().put_account(unplaced);
    play.sweep().await;
    assert_eq!(play.user("500000000001"), "none", "unplaced: observe");
    assert_eq!(play.user(MANAGEMENT), "ops", "named by a scope");
    play.sim().change_account(&id("500000000001"), |account| account.facts.ou_path = path(&[PRODUCTION]));
    play.sweep().await;
    assert_eq!(play.user("500000000001"), "prodops");
}

#[tokio::test(start_paused = true)]
async fn account_moved_without_an_event_gets_its_new_baseline_by_the_next_sweep() {
    let play = Play::over(sim());
    play.sweep().await;
    play.sim().change_account(&id(MEMBER), |account| account.facts.ou_path = path(&[PRODUCTION]));
    play.sweep().await;
    assert_eq!(play.user(MEMBER), "prodops");
    assert_eq!(play.sim().known_facts(&id(MEMBER)).unwrap().ou_path, path(&[PRODUCTION]));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_vanished_without_an_event_ends_quietly_and_is_kept_as_history() {
    let play = Play::over(sim());
    play.sweep().await;
    let before = play.sim().ledger();
    let gone = play.sim().take_account(&id(MEMBER)).unwrap();
    play.sweep().await;
    assert_eq!(play.state(MEMBER), Some(AccountState::Left));
    assert_eq!(play.sim().known_facts(&id(MEMBER)).unwrap().name, "workload", "what was known stays");
    assert_eq!(play.sim().ledger().records, before.records);
    assert_eq!(play.kinds(), [""; 0]);
    // It is not asked for in every sweep to come, and is found when it is back.
    assert_eq!(play.sim().unmet(u64::MAX).await.unwrap(), [id(MANAGEMENT)]);
    play.sim().put_account(gone);
    play.sim().change_account(&id(MEMBER), |account| account.facts.ou_path = path(&[PRODUCTION]));
    play.sweep().await;
    assert_eq!((play.state(MEMBER), play.user(MEMBER).as_str()), (Some(AccountState::Active), "prodops"));
}

#[tokio::test(start_paused = true)]
async fn suspended_account_ends_quietly_and_is_observed_again_when_it_is_back() {
    let play = Play::over(sim());
    play.sweep().await;
    let state = |state| play.sim().change_account(&id(MEMBER), |account| account.facts.state = state);
    state(AccountState::Closed);
    play.sim().change_account(&id(MEMBER), |account| account.roles.clear());
    play.sweep().await;
    assert_eq!(play.state(MEMBER), Some(AccountState::Closed));
    assert_eq!(play.kinds(), [""; 0], "nobody hears that a closed account cannot be read");
    state(AccountState::Active);
    play.sim().change_account(&id(MEMBER), |account| {
        account.roles.insert(org::ROLE.to_owned(), epoch());
        account.facts.ou_path = path(&[PRODUCTION]);
    });
    play.sweep().await;
    assert_eq!(play.user(MEMBER), "prodops");
}

#[tokio::test(start_paused = true)]
async fn late_departure_event_after_the_return_removes_no_account() {
    let play = Play::over(sim());
    play.sweep().await;
    let management = org::target(MANAGEMENT, "us-east-1");
    play.sim().account_departed(&management, &id(MEMBER));
    run_for(&play.0, 60).await;
    assert_eq!(play.state(MEMBER), Some(AccountState::Active));
    let target = org::target(MEMBER, "eu-west-1");
    play.sim().edit_inputs(&target, &mallory(), &json!({ "runAsEnabled": false })).unwrap();
    run_for(&play.0, 60).await;
    assert_eq!(play.kinds(), ["edit_reverted"]);
}

#[tokio::test(start_paused = true)]
async fn change_without_an_event_is_found_and_alerted() {
    let play = Play::over(sim());
    play.sweep().await;
    let target = org::target(MEMBER, "us-east-1");
    play.sim().edit_inputs(&target, &mallory(), &json!({ "runAsDefaultUser": "root2" })).unwrap();
    play.sim().forget_messages();
    play.sweep().await;
    assert_eq!((play.user(MEMBER).as_str(), play.kinds()), ("ops", vec!["edit_reverted".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn write_without_an_event_is_alerted_once_by_a_later_sweep() {
    let play = Play::over(sim());
    play.sweep().await;
    let target = org::target(MEMBER, "us-east-1");
    play.sim().edit_inputs(&target, &mallory(), &json!({ "runAsDefaultUser": "root2" })).unwrap();
    play.sim().forget_messages();
    play.sim().enqueue(SWEEP);
    for _ in 0..60 {
        if play.sim().document(&target).unwrap().latest() == 3 {
            break;
        }
        run_for(&play.0, 1).await;
    }
    play.sim().forget_messages();
    run_for(&play.0, 120).await;
    play.sweep().await;
    assert_eq!(play.kinds(), ["edit_reverted"], "the event may still come");
    run_for(&play.0, 2 * HOUR_MS / SECOND_MS).await;
    play.sweep().await;
    play.sweep().await;
    assert_eq!(play.kinds(), ["edit_reverted", "author_known", "forwarder_blind"]);
    assert_eq!(play.sim().alerts()[2].region, Some(target.region));
}

#[tokio::test(start_paused = true)]
async fn missing_forwarder_is_alerted_although_the_event_history_has_the_write() {
    let play = Play::over(sim());
    play.sweep().await;
    let target = org::target(MEMBER, "us-east-1");
    // The events of her edit, of the update and of both promotions are lost.
    (0..4).for_each(|_| play.sim().next_fate(Fate::Lost));
    play.sim().edit_inputs(&target, &mallory(), &json!({ "runAsDefaultUser": "root2" })).unwrap();
    play.sweep().await;
    run_for(&play.0, HOUR_MS / SECOND_MS).await;
    let named = play.sim().alerts().iter().any(|alert| alert.text.contains("mallory@example.com"));
    assert!(named, "the event history has her call by the end of the incident");
    run_for(&play.0, 2 * HOUR_MS / SECOND_MS).await;
    play.sweep().await;
    assert_eq!(play.of_kind("forwarder_blind").len(), 1, "{:?}", play.kinds());
}

#[tokio::test(start_paused = true)]
async fn an_incident_does_not_end_without_the_principal_that_the_event_history_knows() {
    let play = Play::over(sim());
    play.sweep().await;
    let target = org::target(MEMBER, "us-east-1");
    play.sim().next_fate(Fate::Lost);
    play.sim().edit_inputs(&target, &mallory(), &json!({ "runAsDefaultUser": "root2" })).unwrap();
    let trudy = Caller::administrator(&id(MEMBER), "trudy@example.com");
    play.sim().edit_inputs(&target, &trudy, &json!({ "shellProfile": { "linux": "id" } })).unwrap();
    run_for(&play.0, HOUR_MS / SECOND_MS).await;
    let of = |name: &str| play.sim().alerts().iter().filter(|alert| alert.text.contains(name)).count();
    assert!(of("trudy@example.com") > 0 && of("mallory@example.com") > 0, "{:?}", play.kinds());
}

#[tokio::test(start_paused = true)]
async fn whichever_call_of_a_sweep_fails_in_whatever_way_it_comes_to_its_end() {
    let calls = {
        let play = Play::over(FaultInjector::around(sim()));
        play.sim().enqueue(SWEEP);
        run_until(&play.0, play.sim().now().plus_ms(500)).await;
        assert!(play.sim().last_sweep().unwrap().ended.is_some(), "the calls of the targets come after it");
        play.0.world().calls()
    };
    for (nth, hit) in (1..=calls).flat_map(|nth| InjectedFault::ALL.map(|hit| (nth, hit))) {
        let play = Play::over(FaultInjector::around(sim()));
        let world = play.0.world();
        world.inject(nth, hit);
        play.sim().enqueue(SWEEP);
        for number in 0..50 {
            let end = play.sim().now().plus_ms(20 * SECOND_MS);
            match world.invocation(number, false, run_until(&play.0, end)).await {
                Ended::Returned(_) | Ended::Stopped => {}
            }
        }
        let sweep = play.sim().last_sweep().unwrap();
        assert!(sweep.ended.is_some(), "call {nth}, {hit:?}: {sweep:?}");
        assert_eq!((play.user(MEMBER), play.user(MANAGEMENT)), ("ops".to_owned(), "ops".to_owned()), "{nth}, {hit:?}");
        assert_eq!(play.of_kind("sweep_unfinished"), [], "call {nth}, {hit:?}");
        assert_eq!(play.sim().dead_letters(), [], "call {nth}, {hit:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn sweep_that_stopped_for_good_is_alerted_once_by_the_next_which_completes() {
    let play = Play::over(larger());
    play.sim().enqueue(SWEEP);
    run_for(&play.0, 1).await;
    let stopped = play.sim().last_sweep().unwrap();
    assert_eq!(stopped.ended, None, "it takes more than one step");
    play.sim().forget_messages();
    run_for(&play.0, 16 * MINUTE_MS / SECOND_MS).await;
    play.sweep().await;
    play.sweep().await;
    assert_eq!(play.kinds(), ["sweep_unfinished"]);
    let alert = &play.sim().alerts()[0];
    assert!(alert.text.contains(&stopped.began.to_string()), "{}", alert.text);
    assert_eq!(alert.data["sweep"]["step"], json!(stopped.step));
    assert!(play.sim().last_sweep().unwrap().ended.is_some());
}

#[tokio::test(start_paused = true)]
async fn the_schedules_word_twice_is_one_sweep() {
    let play = Play::over(larger());
    play.sim().enqueue(SWEEP);
    play.sim().enqueue(SWEEP);
    run_for(&play.0, 1).await;
    play.sim().enqueue(SWEEP);
    play.sim().deliver_twice();
    run_for(&play.0, 600).await;
    let sweep = play.sim().last_sweep().unwrap();
    assert_eq!((sweep.number, sweep.targets), (1, 126));
    assert!(sweep.ended.is_some());
}

#[tokio::test(start_paused = true)]
async fn the_tree_is_asked_for_at_less_than_organizations_rate() {
    let play = Play::over(FaultInjector::around(larger()));
    for n in 0..20 {
        let mut account = org::account(&format!("6000000000{n:02}"), epoch());
        account.facts.ou_path = path(&[OPS, &format!("ou-root-{n:08}")]);
        play.sim().put_account(account);
    }
    play.sweep().await;
    assert_eq!(play.sim().last_sweep().unwrap().accounts, 62);
    let made = play.0.world().made();
    let asked: Vec<_> =
        made.iter().filter(|made| ["ous_in", "accounts_in"].contains(&made.call.method)).map(|m| m.at).collect();
    assert!(asked.len() > 50, "{}", asked.len());
    let fast = asked.windows(6).find(|calls| calls[5].since(calls[0]) < SECOND_MS);
    assert_eq!(fast, None, "five a second for each of the two lists; all of them together are no more than that");
}

#[tokio::test(start_paused = true)]
async fn unobserved_targets_are_alerted_once_a_day() {
    let play = Play::over(sim());
    play.sweep().await;
    // The sweeps go on, and the looks that they ask for come to nothing.
    for _ in 0..3 {
        run_for(&play.0, 20 * HOUR_MS / SECOND_MS).await;
        let mut sweep = play.sim().last_sweep().unwrap();
        sweep.previous_completed = Some(sweep.began);
        (sweep.began, sweep.last_progress, sweep.ended) = (play.sim().now(), play.sim().now(), Some(play.sim().now()));
        sweep.step += 1;
        play.sim().save_sweep(&sweep).await.unwrap();
    }
    assert_eq!(play.kinds(), [""; 0]);
    play.sweep().await;
    let alerts = play.of_kind("targets_not_checked");
    assert_eq!(alerts.len(), 2, "{alerts:#?}");
    for region in REGIONS {
        assert!(alerts[0].text.contains(region), "{}", alerts[0].text);
    }
    play.sweep().await;
    assert_eq!(play.of_kind("targets_not_checked").len(), 2);
    run_for(&play.0, DAY_MS / SECOND_MS).await;
    play.sweep().await;
    assert_eq!(play.of_kind("targets_not_checked").len(), 2, "the sweep before checked them");
    assert_eq!(play.sim().record(&org::target(MEMBER, "eu-west-1")).unwrap().status, Status::InSync);
}

/// The calls of the ports that a second sweep makes for the targets of an account, in any order.
#[tokio::test(start_paused = true)]
async fn a_target_in_sync_takes_one_call_and_writes_nothing() {
    let play = Play::over(FaultInjector::around(sim()));
    play.sweep().await;
    play.sweep().await;
    let ledger = play.sim().ledger();
    play.0.world().made();
    play.sweep().await;
    let made = play.0.world().made();
    let count = |call: &str| made.iter().filter(|made| made.call.method == call).count();
    let on_documents = made.iter().filter(|made| matches!(made.call.about, About::Document(_))).count();
    assert_eq!((count("quick_check"), on_documents), (6, 6), "{made:#?}");
    assert_eq!((count("load"), count("commit"), count("record_check")), (6, 0, 0), "{made:#?}");
    assert_eq!(play.sim().ledger().commits, ledger.commits);
    run_for(&play.0, 13 * HOUR_MS / SECOND_MS).await;
    play.0.world().made();
    play.sweep().await;
    let made = play.0.world().made();
    let notes = made.iter().filter(|made| made.call.method == "record_check").count();
    assert_eq!(notes, 6, "a look is written down twice a day");
}

#[tokio::test(start_paused = true)]
async fn any_change_gets_a_full_observation() {
    let play = Play::over(FaultInjector::around(sim()));
    play.sweep().await;
    play.sweep().await;
    let target = org::target(MEMBER, "us-east-1");
    let sim = play.sim();
    let looks = async || {
        play.sim().forget_messages();
        play.0.world().made();
        play.sweep().await;
        let made = play.0.world().made();
        made.iter()
            .filter(|made| made.call.method == "observe" && made.call.about == About::Document(target.clone()))
            .count()
    };
    assert_eq!(looks().await, 0);
    sim.edit_inputs(&target, &mallory(), &json!({ "runAsDefaultUser": "root2" })).unwrap();
    assert!(looks().await > 0, "another version");
    assert_eq!(play.user(MEMBER), "ops");
    looks().await;
    assert_eq!(looks().await, 0);
    sim.move_default(&target, &mallory(), 1).unwrap();
    assert!(looks().await > 0, "another default");
    looks().await;
    assert_eq!(looks().await, 0);
    let document = sim.document(&target).unwrap();
    let text: Value = serde_json::from_str(&document.versions[&document.latest()].text).unwrap();
    sim.delete_document(&target, &mallory()).unwrap();
    assert!(looks().await > 0, "gone");
    looks().await;
    sim.delete_document(&target, &mallory()).unwrap();
    sim.create(&target, &mallory(), &text).unwrap();
    assert!(looks().await > 0, "another document with the same content under the same number");
    looks().await;
    assert_eq!(looks().await, 0);
    let management = policy();
    let other = policy_of("engineers");
    sim.push_policy(other);
    run_for(&play.0, 70).await;
    assert!(looks().await > 0, "another baseline");
    assert_eq!(play.user(MEMBER), "engineers");
    sim.push_policy(management);
    sim.change_account(&id(MEMBER), |account| account.roles.clear());
    assert!(looks().await > 0, "out of reach");
    assert_eq!(sim.record(&target).unwrap().status, Status::Unreachable);
}
