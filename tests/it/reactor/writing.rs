//! Writes to the document: the lease, its end, what a fault of a step means, and versions that are pruned.

use std::sync::Arc;

use runas_reactor::domain::case::{Case, Decision};
use runas_reactor::domain::decode::encode_work;
use runas_reactor::reactor::{Approval, NOT_APPROVED};
use runas_reactor::sim::faults::Ended;

use super::*;

/// When the first call of a method began, after the intent of the write was logged.
fn begun_after_intent(play: &Play, made: &[Made], call: &str) -> i64 {
    let record = play.sim().record(&org::target(MEMBER, "eu-west-1")).unwrap();
    let logged = record.facts.intents.values().map(|intent| intent.from).min().unwrap();
    made.iter().find(|made| made.call.method == call).unwrap().at.plus_ms(-CALL_MS).since(logged)
}

#[tokio::test(start_paused = true)]
async fn no_call_of_a_write_begins_in_the_last_third_of_its_lease() {
    let written = async |slow_ms: u64| {
        let play = Play::begin();
        let admin = Caller::administrator(&MEMBER.parse().unwrap(), "mallory@example.com");
        play.sim().create(&org::target(MEMBER, "eu-west-1"), &admin, &body("off", 0)).unwrap();
        play.world().inject_once("update", InjectedFault::Slow(slow_ms));
        play.batch(&[member()]).await;
        let made = play.world().made();
        (begun_after_intent(&play, &made, "update"), begun_after_intent(&play, &made, "promote"))
    };
    let (updated, promoted) = written(0).await;
    let slow_ms = u64::try_from(10_000 - promoted).unwrap();
    assert_eq!(written(slow_ms).await, (updated + 10_000 - promoted, 10_000));
    let (_, next) = written(slow_ms + 1).await;
    assert!(next > 10_001, "by another intent, after another observation: {next} ms");
}

#[tokio::test(start_paused = true)]
async fn write_without_an_answer_is_given_up_when_its_lease_ends() {
    let play = Play::begin();
    play.world().inject_once("create", InjectedFault::Slow(600_000));
    let report = play.batch(&[member()]).await;
    let made = play.world().made();
    let times: Vec<i64> = made.iter().filter(|made| made.call.method == "observe").map(|made| made.at.ms()).collect();
    let between = times[1] - times[0];
    assert!((15_000..15_200).contains(&between), "{between} ms");
    assert!(matches!(report.reconciled[0].applied, Applied::Landed { version: 1, .. }), "{report:?}");
}

/// An operator who approved nothing.
#[derive(Debug)]
struct ApprovesNothing;

impl Approval for ApprovesNothing {
    fn approve(&self, _: &Case, _: &Decision) -> Result<(), String> {
        Err("it is in no plan".to_owned())
    }
}

#[tokio::test(start_paused = true)]
async fn without_approval_nothing_is_written_committed_or_alerted() {
    let Play(reactor) = Play::begin();
    let play = Play(reactor.with_approval(Arc::new(ApprovesNothing)));
    let target = org::target(MEMBER, "eu-west-1");
    play.sim().lza_writes(&target, "lza-logs").unwrap();
    let work = Work { cause: Cause::Sweep, ..work_on(MEMBER, org::epoch()) };
    let report = play.batch(&[message("entry", &encode_work(&work))]).await;
    let fault = &report.failed["entry"];
    assert_eq!((fault.code.as_str(), fault.message.as_str()), (NOT_APPROVED, "it is in no plan"));
    let made: Vec<&str> = play.world().made().iter().map(|made| made.call.method).collect();
    assert_eq!(
        made,
        ["policy", "load", "observe", "account", "save_facts", "unsent"],
        "in full, and without the event history"
    );
    assert_eq!((play.sim().alerts(), play.sim().record(&target)), (vec![], None));
}

/// Taking back a share makes no version.
#[tokio::test(start_paused = true)]
async fn share_that_is_taken_back_leaves_the_latest_version_as_it_is() {
    let play = Play::in_sync().await;
    play.sim().push_policy(org::policy_with("breaker:", "sharing: undo\nbreaker:"));
    play.world().sleep(60_000).await;
    let target = org::target(MEMBER, "eu-west-1");
    let mallory = Caller::administrator(&target.account, "mallory@example.com");
    let sharing = Sharing { added: vec!["999900001111".to_owned()], removed: Vec::new() };
    play.sim().share(&target, &mallory, &sharing).unwrap();
    let event = next_event(&play).await.to_string();
    let report = play.batch(&[message("share", &event)]).await;
    assert!(matches!(report.reconciled[0].applied, Applied::Landed { version: 2, .. }), "{report:?}");
    assert_eq!(play.made("unshare").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn write_that_is_outpaced_is_tried_three_times() {
    let play = Play::begin();
    play.world().inject_always("create", CONFLICT);
    let report = play.batch(&[member()]).await;
    assert_eq!(report.reconciled[0].applied, Applied::Refused(Refusal::Conflict));
    assert_eq!((report.reconciled[0].observations, play.made("create").len()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn deletion_that_is_denied_is_not_tried_again() {
    for (class, expected, tries) in [
        (FaultClass::Denied, Refusal::Denied, 1),
        (FaultClass::DeniedByScp, Refusal::DeniedByScp, 1),
        (FaultClass::Throttled, Refusal::Unconfirmed, 3),
    ] {
        let play = Play::begin();
        let target = org::target(MEMBER, "eu-west-1");
        let admin = Caller::administrator(&target.account, "mallory@example.com");
        play.sim().create_of_type(&target, &admin, "Command", "{}").unwrap();
        play.sim().forget_messages();
        play.world().sleep(120_000).await;
        play.world().inject_always("delete", InjectedFault::Refused(class));
        let report = play.batch(&[member()]).await;
        assert_eq!(report.reconciled[0].applied, Applied::Refused(expected), "{class:?}");
        assert_eq!(play.made("delete").len(), tries, "{class:?}");
    }
}

fn oldest_versions(play: &Play) -> Vec<u64> {
    let document = play.sim().document(&org::target(MEMBER, "eu-west-1")).unwrap();
    document.versions.keys().copied().take(8).collect()
}

#[tokio::test(start_paused = true)]
async fn five_versions_behind_the_page_are_pruned_without_an_alert() {
    let play = with_versions(Switches::PLAIN, "ops", 60).await;
    play.batch(&[member()]).await;
    assert_eq!(oldest_versions(&play), [1, 2, 3, 4, 5, 11, 12, 13]);
    play.rest().await;
    assert_eq!(play.sim().alerts(), []);
    play.batch(&[member()]).await;
    assert_eq!(oldest_versions(&play), [1, 2, 3, 4, 5, 11, 12, 13], "they are gone, and further ones keep for now");
}

#[tokio::test(start_paused = true)]
async fn default_version_is_not_pruned() {
    let play = with_versions(Switches::PLAIN, "ops", 60).await;
    let target = org::target(MEMBER, "eu-west-1");
    play.sim().move_default(&target, &Caller::break_glass(&target.account, "alice@example.com"), 8).unwrap();
    play.rest().await;
    assert_eq!(oldest_versions(&play), [1, 2, 3, 4, 5, 8, 11, 12]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_pruned_where_the_reactor_only_observes() {
    let play = with_versions(Switches::PLAIN, "ops", 60).await;
    play.sim().push_policy(org::policy_with("mode: enforce", "mode: observe"));
    play.batch(&[member()]).await;
    assert_eq!(oldest_versions(&play), [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[tokio::test(start_paused = true)]
async fn version_that_cannot_be_pruned_stays_and_one_that_can_be_later_is_tried_again() {
    for (class, failed) in [(FaultClass::Denied, 0), (FaultClass::Throttled, 1)] {
        let play = with_versions(Switches::PLAIN, "ops", 60).await;
        play.world().inject_always("prune", InjectedFault::Refused(class));
        let report = play.batch(&[member()]).await;
        assert_eq!((report.failed.len(), oldest_versions(&play)[5]), (failed, 6), "{class:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn document_that_is_full_is_pruned_and_written() {
    let full = Switches { versions_max: 55, ..Switches::PLAIN };
    let play = with_versions(full, "somebody", 55).await;
    let report = play.batch(&[member()]).await;
    assert!(matches!(report.reconciled[0].applied, Applied::Landed { version: 56, .. }), "{report:?}");
    assert_eq!(report.reconciled[0].observations, 2);
    play.rest().await;
    let kinds: Vec<String> = play.sim().alerts().into_iter().map(|alert| alert.kind).collect();
    assert_eq!(kinds, Vec::<String>::new(), "a first observation is nobody's act");
}

#[tokio::test(start_paused = true)]
async fn invocation_that_dies_while_it_prunes_leaves_intents_that_explain_its_calls() {
    let full = Switches { versions_max: 55, ..Switches::PLAIN };
    let play = with_versions(full, "somebody", 55).await;
    play.world().inject_once("prune", InjectedFault::StopAfter);
    let died = play.world().invocation(1, false, play.batch(&[member()])).await;
    assert!(matches!(died, Ended::Stopped));
    play.rest().await;
    let kinds: Vec<String> = play.sim().alerts().into_iter().map(|alert| alert.kind).collect();
    assert_eq!(kinds, [""; 0], "no alert about a deletion by the reactor itself");
}

#[tokio::test(start_paused = true)]
async fn logged_intent_says_what_is_written_and_over_which_version() {
    let play = with_versions(Switches::PLAIN, "somebody", 1).await;
    let target = org::target(MEMBER, "eu-west-1");
    let before = play.sim().document(&target).unwrap().versions[&1].created;
    play.batch(&[member()]).await;
    let record = play.sim().record(&target).unwrap();
    let intent = record.facts.intents.values().next().unwrap();
    assert_eq!((intent.write, intent.number, intent.over), (Intended::Put, 2, Some(before)));
    assert_eq!(intent.owned.keys().collect::<Vec<_>>(), ["runAsDefaultUser", "runAsEnabled"]);
    assert!(intent.digest.is_some());
}

#[tokio::test(start_paused = true)]
async fn version_is_asked_for_four_times_a_second_until_it_is_active() {
    for (pending_reads, polls) in [(0, 0), (3, 4)] {
        let play = with_versions(Switches { pending_reads, ..Switches::PLAIN }, "somebody", 1).await;
        let report = play.batch(&[member()]).await;
        assert!(matches!(report.reconciled[0].applied, Applied::Landed { version: 2, .. }), "{report:?}");
        let polled = play.made("status");
        assert_eq!((report.reconciled[0].observations, polled.len()), (1, polls));
        assert!(polled.windows(2).all(|pair| pair[1].since(pair[0]) == 250 + CALL_MS), "{polled:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn promotion_that_is_denied_after_an_update_is_observed_before_it_counts_as_denied() {
    let play = with_versions(Switches::PLAIN, "somebody", 1).await;
    play.world().inject_always("promote", InjectedFault::Refused(FaultClass::Denied));
    let report = play.batch(&[member()]).await;
    let reconciled = &report.reconciled[0];
    assert_eq!((&reconciled.applied, reconciled.observations), (&Applied::Refused(Refusal::Denied), 2));
}

#[tokio::test(start_paused = true)]
async fn document_that_was_replaced_meanwhile_is_not_deleted() {
    let play = Play::begin();
    let target = org::target(MEMBER, "eu-west-1");
    let mallory = Caller::administrator(&target.account, "mallory@example.com");
    play.sim().create_of_type(&target, &mallory, "Command", "{}").unwrap();
    play.sim().forget_messages();
    play.world().sleep(120_000).await;
    play.world().inject_once("commit", InjectedFault::Slow(2_000));
    let replaced = async {
        play.world().sleep(1_000).await;
        play.sim().delete_document(&target, &mallory).unwrap();
        play.sim().create(&target, &Caller::lza(&target.account), &body("ops", 1)).unwrap();
    };
    let messages = [member()];
    join(play.batch(&messages), replaced).await;
    assert_eq!(play.made("delete"), []);
    let document = play.sim().document(&target).unwrap();
    assert_eq!(document.inputs(1)["idleSessionTimeout"], json!("1"), "the pipeline's");
}
