//! Alerts that were left in the outbox, and the message that sends them.

use super::*;

/// Garbage whose alert is kept, claimed for so many seconds, and not sent.
async fn unsent_garbage_alert(play: &Play, id: &str, seconds: i64) {
    play.world().inject_always("publish", InjectedFault::Refused(FaultClass::Throttled));
    let deadline = play.sim().now().plus_ms(seconds * SECOND_MS);
    play.0.batch(&[message(id, "garbage")], deadline).await;
    play.world().stop_injecting();
}

/// What an invocation that stopped has left in the outbox belongs to no message that would come again.
#[tokio::test(start_paused = true)]
async fn alert_about_no_target_is_sent_by_the_next_batch_that_reads_the_policy() {
    let play = Play::begin();
    unsent_garbage_alert(&play, "garbage", 5).await;
    let mut alerts = Vec::new();
    for wait_ms in [20_000, 20_000, 20_000] {
        play.world().sleep(wait_ms).await;
        play.batch(&[]).await;
        alerts.push(play.raised("undecodable_message").len());
    }
    assert_eq!(alerts, [0, 0, 1]);
}

/// Whenever the time to work ends: between publishing and marking as well.
#[tokio::test(start_paused = true)]
async fn alert_about_no_target_is_sent_once_however_little_time_is_left() {
    for left_ms in (1_500..1_900).step_by(10) {
        let play = Play::begin();
        unsent_garbage_alert(&play, "garbage", 5).await;
        play.world().sleep(70_000).await;
        play.0.batch(&[], play.sim().now().plus_ms(left_ms)).await;
        play.world().sleep(70_000).await;
        play.batch(&[]).await;
        assert_eq!(play.raised("undecodable_message").len(), 1, "{left_ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn alert_about_no_target_is_sent_by_the_next_batch_with_a_message_that_comes_again() {
    let play = Play::begin();
    unsent_garbage_alert(&play, "a", 60).await;
    unsent_garbage_alert(&play, "b", 5).await;
    play.world().sleep(10_000).await;
    play.batch(&[member()]).await;
    assert_eq!(play.raised("undecodable_message"), []);
    play.batch(&[Message { receives: 2, ..member() }]).await;
    let alerts = play.raised("undecodable_message");
    assert!(
        alerts.len() == 1 && alerts[0].id.ends_with(":b"),
        "the first is another invocation's to send: {alerts:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn message_that_comes_again_sends_the_alert_that_it_left() {
    let play = Play::begin();
    unsent_garbage_alert(&play, "garbage", 60).await;
    let again = Message { receives: 2, ..message("garbage", "garbage") };
    play.batch(&[again]).await;
    assert_eq!(play.raised("undecodable_message").len(), 1);
}

/// The body of an event by which an account claims what only the management account may say.
async fn forged_departure(play: &Play) -> String {
    play.sim().account_departed(&org::target("555566667777", "us-east-1"), &MEMBER.parse().unwrap());
    play.world().sleep(15_000).await;
    let delivery = play.sim().receive().unwrap();
    play.sim().settle(&delivery, &[]);
    delivery.event["Records"][0]["body"].as_str().unwrap().to_owned()
}

/// Whether another invocation comes to send an alert that it has claimed is not known.
#[tokio::test(start_paused = true)]
async fn message_that_comes_again_outlasts_the_claim_of_another_invocation() {
    let play = Play::begin();
    let body = forged_departure(&play).await;
    play.world().inject_once("publish", InjectedFault::Refused(FaultClass::Throttled));
    let failed = async |id: &str, receives| {
        let message = Message { receives, ..message(id, &body) };
        play.batch(&[message]).await.failed.len()
    };
    assert_eq!([failed("a", 1).await, failed("b", 1).await, failed("c", 2).await], [1, 0, 1]);
    play.world().sleep(60_000).await;
    assert_eq!((failed("c", 3).await, play.raised("untrusted_source").len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn claims_that_a_sender_may_not_make_are_notified_once_an_hour() {
    let play = Play::begin();
    let (forger, account) = (org::target("555566667777", "us-east-1"), MEMBER.parse().unwrap());
    let mut alerts = Vec::new();
    for minutes in [1, 20, 60] {
        run_for(&play.0, minutes * 60).await;
        play.sim().account_departed(&forger, &account);
        play.rest().await;
        alerts.push(play.raised("untrusted_source").len());
    }
    assert_eq!(alerts, [1, 1, 2]);
}

/// Mallory's edit, put right, and its alert left in the outbox; the event.
async fn unsent_edit_alert(play: &Play) -> String {
    let event = unsent_edit_alert_claimed_for(play, 5).await;
    play.world().sleep(10_000).await;
    event
}

async fn unsent_edit_alert_claimed_for(play: &Play, seconds: i64) -> String {
    let target = org::target(MEMBER, "eu-west-1");
    let mallory = Caller::administrator(&target.account, "mallory@example.com");
    play.sim().edit_inputs(&target, &mallory, &json!({ "runAsEnabled": false })).unwrap();
    let event = next_event(play).await.to_string();
    play.world().inject_always("publish", InjectedFault::Refused(FaultClass::Throttled));
    let deadline = play.sim().now().plus_ms(seconds * SECOND_MS);
    let report = play.0.batch(&[message("first copy", &event)], deadline).await;
    assert_eq!((report.failed.len(), play.raised("edit_reverted").len()), (1, 0));
    play.world().stop_injecting();
    event
}

#[tokio::test(start_paused = true)]
async fn second_copy_of_an_event_sends_the_alert_that_the_first_one_left() {
    let play = Play::in_sync().await;
    let event = unsent_edit_alert(&play).await;
    play.batch(&[message("second copy", &event)]).await;
    assert_eq!(play.raised("edit_reverted").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn message_without_calls_sends_what_was_left_only_if_it_comes_again() {
    let play = Play::in_sync().await;
    unsent_edit_alert(&play).await;
    play.batch(&[member()]).await;
    assert_eq!(play.raised("edit_reverted"), []);
    play.batch(&[Message { receives: 2, ..member() }]).await;
    assert_eq!(play.raised("edit_reverted").len(), 1);
}

/// One message of the batch was received before: what that says of an invocation that stopped is true of this message only.
#[tokio::test(start_paused = true)]
async fn message_beside_one_that_comes_again_leaves_a_claimed_alert_to_its_claimer() {
    let play = Play::in_sync().await;
    let body = forged_departure(&play).await;
    let event = unsent_edit_alert_claimed_for(&play, 60).await;
    play.world().inject_once("publish", InjectedFault::Refused(FaultClass::Throttled));
    play.batch(&[message("claimer", &body)]).await;
    let elsewhere = org::touched(&org::target(MEMBER, "us-east-1"), org::epoch());
    let again = Message { receives: 2, ..elsewhere };
    let report = play.batch(&[message("about the hub", &body), again, message("about a target", &event)]).await;
    assert_eq!(report.failed.len(), 0, "each has its claimer: {report:?}");
}

/// A message that a batch hands back comes again while the batch goes on with others, whose alerts it claimed.
#[tokio::test(start_paused = true)]
async fn claim_of_a_message_is_not_taken_over_by_another_of_its_batch() {
    let play = Play::begin();
    let body = forged_departure(&play).await;
    play.world().inject_once("publish", InjectedFault::Refused(FaultClass::Throttled));
    let report = play.batch(&[message("claimer", &body), message("other", &body)]).await;
    assert_eq!(report.failed.keys().collect::<Vec<_>>(), ["claimer"]);
    let again = |id| Message { receives: 2, ..message(id, &body) };
    assert_eq!(play.batch(&[again("other")]).await.failed.len(), 1);
    assert_eq!((play.batch(&[again("claimer")]).await.failed.len(), play.raised("untrusted_source").len()), (0, 1));
}

/// The same where both are about targets of an account that was reached by its gap role.
#[tokio::test(start_paused = true)]
async fn claim_of_a_target_is_not_taken_over_by_another_of_its_batch() {
    let play = Play::in_sync().await;
    let relapse = Relapse { role: "AWSControlTowerExecution".to_owned(), member_role_used: org::epoch() };
    let (here, there) = (member(), org::touched(&org::target(MEMBER, "us-east-1"), org::epoch()));
    play.sim().relapse(&MEMBER.parse().unwrap(), relapse.clone());
    play.world().inject_once("publish", InjectedFault::Refused(FaultClass::Throttled));
    let failed = play.batch(&[here.clone(), there.clone()]).await.failed;
    let (claimer, other) = if failed.contains_key(&here.id) { (here, there) } else { (there, here) };
    assert_eq!((failed.len(), claimer.id != other.id), (1, true), "{failed:?}");
    let mut left = Vec::new();
    for message in [other, claimer] {
        play.sim().relapse(&MEMBER.parse().unwrap(), relapse.clone());
        left.push(play.batch(&[Message { receives: 2, ..message }]).await.failed.len());
    }
    assert_eq!((&left[..], play.raised("gap_role_used").len()), (&[1, 0][..], 1));
}

/// A published alert should be marked as sent, and the response should get out: half a second is for that.
#[tokio::test(start_paused = true)]
async fn sending_what_was_left_ends_half_a_second_before_the_deadline() {
    let play = Play::begin();
    unsent_garbage_alert(&play, "garbage", 5).await;
    play.world().sleep(70_000).await;
    play.world().inject_always("publish", InjectedFault::Slow(600_000));
    let deadline = play.sim().now().plus_ms(60 * SECOND_MS);
    play.0.batch(&[], deadline).await;
    assert_eq!(deadline.since(play.sim().now()), 500);
}
