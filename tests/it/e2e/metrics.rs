//! What the function writes for CloudWatch: lines of metrics, and the line that an alarm counts.

use runas_reactor::config;
use runas_reactor::domain::time::MINUTE_MS;
use serde_json::{Value, json};

use super::stage::{HOME, HUB, MEMBERS, PATIENCE, PAYMENTS, REGIONS, Stage, text_of};
use crate::infra::template::{HUB as HUB_TEMPLATE, template};
use crate::support::lambda::Lambda;

/// The values of a metric in all lines so far.
fn values(lambda: &Lambda, name: &str) -> Vec<i64> {
    let lines = lambda.logs().into_iter().filter(|line| line.contains("\"CloudWatchMetrics\""));
    let lines = lines.map(|line| serde_json::from_str::<Value>(&line).expect("JSON"));
    let values = lines.map(|mut line| line[name].take()).filter(|value| !value.is_null());
    values
        .flat_map(|value| value.as_array().cloned().unwrap_or_else(|| vec![value]))
        .map(|value| value.as_i64().expect("a whole number"))
        .collect()
}

#[test]
fn a_new_account_counts_once_in_each_region_beside_its_objective() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.deliver(&[stage.vend("888899990000")]);
    stage.settle(&lambda);
    let edit = json!({"runAsEnabled": false});
    stage.administrator("888899990000", "alice").edits(HOME, &edit);
    stage.deliver(&stage.events());
    stage.settle(&lambda);
    stage.assert_right("888899990000", HOME);
    let lags = values(&lambda, "ConfigurationLag");
    assert!(lags.len() == REGIONS.len() && lags.iter().all(|ms| (0..5 * MINUTE_MS).contains(ms)), "{lags:?}");
    assert_eq!(values(&lambda, "ConfigurationLagObjective"), [5 * MINUTE_MS; 3]);
}

#[test]
fn sweep_counts_the_targets_that_it_sends_on_and_those_that_are_observed() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.deliver(&[json!({"kind": "sweep", "schema": 1, "executionId": "first"})]);
    stage.settle(&lambda);
    let sum = |name: &str| usize::try_from(values(&lambda, name).iter().sum::<i64>()).expect("a count");
    let all = (MEMBERS.len() + 1) * REGIONS.len();
    assert_eq!((sum("SweepTargets"), sum("SweepChecked")), (all, all));

    // An event leads to a look that no sweep is credited with.
    stage.administrator(PAYMENTS, "alice").edits(HOME, &json!({"runAsEnabled": false}));
    stage.deliver(&stage.events());
    stage.settle(&lambda);
    assert_eq!((sum("SweepTargets"), sum("SweepChecked")), (all, all));
    assert!(sum("Targets") > all);
}

#[test]
fn an_alert_that_never_reaches_chat_is_logged_as_the_alarm_s_filter_wants() {
    let stage = Stage::set();
    let gone = format!("arn:aws:sns:{HOME}:{HUB}:gone");
    let lambda = stage.lambda_with(&[(config::CHAT_TOPIC_ARN, &gone)]);
    stage.administrator(PAYMENTS, "alice").creates(HOME, &json!({"runAsEnabled": false}));
    stage.deliver(&stage.events());
    stage.settle(&lambda);
    assert!(!stage.alerts().is_empty(), "the topic has it");
    let line: Value = serde_json::from_str(&lambda.await_log("not sent to chat", PATIENCE)).expect("JSON");
    let filter = &template(HUB_TEMPLATE)["Resources"]["ChatAlertsLost"]["Properties"];
    let pattern = text_of(&filter["FilterPattern"]);
    let terms: Vec<(&str, &str)> = pattern
        .trim_matches(['{', '}', ' '])
        .split(" && ")
        .map(|term| term.trim_start_matches("$.").split_once(" = ").expect("a comparison"))
        .collect();
    assert_eq!(terms.len(), 2, "{pattern}");
    for (field, value) in terms {
        assert_eq!(line[field].to_string(), value, "{pattern}: {line}");
    }
}
