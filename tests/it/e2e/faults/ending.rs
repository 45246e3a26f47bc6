//! How every story has to end, whatever went wrong on the way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::play::{CallPoint, Lasts, Play, Strike, Way};
use super::stories::Before;
use crate::e2e::queue::ReceivedAlert;
use crate::e2e::stage::{HUB, text_of};

/// The document is right, everything is recorded and alerted, nothing is lost, and the next sweep finds nothing to do.
pub(super) fn check(play: &mut Play, strike: Option<&Strike>, calls: &[CallPoint]) {
    document(play);
    remembered(play);
    raised(play, strike, calls);
    messages(play, strike);
    let versions = written(play);
    play.sweep();
    assert_eq!(play.stage.alerts(), [], "a sweep that finds nothing to do says nothing");
    assert_eq!(written(play), versions, "nor does it write");
}

fn document(play: &Play) {
    for region in play.story.regions {
        play.stage.assert_right(play.account, region);
        let inputs = play.stage.document(play.account, region).inputs();
        if let Some((field, value)) = play.story.kept {
            assert_eq!(inputs[field], value, "{inputs}");
        }
    }
    let before = usize::from(play.story.before == Before::Known);
    assert!(written(play) <= before + play.story.puts, "at most one version for a foreign edit");
}

/// How many versions we have written.
fn written(play: &Play) -> usize {
    let puts = ["CreateDocument", "UpdateDocument"];
    let by_reactor = of_the_story(play).into_iter().filter(|event| is_reactors(event) && event["errorCode"].is_null());
    by_reactor.filter(|event| puts.contains(&text_of(&event["eventName"]).as_str())).count()
}

/// What CloudTrail has on the account's document.
fn of_the_story(play: &Play) -> Vec<Value> {
    let events = play.stage.aws.trail_of(&mut 0, Some(play.account));
    events.into_iter().map(|mut event| event["detail"].take()).collect()
}

fn is_reactors(event: &Value) -> bool {
    event["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "RunasReactorMember"
}

fn remembered(play: &Play) {
    let rows = play.stage.rows_of(play.account, "");
    let mut notified = BTreeSet::new();
    for region in play.story.regions {
        let row = &rows[&format!("REGION#{region}")];
        assert_eq!((&row["status"], &row["attention"]), (&json!("in_sync"), &Value::Null), "{row}");
        let record: Value = serde_json::from_str(&text_of(&row["record"])).expect("JSON");
        let facts = &record["facts"];
        assert!(facts["echoes"].is_object(), "events of our own come back: {row}");
        let calls = facts["calls"].as_object().into_iter().flatten();
        notified.extend(calls.filter(|(_, call)| call["notified"] == "named").map(|(id, _)| id.clone()));
    }
    let by_foreign_hands = |event: &&Value| {
        let name = text_of(&event["eventName"]);
        play.story.has_event && !is_reactors(event) && ["UpdateDocument", "DeleteDocument"].contains(&name.as_str())
    };
    for event in of_the_story(play).iter().filter(by_foreign_hands) {
        let id = text_of(&event["eventID"]);
        assert!(notified.contains(&id), "not settled: {event}");
        let with_it = rows.iter().filter(|(key, row)| key.starts_with("EVENT#") && text_of(&row["case"]).contains(&id));
        assert!(with_it.count() > 0, "not in the history: {event}");
    }
    let of_the_hub = play.stage.rows_of(HUB, "");
    for rows in [&rows, &of_the_hub] {
        let pending = rows.keys().filter_map(|key| key.strip_prefix("OUTBOX#PENDING#"));
        let unsent: Vec<&str> = pending.filter(|id| !rows.contains_key(&format!("SENT#{id}"))).collect();
        assert!(unsent.is_empty(), "{unsent:#?}");
    }
}

fn raised(play: &Play, strike: Option<&Strike>, calls: &[CallPoint]) {
    let mut by_id: BTreeMap<String, Vec<ReceivedAlert>> = BTreeMap::new();
    for raised in play.stage.alerts() {
        by_id.entry(text_of(&raised.body["id"])).or_default().push(raised);
    }
    let mut kinds: Vec<String> = by_id.values().filter_map(|raised| raised.first()).map(ReceivedAlert::kind).collect();
    if strike.is_some_and(Strike::keeps_us_out) {
        kinds = kinds.into_iter().filter_map(|kind| without_obstacle(&kind, play.story.alerts)).collect();
    }
    kinds.sort();
    assert_eq!(kinds, play.story.alerts, "{by_id:#?}");
    let most = if strike.is_some_and(|strike| may_repeat(strike, calls)) { 2 } else { 1 };
    let often: Vec<&Vec<ReceivedAlert>> = by_id.values().filter(|raised| raised.len() > most).collect();
    assert!(often.is_empty(), "{often:#?}");
}

/// The kind of an alert, had the reactor been let in at once. An edit that it may not undo is alerted as such, and the
/// correction in the end is alerted with the account being within reach again.
fn without_obstacle(kind: &str, undisturbed: &[&str]) -> Option<String> {
    match kind {
        "unreachable" | "reachable_again" => None,
        "edit_noticed" => undisturbed.iter().find(|kind| kind.starts_with("edit_")).map(|kind| (*kind).to_owned()),
        other => Some(other.to_owned()),
    }
}

/// An alert comes twice only where SNS took it and we do not know, or know and could not say so in the ledger.
fn may_repeat(strike: &Strike, calls: &[CallPoint]) -> bool {
    let at = |point: &CallPoint| calls.iter().position(|call| call == point);
    let first = calls.iter().position(|call| call.action == "Publish");
    let raised = matches!(strike.way, Way::Lost | Way::KilledAfter) && strike.point.action == "Publish";
    let marked =
        strike.point.action == "TransactWriteItems" && first.is_some_and(|first| at(&strike.point) > Some(first));
    raised || (marked && (strike.lasts != Lasts::Once || matches!(strike.way, Way::Denied | Way::KilledBefore)))
}

fn messages(play: &Play, strike: Option<&Strike>) {
    let left: BTreeSet<String> = play.queued().iter().map(|message| text_of(&message["body"])).collect();
    let open = play.stage.rows_of(play.account, "INCIDENT#").len();
    let watches = |body: &&String| play.story.watched && body.contains("\"account_lifecycle\"");
    let others = left.iter().filter(|body| !watches(body)).count();
    assert!(others <= 2 * open, "more than what closes the incident: {left:#?}");
    let dead = play.stage.dead_letters();
    assert!(dead.len() >= play.story.undecodable && dead.len() <= 2 * play.story.undecodable, "{dead:#?}");
    assert!(dead.iter().all(|(_, reason)| reason.contains("not usable as JSON")), "{dead:#?}");
    // What the SDK's next attempt gets over fails no receive; nor does waiting for what is not allowed.
    let fails = strike.is_some_and(|strike| strike.lasts != Lasts::Once && !strike.keeps_us_out());
    assert!(play.receives <= 1 + u32::from(fails), "a message was received {} times", play.receives);
}
