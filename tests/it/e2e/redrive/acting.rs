//! `send` and `drop`: nothing is lost on the way, whatever fails.

use std::collections::BTreeMap;

use runas_reactor::domain::text::sha256;
use runas_reactor::domain::time::{DAY_MS, Time};
use serde_json::{Value, json};

use super::super::callers::lza_inputs;
use super::super::stage::{HOME, HUB, PAYMENTS, Stage, text_of};
use super::{pairs, usable};

fn fault(service: &str, action: &str, code: &str) -> Value {
    json!({"service": service, "action": action, "code": code, "message": "as injected"})
}

fn outcomes<const N: usize>(expected: [(&str, &str); N]) -> BTreeMap<String, String> {
    expected.map(|(id, outcome)| (id.to_owned(), outcome.to_owned())).into()
}

/// The lines about what was dropped, and the bodies by their digests.
fn book(stage: &Stage) -> (Vec<Value>, BTreeMap<String, String>) {
    let (mut lines, mut bodies) = (Vec::new(), BTreeMap::new());
    for (key, row) in stage.rows() {
        match key.strip_prefix("DEADLETTER ").and_then(|key| key.split_once('#')) {
            Some(("DROPPED", _)) => lines.push(row),
            Some(("BODY", part)) => {
                let body: &mut String = bodies.entry(part.split('#').next().unwrap().to_owned()).or_default();
                body.push_str(row["body"].as_str().unwrap());
                assert!(row["ttl"].is_i64(), "{key}");
            }
            _ => {}
        }
    }
    (lines, bodies)
}

#[test]
fn a_message_is_sent_as_it_was_before_it_is_deleted_and_the_function_works_on_it() {
    let stage = Stage::set();
    stage.pipeline(PAYMENTS).creates(HOME, &lza_inputs());
    let id = stage.put_aside_with(&usable(), &[("reason", "an older release did not know it"), ("trace", "t-1")]);
    let other = stage.put_aside("{}", None);
    stage.aws.clear_log();

    let ran = stage.redrive(&["send", &id, "--output", "json"]).ends(0);
    assert_eq!((ran.outcomes(), ran.err.as_str()), (outcomes([(&id, "sent")]), ""));
    assert_eq!(stage.written(), pairs([("SendMessage", "runas"), ("DeleteMessage", "runas-dlq")]));
    let queued = stage.peek(&stage.hub.queue);
    assert_eq!(queued.len(), 1);
    assert_eq!(queued[0].body(), Some(usable().as_str()));
    let attributes = queued[0].message_attributes.clone().unwrap_or_default();
    assert_eq!(attributes.keys().collect::<Vec<_>>(), ["trace"], "the reason was not its own");
    assert_eq!(attributes["trace"].string_value(), Some("t-1"));
    assert_eq!(stage.dead(), ("1".to_owned(), "0".to_owned()), "{other} is given back");

    assert_eq!(stage.pump(&stage.lambda()), 0);
    stage.assert_right(PAYMENTS, HOME);
}

#[test]
fn the_longest_message_goes_back_to_the_last_byte() {
    let stage = Stage::set();
    let head = json!({"kind": "sweep", "schema": 1, "padding": ""}).to_string();
    let body = head.replace("\"\"", &format!("\"{}\"", "é".repeat((1_048_576 - head.len()) / 2 - 64)));
    stage.put_aside(&body, Some("why"));
    stage.redrive(&["send", "--all"]).ends(0);
    assert!(stage.peek(&stage.hub.queue)[0].body() == Some(&body));
    assert_eq!(stage.dead(), ("0".to_owned(), "0".to_owned()));
}

#[test]
fn undecodable_message_is_redriven_only_by_force_and_stops_no_other() {
    let stage = Stage::set();
    let undecodable = stage.put_aside("[1, 2]", Some("no object"));
    let good: Vec<String> = (0..12).map(|_| stage.put_aside(&usable(), None)).collect();
    let mut arguments: Vec<&str> = vec!["redrive", &undecodable, "no-such-id", "-o", "json"];
    arguments.extend(good.iter().map(String::as_str));
    let ran = stage.redrive(&arguments).ends(1);
    let mut expected = outcomes([(&undecodable, "refused"), ("no-such-id", "not_found")]);
    expected.extend(good.iter().map(|id| (id.clone(), "sent".to_owned())));
    assert_eq!(ran.outcomes(), expected);
    let note =
        ran.messages().into_iter().find(|(id, _)| *id == undecodable).map(|(_, it)| text_of(&it["note"])).unwrap();
    assert!(note.contains("JSON, but no object") && note.contains("--force"), "{note}");
    assert_eq!(stage.queued(), [12, 0, 0]);
    assert_eq!(stage.dead(), ("1".to_owned(), "0".to_owned()));

    let ran = stage.redrive(&["send", "--all"]).ends(1);
    assert!(ran.out.contains("refused"), "{}", ran.out);
    let ran = stage.redrive(&["send", "--all", "--force"]).ends(0);
    assert!(ran.out.contains("sent     the function will find it undecodable"), "{}", ran.out);
    assert_eq!(stage.dead(), ("0".to_owned(), "0".to_owned()));
    assert_eq!(stage.queued(), [13, 0, 0]);
}

#[test]
fn a_dry_run_says_the_same_and_does_nothing() {
    let stage = Stage::set();
    let (good, undecodable) = (stage.put_aside(&usable(), None), stage.put_aside("[]", None));
    stage.aws.clear_log();
    let ran = stage.redrive(&["send", "--all", "--dry-run", "-o", "json"]).ends(1);
    assert_eq!(ran.outcomes(), outcomes([(&good, "would_send"), (&undecodable, "refused")]));
    assert_eq!(ran.data()["dry_run"], true);
    stage.redrive(&["send", &good, "--dry-run"]).ends(0);
    assert_eq!(stage.written(), []);
    assert_eq!(stage.dead(), ("2".to_owned(), "0".to_owned()));
}

#[test]
fn a_message_that_comes_back_at_once_is_left_for_the_next_time() {
    let stage = Stage::set();
    (0..12).for_each(|_| drop(stage.put_aside("[]", None)));
    stage.aws.clear_log();
    // What is sent arrives where it was taken from, as undecodable does with a quick function.
    let itself = stage.hub.dlq.replace("127.0.0.1", "localhost");
    assert_ne!(itself, stage.hub.dlq);
    let ran = stage.redrive(&["send", "--all", "--force", "--queue-url", &itself, "-o", "json"]).ends(0);
    assert_eq!(ran.messages().len(), 12);
    assert_eq!(stage.written().len(), 24, "each was sent once and deleted once");
    assert_eq!(stage.dead(), ("12".to_owned(), "0".to_owned()));
}

#[test]
fn nothing_to_send_is_no_error() {
    let stage = Stage::set();
    let ran = stage.redrive(&["send", "--all"]).ends(0);
    assert_eq!(ran.out, "");
    ran.complains_of(&["no message to be seen"]);
}

#[test]
fn a_crash_between_sending_and_deleting_leaves_the_message_in_both_queues() {
    let stage = Stage::set();
    let id = stage.put_aside(&usable(), None);
    stage.aws.faults(&json!([fault("sqs", "DeleteMessage", "AccessDenied")]));
    let ran = stage.redrive(&["send", &id, "-o", "json"]).ends(1);
    assert_eq!(ran.outcomes(), outcomes([(&id, "sent_and_kept")]));
    let note = text_of(&ran.messages()[0].1["note"]);
    assert!(note.contains("allow DeleteMessage") && note.contains("sending it twice does no harm"), "{note}");
    assert_eq!(stage.queued(), [1, 0, 0]);
    assert_eq!(stage.dead(), ("1".to_owned(), "0".to_owned()));
}

#[test]
fn a_deletion_whose_answer_is_lost_is_an_error_and_the_message_is_not_missed_when_the_rest_is_given_back() {
    let stage = Stage::set();
    let ids = [stage.put_aside(&usable(), None), stage.put_aside("[]", None)];
    let lost = json!({"service": "sqs", "action": "DeleteMessage", "code": "InternalFailure", "when": "after"});
    stage.aws.faults(&json!([lost]));
    let ran = stage.redrive(&["send", &ids[0], &ids[1], "-o", "json"]).ends(1);
    assert_eq!(ran.outcomes(), outcomes([(&ids[0], "sent_and_kept"), (&ids[1], "refused")]));
    assert_eq!(ran.err, "", "what is gone cannot stay hidden");
    assert_eq!(stage.queued(), [1, 0, 0]);
    assert_eq!(stage.dead(), ("1".to_owned(), "0".to_owned()));
}

#[test]
fn what_cannot_be_sent_stays_and_the_others_go() {
    let stage = Stage::set();
    (0..3).for_each(|_| drop(stage.put_aside(&usable(), None)));
    stage.aws.clear_log();
    stage.aws.faults(&json!([fault("sqs", "SendMessage", "InternalFailure")]));
    let ran = stage.redrive(&["send", "--all", "-o", "json"]).ends(1);
    let mut words: Vec<String> = ran.outcomes().into_values().collect();
    words.sort();
    assert_eq!(words, ["failed", "sent", "sent"]);
    let failed = ran.messages().into_iter().find(|(_, message)| message["outcome"] == "failed").unwrap().1;
    assert!(text_of(&failed["note"]).contains("it may have been sent, and is still here"), "{failed}");
    assert_eq!(stage.written().iter().filter(|(action, _)| action == "DeleteMessage").count(), 2);
    assert_eq!(stage.dead(), ("1".to_owned(), "0".to_owned()));
}

#[test]
fn a_drop_is_written_down_with_the_whole_message_before_it_is_done() {
    let stage = Stage::set();
    let long = "é".repeat(524_288 - 1_024);
    let id = stage.put_aside_with(&long, &[("reason", "not usable as JSON"), ("trace", "t-1")]);
    let other = stage.put_aside("{}", None);
    stage.aws.clear_log();
    let ran = stage.redrive(&["drop", &id, "--reason", " seen,\nand empty ", "-o", "json"]).ends(0);
    assert_eq!(ran.outcomes(), outcomes([(&id, "dropped")]));
    let row = "runas-ledger";
    let expected = [
        ("UpdateItem", row),
        ("UpdateItem", row),
        ("UpdateItem", row),
        ("PutItem", row),
        ("DeleteMessage", "runas-dlq"),
    ];
    assert_eq!(stage.written(), pairs(expected));
    assert_eq!(stage.dead(), ("1".to_owned(), "0".to_owned()), "{other} is given back");
    assert_eq!(stage.queued(), [0, 0, 0]);

    let (lines, bodies) = book(&stage);
    let [line] = lines.as_slice() else { panic!("one line: {lines:#?}") };
    assert_eq!(
        (&line["id"], &line["why"], &line["reason"]),
        (&json!(id), &json!("seen, and empty"), &json!("not usable as JSON"))
    );
    assert_eq!(line["by"], format!("arn:aws:sts::{HUB}:assumed-role/RunasReactor/runas-reactor"));
    assert_eq!(
        (&line["digest"], &line["bytes"], &line["parts"]),
        (&json!(sha256(&long)), &json!(long.len()), &json!(3))
    );
    assert!(text_of(&line["attributes"]).contains("t-1") && line["sent"].is_string(), "{line}");
    let minute: String = text_of(&line["at"]).chars().take(16).collect();
    assert!(text_of(&line["SK"]).starts_with(&format!("DROPPED#{minute}")), "{line}");
    let at = text_of(&line["at"]).parse::<Time>().unwrap();
    assert_eq!(line["ttl"].as_i64().unwrap(), at.plus_ms(400 * DAY_MS).ms() / 1_000);
    assert!(bodies[&sha256(&long)] == long);
}

#[test]
fn the_same_body_is_kept_once_with_a_line_for_each_message() {
    let stage = Stage::set();
    let ids: Vec<String> = (0..12).map(|_| stage.put_aside("[]", Some("no object"))).collect();
    let mut arguments = vec!["drop", "--reason", "noise"];
    arguments.extend(ids.iter().map(String::as_str));
    stage.redrive(&arguments).ends(0);
    let (lines, bodies) = book(&stage);
    assert_eq!((lines.len(), bodies.len()), (12, 1));
    assert_eq!(stage.dead(), ("0".to_owned(), "0".to_owned()));
}

#[test]
fn what_cannot_be_written_down_is_not_dropped() {
    for action in ["UpdateItem", "PutItem"] {
        let stage = Stage::set();
        let ids = [stage.put_aside("first", None), stage.put_aside("second", None)];
        stage.aws.faults(&json!([fault("dynamodb", action, "AccessDeniedException")]));
        let ran = stage.redrive(&["drop", &ids[0], &ids[1], "--reason", "noise", "-o", "json"]).ends(1);
        let mut words: Vec<String> = ran.outcomes().into_values().collect();
        words.sort();
        assert_eq!(words, ["dropped", "failed"], "{action}");
        assert!(ran.out.contains(&format!("allow {action}")), "{}", ran.out);
        assert_eq!(stage.dead(), ("1".to_owned(), "0".to_owned()), "{action}");
    }
}

#[test]
fn a_crash_between_writing_down_and_deleting_leaves_the_message() {
    let stage = Stage::set();
    let id = stage.put_aside("[]", None);
    stage.aws.faults(&json!([fault("sqs", "DeleteMessage", "InternalFailure")]));
    let ran = stage.redrive(&["drop", &id, "--reason", "noise", "-o", "json"]).ends(1);
    assert_eq!(ran.outcomes(), outcomes([(&id, "failed")]));
    assert_eq!(stage.dead(), ("1".to_owned(), "0".to_owned()));
    stage.redrive(&["drop", &id, "--reason", "noise"]).ends(0);
    assert_eq!(book(&stage).0.len(), 2, "two attempts, two lines");
}

#[test]
fn a_drop_wants_ids_and_a_reason_that_says_something() {
    let stage = Stage::set();
    let id = stage.put_aside("[]", None);
    for arguments in [&["drop", &id][..], &["drop", &id, "--reason", " \n\u{200b}"], &["drop", "--reason", "noise"]] {
        stage.redrive(arguments).ends(64).complains_of(&["--"]);
    }
    stage.redrive(&["send"]).ends(64);
    stage.redrive(&["send", &id, "--all"]).ends(64);
    stage.redrive(&["list", "--limit", "0"]).ends(64);
    assert_eq!(stage.dead(), ("1".to_owned(), "0".to_owned()));
}
