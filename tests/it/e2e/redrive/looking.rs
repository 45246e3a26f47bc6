//! `list` and `show`: nothing is taken out, and nothing that is written gets at the terminal.

use serde_json::{Value, json};

use super::super::stage::{HOME, PAYMENTS, Stage};
use super::usable;

const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}live\u{200b}\r";

#[test]
fn list_says_what_is_there_why_and_what_the_function_would_make_of_it_now() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.deliver_texts(&["{ this is not JSON"]);
    assert_eq!(stage.pump(&lambda), 0);
    stage.wear_out(&usable());
    stage.put_aside("{\"kind\": \"sweep\", \"schema\": 1}", Some("put aside by an older release"));
    let undelivered = [("ERROR_CODE", "NO_PERMISSIONS"), ("ERROR_MESSAGE", "not allowed")];
    stage.put_aside_with("{\"RequestType\": \"Create\", \"ResponseURL\": \"u\", \"StackId\": \"s\"}", &undelivered);

    stage.aws.clear_log();
    let ran = stage.redrive(&["list", "--output", "json"]).ends(0);
    let messages: Vec<Value> = ran.messages().into_iter().map(|(_, message)| message).collect();
    let of = |put_by: &str, words: &str| {
        let found = messages.iter().find(|it| it["put_by"] == put_by && it["reason"].as_str().unwrap().contains(words));
        found.unwrap_or_else(|| panic!("nothing by {put_by} about {words}: {messages:#?}")).clone()
    };
    assert_eq!(messages.len(), 4, "{messages:#?}");
    let undecodable = of("reactor", "not usable as JSON");
    assert_eq!((&undecodable["now"]["outcome"], &undecodable["now"]["kind"]), (&json!("undecodable"), &Value::Null));
    assert!(undecodable["now"]["reason"].as_str().unwrap().contains("not usable as JSON"));
    // The emulator does not name the queue that SQS moved it from.
    let worn_out = of("unknown", "received too often");
    let now = json!({"outcome": "signal", "kind": "work", "account": PAYMENTS, "region": HOME, "reason": null});
    assert_eq!(worn_out["now"], now);
    assert_eq!(of("reactor", "older release")["now"]["kind"], "sweep");
    assert_eq!(of("eventbridge", "could not deliver it: NO_PERMISSIONS: not allowed")["now"]["outcome"], "ignored");
    assert!(messages.iter().all(|message| message["sent"].as_str().is_some_and(|at| at.starts_with("20"))));

    let ran = stage.redrive(&["list"]).ends(0);
    assert_eq!(ran.out.lines().count(), 5, "{}", ran.out);
    for message in &messages {
        let (id, now) = (message["id"].as_str().unwrap(), message["now"]["outcome"].as_str().unwrap());
        let line = ran.out.lines().find(|line| line.starts_with(id));
        assert!(line.is_some_and(|line| line.contains(&format!("  {now}  "))), "{id} {now}: {}", ran.out);
    }
    assert!(ran.out.contains(&format!("work   {PAYMENTS}  {HOME}")), "{}", ran.out);
    ran.complains_of(&["4 messages, of which the function could use 3"]);
    assert_eq!(stage.dead(), ("4".to_owned(), "0".to_owned()), "everything is given back");
    assert_eq!(stage.written(), [], "nothing was sent or deleted");
}

#[test]
fn an_empty_queue_is_no_error() {
    let stage = Stage::set();
    let ran = stage.redrive(&["list"]).ends(0);
    assert_eq!(ran.out, "");
    ran.complains_of(&["no message to be seen"]);
    assert_eq!(stage.redrive(&["list", "-o", "json"]).ends(0).data()["messages"], json!([]));
}

#[test]
fn more_messages_than_one_call_receives_are_each_shown_once_and_so_is_the_limit() {
    let stage = Stage::set();
    let mut sent: Vec<String> = (0..23).map(|at| stage.put_aside(&format!("message {at}"), None)).collect();
    sent.sort();
    for _ in 0..2 {
        let ran = stage.redrive(&["list", "--output", "json"]).ends(0);
        let mut shown: Vec<String> = ran.messages().into_iter().map(|(id, _)| id).collect();
        shown.sort();
        assert_eq!(shown, sent, "the second time, too, because everything was given back");
        assert!(!ran.err.contains("there may be more"), "{}", ran.err);
    }
    let ran = stage.redrive(&["list", "--output", "json", "--limit", "12"]).ends(0);
    assert_eq!(ran.messages().len(), 12);
    ran.complains_of(&["there may be more than the 12"]);
    assert_eq!(stage.dead(), ("23".to_owned(), "0".to_owned()));
}

#[test]
fn messages_that_another_operator_holds_are_reported() {
    let stage = Stage::set();
    stage.put_aside("x", None);
    let request = stage.hub.sqs.receive_message().queue_url(&stage.hub.dlq);
    stage.run(request.send()).unwrap();
    stage
        .redrive(&["list"])
        .ends(0)
        .complains_of(&["about 1 more that cannot be received: another receiver holds them"]);
}

#[test]
fn message_that_cannot_be_made_visible_is_reported_and_the_answer_stands() {
    let stage = Stage::set();
    stage.put_aside("x", None);
    let denied = json!({"service": "sqs", "action": "ChangeMessageVisibilityBatch", "code": "AccessDenied"});
    stage.aws.faults(&json!([denied]));
    let ran = stage.redrive(&["list", "-o", "json"]).ends(0);
    assert_eq!(ran.messages().len(), 1);
    ran.complains_of(&["stay hidden for up to 120 s", "allow ChangeMessageVisibility"]);
}

#[test]
fn what_was_received_before_a_failure_is_given_back() {
    let stage = Stage::set();
    (0..11).for_each(|at| drop(stage.put_aside(&at.to_string(), None)));
    let fault = json!({"service": "sqs", "action": "ReceiveMessage", "skip": 1, "code": "InternalFailure"});
    stage.aws.faults(&json!([fault]));
    stage.redrive(&["list"]).ends(1).complains_of(&["ReceiveMessage: InternalFailure"]);
    assert_eq!(stage.dead(), ("11".to_owned(), "0".to_owned()));
}

#[test]
fn show_says_everything_about_one_message() {
    let stage = Stage::set();
    let body = json!({"kind": "work", "schema": 9, "nested": {"a": [1, 2]}}).to_string();
    let id = stage.put_aside_with(&body, &[("reason", "schema 9"), ("trace", "t-1")]);
    stage.put_aside("another", None);

    let shown = stage.redrive(&["show", &id, "--output", "json"]).ends(0).data();
    assert_eq!((&shown["id"], &shown["body"], &shown["bytes"]), (&json!(id), &json!(body), &json!(body.len())));
    assert_eq!(shown["attributes"]["trace"], json!({"type": "String", "value": "t-1"}));
    assert_eq!((&shown["reason"], &shown["put_by"]), (&json!("schema 9"), &json!("reactor")));
    assert_eq!(shown["sha256"], runas_reactor::domain::text::sha256(&body));
    assert_eq!(shown["now"]["outcome"], "undecodable");

    let ran = stage.redrive(&["show", &id]).ends(0);
    for words in [&*id, "schema 9", "trace = t-1", "undecodable: schema 9 of `work`", "    \"a\": [\n      1,"] {
        assert!(ran.out.contains(words), "{words:?} is not in {}", ran.out);
    }
    assert_eq!(stage.dead(), ("2".to_owned(), "0".to_owned()));
}

#[test]
fn an_id_that_is_not_there_is_an_error() {
    let stage = Stage::set();
    stage.put_aside("x", None);
    let ran = stage.redrive(&["show", "nobody\u{1b}[31m"]).ends(1);
    assert_eq!(ran.out, "");
    ran.complains_of(&["there is no message nobody", "fix: see `runasctl redrive list`"]);
    assert!(!ran.err.contains("there may be more"), "{}", ran.err);
    stage.put_aside("y", None);
    stage.redrive(&["show", "nobody", "--limit", "1"]).ends(1).complains_of(&["there may be more than the 1"]);
    assert_eq!(stage.dead(), ("2".to_owned(), "0".to_owned()));
}

#[test]
fn nothing_that_others_wrote_rewrites_the_terminal() {
    let stage = Stage::set();
    let json_body = json!({"kind": HOSTILE, "schema": 1, HOSTILE: HOSTILE}).to_string();
    // SQS takes no other control characters than tab, line feed and carriage return in the clear.
    let plain = "no JSON \u{9b}31m\u{202e}\r[2J";
    let reason = "\u{9b}2J because\n of \u{202e}this";
    let bodies = [json_body.as_str(), plain];
    let ids = bodies.map(|body| stage.put_aside_with(body, &[("reason", reason), ("other", "\u{9b}0c")]));
    for arguments in
        [vec!["list"], vec!["show", &ids[0]], vec!["show", &ids[1]], vec!["drop", "x\u{9b}", "--reason", "r"]]
    {
        for output in ["table", "json"] {
            let all: Vec<&str> = arguments.iter().copied().chain(["--output", output]).collect();
            // Written as to a terminal: nothing is filtered on the way.
            let ran = stage.redrive_with(&[("CLICOLOR_FORCE", "1")], &all);
            let invisible = |c: &char| (c.is_control() && *c != '\n') || ['\u{202e}', '\u{200b}'].contains(c);
            assert_eq!(ran.out.chars().find(invisible), None, "{all:?}: {}", ran.out);
        }
    }
    let shown = stage.redrive(&["show", &ids[0], "-o", "json"]).ends(0).data();
    assert_eq!(shown["body"], json_body, "programs get what was written");
    assert_eq!(stage.redrive(&["show", &ids[1], "-o", "json"]).ends(0).data()["body"], plain);
}

#[test]
fn long_messages_are_shown_in_part() {
    let stage = Stage::set();
    let body = json!({"kind": "work", "schema": 1, "padding": "é".repeat(128 * 1_024)}).to_string();
    assert!(body.len() > 256 * 1_024);
    let id = stage.put_aside(&body, Some(&"why? ".repeat(1_000)));
    let ran = stage.redrive(&["list"]).ends(0);
    assert!(ran.out.len() < 2_000, "{}", ran.out.len());
    let ran = stage.redrive(&["show", &id]).ends(0);
    assert!(ran.out.len() < 80_000, "{}", ran.out.len());
    assert!(ran.out.contains("bytes more; --output json has all of it"), "{}", ran.out);
    assert_eq!(stage.redrive(&["show", &id, "-o", "json"]).ends(0).data()["body"], body);
}
