//! The start: where the policy comes from, and what is said where something is wrong with the settings.

use serde_json::{Value, json};

use super::queue::handed_back;
use super::stage::{HOME, PATIENCE, PAYMENTS, Stage, text_of};
use crate::support::lambda::{Lambda, Outcome, is_packaged};

/// Starts with these settings, which cannot be used; answers with the one line that says why.
fn refused(lambda: &Lambda) -> String {
    assert_eq!(lambda.exit_code(PATIENCE), Some(1), "{:#?}", lambda.logs());
    assert_eq!(lambda.invoke(&json!({"Records": []}), PATIENCE), Outcome::Died, "nothing is served");
    let line = lambda.await_log("cannot run", PATIENCE);
    assert_eq!(lambda.logs().len(), 1, "{:#?}", lambda.logs());
    let line: Value = serde_json::from_str(&line).expect("logs are lines of JSON");
    assert_eq!(line["level"], "ERROR");
    text_of(&line["problem"])
}

/// An edit is undone by a function with these settings.
fn works(stage: &Stage, lambda: &Lambda) {
    stage.prepare(lambda, &[(PAYMENTS, HOME)]);
    stage.administrator(PAYMENTS, "alice@example.com").edits(HOME, &json!({"runAsEnabled": false}));
    stage.settle(lambda);
    stage.assert_right(PAYMENTS, HOME);
}

#[test]
fn everything_that_is_wrong_with_the_settings_is_said_in_one_line() {
    let stage = Stage::set();
    let problem = refused(&stage.lambda_with(&[
        ("RUNAS_TABLE", ""),
        ("RUNAS_TOPIC_ARN", "arn:aws:sns:us-east-1:222233334444:alerts"),
        ("RUNAS_QUEUE_URL", "runas"),
        ("RUNAS_POLICY", "s3://bucket/policy"),
        ("AWS_MAX_ATTEMPTS", "99"),
        ("AWS_ENDPOINT_URL_STS", "sts"),
    ]));
    assert!(problem.contains("(6 to fix)"), "{problem}");
    for words in [
        "RUNAS_TABLE: not set; set the name",
        "RUNAS_TOPIC_ARN: the topic is in us-east-1, the reactor in eu-west-1",
        "RUNAS_QUEUE_URL: `runas` is no URL of a queue",
        "RUNAS_POLICY: `s3://bucket/policy` is no place for a policy; use `table` or `file:PATH`",
        "AWS_MAX_ATTEMPTS: `99` is no number from 1 to 10",
        "AWS_ENDPOINT_URL_STS: `sts` is no URL",
    ] {
        assert!(problem.contains(words), "{words:?} is not in {problem}");
    }
}

#[test]
fn a_policy_file_that_cannot_be_used_stops_the_start_with_the_reason() {
    let stage = Stage::set();
    let missing = refused(&stage.lambda_with(&[("RUNAS_POLICY", "file:/nowhere/policy.json")]));
    assert!(
        missing.contains("cannot read the policy `/nowhere/policy.json`") && missing.contains("set RUNAS_POLICY to"),
        "{missing}"
    );
    let broken = stage.file("broken.json", "{\"version\": 1}");
    let broken = refused(&stage.lambda_with(&[("RUNAS_POLICY", &broken)]));
    assert!(broken.contains("is no compiled policy"), "{broken}");
}

#[test]
fn a_policy_in_yaml_is_for_builds_with_the_command_line_and_the_package_names_the_way() {
    let stage = Stage::set();
    let yaml = stage.file("policy.yaml", &stage.yaml);
    let lambda = stage.lambda_with(&[("RUNAS_POLICY", &yaml)]);
    if is_packaged() {
        let problem = refused(&lambda);
        assert!(problem.contains("make one with `runasctl policy compile`"), "{problem}");
    } else {
        works(&stage, &lambda);
    }
}

#[test]
fn the_policy_in_the_table_is_read_and_without_one_every_message_comes_again() {
    let stage = Stage::set();
    let lambda = stage.lambda_with(&[("RUNAS_POLICY", "table")]);
    stage.deliver(&[super::queue::work(PAYMENTS, HOME, runas_reactor::domain::signal::Cause::Sweep)]);
    let batch = stage.receive();
    let reads = || stage.calls("dynamodb").into_iter().filter(|call| call["target"] == "POLICY CURRENT").count();
    let outcome = lambda.invoke(&batch.event(), PATIENCE);
    assert_eq!((handed_back(&outcome, &lambda).len(), reads()), (1, 1));
    let line = lambda.await_log("no policy, so no decision", PATIENCE);
    assert!(line.contains("push one, or set RUNAS_POLICY=file:PATH"), "{line}");
    stage.push_policy();
    stage.reappear(&batch);
    works(&stage, &lambda);
    assert_eq!(reads(), 0, "kept for a minute");
}
