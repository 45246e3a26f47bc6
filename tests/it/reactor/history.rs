//! What CloudTrail's event history is asked for, and what its answer changes.

use super::*;

/// A pipeline's edit, ten minutes ago, whose event got lost.
async fn unreported_edit() -> Play {
    let play = Play::in_sync().await;
    let target = org::target(MEMBER, "eu-west-1");
    play.sim().edit_inputs(&target, &Caller::lza(&target.account), &json!({ "idleSessionTimeout": "7" })).unwrap();
    play.sim().forget_messages();
    play.world().sleep(600_000).await;
    play
}

#[tokio::test(start_paused = true)]
async fn sweep_asks_cloudtrail_for_the_author_of_a_change_without_an_event() {
    let play = unreported_edit().await;
    play.batch(&[sweep_of_member()]).await;
    assert_eq!(play.made("lookup_events").len(), 2, "for the change, and to confirm the log group of LZA");
    let document = play.sim().document(&org::target(MEMBER, "eu-west-1")).unwrap();
    assert_eq!(document.inputs(document.default)["idleSessionTimeout"], json!("7"), "the pipeline's change is kept");
    play.batch(&[sweep_of_member()]).await;
    assert_eq!(play.made("lookup_events").len(), 0, "it has a name by now");
    let play = unreported_edit().await;
    play.batch(&[member()]).await;
    assert_eq!(play.made("lookup_events").len(), 1, "elsewhere the events are on their way: only to confirm");
}

#[tokio::test(start_paused = true)]
async fn sweep_asks_cloudtrail_once_who_moved_the_default() {
    let play = Play::in_sync().await;
    let target = org::target(MEMBER, "eu-west-1");
    play.world().sleep(600_000).await;
    let alice = Caller::break_glass(&target.account, "alice@example.com");
    play.sim().move_default(&target, &alice, 1).unwrap();
    play.sim().forget_messages();
    play.world().sleep(600_000).await;
    let mut asked = Vec::new();
    for _ in 0..2 {
        play.batch(&[sweep_of_member()]).await;
        asked.push(play.made("lookup_events").len());
    }
    assert!(asked[0] > 0 && asked[1] == 0, "{asked:?}");
    let alerts = play.sim().alerts();
    assert!(alerts.iter().any(|alert| alert.text.contains("alice@example.com")), "{alerts:#?}");
}

#[tokio::test(start_paused = true)]
async fn denied_history_keeps_no_sweep_from_what_it_found() {
    for (class, failed) in [(FaultClass::Denied, 0), (FaultClass::Throttled, 1)] {
        let play = unreported_edit().await;
        play.world().inject_always("lookup_events", InjectedFault::Refused(class));
        let report = play.batch(&[sweep_of_member()]).await;
        assert_eq!((report.failed.len(), report.reconciled.len()), (failed, 3 - failed), "{class:?}");
    }
}

/// Mallory runs code in every session and sends an event by which a pipeline did.
#[tokio::test(start_paused = true)]
async fn trusted_call_that_cloudtrail_does_not_have_is_alerted_and_its_change_reverted() {
    let play = Play::in_sync().await;
    let target = org::target(MEMBER, "eu-west-1");
    play.world().sleep(600_000).await;
    let (mallory, pipeline) =
        (Caller::administrator(&target.account, "mallory@example.com"), Caller::lza(&target.account));
    play.sim().next_fate(Fate::Prompt);
    play.sim().edit_inputs(&target, &mallory, &json!({ "shellProfile": { "linux": "evil" } })).unwrap();
    let mut event = next_event(&play).await;
    play.sim().forget_messages();
    event["detail"]["userIdentity"] = pipeline.identity;
    event["detail"]["eventID"] = "forged".into();
    play.batch(&[message("forged", &event.to_string())]).await;
    let shell = || {
        let document = play.sim().document(&target).unwrap();
        document.inputs(document.default)["shellProfile"].clone()
    };
    assert_ne!(shell(), Value::Null, "no pipeline is held up");
    play.world().sleep(1_900_000).await;
    play.batch(&[member()]).await;
    let alerts = play.raised("untrusted_source");
    assert!(alerts.len() == 1 && alerts[0].text.contains("as event forged claims"), "{alerts:#?}");
    assert_eq!(shell(), Value::Null);
    play.rest().await;
    assert_eq!(play.raised("untrusted_source").len(), 1);
}
