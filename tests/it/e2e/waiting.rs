//! Waiting: a message of our own that comes later, while the one that could not be served is done with. A failed receive is
//! for crashes, and for AWS asking us to slow down.

use runas_reactor::domain::decode::{Decoded, decode, encode_work};
use runas_reactor::domain::durations::REQUEUES_MAX;
use runas_reactor::domain::edit::Edit;
use runas_reactor::domain::signal::{Cause, Signal, Work};
use runas_reactor::domain::target::Target;
use runas_reactor::domain::time::{HOUR_MS, Time};
use serde_json::{Value, json};

use super::people::lza_inputs;
use super::queue::{created, kinds, now};
use super::stage::{HOME, HUB, MANAGEMENT, PAYMENTS, Stage, text_of};
use crate::support::lambda::Lambda;

/// A message of our own in the middle of a story.
fn waiting(edits: Vec<Edit>, requeues: u32, not_before: Option<Time>) -> Value {
    let work = Work {
        target: Target::new(PAYMENTS.parse().unwrap(), HOME.parse().unwrap()),
        cause: Cause::DocumentEvent,
        edits,
        correlation: "test-waiting".to_owned(),
        since: now(),
        requeues,
        not_before,
    };
    serde_json::from_str(&encode_work(&work)).expect("JSON")
}

/// An account that LZA has set up and the reactor has put right.
fn governed() -> (Stage, Lambda) {
    let stage = Stage::set();
    stage.pipeline(PAYMENTS).creates(HOME, &lza_inputs());
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(PAYMENTS, HOME)]);
    (stage, lambda)
}

/// What alice did, as the function reads it.
fn alices_edit(stage: &Stage) -> Edit {
    stage.administrator(PAYMENTS, "alice@example.com").writes(HOME, &json!({"runAsEnabled": false}));
    let events = stage.events();
    let Decoded::Signal(event) = decode(&events[0].to_string()) else { panic!("no signal: {events:#?}") };
    let Signal::DocumentTouched { edit: Some(edit), .. } = event.signal else { panic!("no edit: {events:#?}") };
    *edit
}

impl Stage {
    /// The delays, in seconds, of the messages that the function has sent itself since the log was cleared.
    fn delays(&self) -> Vec<i64> {
        self.seconds("SendMessageBatch")
    }

    fn seconds(&self, action: &str) -> Vec<i64> {
        let ours = |call: &&Value| call["via"] == json!(self.hub.via()) && call["action"] == json!(action);
        let calls = self.calls("sqs");
        let seconds = calls.iter().filter(ours).flat_map(|call| call["seconds"].as_array().expect("a list").clone());
        seconds.map(|seconds| seconds.as_i64().expect("a number")).collect()
    }

    /// The works that wait in the queue, none of which was received before.
    fn successors(&self) -> Vec<Value> {
        let messages = self.aws.messages(HUB, HOME, "runas");
        assert!(messages.iter().all(|message| message["receives"] == json!(0)), "{messages:#?}");
        messages.iter().map(|message| serde_json::from_str(&text_of(&message["body"])).expect("JSON")).collect()
    }

    /// Serves one message, which is settled, whatever came of it.
    #[track_caller]
    fn serve_once(&self, lambda: &Lambda, message: &Value) {
        self.deliver(std::slice::from_ref(message));
        assert_eq!(self.invoke(lambda, &self.receive()), 0, "waiting is no failed receive: {:#?}", lambda.logs());
    }
}

#[test]
fn a_target_out_of_reach_is_waited_for_longer_and_longer_and_its_edits_are_remembered() {
    let (stage, _) = governed();
    let edit = alices_edit(&stage);
    stage.aws.switches(&json!({"denied_roles": [{"account": PAYMENTS}]}));
    // Without the session that was there before.
    let lambda = stage.lambda();
    stage.serve_once(&lambda, &waiting(vec![edit.clone()], 0, None));
    for requeues in 1..6 {
        let [work] = &stage.successors()[..] else { panic!("one message watches a target") };
        assert_eq!((&work["requeues"], &work["correlation"]), (&json!(requeues), &json!("test-waiting")), "{work}");
        assert!(work["not_before"].is_string(), "{work}");
        stage.pass(*stage.delays().last().unwrap());
        assert_eq!(stage.pump(&lambda), 0);
    }
    let delays = stage.delays();
    let [5, 10, 20, alert, 60, 60] = delays[..] else { panic!("twice as long each time: {delays:?}") };
    assert!((1..=25).contains(&alert), "when the alert is due, a minute after the edit was heard of: {alert}");
    assert_eq!(kinds(&stage.alerts()), ["unreachable", "edit_noticed"], "once each");
    let record = text_of(&stage.rows_of(PAYMENTS, "REGION#")["REGION#eu-west-1"]["record"]);
    assert!(record.contains(&edit.id), "{record}");
}

#[test]
fn the_last_message_of_a_chain_tells_what_it_waited_for_and_sends_no_other() {
    let (stage, _) = governed();
    let edit = alices_edit(&stage);
    stage.aws.switches(&json!({"denied_roles": [{"account": PAYMENTS}]}));
    let lambda = stage.lambda();
    stage.serve_once(&lambda, &waiting(vec![edit.clone()], REQUEUES_MAX - 1, None));
    assert_eq!(stage.delays(), [60]);
    assert_eq!(stage.successors()[0]["requeues"], json!(REQUEUES_MAX));
    assert_eq!(kinds(&stage.alerts()), ["unreachable"]);

    stage.serve_once(&lambda, &waiting(vec![edit], REQUEUES_MAX, None));
    assert_eq!(stage.delays(), [60], "no other");
    let mut told = stage.alerts();
    told.sort_by_key(super::queue::Told::kind);
    assert_eq!(kinds(&told), ["edit_noticed", "unreachable"], "given up, and said so: {told:#?}");
    told[0].assert_says(&["alice@example.com", "NOT known: the document cannot be read"]);
}

#[test]
fn a_message_that_comes_before_its_time_is_sent_on_and_touches_nothing() {
    let (stage, lambda) = governed();
    stage.serve_once(&lambda, &waiting(Vec::new(), 7, Some(now().plus_ms(HOUR_MS))));
    assert_eq!(stage.delays(), [900], "as long as SQS delays a message");
    assert_eq!(stage.successors()[0]["requeues"], json!(8));
    assert_eq!(stage.actions("ssm"), Vec::<String>::new());
}

#[test]
fn a_trusted_deletion_waits_for_the_document_that_may_follow() {
    let (stage, lambda) = governed();
    stage.pipeline(PAYMENTS).deletes(HOME);
    stage.serve_once(&lambda, &stage.events()[0]);
    let delays = stage.delays();
    assert!(matches!(delays[..], [88..=90]), "a pipeline may be about to put another document there: {delays:?}");
    assert!(stage.find(PAYMENTS, HOME).is_none());

    stage.administrator(PAYMENTS, "mallory@example.com").creates(HOME, &lza_inputs());
    stage.settle(&lambda);
    stage.assert_right(PAYMENTS, HOME);
}

#[test]
fn a_break_glass_hold_waits_as_long_as_it_lasts() {
    let (stage, lambda) = governed();
    stage.break_glass(PAYMENTS, "bob@example.com").writes(HOME, &json!({"runAsDefaultUser": "rescue"}));
    stage.serve_once(&lambda, &stage.events()[0]);
    assert_eq!(stage.delays(), [900], "an hour, in as many messages as it takes");
    assert_eq!(stage.rows_of(PAYMENTS, "REGION#")["REGION#eu-west-1"]["status"], "held");
}

#[test]
fn a_new_account_is_watched_and_one_that_nobody_lists_yet_is_asked_for_again() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.deliver(&[stage.vend("888899990000")]);
    assert_eq!(stage.pump(&lambda), 0);
    assert_eq!(stage.delays(), [0, 0, 0, 300, 300, 300], "one message a region, and one to watch it");
    stage.aws.clear_log();
    stage.deliver(&[created("111111111111", MANAGEMENT, "early")]);
    assert_eq!(stage.pump(&lambda), 0);
    assert_eq!(stage.delays(), [0, 0, 0, 15, 15, 15]);
}

#[test]
fn a_throttled_message_stays_away_twice_as_long_each_time_and_then_has_a_successor() {
    let (stage, _) = governed();
    let edit = alices_edit(&stage);
    let lambda = stage.lambda_with(&[("AWS_MAX_ATTEMPTS", "1")]);
    stage.aws.faults(&json!([{"service": "ssm", "action": "*", "code": "ThrottlingException", "times": 50}]));
    stage.deliver(&[waiting(vec![edit], 0, None)]);
    for receives in 1..=2 {
        let batch = stage.receive();
        assert_eq!(batch.receives(), receives);
        assert_eq!(stage.invoke(&lambda, &batch), 1);
        stage.reappear(&batch);
    }
    let times = stage.seconds("ChangeMessageVisibility");
    assert!(times.len() == 2 && (1..=5).contains(&times[0]) && (2..=10).contains(&times[1]), "{times:?}");
    assert_eq!(stage.delays(), Vec::<i64>::new());
    assert_eq!(stage.invoke(&lambda, &stage.receive()), 0, "settled, and sent again");
    assert!(matches!(stage.delays()[..], [4..=20]), "{:?}", stage.delays());
    let mut successor = stage.receive_for(2);
    while successor.len() == 0 {
        successor = stage.receive_for(20);
    }
    assert_eq!(successor.receives(), 1);
    assert_eq!(successor.event()["Records"][0]["messageAttributes"]["received"]["stringValue"], "3");

    stage.aws.faults(&json!([]));
    assert_eq!(stage.invoke(&lambda, &successor), 0);
    stage.settle(&lambda);
    stage.assert_right(PAYMENTS, HOME);
    assert_eq!(kinds(&stage.alerts()), ["edit_reverted"]);
}

#[test]
fn a_write_that_is_not_allowed_is_tried_again_later_and_not_because_of_the_event_of_its_refusal() {
    let (stage, lambda) = governed();
    let denied = json!({"action": "UpdateDocument", "code": "AccessDeniedException", "times": 1_000});
    stage.administrator(PAYMENTS, "alice@example.com").writes(HOME, &json!({"runAsEnabled": false}));
    stage.aws.faults_via(&stage.hub.via(), &json!([denied]));
    stage.settle(&lambda);
    let updates = || stage.actions("ssm").into_iter().filter(|action| action == "UpdateDocument").count();
    assert_eq!(updates(), 2, "alice's and ours: {:?}", stage.actions("ssm"));
    assert_eq!(stage.delays(), [5]);
    let told = stage.alerts();
    assert_eq!(kinds(&told), ["edit_noticed", "unreachable"]);
    told[0].assert_says(&["alice@example.com", "It is NOT right: AWS denies the reactor the write"]);

    stage.aws.faults(&json!([]));
    stage.serve(&lambda, 1);
    stage.settle(&lambda);
    stage.assert_right(PAYMENTS, HOME);
    assert_eq!(kinds(&stage.alerts()), ["reachable_again"]);
}

#[test]
fn a_write_whose_second_step_is_not_allowed_is_looked_at_again_before_anybody_is_told() {
    for action in ["DescribeDocument", "UpdateDocumentDefaultVersion"] {
        let (stage, lambda) = governed();
        stage.administrator(PAYMENTS, "alice@example.com").writes(HOME, &json!({"runAsEnabled": false}));
        stage.aws.faults(&json!([{"action": action, "code": "AccessDeniedException"}]));
        stage.settle(&lambda);
        stage.assert_right(PAYMENTS, HOME);
        assert_eq!(kinds(&stage.alerts()), ["edit_reverted"], "{action}");
        assert_eq!(stage.delays(), [600], "{action}: what closes the incident, and nothing else");
    }
}
