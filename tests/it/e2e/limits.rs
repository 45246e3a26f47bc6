//! The function's time is limited: what cannot be finished goes back, and the answer still gets out.

use std::time::Duration;

use serde_json::{Value, json};

use super::callers::lza_inputs;
use super::queue::{handed_back, kinds};
use super::stage::{HOME, PAYMENTS, Stage};

const SHORT: Duration = Duration::from_millis(2_500);

/// Invokes with little time while the calls that `fault` names are slow; everything comes back, and is done later.
fn out_of_time(event: impl Fn(&Stage) -> Vec<Value>, variables: &[(&str, &str)], fault: &Value) -> Stage {
    let stage = Stage::set();
    stage.push_policy();
    stage.pipeline(PAYMENTS).creates(HOME, &lza_inputs());
    let lambda = stage.lambda_with(variables);
    stage.prepare(&stage.lambda(), &[(PAYMENTS, HOME)]);
    let events = event(&stage);
    stage.deliver(&events);
    let batch = stage.receive();
    stage.aws.faults(&json!([fault]));
    let outcome = lambda.invoke(&batch.event(), SHORT);
    assert_eq!(handed_back(&outcome, &lambda).len(), events.len(), "{:#?}", lambda.logs());

    stage.aws.faults(&json!([]));
    stage.reappear(&batch);
    stage.settle(&lambda);
    // An intent whose invocation ran out of time is a lease.
    stage.pass(16);
    stage.settle(&lambda);
    stage
}

fn edit(stage: &Stage) -> Vec<Value> {
    stage.administrator(PAYMENTS, "alice@example.com").edits(HOME, &json!({"runAsEnabled": false}));
    stage.events()
}

fn slow(service: &str, action: &str) -> Value {
    json!({"service": service, "action": action, "delay_ms": 4_000, "times": 20})
}

#[test]
fn write_that_answers_too_late_fails_its_message_before_the_deadline() {
    let stage = out_of_time(edit, &[], &slow("ssm", "UpdateDocument"));
    stage.assert_right(PAYMENTS, HOME);
    assert_eq!(kinds(&stage.alerts()), ["edit_reverted"]);
}
