//! The process is gone at the two worst moments. Its messages come again, and another one finishes what it began, up to the
//! end of the incident. `faults` kills it after every call with an effect.

use serde_json::{Value, json};

use super::callers::lza_inputs;
use super::queue::{ReceivedAlert, kinds};
use super::stage::{HOME, PATIENCE, PAYMENTS, Stage, text_of};
use crate::support::lambda::Outcome;

/// As long as an intent keeps others from writing, and a second.
const LEASE_S: i64 = 16;
/// The policy's window, in which an incident stays open, and a minute.
const WINDOW_S: i64 = 660;

/// Alice edits, the function is killed while the call that `fault` names hangs, and the messages come again to another
/// process. Answers with the stage, when all is quiet, and with all alerts.
fn killed_during(fault: &Value) -> (Stage, Vec<ReceivedAlert>) {
    let stage = Stage::set();
    stage.pipeline(PAYMENTS).creates(HOME, &lza_inputs());
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(PAYMENTS, HOME)]);
    let edit = json!({"runAsEnabled": false, "s3BucketName": "alices-bucket"});
    stage.administrator(PAYMENTS, "alice@example.com").edits(HOME, &edit);
    stage.deliver(&stage.events());

    let mut hang = json!({"delay_ms": 60_000, "drop": true});
    hang.as_object_mut().unwrap().extend(fault.as_object().unwrap().clone());
    stage.aws.faults(&json!([hang]));
    let batch = stage.receive();
    assert_eq!(batch.len(), 2);
    let invocation = lambda.begin(&batch.event(), PATIENCE);
    stage.aws.await_faults(PATIENCE);
    lambda.kill();
    assert_eq!(invocation.wait(), Outcome::Died);

    stage.aws.faults(&json!([]));
    stage.reappear(&batch);
    let next = stage.lambda();
    stage.settle(&next);
    // The intent of the process that is gone is a lease.
    stage.pass(LEASE_S);
    stage.settle(&next);
    stage.assert_right(PAYMENTS, HOME);
    let inputs = stage.document(PAYMENTS, HOME).inputs();
    assert_eq!((&inputs["s3BucketName"], inputs["cloudWatchLogGroupName"].is_string()), (&json!(""), true));
    stage.pass(WINDOW_S);
    stage.settle(&next);
    assert_eq!(stage.queued(), [0, 0, 0], "the incident is closed");
    let alerts = stage.alerts();
    let text = alerts.iter().map(ReceivedAlert::text).collect::<String>();
    assert!(text.contains("s3BucketName  \"\" -> \"alices-bucket\"") && text.contains("alice@example.com"), "{text}");
    assert!(alerts.iter().all(|alerts| alerts.severity() == "high"), "{alerts:#?}");
    let by_alice = |row: &Value| text_of(&row["case"]).contains("alice@example.com");
    assert!(stage.rows_of(PAYMENTS, "EVENT#").values().any(by_alice), "the edit is in the history");
    (stage, alerts)
}

#[test]
fn a_crash_after_an_update_that_took_effect_loses_nothing_and_writes_once() {
    let (stage, alerts) = killed_during(&json!({"service": "ssm", "action": "UpdateDocument", "when": "after"}));
    assert_eq!(kinds(&alerts), ["edit_reverted"]);
    assert_eq!(stage.document(PAYMENTS, HOME).latest(), 4);
}

#[test]
fn edit_is_alerted_and_recorded_after_a_crash_between_the_write_and_the_transaction() {
    let (stage, alerts) = killed_during(&json!({"service": "dynamodb", "action": "TransactWriteItems", "skip": 1}));
    assert_eq!(kinds(&alerts), ["edit_reverted"]);
    alerts[0].assert_says(&["the reactor had at once written version 4"]);
    assert_eq!(stage.document(PAYMENTS, HOME).latest(), 4, "it was right already");
}
