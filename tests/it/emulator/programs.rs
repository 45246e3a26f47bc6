//! What the test bed does for one program among several, and to it.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_sqs::Client as Sqs;
use serde_json::{Value, json};

use super::{ADMIN, HUB, Ssm, code, content, create, fault, update, version};
use crate::support::emulator::Emulator;

fn via(aws: &Emulator, name: &str) -> SdkConfig {
    aws.sdk(&aws.credentials(ADMIN, "alice@example.com"), "eu-west-1")
        .into_builder()
        .endpoint_url(aws.url_via(name))
        .build()
}

#[tokio::test]
async fn the_faults_and_the_log_of_one_program_are_its_own() {
    let aws = Emulator::start();
    let (one, other) = (Ssm::new(&via(&aws, "one")), Ssm::new(&via(&aws, "other")));
    let denied = json!({"code": "AccessDeniedException", "via": "one"});
    aws.faults_via("one", &json!([fault("ssm", "GetDocument", &denied)]));
    aws.faults_via("other", &json!([]));
    create(&one, &content("a")).await.unwrap();
    assert_eq!(version(&other, "1").await.unwrap(), "1");
    assert_eq!(aws.reached_via("one"), 0);
    assert_eq!(version(&one, "1").await.unwrap_err(), "AccessDeniedException");
    assert_eq!((aws.reached_via("one"), aws.reached_via("other")), (1, 0));
    let actions = |name: &str| aws.log_via(name).iter().map(|call| call["action"].clone()).collect::<Vec<Value>>();
    assert_eq!(actions("one"), ["CreateDocument", "GetDocument"]);
    assert_eq!(actions("other"), ["GetDocument"]);
}

#[tokio::test]
async fn a_fault_lasts_for_one_attempt_or_for_all_that_an_sdk_makes_of_a_call() {
    let aws = Emulator::start();
    let patient = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
    let ssm = Ssm::new(&via(&aws, "one").into_builder().retry_config(patient).build());
    create(&ssm, &content("a")).await.unwrap();
    let broken = |retries: bool| json!({"code": "InternalServerError", "retries": retries});
    aws.faults(&json!([fault("ssm", "GetDocument", &broken(false))]));
    assert_eq!(version(&ssm, "1").await.unwrap(), "1");
    aws.faults(&json!([fault("ssm", "GetDocument", &broken(true))]));
    assert_eq!(version(&ssm, "1").await.unwrap_err(), "InternalServerError");
    assert_eq!(aws.faults_left()[0]["reached"], 3);
    assert_eq!(version(&ssm, "1").await.unwrap(), "1", "it was one call");
}

#[tokio::test]
async fn a_program_can_be_killed_at_a_call_before_its_effect_or_after_it() {
    let aws = Emulator::start();
    let ssm = Ssm::new(&via(&aws, "one"));
    create(&ssm, &content("0")).await.unwrap();
    for (when, latest) in [("before", "1"), ("after", "2")] {
        let mut program = Command::new("sleep").arg("60").spawn().unwrap();
        aws.faults(&json!([fault("ssm", "UpdateDocument", &json!({"kill": program.id(), "when": when}))]));
        assert_eq!(update(&ssm, "1", &content("1")).await.unwrap_err(), "no answer");
        assert_eq!(program.wait().unwrap().signal(), Some(9));
        assert_eq!(version(&ssm, "$LATEST").await.unwrap(), latest, "{when}");
    }
}

#[tokio::test]
async fn what_waits_in_a_queue_can_be_seen_without_being_received() {
    let aws = Emulator::start();
    let sqs = Sqs::new(&aws.sdk(&aws.credentials(HUB, "hub"), "eu-west-1"));
    let queue = sqs.create_queue().queue_name("work").send().await.map_err(code).unwrap().queue_url.unwrap();
    sqs.send_message().queue_url(&queue).message_body("now").send().await.map_err(code).unwrap();
    let later = sqs.send_message().queue_url(&queue).message_body("later").delay_seconds(300);
    later.send().await.map_err(code).unwrap();
    let waiting = |received: u64| {
        let messages = aws.messages("222233334444", "eu-west-1", "work");
        assert_eq!((&messages[0]["body"], &messages[0]["receives"]), (&json!("now"), &json!(received)));
        assert_eq!((&messages[1]["body"], &messages[1]["receives"]), (&json!("later"), &json!(0)));
        messages.iter().map(|message| message["hidden_ms"] != json!(0)).collect::<Vec<bool>>()
    };
    assert_eq!(waiting(0), [false, true]);
    sqs.receive_message().queue_url(&queue).send().await.map_err(code).unwrap();
    assert_eq!(waiting(1), [true, true]);
}
