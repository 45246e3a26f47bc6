//! The way of an event: EventBridge puts it into the queue, Lambda's event source mapping takes it out, and what the
//! function does not hand back is deleted.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry};
use runas_reactor::domain::decode::encode_work;
use runas_reactor::domain::signal::{Cause, Work};
use runas_reactor::domain::target::Target;
use runas_reactor::domain::time::Time;
use serde_json::{Value, json};

use super::stage::{HOME, HUB, MANAGEMENT, PATIENCE, Stage, VIRGINIA, text_of};
use crate::decode::fixtures::sample;
use crate::support::lambda::{Lambda, Outcome};

/// Messages that were received together.
pub(super) struct Batch(Vec<Message>);

/// What on-call received.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ReceivedAlert {
    pub(super) subject: String,
    /// The text of the protocol `default`, for programs.
    pub(super) body: Value,
    pub(super) attributes: Value,
}

impl ReceivedAlert {
    pub(super) fn kind(&self) -> String {
        text_of(&self.body["kind"])
    }

    pub(super) fn severity(&self) -> String {
        text_of(&self.body["severity"])
    }

    pub(super) fn text(&self) -> String {
        text_of(&self.body["text"])
    }

    /// All of these words are in the text.
    #[track_caller]
    pub(super) fn assert_says(&self, words: &[&str]) {
        for word in words {
            assert!(self.text().contains(word), "{word:?} is not in:\n{}", self.text());
        }
    }
}

/// The kinds of alerts.
pub(super) fn kinds(alerts: &[ReceivedAlert]) -> Vec<String> {
    alerts.iter().map(ReceivedAlert::kind).collect()
}

impl Stage {
    /// The events that the writes since the last call left in the trail.
    pub(super) fn events(&self) -> Vec<Value> {
        let mut trail_read = self.trail_read.lock().expect("nobody panicked here");
        self.aws.trail_of(&mut trail_read, self.account.as_deref())
    }

    /// Puts events into the queue, as EventBridge's rule does.
    pub(super) fn deliver(&self, events: &[Value]) {
        let texts: Vec<String> = events.iter().map(Value::to_string).collect();
        self.deliver_texts(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    }

    pub(super) fn deliver_texts(&self, texts: &[&str]) {
        for chunk in texts.chunks(10) {
            let entry = |(at, text): (usize, &&str)| {
                let entry = SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(*text);
                entry.build().expect("an entry has an id and a body")
            };
            let entries = chunk.iter().enumerate().map(entry).collect();
            let request = self.hub.sqs.send_message_batch().queue_url(&self.hub.queue).set_entries(Some(entries));
            let sent = self.run(request.send()).expect("messages can be sent");
            assert!(sent.failed.is_empty(), "{:?}", sent.failed);
        }
    }

    /// What is visible in the queue, at most ten.
    pub(super) fn receive(&self) -> Batch {
        self.receive_for(0)
    }

    /// Waits until there is something to receive.
    pub(super) fn receive_for(&self, seconds: i32) -> Batch {
        let request = self.hub.sqs.receive_message().queue_url(&self.hub.queue).max_number_of_messages(10);
        let request =
            request.wait_time_seconds(seconds).message_system_attribute_names(MessageSystemAttributeName::All);
        let request = request.message_attribute_names("All");
        Batch(self.run(request.send()).expect("messages can be received").messages.unwrap_or_default())
    }

    /// Invokes the function with a batch, deletes what it is done with, and answers how many it handed back.
    #[track_caller]
    pub(super) fn invoke(&self, lambda: &Lambda, batch: &Batch) -> usize {
        let outcome = lambda.invoke(&batch.event(), PATIENCE);
        let failed = handed_back(&outcome, lambda);
        self.delete_all_but(batch, &failed);
        failed.len()
    }

    /// What Lambda does with the messages that were not handed back.
    pub(super) fn delete_all_but(&self, batch: &Batch, failed: &BTreeSet<String>) {
        for message in batch.0.iter().filter(|message| !failed.contains(message.message_id().unwrap_or_default())) {
            let request = self.hub.sqs.delete_message().queue_url(&self.hub.queue);
            let request = request.receipt_handle(message.receipt_handle().unwrap_or_default());
            self.run(request.send()).expect("a message can be deleted");
        }
    }

    /// Serves the queue until nothing is visible any more; answers how many messages were handed back.
    #[track_caller]
    pub(super) fn pump(&self, lambda: &Lambda) -> usize {
        let mut failed = 0;
        loop {
            let batch = self.receive();
            if batch.0.is_empty() {
                return failed;
            }
            failed += self.invoke(lambda, &batch);
        }
    }

    /// Delivers what the trail has, and serves the queue, until all is quiet: our own writes come back as events too.
    #[track_caller]
    pub(super) fn settle(&self, lambda: &Lambda) {
        loop {
            self.deliver(&self.events());
            let batch = self.receive();
            if batch.0.is_empty() {
                return;
            }
            assert_eq!(self.invoke(lambda, &batch), 0, "handed back; {:#?}", lambda.logs());
            assert_eq!(self.pump(lambda), 0, "handed back; {:#?}", lambda.logs());
        }
    }

    /// The visibility timeout of messages that were received runs out.
    pub(super) fn reappear(&self, batch: &Batch) {
        for message in &batch.0 {
            let request = self.hub.sqs.change_message_visibility().queue_url(&self.hub.queue).visibility_timeout(0);
            let request = request.receipt_handle(message.receipt_handle().unwrap_or_default());
            self.run(request.send()).expect("a message that was received has a visibility");
        }
    }

    /// Messages in the queue: visible, delayed, in flight.
    pub(super) fn queued(&self) -> [u32; 3] {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesDelayed as Delayed,
            ApproximateNumberOfMessagesNotVisible as InFlight,
        };
        let request = self.hub.sqs.get_queue_attributes().queue_url(&self.hub.queue);
        let request = request.attribute_names(QueueAttributeName::All);
        let attributes = self.run(request.send()).expect("a queue has attributes").attributes.unwrap_or_default();
        [Visible, Delayed, InFlight].map(|name| attributes[&name].parse().expect("a number"))
    }

    /// Looks at targets for the first time, so that what follows happens to targets that are known, right and quiet.
    #[track_caller]
    pub(super) fn prepare(&self, lambda: &Lambda, targets: &[(&str, &str)]) {
        let works: Vec<Value> = targets.iter().map(|(account, region)| work(account, region, Cause::Sweep)).collect();
        self.deliver(&works);
        self.settle(lambda);
        self.alerts();
        self.aws.clear_log();
    }

    /// What on-call has received since the last call.
    pub(super) fn alerts(&self) -> Vec<ReceivedAlert> {
        let all = self.drain(&self.hub.on_call).into_iter();
        all.map(|message| {
            let envelope: Value = serde_json::from_str(message.body().unwrap_or_default()).expect("SNS sends JSON");
            let text = text_of(&envelope["Message"]);
            ReceivedAlert {
                subject: text_of(&envelope["Subject"]),
                body: serde_json::from_str(&text).unwrap_or_else(|why| panic!("`default` is no JSON: {why}: {text}")),
                attributes: envelope["MessageAttributes"].clone(),
            }
        })
        .collect()
    }

    /// Body and reason of what is in the dead-letter queue since the last call.
    pub(super) fn dead_letters(&self) -> Vec<(String, String)> {
        let reason = |message: &Message| {
            let reason = message.message_attributes.as_ref().and_then(|all| all.get("reason"));
            reason.and_then(|reason| reason.string_value.clone()).unwrap_or_default()
        };
        let all = self.drain(&self.hub.dlq).into_iter();
        all.map(|message| (message.body().unwrap_or_default().to_owned(), reason(&message))).collect()
    }

    fn drain(&self, queue: &str) -> Vec<Message> {
        let mut all = Vec::new();
        loop {
            let request = self.hub.sqs.receive_message().queue_url(queue).max_number_of_messages(10);
            let received = self.run(request.message_attribute_names("All").send()).expect("messages can be received");
            let messages = received.messages.unwrap_or_default();
            if messages.is_empty() {
                return all;
            }
            for message in &messages {
                let request = self.hub.sqs.delete_message().queue_url(queue);
                let request = request.receipt_handle(message.receipt_handle().unwrap_or_default());
                self.run(request.send()).expect("a message can be deleted");
            }
            all.extend(messages);
        }
    }
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    #[allow(dead_code, reason = "the long tests need it")]
    pub(super) fn ids(&self) -> BTreeSet<String> {
        self.0.iter().filter_map(Message::message_id).map(str::to_owned).collect()
    }

    /// Those of its messages that have these ids.
    pub(super) fn only(mut self, ids: &BTreeSet<String>) -> Self {
        self.0.retain(|message| ids.contains(message.message_id().unwrap_or_default()));
        self
    }

    /// How often the message that came most often has come.
    pub(super) fn receives(&self) -> u32 {
        let count = |message: &Message| {
            let attributes = message.attributes.as_ref()?;
            attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount)?.parse().ok()
        };
        self.0.iter().filter_map(count).max().unwrap_or(0)
    }

    /// As the event source mapping hands it to the function.
    pub(super) fn event(&self) -> Value {
        let record = |message: &Message| {
            let attributes = message.attributes.iter().flatten();
            let attributes: Value = attributes.map(|(name, value)| (name.as_str().to_owned(), json!(value))).collect();
            let of_sender = message.message_attributes.iter().flatten().map(|(name, it)| {
                (name.clone(), json!({"stringValue": it.string_value(), "dataType": it.data_type()}))
            });
            let of_sender: Value = of_sender.collect();
            json!({
                "messageId": message.message_id(), "receiptHandle": message.receipt_handle(), "body": message.body(),
                "md5OfBody": message.md5_of_body(), "attributes": attributes, "messageAttributes": of_sender,
                "eventSource": "aws:sqs", "eventSourceARN": format!("arn:aws:sqs:{HOME}:{HUB}:runas"), "awsRegion": HOME,
            })
        };
        json!({"Records": self.0.iter().map(record).collect::<Vec<_>>()})
    }
}

/// The messages that the function wants again.
#[track_caller]
pub(super) fn handed_back(outcome: &Outcome, lambda: &Lambda) -> BTreeSet<String> {
    let Outcome::Reply(reply) = outcome else { panic!("no reply but {outcome:?}; {:#?}", lambda.logs()) };
    let failures = reply["batchItemFailures"].as_array().unwrap_or_else(|| panic!("no batch response: {reply}"));
    failures.iter().map(|failure| text_of(&failure["itemIdentifier"])).collect()
}

/// A message of our own about one target.
pub(super) fn work(account: &str, region: &str, cause: Cause) -> Value {
    let work = Work {
        target: Target::new(account.parse().expect("an account"), region.parse().expect("a region")),
        cause,
        edits: Vec::new(),
        correlation: format!("test-{account}-{region}"),
        since: "2026-11-01T00:00:00Z".parse().expect("a time"),
        requeues: 0,
        not_before: None,
    };
    serde_json::from_str(&encode_work(&work)).expect("JSON")
}

/// What Organizations tells about a new account, in an event of `reporter`.
pub(super) fn created(account: &str, reporter: &str, id: &str) -> Value {
    let status = json!({"id": "car-0a1b2c3d4e5f60718293a4b5c6d7e8f9", "state": "SUCCEEDED", "accountName": "****",
        "accountId": account});
    organizations_event("CreateAccountResult", &json!({"createAccountStatus": status}), reporter, id)
}

/// The time as the function will see it.
#[expect(clippy::disallowed_methods, reason = "how long something has been waited for is measured in real time")]
pub(super) fn now() -> Time {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_ms(i64::try_from(now.as_millis()).expect("a time"))
}

/// A service event of Organizations that happens now.
pub(super) fn organizations_event(name: &str, details: &Value, reporter: &str, id: &str) -> Value {
    let now = now().to_string();
    json!({
        "version": "0", "id": format!("envelope-{id}"), "detail-type": "AWS Service Event via CloudTrail",
        "source": "aws.organizations", "account": reporter, "region": VIRGINIA, "resources": [], "time": now,
        "detail": {
            "eventVersion": "1.11", "eventTime": now, "userIdentity": {"accountId": MANAGEMENT, "invokedBy": "AWS Internal"},
            "eventSource": "organizations.amazonaws.com", "eventName": name, "awsRegion": VIRGINIA, "eventID": id,
            "readOnly": false, "eventType": "AwsServiceEvent", "serviceEventDetails": details,
        },
    })
}

/// A sample in an account of the stage, just now.
pub(super) fn sample_event(stage: &Stage, file: &str, account: &str) -> Value {
    let mut event: Value = serde_json::from_str(&sample(file)).expect("a sample is JSON");
    let now = stage.aws.clock().now().to_string();
    event["account"] = account.into();
    event["time"] = now.as_str().into();
    event["detail"]["eventTime"] = now.as_str().into();
    event
}
