//! Waiting: a message of our own that comes later, while the one that could not be served is done with. A failed receive is
//! for crashes, and for AWS asking us to slow down.

use runas_reactor::domain::decode::{Decoded, decode, encode_work};
use runas_reactor::domain::edit::Edit;
use runas_reactor::domain::signal::{Cause, Signal, Work};
use runas_reactor::domain::target::Target;
use serde_json::{Value, json};

use super::callers::lza_inputs;
use super::queue::{kinds, now};
use super::stage::{HOME, PAYMENTS, Stage};
use crate::support::lambda::Lambda;

/// A message of our own in the middle of a story.
fn waiting(edit: Edit) -> Value {
    let work = Work {
        target: Target::new(PAYMENTS.parse().unwrap(), HOME.parse().unwrap()),
        cause: Cause::DocumentEvent,
        edits: vec![edit],
        correlation: "test-waiting".to_owned(),
        since: now(),
        requeues: 0,
        not_before: None,
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
        let by_reactor = |call: &&Value| call["via"] == json!(self.hub.via()) && call["action"] == json!(action);
        let calls = self.calls("sqs");
        let seconds =
            calls.iter().filter(by_reactor).flat_map(|call| call["seconds"].as_array().expect("a list").clone());
        seconds.map(|seconds| seconds.as_i64().expect("a number")).collect()
    }
}

#[test]
fn a_throttled_message_stays_away_twice_as_long_each_time_and_then_has_a_successor() {
    let (stage, _) = governed();
    let edit = alices_edit(&stage);
    let lambda = stage.lambda_with(&[("AWS_MAX_ATTEMPTS", "1")]);
    stage.aws.faults(&json!([{"service": "ssm", "action": "*", "code": "ThrottlingException", "times": 50}]));
    stage.deliver(&[waiting(edit)]);
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
    stage.pass(21);
    let successor = stage.receive();
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
    assert_eq!(updates(), 2, "alice's and the reactor's: {:?}", stage.actions("ssm"));
    assert_eq!(stage.delays(), [5]);
    let alerts = stage.alerts();
    assert_eq!(kinds(&alerts), ["edit_noticed", "unreachable"]);
    alerts[0].assert_says(&["alice@example.com", "It is NOT right: AWS denies the reactor the write"]);

    stage.aws.faults(&json!([]));
    stage.pass(6);
    stage.settle(&lambda);
    stage.assert_right(PAYMENTS, HOME);
    assert_eq!(kinds(&stage.alerts()), ["reachable_again"]);
}

#[test]
fn write_whose_second_step_is_denied_is_observed_again_before_any_alert() {
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
