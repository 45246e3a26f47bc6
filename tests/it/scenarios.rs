//! Named scenarios on the simulated organisation, each under every setting of what AWS leaves unconfirmed.

mod sharing;
mod torn;

use runas_reactor::domain::finding::{Alert, Severity};
use runas_reactor::domain::record::Status;
use runas_reactor::domain::target::Target;
use runas_reactor::ports::{Clock as _, FaultClass};
use runas_reactor::reactor::{PolicySource, Reactor};
use runas_reactor::sim::drive::{Simulated, run_for};
use runas_reactor::sim::faults::{FaultInjector, InjectedFault};
use runas_reactor::sim::{Caller, Duplicates, Fate, Sim, Switches};
use serde_json::{Value, json};

use crate::support::counted::{Counted, counted};
use crate::support::hub::Hub;
use crate::support::org::{self, MEMBER};

/// Long enough for everything but holds to come to rest.
const REST_S: i64 = 200;

struct Play {
    reactor: Reactor<Counted<Sim>>,
    target: Target,
    switches: Switches,
}

impl Play {
    /// A member account whose document LZA made and the reactor put right.
    async fn begin(switches: Switches) -> Self {
        let reactor = Reactor::new(counted(org::sim(switches)), PolicySource::Table);
        let target = org::target(MEMBER, "eu-west-1");
        let play = Self { reactor, target, switches };
        play.sim().lza_writes(&play.target, "lza-logs").unwrap();
        play.rest().await;
        play.assert_right();
        play
    }

    fn sim(&self) -> &Sim {
        self.reactor.world().sim()
    }

    async fn rest(&self) {
        run_for(&self.reactor, REST_S).await;
    }

    fn admin(&self) -> Caller {
        Caller::administrator(&self.target.account, "mallory@example.com")
    }

    fn pipeline(&self) -> Caller {
        Caller::lza(&self.target.account)
    }

    fn inputs(&self) -> Value {
        let document = self.sim().document(&self.target).unwrap();
        document.inputs(document.latest())
    }

    fn puts(&self) -> usize {
        let by_reactor = |call: &&runas_reactor::sim::Called| call.who.starts_with("runas-reactor");
        self.sim().calls().iter().filter(by_reactor).filter(|call| call.action.made_version().is_some()).count()
    }

    fn raised(&self, from: usize) -> Vec<Alert> {
        self.sim().alerts().into_iter().skip(from).collect()
    }

    fn assert_right(&self) {
        let switches = self.switches;
        let document = self.sim().document(&self.target).expect("there is a document");
        assert_eq!(document.default, document.latest(), "{switches:?}");
        let inputs = self.inputs();
        assert_eq!(
            (&inputs["runAsEnabled"], &inputs["runAsDefaultUser"]),
            (&json!(true), &json!("ops")),
            "{switches:?}"
        );
        let record = self.sim().ledger().records[&self.target].clone();
        assert_eq!(record.status, Status::InSync, "{switches:?}: {}", record.why);
        assert_eq!(self.sim().ledger().unsent, 0, "{switches:?}");
        assert!(self.sim().dead_letters().is_empty(), "{switches:?}");
    }
}

/// What pages on-call.
fn loud(alerts: &[Alert]) -> Vec<String> {
    let loud = alerts.iter().filter(|alert| alert.severity > Severity::Info);
    loud.map(|alert| format!("{} {}", alert.kind, alert.text)).collect()
}

/// Plays a scenario under every setting.
macro_rules! scenario {
    ($name:ident, $play:ident, $body:block) => {
        #[tokio::test(start_paused = true)]
        async fn $name() {
            for switches in Switches::all() {
                let $play = Play::begin(switches).await;
                $body
            }
        }
    };
}

scenario!(an_administrators_edit_is_undone_once_and_told_once, play, {
    let (puts, raised) = (play.puts(), play.sim().alerts().len());
    let edit = json!({ "runAsEnabled": false, "shellProfile": { "linux": "evil" } });
    play.sim().edit_inputs(&play.target, &play.admin(), &edit).unwrap();
    play.rest().await;
    play.assert_right();
    assert_eq!(play.inputs()["shellProfile"], Value::Null);
    assert_eq!(play.inputs()["cloudWatchLogGroupName"], "lza-logs");
    assert_eq!(play.puts(), puts + 1, "{:?}: one Put for one foreign edit", play.switches);
    let reverted: Vec<Alert> = play.raised(raised).into_iter().filter(|alert| alert.kind == "edit_reverted").collect();
    assert_eq!(reverted.len(), 1, "{:?}", play.switches);
    assert!(reverted[0].text.contains("mallory@example.com"), "{}", reverted[0].text);
    assert!(reverted[0].text.contains("runAsEnabled  true -> false"), "{}", reverted[0].text);
});

scenario!(a_rollback_of_the_default_version_is_undone_without_a_put, play, {
    let (puts, raised) = (play.puts(), play.sim().alerts().len());
    play.sim().move_default(&play.target, &play.admin(), 1).unwrap();
    play.rest().await;
    play.assert_right();
    assert_eq!(play.puts(), puts);
    assert_eq!(play.raised(raised).iter().filter(|alert| alert.kind == "edit_reverted").count(), 1);
});

scenario!(a_deleted_document_comes_back_as_it_was_accepted, play, {
    let raised = play.sim().alerts().len();
    play.sim().delete_document(&play.target, &play.admin()).unwrap();
    play.rest().await;
    play.assert_right();
    assert_eq!(play.inputs()["cloudWatchLogGroupName"], "lza-logs");
    let alerts = play.raised(raised);
    assert_eq!(alerts.iter().filter(|alert| alert.text.contains("deleted the document")).count(), 1, "{alerts:#?}");
});

scenario!(a_pipeline_that_deletes_and_replaces_is_given_time, play, {
    let raised = play.sim().alerts().len();
    play.sim().delete_document(&play.target, &play.pipeline()).unwrap();
    run_for(&play.reactor, 30).await;
    assert!(play.sim().document(&play.target).is_none(), "{:?}: nothing is written meanwhile", play.switches);
    play.sim().lza_writes(&play.target, "new-logs").unwrap();
    play.rest().await;
    play.assert_right();
    assert_eq!(play.inputs()["cloudWatchLogGroupName"], "new-logs");
    assert_eq!(loud(&play.raised(raised)), Vec::<String>::new(), "{:?}", play.switches);
});

scenario!(a_trusted_deletion_that_nothing_follows_is_restored_after_a_while, play, {
    play.sim().delete_document(&play.target, &play.pipeline()).unwrap();
    run_for(&play.reactor, 60).await;
    assert!(play.sim().document(&play.target).is_none());
    play.rest().await;
    play.assert_right();
});

scenario!(a_pipeline_keeps_its_logging_and_loses_nothing_else, play, {
    let raised = play.sim().alerts().len();
    play.sim().lza_writes(&play.target, "new-logs").unwrap();
    play.rest().await;
    play.assert_right();
    assert_eq!(play.inputs()["cloudWatchLogGroupName"], "new-logs");
    assert_eq!(loud(&play.raised(raised)), Vec::<String>::new(), "{:?}", play.switches);
});

scenario!(hostile_edit_before_a_trusted_one_is_not_accepted, play, {
    let hostile = json!({ "s3BucketName": "mallorys", "runAsEnabled": false });
    play.sim().edit_inputs(&play.target, &play.admin(), &hostile).unwrap();
    let trusted = json!({ "cloudWatchLogGroupName": "new-logs" });
    play.sim().edit_inputs(&play.target, &play.pipeline(), &trusted).unwrap();
    play.rest().await;
    play.assert_right();
    assert_eq!(play.inputs()["s3BucketName"], "");
    assert_eq!(play.inputs()["cloudWatchLogGroupName"], "new-logs", "{:?}", play.switches);
});

scenario!(a_hostile_version_that_is_deleted_behind_a_trusted_one_is_not_laundered, play, {
    let bad = play.sim().edit_inputs(&play.target, &play.admin(), &json!({ "s3BucketName": "mallorys" })).unwrap();
    play.sim().edit_inputs(&play.target, &play.pipeline(), &json!({ "kmsKeyId": "new" })).unwrap();
    play.sim().delete_version(&play.target, &play.admin(), bad).unwrap();
    play.rest().await;
    play.assert_right();
    assert_eq!(play.inputs()["s3BucketName"], "");
});

scenario!(a_document_of_another_type_is_replaced, play, {
    let raised = play.sim().alerts().len();
    play.sim().delete_document(&play.target, &play.admin()).unwrap();
    play.sim().create_of_type(&play.target, &play.admin(), "Command", r#"{"schemaVersion":"2.2"}"#).unwrap();
    play.rest().await;
    play.assert_right();
    assert_eq!(play.sim().document(&play.target).unwrap().document_type, "Session");
    assert!(play.raised(raised).iter().any(|alert| alert.text.contains("mallory@example.com")));
});

scenario!(content_that_is_no_document_is_replaced, play, {
    play.sim().update_text(&play.target, &play.admin(), r#"{"schemaVersion":"2.2"}"#).unwrap();
    play.rest().await;
    play.assert_right();
    assert_eq!(play.inputs()["cloudWatchLogGroupName"], "lza-logs");
});

scenario!(break_glass_stands_for_its_hour_and_is_then_undone, play, {
    let raised = play.sim().alerts().len();
    let oncall = Caller::break_glass(&play.target.account, "bob@example.com");
    play.sim().edit_inputs(&play.target, &oncall, &json!({ "runAsEnabled": false })).unwrap();
    run_for(&play.reactor, 3_500).await;
    assert_eq!(play.inputs()["runAsEnabled"], false, "{:?}", play.switches);
    assert_eq!(play.raised(raised).iter().filter(|alert| alert.kind == "break_glass").count(), 1);
    run_for(&play.reactor, 300).await;
    play.rest().await;
    play.assert_right();
});

/// Two settings of each dimension that matter to a war, each with each: whether content that SSM takes for the same is refused, how
/// long a version stays pending, and how stale and torn answers are.
const WARS: [(Duplicates, u32, (u64, u64)); 6] = [
    (Duplicates::Latest, 0, (0, 0)),
    (Duplicates::AnyMeaning, 2, (0, 0)),
    (Duplicates::Latest, 2, (1_500, 0)),
    (Duplicates::AnyMeaning, 0, (1_500, 0)),
    (Duplicates::Latest, 0, (1_500, 120)),
    (Duplicates::AnyMeaning, 2, (1_500, 120)),
];

#[tokio::test(start_paused = true)]
async fn a_war_backs_off_names_its_opponent_and_ends_by_itself() {
    for (duplicates, pending_reads, (stale_ms, torn_ms)) in WARS {
        let switches = Switches { duplicates, pending_reads, stale_ms, torn_ms, ..Switches::PLAIN };
        war(&Play::begin(switches).await).await;
    }
}

/// Foreign edits of a war.
const EDITS: usize = 30;

async fn war(play: &Play) {
    let (puts, raised) = (play.puts(), play.sim().alerts().len());
    for nth in 0..EDITS {
        let edit = json!({ "runAsEnabled": false, "idleSessionTimeout": nth.to_string() });
        play.sim().edit_inputs(&play.target, &play.admin(), &edit).unwrap();
        run_for(&play.reactor, 10).await;
    }
    let wars: Vec<Alert> = play.raised(raised).into_iter().filter(|alert| alert.kind == "edit_war").collect();
    assert_eq!(wars.len(), 1, "{:?}", play.switches);
    assert!(wars[0].text.contains("AdministratorAccess (mallory@example.com)"), "{}", wars[0].text);
    let reverted = play.raised(raised).iter().filter(|alert| alert.kind == "edit_reverted").count();
    assert!(reverted <= 7, "{:?}: {reverted} alerts for {EDITS} edits", play.switches);
    assert!(play.puts() - puts <= EDITS, "no more Puts than foreign edits");
    run_for(&play.reactor, 3_600).await;
    play.assert_right();
    assert_eq!(
        play.raised(raised).iter().filter(|alert| alert.kind == "incident_resolved").count(),
        1,
        "{:?}",
        play.switches
    );
}

scenario!(the_same_event_twice_changes_nothing_more, play, {
    play.sim().edit_inputs(&play.target, &play.admin(), &json!({ "runAsEnabled": false })).unwrap();
    play.sim().deliver_twice();
    play.rest().await;
    play.assert_right();
    let reverted = play.sim().alerts().iter().filter(|alert| alert.kind == "edit_reverted").count();
    assert_eq!(reverted, 1, "{:?}", play.switches);
});

scenario!(a_denied_attempt_is_told_once_an_hour_and_is_no_edit, play, {
    let (puts, raised) = (play.puts(), play.sim().alerts().len());
    for _ in 0..5 {
        assert!(play.sim().move_default(&play.target, &play.admin(), 99).is_err());
    }
    play.rest().await;
    play.assert_right();
    assert_eq!(play.puts(), puts);
    assert_eq!(play.raised(raised).iter().filter(|alert| alert.kind == "attempt_denied").count(), 1);
});

#[tokio::test(start_paused = true)]
async fn in_sync_with_nothing_new_writes_no_row() {
    let play = Play::begin(Switches::PLAIN).await;
    let commits = play.sim().ledger().commits;
    for _ in 0..3 {
        play.sim().enqueue(r#"{"kind":"sweep","schema":1}"#);
        play.rest().await;
    }
    let others = 2 + 3;
    assert_eq!(
        play.sim().ledger().commits,
        commits + others * 3 + 1,
        "the two other regions, and the management account's three: intent, creation and echo; and that CloudTrail has \
         confirmed what the pipeline created; no more"
    );
}

#[tokio::test(start_paused = true)]
async fn a_warm_drift_event_takes_three_calls_in_a_row_in_the_simulated_world() {
    let play = Play::begin(Switches::PLAIN).await;
    play.sim().edit_inputs(&play.target, &play.admin(), &json!({ "runAsEnabled": false })).unwrap();
    // Another region of nothing special warms the policy's cache.
    play.reactor.world().interceptor().start();
    run_for(&play.reactor, 5).await;
    assert_chain(&play.reactor.world().interceptor().calls());
}

/// Observes, updates, promotes: the longest chain of dependent calls until the document is right. The policy is read at most
/// once a minute and stands before it.
fn assert_chain(calls: &[(&'static str, usize)]) {
    let place = |name: &str| calls.iter().find(|(call, _)| *call == name).map(|(_, place)| *place);
    let first = place("policy").map_or(0, |place| place);
    let (observe, update, promote) = (place("observe").unwrap(), place("update").unwrap(), place("promote").unwrap());
    // One write to the ledger stands among them, the intent.
    assert_eq!(place("commit").unwrap() - first, 2, "{calls:?}");
    assert_eq!((observe - first, update - first, promote - first), (1, 3, 4), "{calls:?}");
    assert_eq!(place("load"), Some(observe), "the ledger is read beside the document: {calls:?}");
    let after = calls.iter().position(|(call, _)| *call == "promote").unwrap();
    let before: Vec<&str> = calls[..after].iter().map(|(call, _)| *call).filter(|call| *call != "policy").collect();
    assert!(
        before.iter().all(|call| ["observe", "load", "commit", "update"].contains(call)),
        "everything else comes after: {calls:?}"
    );
}

#[tokio::test]
async fn a_warm_drift_event_takes_three_calls_in_a_row_on_aws() {
    let hub = Hub::new().await;
    let target = org::target(MEMBER, "eu-west-1");
    let world = counted(hub.world());
    let reactor = Reactor::new(world, PolicySource::Fixed(org::policy().into()));
    hub.remember_account(MEMBER).await;
    let deadline = |reactor: &Reactor<_>| -> runas_reactor::domain::time::Time {
        let world: &Counted<runas_reactor::aws::AwsWorld> = reactor.world();
        world.now().plus_ms(60_000)
    };
    let first = hub.admin_creates(&target).await;
    reactor.batch(&[first], deadline(&reactor)).await;
    // What the reactor wrote comes back as an event, and is observed then.
    reactor.batch(&[org::touched(&target, reactor.world().now())], deadline(&reactor)).await;
    let edit = hub.admin_updates(&target).await;
    reactor.world().interceptor().start();
    let report = reactor.batch(&[edit], deadline(&reactor)).await;
    assert!(report.failed.is_empty(), "{report:?}");
    assert_eq!(report.reconciled[0].status, Status::InSync, "{report:?}");
    assert_chain(&reactor.world().interceptor().calls());
}

#[tokio::test(start_paused = true)]
async fn unlisted_account_is_alerted_and_not_observed() {
    let play = Play::begin(Switches::PLAIN).await;
    let unlisted = org::target("999900001111", "eu-west-1");
    for nth in 1..=2 {
        play.sim().lza_writes(&unlisted, &format!("logs-{nth}")).unwrap();
        let calls = play.sim().calls().len();
        play.rest().await;
        assert_eq!(play.sim().calls().len(), calls);
        let raised = play.sim().alerts();
        let unknown: Vec<&Alert> = raised.iter().filter(|alert| alert.kind == "unknown_account").collect();
        let [alert] = unknown[..] else { panic!("one alert after {nth} writes, and not {raised:#?}") };
        assert!(alert.text.contains("999900001111"), "{alert:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_account_is_waited_for_until_organizations_and_a_role_know_it() {
    let play = Play::begin(Switches::PLAIN).await;
    let management = org::target("111122223333", "us-east-1");
    let new = org::target("999900001111", "eu-west-1");
    play.sim().account_created(&management, &new.account);
    run_for(&play.reactor, 60).await;
    let now = play.sim().now();
    play.sim().put_account(org::account("999900001111", now.plus_ms(30_000)));
    play.rest().await;
    let records = play.sim().ledger().records;
    for region in ["eu-west-1", "eu-central-1", "us-east-1"] {
        assert_eq!(records[&org::target("999900001111", region)].status, Status::InSync, "{region}");
    }
    assert_eq!(loud(&play.raised(1)), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_new_account_is_late_by_all_that_its_news_took_unless_it_comes_from_an_archive() {
    for (hours, late) in [(24, true), (26, false)] {
        let play = Play::begin(Switches::PLAIN).await;
        let new = org::account("999900001111", play.sim().now());
        play.sim().next_fate(Fate::Late(hours * 3_600));
        play.sim().account_created(&org::target("111122223333", "us-east-1"), &new.facts.account);
        play.sim().put_account(new);
        run_for(&play.reactor, i64::from(hours) * 3_600 + REST_S).await;
        let raised = play.sim().alerts();
        assert_eq!(raised.iter().any(|alert| alert.kind == "configuration_lag"), late, "{hours} h: {raised:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn account_that_left_is_not_observed_any_more() {
    let play = Play::begin(Switches::PLAIN).await;
    let raised = play.sim().alerts().len();
    play.sim().take_account(&play.target.account);
    play.sim().account_departed(&org::target("111122223333", "us-east-1"), &play.target.account);
    play.rest().await;
    play.sim().edit_inputs(&play.target, &play.admin(), &json!({ "runAsEnabled": false })).unwrap();
    play.rest().await;
    assert_eq!(play.inputs()["runAsEnabled"], false);
    assert_eq!(play.sim().alerts().len(), raised, "no alert says that it is out of reach");
}

#[tokio::test(start_paused = true)]
async fn an_edit_in_an_account_that_is_back_is_undone_before_the_news_of_its_return() {
    let play = Play::begin(Switches::PLAIN).await;
    play.sim().account_departed(&org::target("111122223333", "us-east-1"), &play.target.account);
    play.rest().await;
    play.sim().edit_inputs(&play.target, &play.admin(), &json!({ "runAsEnabled": false })).unwrap();
    play.rest().await;
    play.assert_right();
}

#[tokio::test(start_paused = true)]
async fn departure_that_a_member_claims_has_no_effect_and_is_alerted() {
    let play = Play::begin(Switches::PLAIN).await;
    play.sim().account_departed(&org::target("555566667777", "us-east-1"), &play.target.account);
    play.rest().await;
    play.sim().edit_inputs(&play.target, &play.admin(), &json!({ "runAsEnabled": false })).unwrap();
    play.rest().await;
    play.assert_right();
    assert!(play.sim().alerts().iter().any(|alert| alert.kind == "untrusted_source"));
}

#[tokio::test(start_paused = true)]
async fn disabled_region_is_recorded_as_unreachable_without_a_page() {
    let play = Play::begin(Switches::PLAIN).await;
    let off = org::target(MEMBER, "us-east-1");
    play.sim().change_account(&off.account, |account| {
        account.regions_off.insert(off.region.clone());
    });
    play.sim().enqueue(r#"{"kind":"sweep","schema":1}"#);
    play.rest().await;
    assert_eq!(play.sim().ledger().records[&off].status, Status::Unreachable);
    assert_eq!(loud(&play.raised(1)), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn lost_access_is_alerted_once_and_so_is_its_end() {
    let play = Play::begin(Switches::PLAIN).await;
    let before = play.sim().alerts().len();
    play.sim().change_account(&play.target.account, |account| account.roles.clear());
    play.sim().edit_inputs(&play.target, &play.admin(), &json!({ "runAsEnabled": false })).unwrap();
    run_for(&play.reactor, 600).await;
    assert_eq!(play.sim().ledger().records[&play.target].status, Status::Unreachable);
    let now = play.sim().now();
    play.sim().change_account(&play.target.account, |account| {
        account.roles.insert(org::ROLE.to_owned(), now);
    });
    play.rest().await;
    play.assert_right();
    let kinds: Vec<String> = play.raised(before).into_iter().map(|alert| alert.kind).collect();
    assert_eq!(kinds, ["unreachable", "edit_noticed", "reachable_again"]);
    assert!(play.raised(before)[1].text.contains("mallory@example.com"));
}

/// The intent of a replacement is logged, and the observation after it fails: nothing is deleted.
#[tokio::test(start_paused = true)]
async fn a_deletion_whose_last_observation_fails_is_not_made() {
    let target = org::target(MEMBER, "eu-west-1");
    let play = async |hit: Option<usize>| {
        let world = FaultInjector::around(org::sim(Switches::PLAIN));
        let admin = Caller::administrator(&target.account, "mallory@example.com");
        world.sim().create_of_type(&target, &admin, "Command", "{}").unwrap();
        let reactor = Reactor::new(world, PolicySource::Table);
        let from = reactor.world().now().plus_ms(120_000);
        tokio::time::sleep(std::time::Duration::from_mins(2)).await;
        for place in hit.into_iter().flat_map(|place| [place, place + 5, place + 10]) {
            reactor.world().inject(u64::try_from(place).unwrap() + 1, InjectedFault::Refused(FaultClass::Throttled));
        }
        let report = reactor.batch(&[org::touched(&target, from)], from.plus_ms(60_000)).await;
        let made: Vec<&str> = reactor.world().made().iter().map(|made| made.call.method).collect();
        (made, report.failed.len())
    };
    let (made, failed) = play(None).await;
    assert_eq!(failed, 0, "{made:?}");
    let logged = made.iter().position(|call| *call == "commit").unwrap();
    assert_eq!(made[logged + 1..logged + 3], ["observe", "delete"], "{made:?}");
    let (made, _) = play(Some(logged + 1)).await;
    assert!(made.iter().position(|call| *call == "delete").is_none_or(|at| at > logged + 2), "{made:?}");
}
