//! The shell at its ports: deadlines, repeated reads, lost races, and what becomes of a message that comes again.

use futures_util::future::join;
use runas_reactor::domain::case::{Applied, Refusal};
use runas_reactor::domain::decode::encode;
use runas_reactor::domain::durations::REQUEUES_MAX;
use runas_reactor::domain::edit::Sharing;
use runas_reactor::domain::fact::Intended;
use runas_reactor::domain::finding::Alert;
use runas_reactor::domain::signal::{Cause, Task, Work};
use runas_reactor::domain::time::{DAY_MS, MINUTE_MS, SECOND_MS, Time};
use runas_reactor::ports::{Clock as _, FaultClass, Relapse};
use runas_reactor::reactor::{BatchReport, Message, PolicySource, Reactor};
use runas_reactor::sim::drive::{Simulated as _, run_for};
use runas_reactor::sim::faults::{FaultInjector, InjectedFault, Made};
use runas_reactor::sim::intercept::About;
use runas_reactor::sim::{Caller, Fate, Sim, Switches};
use serde_json::{Value, json};

use crate::support::org::{self, MANAGEMENT, MEMBER};

mod bypass;
mod history;
mod outbox;
mod sweeps;
mod writing;

/// Every call of the simulated world takes this long.
const CALL_MS: i64 = 40;
const SWEEP: &str = r#"{"kind":"sweep","schema":1}"#;
const CONFLICT: InjectedFault = InjectedFault::Refused(FaultClass::Conflict);

struct Play(Reactor<FaultInjector>);

impl Play {
    fn begin() -> Self {
        Self(Reactor::new(FaultInjector::around(org::sim(Switches::PLAIN)), PolicySource::Table))
    }

    /// A document that LZA made and the reactor put right.
    async fn in_sync() -> Self {
        let play = Self::begin();
        play.sim().lza_writes(&org::target(MEMBER, "eu-west-1"), "lza-logs").unwrap();
        play.rest().await;
        play.world().made();
        play
    }

    fn world(&self) -> &FaultInjector {
        self.0.world()
    }

    fn sim(&self) -> &Sim {
        self.world().sim()
    }

    async fn rest(&self) {
        run_for(&self.0, 200).await;
    }

    /// One invocation, which has a minute.
    async fn batch(&self, messages: &[Message]) -> BatchReport {
        self.0.batch(messages, self.sim().now().plus_ms(60 * SECOND_MS)).await
    }

    fn raised(&self, kind: &str) -> Vec<Alert> {
        self.sim().alerts().into_iter().filter(|alert| alert.kind == kind).collect()
    }

    /// When each call of a port's method was made since this was asked last.
    fn made(&self, call: &str) -> Vec<Time> {
        self.world().made().iter().filter(|made| made.call.method == call).map(|made| made.at).collect()
    }
}

fn member() -> Message {
    org::touched(&org::target(MEMBER, "eu-west-1"), org::epoch())
}

fn sweep_of_member() -> Message {
    let task = Task::SweepAccount { account: MEMBER.parse().unwrap(), sweep: "s-1".to_owned(), began: org::epoch() };
    message("sweep of an account", &encode(&task))
}

fn message(id: &str, body: &str) -> Message {
    Message { id: id.to_owned(), body: body.to_owned(), receipt: None, receives: 1 }
}

#[tokio::test(start_paused = true)]
async fn call_without_end_is_given_up_before_the_deadline() {
    let sweep = message("sweep", SWEEP);
    let new = Work { cause: Cause::AccountLifecycle, ..work_on("999900001111", org::epoch()) };
    for (call, message) in [
        ("policy", member()),
        ("account", message("new", &encode(&Task::Work(new)))),
        ("load", member()),
        ("observe", member()),
        ("enabled_regions", sweep_of_member()),
        ("load", sweep_of_member()),
        ("sweep", sweep.clone()),
        ("send", sweep),
        ("dead_letter", message("garbage", "garbage")),
    ] {
        let play = Play::begin();
        play.world().inject_always(call, InjectedFault::Slow(600_000));
        let deadline = play.sim().now().plus_ms(60 * SECOND_MS);
        let report = play.0.batch(std::slice::from_ref(&message), deadline).await;
        let left_ms = deadline.since(play.sim().now());
        assert_eq!((left_ms, report.failed.len()), (1_500, 1), "{call}: {report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn handing_back_ends_half_a_second_before_the_deadline() {
    for (call, receives) in [("make_visible_after", 1), ("resend", 3)] {
        let play = Play::begin();
        play.world().inject_always("load", InjectedFault::Refused(FaultClass::Throttled));
        play.world().inject_always(call, InjectedFault::Slow(600_000));
        let deadline = play.sim().now().plus_ms(60 * SECOND_MS);
        let message = Message { receipt: Some("1".to_owned()), receives, ..member() };
        let report = play.0.batch(&[message], deadline).await;
        let left_ms = deadline.since(play.sim().now());
        assert_eq!((left_ms, report.failed.len()), (500, 1), "{call}: {report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn policy_in_use_is_read_again_after_a_minute() {
    let play = Play::begin();
    let read = play.sim().now();
    let mut reads = Vec::new();
    for age_ms in [0, 59_999, 60_000] {
        let wait_ms = read.plus_ms(age_ms).since(play.sim().now());
        play.world().sleep(u64::try_from(wait_ms).unwrap()).await;
        play.batch(&[]).await;
        reads.push(play.made("policy").len());
    }
    assert_eq!(reads, [1, 0, 1]);
}

/// An invocation that began under the old policy would put back what another has written by the new one, and hear of that.
#[tokio::test(start_paused = true)]
async fn invocation_reads_the_policy_again_where_another_has_worked_by_a_newer_one() {
    let play = Play::in_sync().await;
    play.world().sleep(600_000).await;
    play.batch(&[]).await;
    play.world().sleep(59_900).await;
    play.world().made();
    for call in ["load", "observe"] {
        play.world().inject_once(call, InjectedFault::Slow(5_000));
    }
    let newer = async {
        play.world().sleep(200).await;
        play.sim().push_policy(org::policy_with("runAsDefaultUser: ops", "runAsDefaultUser: ssm-user").with_label("2"));
        play.batch(&[member()]).await
    };
    let (older, newer) = join(play.batch(&[member()]), newer).await;
    let applied = [older, newer].map(|report| report.reconciled[0].applied.clone());
    assert!(matches!(applied, [Applied::Nothing, Applied::Landed { version: 3, .. }]), "{applied:?}");
    assert_eq!(play.made("policy").len(), 2);
}

fn body(user: &str, number: u64) -> Value {
    let inputs = json!({ "runAsEnabled": true, "runAsDefaultUser": user, "idleSessionTimeout": number.to_string() });
    json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs })
}

/// A document of a pipeline's with so many versions, all older than names take to arrive.
async fn with_versions(switches: Switches, user: &str, versions: u64) -> Play {
    let play = Play(Reactor::new(FaultInjector::around(org::sim(switches)), PolicySource::Table));
    let target = org::target(MEMBER, "eu-west-1");
    let pipeline = Caller::lza(&target.account);
    play.sim().create(&target, &pipeline, &body(user, 0)).unwrap();
    for number in 1..versions {
        play.sim().update_text(&target, &pipeline, &body(user, number).to_string()).unwrap();
        play.world().sleep(1_000).await;
    }
    play.sim().move_default(&target, &pipeline, versions).unwrap();
    play.sim().forget_messages();
    play.world().sleep(1_200_000).await;
    play
}

#[tokio::test(start_paused = true)]
async fn report_counts_the_alerts_and_messages_that_were_sent() {
    let play = Play::in_sync().await;
    let target = org::target(MEMBER, "eu-west-1");
    let raised = play.sim().alerts().len();
    let admin = Caller::administrator(&target.account, "mallory@example.com");
    play.sim().edit_inputs(&target, &admin, &json!({ "runAsEnabled": false })).unwrap();
    let reports = run_for(&play.0, 300).await;
    let counted: usize = reports.iter().map(|report| report.alerts).sum();
    assert_eq!(counted, play.sim().alerts().len() - raised);
    assert!(counted > 0);
    play.sim().enqueue("neither an event nor work");
    let alerts: Vec<usize> = run_for(&play.0, 10).await.iter().map(|report| report.alerts).collect();
    assert_eq!(alerts, [1], "an alert of the hub counts, too");
    play.sim().enqueue(SWEEP);
    assert_eq!(sent(&run_for(&play.0, 10).await), [1, 2], "the first step, which ends the sweep with two accounts");
    play.sim().account_created(&org::target(MANAGEMENT, "us-east-1"), &target.account);
    assert_eq!(sent(&run_for(&play.0, 12).await)[0], 3, "three regions");
}

/// The messages that each batch sent, without those that sent none.
fn sent(reports: &[BatchReport]) -> Vec<usize> {
    reports.iter().map(|report| report.sent).filter(|sent| *sent > 0).collect()
}

/// A message that only the account's name in Organizations is missing for is asked for again, but not for ever.
#[tokio::test(start_paused = true)]
async fn unlisted_new_account_is_asked_for_until_the_policys_minutes_are_over() {
    let asked = async |age_ms: i64| {
        let play = Play::begin();
        play.batch(&[]).await;
        play.world().made();
        let since = play.sim().now().plus_ms(2 * CALL_MS - age_ms);
        let work = Work { cause: Cause::AccountLifecycle, requeues: 7, ..work_on("999900001111", since) };
        play.batch(&[message("new", &encode(&Task::Work(work)))]).await;
        let made = play.world().made();
        let account = made.iter().find(|made| made.call.method == "account").unwrap();
        assert_eq!(account.at.since(since), age_ms, "so old is it when Organizations has answered");
        let sent = made.iter().find(|made| made.call.method == "send").map(|made| made.call.about.clone());
        (sent, play.raised("unknown_account").len())
    };
    let again = Some(About::Messages(vec![(8, 15)]));
    assert_eq!(asked(119 * MINUTE_MS).await, (again.clone(), 0));
    assert_eq!(asked(120 * MINUTE_MS - 1).await, (again, 0));
    assert_eq!(asked(120 * MINUTE_MS).await, (None, 1));
}

#[tokio::test(start_paused = true)]
async fn chain_of_messages_of_an_unlisted_new_account_has_an_end_whatever_the_policys_minutes() {
    let play = Play::begin();
    play.sim().push_policy(org::policy_with("retry_for_minutes: 120", "retry_for_minutes: 10080"));
    for (requeues, sent, alerts) in [(REQUEUES_MAX - 1, Some((REQUEUES_MAX, 900)), 0), (REQUEUES_MAX, None, 1)] {
        play.world().made();
        let work = work_on("999900001111", play.sim().now());
        let work = Work { cause: Cause::AccountLifecycle, requeues, ..work };
        play.batch(&[message("new", &encode(&Task::Work(work)))]).await;
        let made = play.world().made();
        let about = made.iter().find(|made| made.call.method == "send").map(|made| made.call.about.clone());
        assert_eq!(about, sent.map(|message| About::Messages(vec![message])));
        assert_eq!(play.raised("unknown_account").len(), alerts);
    }
}

#[tokio::test(start_paused = true)]
async fn message_that_comes_too_early_is_sent_again() {
    for (early_ms, expected) in [(0, None), (1, Some(vec![(8, 1)])), (30_000, Some(vec![(8, 30)]))] {
        let play = Play::begin();
        play.batch(&[]).await;
        play.world().made();
        let now = play.sim().now();
        let work = Work { not_before: Some(now.plus_ms(early_ms)), requeues: 7, ..work_on(MEMBER, now) };
        let report = play.batch(&[message("work", &encode(&Task::Work(work)))]).await;
        let sent =
            play.world().made().into_iter().find(|made| made.call.method == "send" && made.at.since(now) <= CALL_MS);
        assert_eq!(sent.map(|made| made.call.about), expected.clone().map(About::Messages), "{early_ms} ms");
        assert_eq!((report.sent, report.reconciled.len()), if expected.is_some() { (1, 0) } else { (0, 1) });
    }
}

fn work_on(account: &str, since: Time) -> Work {
    Work {
        target: org::target(account, "eu-west-1"),
        cause: Cause::DocumentEvent,
        edits: Vec::new(),
        correlation: "work".to_owned(),
        since,
        requeues: 0,
        not_before: None,
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_disagree_are_read_four_times_with_growing_pauses() {
    let play = Play::begin();
    play.world().inject_always("observe", CONFLICT);
    let report = play.batch(&[member()]).await;
    assert_eq!(report.failed.len(), 1, "{report:?}");
    let reads = play.made("observe");
    // Each of six rounds reads four times.
    assert_eq!(reads.len(), 24);
    for round in reads.chunks(4) {
        let pauses: Vec<i64> = round.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        let bounds = [100..200, 200..300, 400..500];
        assert!(pauses.iter().zip(bounds).all(|(pause, bounds)| bounds.contains(pause)), "{pauses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn lost_race_is_run_again_five_times_after_pauses_below_200_ms() {
    let play = Play::begin();
    play.world().inject_always("load", CONFLICT);
    let report = play.batch(&[member()]).await;
    assert_eq!(report.failed.len(), 1, "{report:?}");
    let loads = play.made("load");
    assert_eq!(loads.len(), 6);
    let pauses: Vec<i64> = loads.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    // An observation of 40 ms goes on beside the load.
    assert!(pauses.iter().all(|pause| (0..240).contains(pause)), "{pauses:?}");
    assert!(pauses.iter().any(|pause| *pause > 50), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn configuration_lag_of_a_new_account_is_reported_beside_its_objective() {
    let play = Play::begin();
    let (account, began) = (MEMBER.parse().unwrap(), play.sim().now());
    play.sim().account_created(&org::target(MANAGEMENT, "us-east-1"), &account);
    let reports = run_for(&play.0, 200).await;
    let lags: Vec<_> =
        reports.iter().flat_map(|report| &report.reconciled).filter_map(|reconciled| reconciled.lag).collect();
    assert_eq!(lags.len(), 3, "one of each region");
    for lag in lags {
        assert_eq!(lag.objective_ms, 5 * MINUTE_MS);
        assert!((1..play.sim().now().since(began)).contains(&lag.ms), "{lag:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn use_of_a_gap_role_after_the_member_role_is_notified_once_a_day() {
    let play = Play::in_sync().await;
    let account = MEMBER.parse().unwrap();
    let session = async || {
        let relapse = Relapse { role: "AWSControlTowerExecution".to_owned(), member_role_used: org::epoch() };
        play.sim().relapse(&account, relapse);
        play.batch(&[member()]).await;
        play.raised("gap_role_used")
    };
    session().await;
    let raised = session().await;
    assert_eq!(raised.len(), 1, "{raised:#?}");
    assert!(
        raised[0].text.contains("AWSControlTowerExecution") && raised[0].text.contains(MEMBER),
        "{}",
        raised[0].text
    );
    run_for(&play.0, DAY_MS / SECOND_MS).await;
    assert_eq!(session().await.len(), 2, "a day later");
}

/// The body of the next event that is delivered.
async fn next_event(play: &Play) -> Value {
    play.world().sleep(15_000).await;
    let delivery = play.sim().receive().unwrap();
    play.sim().settle(&delivery, &[]);
    serde_json::from_str(delivery.event["Records"][0]["body"].as_str().unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn region_is_switched_on_by_the_account_itself_or_the_management_account() {
    let play = Play::begin();
    play.sim().region_switched(&org::target(MEMBER, "eu-west-1"), true);
    let mut event = next_event(&play).await;
    let mut ignored = Vec::new();
    for sender in [MEMBER, MANAGEMENT, "555566667777"] {
        event["account"] = sender.into();
        ignored.push(play.batch(&[message(sender, &event.to_string())]).await.ignored.len());
    }
    assert_eq!((ignored, play.raised("untrusted_source").len()), (vec![0, 0, 1], 1));
}

/// It would try the same again, be refused again, and hear of that in turn.
#[tokio::test(start_paused = true)]
async fn failed_call_of_the_reactors_own_is_no_reason_to_observe() {
    let play = Play::begin();
    play.batch(&[member()]).await;
    let mut event = next_event(&play).await;
    event["detail"]["errorCode"] = "AccessDeniedException".into();
    let mut observed = Vec::new();
    for role in [org::ROLE, "Mallory"] {
        let text = event.to_string().replace(org::ROLE, role);
        observed.push(play.batch(&[message(role, &text)]).await.reconciled.len());
    }
    assert_eq!(observed, [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn commit_that_loses_a_race_is_made_again_and_one_that_fails_leaves_its_message() {
    for (class, failed, loads) in [(FaultClass::Conflict, 0, 2), (FaultClass::Throttled, 1, 1)] {
        let play = with_versions(Switches::PLAIN, "ops", 1).await;
        play.world().inject_once("commit", InjectedFault::Refused(class));
        let report = play.batch(&[member()]).await;
        assert_eq!((report.failed.len(), play.made("load").len()), (failed, loads), "{class:?}");
    }
}

/// A message whose commit fails again and again sends nothing, or every attempt at it would send one that fails as well. Once
/// the commit is made, the message sends the next one, even where the attempt before it stopped in between.
#[tokio::test(start_paused = true)]
async fn next_message_is_sent_after_the_commit_and_by_every_attempt_that_gets_there() {
    let play = Play::in_sync().await;
    let mallory = Caller::administrator(&MEMBER.parse().unwrap(), "mallory");
    play.sim().edit_inputs(&org::target(MEMBER, "eu-west-1"), &mallory, &json!({"runAsDefaultUser": "root"})).unwrap();
    play.world().inject_always("commit", InjectedFault::Refused(FaultClass::Throttled));
    for receives in [1, 2] {
        play.batch(&[Message { receives, ..member() }]).await;
        assert_eq!(play.made("send"), [], "attempt {receives}");
    }
    play.world().stop_injecting();
    for (receives, is_sent) in [(3, false), (4, true)] {
        if !is_sent {
            play.world().inject_once("send", InjectedFault::Refused(FaultClass::Throttled));
        }
        let report = play.batch(&[Message { receives, ..member() }]).await;
        assert_eq!((report.failed.is_empty(), play.made("send").len()), (is_sent, 1), "attempt {receives}");
    }
}
