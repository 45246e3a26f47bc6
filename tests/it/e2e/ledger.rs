//! The table: exactly the expected rows, and none where nothing is new.

use std::collections::{BTreeMap, BTreeSet};

use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::time::{DAY_MS, Time};
use serde_json::{Value, json};

use super::callers::lza_inputs;
use super::queue::{kinds, work};
use super::stage::{HOME, PAYMENTS, PILOT, Stage, text_of};

/// What a row's key begins with, up to the second `#`.
fn kind_of(key: &str) -> String {
    key.split_inclusive('#').next().unwrap_or(key).to_owned()
}

fn seconds(text: &Value) -> i64 {
    text_of(text).parse::<Time>().expect("a time").ms() / 1_000
}

/// How many days after `from` a row is deleted.
fn days_kept(row: &Value, from: i64) -> i64 {
    let kept = row["ttl"].as_i64().unwrap_or_else(|| panic!("no ttl: {row}")) - from;
    assert!(kept % (DAY_MS / 1_000) < 60, "{row}");
    kept / (DAY_MS / 1_000)
}

#[test]
fn an_edit_leaves_exactly_the_rows_of_the_design() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(PAYMENTS, HOME)]);
    let before = stage.rows();
    stage.administrator(PAYMENTS, "alice@example.com").writes(HOME, &json!({"runAsEnabled": false}));
    let events = stage.events();
    let event = text_of(&events[0]["detail"]["eventID"]);
    stage.deliver(&events);
    assert_eq!(stage.pump(&lambda), 0);

    let rows = stage.rows_of(PAYMENTS, "");
    let old: BTreeSet<&str> = before.keys().filter_map(|key| key.split_once(' ')).map(|(_, key)| key).collect();
    let new: Vec<String> = rows.keys().filter(|key| !old.contains(key.as_str())).cloned().collect();
    let mut count = BTreeMap::new();
    for key in &new {
        *count.entry(kind_of(key)).or_insert(0) += 1;
    }
    // Of the contents only alice's is new: the reactor wrote what was there before.
    let expected = [("DOC#", 1), ("EVENT#", 1), ("INCIDENT#", 1), ("SENT#", 1)];
    assert_eq!(count, expected.map(|(kind, count)| (kind.to_owned(), count)).into(), "{new:#?}");

    let region = &rows["REGION#eu-west-1"];
    let at = seconds(&region["updated"]);
    assert_eq!(region["status"], "in_sync");
    assert_eq!(
        region["generation"].as_i64(),
        before[&format!("ACCOUNT#{PAYMENTS} REGION#eu-west-1")]["generation"].as_i64().map(|g| g + 2),
        "the intent, and what came of it"
    );
    assert!(region["policy"].is_string() && region["configured"].is_string(), "{region}");
    assert_eq!(
        (&region["ttl"], &region["attention"]),
        (&Value::Null, &Value::Null),
        "kept for good, and not in the index"
    );
    assert_eq!((&rows["META"]["name"], &rows["META"]["ttl"]), (&json!("payments"), &Value::Null));

    let record: Value = serde_json::from_str(&text_of(&region["record"])).unwrap();
    assert_eq!(record["facts"]["calls"][&event]["notified"], "named", "{record}");
    let (history_key, history) = rows.iter().find(|(key, _)| key.ends_with(&format!("#{event}#eu-west-1"))).unwrap();
    assert!(history_key.starts_with("EVENT#20"), "{history_key}");
    assert_eq!(days_kept(history, at), 400);
    assert!(text_of(&history["summary"]).contains("owned fields differ"), "{history}");
    let case: Value = serde_json::from_str(&text_of(&history["case"])).unwrap();
    assert_eq!(case["case"]["calls"], json!([event]));
    assert_eq!(case["applied"]["landed"]["version"], json!(3), "{case}");
    for digest in history["contents"].as_array().unwrap() {
        let content = &rows[&format!("DOC#{}", text_of(digest))];
        assert_eq!(days_kept(content, at), 400);
        assert!(serde_json::from_str::<Value>(&text_of(&content["body"])).unwrap()["inputs"].is_object(), "{content}");
    }

    let (_, sent) = rows.iter().find(|(key, _)| key.starts_with("SENT#edit:")).unwrap();
    assert_eq!(sent["count"], json!(1));
    assert_eq!(days_kept(sent, at), 2);
    let incident = &rows["INCIDENT#eu-west-1"];
    assert!(text_of(&incident["summary"]).contains("alice@example.com) wrote version 2"), "{incident}");
    assert_eq!((&incident["escalated"], &incident["ttl"]), (&json!(false), &Value::Null));
    assert_eq!(stage.alerts()[0].body["incident"], incident["id"], "receivers can thread by it");

    stage.settle(&lambda);
    stage.pass(659);
    assert_eq!(stage.rows_of(PAYMENTS, "INCIDENT#").len(), 1, "open for the policy's window");
    stage.settle(&lambda);
    assert_eq!(stage.rows_of(PAYMENTS, "INCIDENT#").len(), 0, "closed by a message of the reactor's own");
}

#[test]
fn an_incident_is_open_while_the_target_is_wrong_and_closed_with_the_news_of_it() {
    let stage = Stage::set();
    stage.administrator(PILOT, "setup").creates(HOME, &lza_inputs());
    stage.events();
    let lambda = stage.lambda();
    stage.deliver(&[work(PILOT, HOME, Cause::Sweep)]);
    stage.settle(&lambda);
    let row = |key: &str| stage.rows_of(PILOT, "").remove(key);
    let region = row("REGION#eu-west-1").unwrap();
    assert_eq!((&region["status"], &region["attention"]), (&json!("drifted"), &json!("drifted")));
    let incident = row("INCIDENT#eu-west-1").unwrap();
    stage.alerts();
    // A look that finds nothing new keeps it as it is.
    stage.deliver(&[work(PILOT, HOME, Cause::Sweep)]);
    stage.settle(&lambda);
    assert_eq!(row("INCIDENT#eu-west-1").unwrap(), incident);

    stage
        .administrator(PILOT, "bob@example.com")
        .edits(HOME, &json!({"runAsEnabled": true, "runAsDefaultUser": "ops"}));
    stage.settle(&lambda);
    // The correcting edit is an edit: it is alerted, and its incident closes when no other follows.
    stage.pass(660);
    stage.settle(&lambda);
    let region = row("REGION#eu-west-1").unwrap();
    assert_eq!((&region["status"], &region["attention"]), (&json!("in_sync"), &Value::Null));
    assert_eq!(row("INCIDENT#eu-west-1"), None);
    let alerts = stage.alerts();
    assert_eq!(kinds(&alerts).last().map(String::as_str), Some("incident_resolved"), "{alerts:#?}");
    assert_eq!(alerts.last().unwrap().body["incident"], incident["id"]);
}

#[test]
fn what_is_in_sync_and_holds_nothing_new_writes_no_row() {
    let stage = Stage::set();
    stage.pipeline(PAYMENTS).creates(HOME, &lza_inputs());
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(PAYMENTS, HOME), (PAYMENTS, "us-east-1")]);
    // The first sweep writes down what it saw, so that the next one is cheap.
    let sweep = [work(PAYMENTS, HOME, Cause::Sweep), work(PAYMENTS, "us-east-1", Cause::Sweep)];
    stage.deliver(&sweep);
    stage.settle(&lambda);
    let before = stage.rows();
    stage.aws.clear_log();
    stage.deliver(&sweep);
    stage.settle(&lambda);
    assert_eq!(stage.rows(), before);
    let writes: Vec<String> = stage
        .actions("dynamodb")
        .into_iter()
        .filter(|action| !["BatchGetItem", "Scan"].contains(&action.as_str()))
        .collect();
    assert_eq!(writes, Vec::<String>::new());
    // A pipeline puts the right version in place once more, and another process observes: that is a fact, and no news.
    stage.pipeline(PAYMENTS).promotes(HOME, 2);
    stage.settle(&stage.lambda());
    assert_eq!(stage.alerts(), []);
}
