//! The roles that send: of the schedule, and of the forwarding rules. What they may not send, a sweep finds.

use serde_json::{Value, json};

use super::play::{Play, Sign};
use crate::e2e::hub::Deployed;
use crate::e2e::hub::chain::RESEARCH;
use crate::e2e::hub::roles::Role;
use crate::e2e::queue::sample_event;
use crate::e2e::stage::{FRANKFURT, HOME, HUB, MANAGEMENT, PAYMENTS, REGIONS, text_of};

const NEWCOMER: &str = "900000000004";
const HOUR_SECONDS: i64 = 60 * 60;
const FORWARDER: Role<'static> =
    Role { account: RESEARCH, name: "RunasReactorForwarder-eu-central-1", policy: "forward" };
const WATCHER: Role<'static> = Role { account: RESEARCH, name: "RunasWatcher-eu-central-1", policy: "forward" };
const OF_ORGANIZATIONS: Role<'static> =
    Role { account: MANAGEMENT, name: "RunasReactorManagementForwarder-us-east-1", policy: "forward" };
pub(super) const SENDS: &str = "sqs:SendMessage";
pub(super) const FORWARDS: &str = "events:PutEvents";

impl Play {
    /// What the Scheduler gets for an answer.
    fn schedules(&self) -> Value {
        let path = format!("schedule?name={}", self.deployed.hub.id("Sweep"));
        self.deployed.hub.cloud.ask(&path, &Value::Null).1
    }

    fn sweeps_until_undone(&self, place: (&str, &str), words: &str) {
        self.sweep();
        self.pass_until("a sweep finds the edit", || self.is_undone(place, words), || self.explained(place));
    }

    /// A check of `runasctl doctor`, which asks no account.
    fn doctor(&self, check: &str) -> Value {
        let ran = self.deployed.runasctl(&["doctor", "--no-probe", "-o", "json"]);
        let mut data = ran.data();
        let checks = data["checks"].as_array_mut().expect("a list").iter_mut();
        checks.filter(|it| it["check"] == check).map(Value::take).next().unwrap_or_default()
    }
}

/// One installation for all of it. What needs a document that no sweep has made yet comes first.
#[test]
fn senders_that_lack_a_permission_show_and_a_sweep_finds_what_they_did_not_send() {
    let play = Play::of(Deployed::installed());
    rule_that_watches_the_others_tells_of_them_by_a_role_of_its_own(&play);
    forwarding_rules_that_may_not_send_show_as_blind_and_a_sweep_finds_the_edit_and_the_account(&play);
    schedule_that_may_not_send_shows_as_sweeps_that_are_overdue(&play);
}

fn rule_that_watches_the_others_tells_of_them_by_a_role_of_its_own(play: &Play) {
    let mut disabled = sample_event(&play.deployed.stage, "bypass/disable-rule.json", RESEARCH);
    disabled["region"] = FRANKFURT.into();
    disabled["detail"]["awsRegion"] = FRANKFURT.into();
    let whole = play.take(&WATCHER, FORWARDS);
    play.deployed.put_onto_its_bus(&disabled);
    assert_eq!(play.denials(WATCHER.name, FORWARDS), 1);
    play.come_to_rest();
    assert_eq!(play.alerts(RESEARCH), Vec::<Value>::new(), "no event has arrived");
    play.deployed.put_policy(&WATCHER, &whole);
    let whole = play.take(&FORWARDER, FORWARDS);
    play.deployed.put_onto_its_bus(&disabled);
    play.await_sign(Sign::Alert("reactor_tampered", "disabled the rule"), FORWARDS, (RESEARCH, FRANKFURT));
    play.deployed.put_policy(&FORWARDER, &whole);
    play.nothing_was_put_aside();
}

fn forwarding_rules_that_may_not_send_show_as_blind_and_a_sweep_finds_the_edit_and_the_account(play: &Play) {
    let place = (RESEARCH, FRANKFURT);
    let whole = play.take(&FORWARDER, FORWARDS);
    play.sweep();
    play.pass_until("the sweep makes the document", || play.is_right(place), || play.explained(place));
    play.deployed.stage.pass(3 * HOUR_SECONDS);
    play.sweep();
    play.await_sign(Sign::Alert("forwarder_blind", "no event of the reactor's own write"), FORWARDS, place);

    // That sweep ends before the edit, or it finds the edit.
    play.come_to_rest();
    play.forget();
    let known = play.denials(FORWARDER.name, FORWARDS);
    play.deployed.stage.administrator(RESEARCH, "mallory").edits(FRANKFURT, &json!({"runAsDefaultUser": "root"}));
    play.await_denial(FORWARDER.name, FORWARDS, known);
    play.come_to_rest();
    assert_eq!(play.alerts(RESEARCH), Vec::<Value>::new(), "no event has arrived");
    play.sweeps_until_undone(place, "mallory");
    play.deployed.put_policy(&FORWARDER, &whole);
    play.deployed.stage.administrator(RESEARCH, "trudy").edits(FRANKFURT, &json!({"runAsDefaultUser": "admin"}));
    play.pass_until("events come again", || play.is_undone(place, "trudy"), || play.explained(place));

    let whole = play.take(&OF_ORGANIZATIONS, FORWARDS);
    let event = play.deployed.vend_with_gap_role(NEWCOMER);
    play.deployed.put_onto_its_bus(&event);
    assert_eq!(play.denials(OF_ORGANIZATIONS.name, FORWARDS), 1);
    play.sweep();
    let all = || REGIONS.into_iter().all(|region| play.is_right((NEWCOMER, region)));
    play.pass_until("the sweep finds the account", all, || play.explained((NEWCOMER, HOME)));
    play.deployed.put_policy(&OF_ORGANIZATIONS, &whole);
    play.nothing_was_put_aside();
}

fn schedule_that_may_not_send_shows_as_sweeps_that_are_overdue(play: &Play) {
    let place = (PAYMENTS, HOME);
    play.sweep();
    play.settles(place);
    assert_eq!(play.doctor("sweep")["outcome"], "ok");
    let role = Role { account: HUB, name: play.deployed.hub.id("ScheduleRole"), policy: "schedule" };
    let whole = play.take(&role, SENDS);
    play.lost_edit(place, "mallory", "root");
    let refused = play.schedules();
    assert!(text_of(&refused["code"]).contains("AccessDenied"), "{refused}");
    play.deployed.stage.pass(25 * HOUR_SECONDS);
    let check = play.doctor("sweep");
    assert_eq!(check["outcome"], "wrong", "{check}");
    play.deployed.put_policy(&role, &whole);
    play.sweeps_until_undone(place, "mallory");
    play.nothing_was_put_aside();
}
