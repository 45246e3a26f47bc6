//! As whom, and where: each gap is reported with its cause and the fix.

use std::fs;

use runas_reactor::config;
use serde_json::json;
use tempfile::TempDir;

use super::super::stage::Stage;

const NOBODY: [(&str, &str); 3] = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", ""), ("AWS_SESSION_TOKEN", "")];

#[test]
fn what_is_not_said_is_asked_for() {
    let stage = Stage::set();
    let ran = stage.redrive_with(&[(config::DLQ_URL, "")], &["list"]).ends(64);
    ran.complains_of(&[
        "the URL of the dead-letter queue is not known; fix: give --dead-letter-url or set RUNAS_DLQ_URL",
    ]);
    let ran = stage.redrive_with(&[(config::DLQ_URL, "runas-dlq")], &["list"]).ends(64);
    ran.complains_of(&["RUNAS_DLQ_URL: `runas-dlq` is no URL of a queue"]);
    stage.redrive_with(&[(config::QUEUE_URL, "")], &["send", "--all"]).ends(64).complains_of(&["--queue-url"]);
    stage.redrive_with(&[(config::TABLE, "")], &["drop", "x", "--reason", "y"]).ends(64).complains_of(&["--table"]);
    let dlq = stage.hub.dlq.as_str();
    stage.redrive(&["send", "--all", "--queue-url", dlq]).ends(64).complains_of(&["one and the same"]);
    stage
        .redrive_with(&[(config::TRUST, "all")], &["list"])
        .ends(64)
        .complains_of(&["RUNAS_TRUST", "`amazon` or `native`"]);
    stage
        .redrive_with(&[(config::REGION, "")], &["list"])
        .ends(1)
        .complains_of(&["no region is known; fix: give --region"]);
    stage.redrive_with(&NOBODY, &["list"]).ends(1).complains_of(&["there are no credentials", "fix: `aws sso login`"]);
    assert_eq!(stage.calls("sqs").len(), 0);
}

#[test]
fn flags_say_the_same_as_variables() {
    let stage = Stage::set();
    let id = stage.put_aside(&super::usable(), None);
    let none = [(config::DLQ_URL, ""), (config::QUEUE_URL, ""), (config::REGION, "")];
    let (queue, dlq) = (stage.hub.queue.as_str(), stage.hub.dlq.as_str());
    let flags = ["--queue-url", queue, "--dead-letter-url", dlq, "--region", "eu-west-1", "send", &id];
    stage.redrive_with(&none, &flags).ends(0);
    assert_eq!(stage.queued(), [1, 0, 0]);
}

#[test]
fn refusal_by_aws_is_reported_with_its_fix() {
    let stage = Stage::set();
    let ran = |code: &str, message: &str| {
        let fault = json!({"service": "sqs", "action": "ReceiveMessage", "code": code, "message": message});
        stage.aws.faults(&json!([fault]));
        stage.redrive(&["list"]).ends(1)
    };
    ran("AccessDenied", "User is not authorized").complains_of(&["User is not authorized; fix: allow ReceiveMessage"]);
    ran("ExpiredToken", "too old").complains_of(&["too old; fix: log in again"]);
    ran("InvalidClientTokenId", "who?").complains_of(&["who?; fix: log in again"]);
    stage.aws.faults(&json!([]));
    let nowhere = format!("{}-2", stage.hub.dlq);
    let ran = stage.redrive(&["list", "--dead-letter-url", &nowhere]).ends(1);
    ran.complains_of(&["ReceiveMessage: ", "fix: see whether the URL or the name is right, and the region"]);
    let ran = stage.redrive_with(&[(config::ENDPOINT, "http://127.0.0.1:1")], &["list"]).ends(1);
    ran.complains_of(&["fix: see whether the endpoint can be reached"]);
}

#[test]
fn a_service_can_have_an_endpoint_of_its_own() {
    let stage = Stage::set();
    stage.put_aside("x", None);
    let url = stage.aws.url();
    let variables = [(config::ENDPOINT, "http://127.0.0.1:1"), (config::ENDPOINT_SQS, url.as_str())];
    assert_eq!(stage.redrive_with(&variables, &["list"]).ends(0).out.lines().count(), 2);
}

#[test]
fn a_profile_brings_region_and_credentials_and_its_process_is_asked_once() {
    let stage = Stage::set();
    let id = stage.put_aside("[]", None);
    let files = TempDir::new().unwrap();
    let (asked, keys, profiles) = (files.path().join("asked"), files.path().join("keys"), files.path().join("config"));
    let given = &stage.hub.keys;
    let answer = json!({"Version": 1, "AccessKeyId": given.access_key, "SecretAccessKey": given.secret_key,
        "SessionToken": given.token, "Expiration": "2099-01-01T00:00:00Z"});
    fs::write(&keys, answer.to_string()).unwrap();
    let process = format!("sh -c 'echo asked >> {}; cat {}'", asked.display(), keys.display());
    let text = format!("[profile operations]\nregion = eu-west-1\ncredential_process = {process}\n");
    fs::write(&profiles, text).unwrap();
    let profiles = profiles.display().to_string();
    let mut variables = vec![("AWS_CONFIG_FILE", profiles.as_str()), (config::REGION, ""), ("PATH", "/usr/bin:/bin")];
    variables.extend(NOBODY);
    let arguments = ["--profile", "operations", "drop", &id, "--reason", "noise"];
    stage.redrive_with(&variables, &arguments).ends(0);
    assert_eq!(fs::read_to_string(asked).unwrap(), "asked\n", "SQS, STS and DynamoDB, and one question");
    // Not even where the environment has credentials.
    let ran = stage.redrive(&["list", "--profile", "nobody"]).ends(1);
    ran.complains_of(&["there are no credentials in the profile `nobody`: ", "--profile"]);
    let ran = stage.redrive_with(&variables, &["list", "--profile", "nobody"]).ends(1);
    ran.complains_of(&["profile `nobody` was not defined"]);
}
