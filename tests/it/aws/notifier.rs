//! The topic and the queues.

use runas_reactor::domain::decode::encode_work;
use runas_reactor::domain::signal::{Cause, Task, Work};
use runas_reactor::ports::{FaultClass, Notifier as _, Queue as _, World as _};
use serde_json::json;

use super::*;

fn work(region: &str) -> Work {
    Work {
        target: target_in(region),
        cause: Cause::Sweep,
        edits: Vec::new(),
        correlation: "c".to_owned(),
        since: Time::ZERO,
        requeues: 3,
        not_before: None,
    }
}

fn task(region: &str) -> Task {
    Task::Work(work(region))
}

async fn receive(hub: &Hub, url: &str) -> Vec<aws_sdk_sqs::types::Message> {
    let request = hub.sqs().receive_message().queue_url(url).max_number_of_messages(10).message_attribute_names("All");
    request.send().await.unwrap().messages.unwrap_or_default()
}

/// Every message of a queue, however many there are.
async fn drain(hub: &Hub, url: &str) -> Vec<Value> {
    let mut bodies = Vec::new();
    loop {
        let messages = receive(hub, url).await;
        if messages.is_empty() {
            return bodies;
        }
        bodies.extend(messages.iter().map(|message| serde_json::from_str::<Value>(message.body().unwrap()).unwrap()));
    }
}

/// What a queue that subscribes to the topic receives.
async fn subscribed(hub: &Hub) {
    let sns = aws_sdk_sns::Client::new(&hub.aws.sdk(&hub.keys, HOME));
    let (_, name) = hub.dlq.rsplit_once('/').unwrap();
    let queue = format!("arn:aws:sqs:{HOME}:222233334444:{name}");
    sns.subscribe().topic_arn(&hub.topic).protocol("sqs").endpoint(queue).send().await.unwrap();
    hub.aws.clear_log();
}

#[tokio::test]
async fn a_subscriber_receives_the_alert_as_data() {
    let hub = Hub::new().await;
    subscribed(&hub).await;
    hub.world().notifier().publish(&alert("edit-1")).await.unwrap();
    let received = drain(&hub, &hub.dlq).await;
    let [envelope] = received.as_slice() else { panic!("one message, and not {received:?}") };
    assert_eq!(envelope["Subject"], "Run As was switched off");
    assert_eq!(envelope["MessageAttributes"]["severity"]["Value"], "high");
    assert_eq!(envelope["MessageAttributes"]["kind"]["Value"], "edit_reverted");
    assert_eq!(envelope["MessageAttributes"]["account"]["Value"], MEMBER);
    assert_eq!(envelope["MessageAttributes"]["region"]["Value"], HOME);
    let published: Value = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
    assert_eq!((&published["schema_version"], &published["id"]), (&json!(1), &json!("edit-1")));
    assert_eq!(published["data"], alert("edit-1").data);
}

#[tokio::test]
async fn alert_that_sns_refuses_is_published_in_short() {
    let hub = Hub::new().await;
    subscribed(&hub).await;
    hub.aws.faults(&json!([{"service": "sns", "code": "InvalidParameter", "message": "Message too long"}]));
    hub.world().notifier().publish(&alert("edit-1")).await.unwrap();
    let received = drain(&hub, &hub.dlq).await;
    let published: Value = serde_json::from_str(received[0]["Message"].as_str().unwrap()).unwrap();
    assert_eq!((received.len(), &published["data"]), (1, &json!({"left_out": "InvalidParameter"})));
    // Two refusals are a fault, and a retryable one is a fault at once.
    hub.aws.faults(&json!([{"service": "sns", "code": "InvalidParameter", "times": 2}]));
    assert_eq!(hub.impatient().notifier().publish(&alert("edit-1")).await.unwrap_err().class, FaultClass::Invalid);
    hub.aws.faults(&json!([{"service": "sns", "code": "InternalError", "status": 500}]));
    let fault = hub.impatient().notifier().publish(&alert("edit-1")).await.unwrap_err();
    assert_eq!((fault.class, fault.outcome_unknown), (FaultClass::Transient, true));
}

/// A topic for chat to which the dead-letter queue listens, and the world that publishes there too.
async fn chatting(hub: &Hub) -> (AwsWorld, String) {
    let sns = aws_sdk_sns::Client::new(&hub.aws.sdk(&hub.keys, HOME));
    let topic = sns.create_topic().name("runas-chat").send().await.unwrap().topic_arn.unwrap();
    let (_, name) = hub.queue.rsplit_once('/').unwrap();
    let queue = format!("arn:aws:sqs:{HOME}:222233334444:{name}");
    sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(queue).send().await.unwrap();
    subscribed(hub).await;
    (hub.world_with(&hub.keys, &[(config::CHAT_TOPIC_ARN, &topic), (config::MAX_ATTEMPTS, "1")]), topic)
}

#[tokio::test]
async fn chat_gets_a_custom_notification_and_the_topic_its_alert() {
    let hub = Hub::new().await;
    let (world, _) = chatting(&hub).await;
    world.notifier().publish(&alert("edit-1")).await.unwrap();
    assert_eq!(hub.calls("sns"), ["Publish", "Publish"]);
    let [envelope] = &drain(&hub, &hub.queue).await[..] else { panic!("one message in chat") };
    assert_eq!(envelope["MessageAttributes"]["severity"]["Value"], "high");
    let published: Value = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
    assert_eq!((&published["version"], &published["source"]), (&json!("1.0"), &json!("custom")));
    assert_eq!((&published["id"], &published["metadata"]["eventType"]), (&json!("edit-1"), &json!("edit_reverted")));
    assert_eq!(drain(&hub, &hub.dlq).await.len(), 1);
}

/// The ledger marks an alert as sent when `publish` succeeds.
#[tokio::test]
async fn alert_is_sent_when_chat_has_it_too_unless_chat_is_gone_for_good() {
    let hub = Hub::new().await;
    let (world, topic) = chatting(&hub).await;
    hub.aws.faults(&json!([
        {"service": "sns", "code": "InternalError", "status": 500, "skip": 1},
    ]));
    let fault = world.notifier().publish(&alert("edit-1")).await.unwrap_err();
    assert!(fault.retryable(), "{fault}");
    assert_eq!((drain(&hub, &hub.dlq).await.len(), drain(&hub, &hub.queue).await.len()), (1, 0));
    world.notifier().publish(&alert("edit-1")).await.unwrap();
    assert_eq!(
        (drain(&hub, &hub.dlq).await.len(), drain(&hub, &hub.queue).await.len()),
        (1, 1),
        "twice, and not never"
    );

    let sns = aws_sdk_sns::Client::new(&hub.aws.sdk(&hub.keys, HOME));
    sns.delete_topic().topic_arn(&topic).send().await.unwrap();
    world.notifier().publish(&alert("edit-2")).await.unwrap();
    assert_eq!(drain(&hub, &hub.dlq).await.len(), 1);
}

#[tokio::test]
async fn work_is_sent_in_batches() {
    let hub = Hub::new().await;
    let tasks: Vec<(Task, u32)> = (0..23).map(|_| (task("eu-west-1"), 0)).collect();
    hub.world().queue().send(&tasks).await.unwrap();
    assert_eq!(hub.calls("sqs"), ["SendMessageBatch", "SendMessageBatch", "SendMessageBatch"]);
    let bodies = drain(&hub, &hub.queue).await;
    assert_eq!(bodies.len(), 23);
    assert_eq!(
        bodies[0].to_string(),
        serde_json::from_str::<Value>(&encode_work(&work("eu-west-1"))).unwrap().to_string()
    );
    hub.world().queue().send(&[(task("eu-west-1"), 900)]).await.unwrap();
    assert_eq!(drain(&hub, &hub.queue).await.len(), 0);
    hub.world().queue().send(&[]).await.unwrap();
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_a_fault() {
    let hub = Hub::new().await;
    hub.sqs().delete_queue().queue_url(&hub.queue).send().await.unwrap();
    let fault = hub.world().queue().send(&[(task("eu-west-1"), 0)]).await.unwrap_err();
    assert_eq!((fault.class, fault.call), (FaultClass::NotFound, "SendMessageBatch"));
}

#[tokio::test]
async fn undecodable_body_goes_to_the_dead_letter_queue_with_its_reason() {
    let hub = Hub::new().await;
    let world = hub.world();
    world.queue().dead_letter("not JSON", &format!("no JSON:\n{}", "x".repeat(5_000))).await.unwrap();
    let [message] = &receive(&hub, &hub.dlq).await[..] else { panic!("one message") };
    assert_eq!(message.body(), Some("not JSON"));
    let reason = message.message_attributes().unwrap()["reason"].string_value().unwrap();
    assert!(reason.starts_with("no JSON: xxx") && reason.chars().count() <= 512, "{reason}");
    world.queue().dead_letter("", "").await.unwrap();
    let [message] = &receive(&hub, &hub.dlq).await[..] else { panic!("one message") };
    assert_eq!(message.body(), Some("(empty)"));
}

#[tokio::test]
async fn message_becomes_visible_again() {
    let hub = Hub::new().await;
    let world = hub.world();
    world.queue().send(&[(task("eu-west-1"), 0)]).await.unwrap();
    let [message] = &receive(&hub, &hub.queue).await[..] else { panic!("one message") };
    assert_eq!(receive(&hub, &hub.queue).await.len(), 0);
    world.queue().make_visible_after(message.receipt_handle().unwrap(), 0).await.unwrap();
    assert_eq!(receive(&hub, &hub.queue).await.len(), 1);
    let fault = world.queue().make_visible_after("nonsense", 5).await.unwrap_err();
    assert!(!fault.retryable(), "{fault}");
}

#[tokio::test]
async fn resent_message_has_its_body_and_the_count_of_receives() {
    let hub = Hub::new().await;
    hub.world().queue().resend("{ as it was }", 3, 0).await.unwrap();
    let [message] = &receive(&hub, &hub.queue).await[..] else { panic!("one message") };
    assert_eq!(message.body(), Some("{ as it was }"));
    assert_eq!(message.message_attributes().unwrap()["received"].string_value(), Some("3"));
}
