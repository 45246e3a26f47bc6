//! What a crash or a second copy of a message must not cost.

use serde_json::{Value, json};

use super::callers::lza_inputs;
use super::queue::{handed_back, kinds};
use super::stage::{HOME, HUB, PATIENCE, PAYMENTS, Stage};
use crate::support::lambda::{Lambda, Outcome};

fn governed() -> (Stage, Lambda) {
    let stage = Stage::set();
    stage.pipeline(PAYMENTS).creates(HOME, &lza_inputs());
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(PAYMENTS, HOME)]);
    (stage, lambda)
}

#[test]
fn two_copies_of_a_message_at_the_same_moment_alert_once() {
    let (stage, lambda) = governed();
    let other = stage.lambda();
    stage.administrator(PAYMENTS, "alice@example.com").edits(HOME, &json!({"runAsEnabled": false}));
    stage.deliver(&stage.events());
    let batch = stage.receive();
    // The first is about to tell when the second begins.
    stage.aws.faults(&json!([{"service": "sns", "action": "Publish", "delay_ms": 2_000}]));
    let first = lambda.begin(&batch.event(), PATIENCE);
    stage.aws.await_faults(PATIENCE);
    let second = other.invoke(&batch.event(), PATIENCE);
    let mut failed = handed_back(&first.wait(), &lambda);
    failed.extend(handed_back(&second, &other));
    stage.delete_all_but(&batch, &failed);
    stage.reappear(&batch.only(&failed));
    stage.settle(&lambda);
    stage.assert_right(PAYMENTS, HOME);
    assert_eq!(kinds(&stage.alerts()), ["edit_reverted"], "nobody crashed, so nobody repeats");
}

#[test]
fn a_war_is_watched_to_its_end_also_after_a_crash_before_the_watch_was_sent() {
    let (stage, mut lambda) = governed();
    let mut killed = false;
    for n in 0..7 {
        let edit = json!({"runAsEnabled": false, "s3BucketName": format!("bucket-{n}")});
        stage.administrator(PAYMENTS, "alice@example.com").edits(HOME, &edit);
        stage.deliver(&stage.events());
        let batch = stage.receive();
        // The first edit's message is to close its incident; the next one watches the war.
        if n > 0 {
            stage.aws.faults(&json!([{"action": "SendMessageBatch", "via": stage.hub.via(), "kill": lambda.id()}]));
        }
        let outcome = lambda.invoke(&batch.event(), PATIENCE);
        stage.aws.faults(&json!([]));
        if outcome == Outcome::Died {
            lambda = stage.lambda();
            stage.reappear(&batch);
            stage.settle(&lambda);
            stage.pass(16);
            stage.settle(&lambda);
            killed = true;
            break;
        }
        stage.delete_all_but(&batch, &handed_back(&outcome, &lambda));
        stage.settle(&lambda);
    }
    assert!(killed, "the edits led to no message");
    assert!(kinds(&stage.alerts()).contains(&"edit_war".to_owned()));
    let waiting: Vec<Value> = stage.aws.messages(HUB, HOME, "runas");
    assert!(!waiting.is_empty(), "nobody looks again whether the war is over");
}
