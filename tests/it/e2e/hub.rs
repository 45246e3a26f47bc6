//! What CloudFormation made of `infra/hub.yaml`: events, the schedule and operators reach the real function through the
//! created bus, rules, queue and table, and every call in the hub is held against the created role.

mod access;
mod chain;
mod doctor;
mod kill_switch;
mod roles;
mod rules;

use std::collections::BTreeMap;

use aws_sdk_sqs::types::{Message, QueueAttributeName};
use runas_reactor::config;
use serde_json::{Value, json};

use super::operator::Ran;
use super::stage::{HOME, HUB, Stage, text_of};
use crate::deploy::cloud::Place;
use crate::deploy::hub::Hub;

const BUS: &str = "runas-reactor";

/// An organisation whose hub account runs the stack.
struct Deployed {
    stage: Stage,
    hub: Hub,
    sqs: aws_sdk_sqs::Client,
    /// A queue that subscribes to the created topic.
    on_call: String,
    /// Whether the rules of the accounts are deployed too, and carry their events.
    forwards: bool,
}

impl Deployed {
    /// The stack, and the policy in its table.
    fn set() -> Self {
        let deployed = Self::without_policy();
        deployed.push(&deployed.stage.yaml, &["-m", "first"]);
        deployed
    }

    fn without_policy() -> Self {
        let stage = Stage::set();
        let hub = Hub::deploy(HUB, &stage.aws);
        Self::of(stage, hub, false)
    }

    fn of(stage: Stage, hub: Hub, forwards: bool) -> Self {
        let sdk = hub.sdk();
        let sqs = aws_sdk_sqs::Client::new(&sdk);
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage",
            "Principal": {"Service": "sns.amazonaws.com"}, "Resource": "*"}]});
        let queue = sqs.create_queue().queue_name("on-call").attributes(QueueAttributeName::Policy, policy.to_string());
        let on_call = stage.run(queue.send()).expect("a queue can be made").queue_url.expect("it has a URL");
        let subscription =
            aws_sdk_sns::Client::new(&sdk).subscribe().topic_arn(&hub.outputs["TopicArn"]).protocol("sqs");
        let subscription = subscription.endpoint(format!("arn:aws:sqs:{HOME}:{HUB}:on-call"));
        stage.run(subscription.send()).expect("a queue can listen");
        Self { stage, hub, sqs, on_call, forwards }
    }

    fn push(&self, yaml: &str, options: &[&str]) {
        let file = self.stage.file("policy.yaml", yaml);
        let push = ["policy", "push", file.trim_start_matches("file:"), "--accounts-from", "organizations"];
        self.runasctl(&[&push[..], options].concat()).ends(0);
    }

    /// An operator's command, as the root of the hub account.
    fn runasctl(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.variables(), arguments)
    }

    /// What such a command finds in its environment, with what the stack's outputs say.
    fn variables(&self) -> BTreeMap<String, String> {
        let outputs = &self.hub.outputs;
        let (url, members) = (self.hub.url(), self.stage.aws.url());
        self.stage.variables(&[
            (config::TABLE, outputs["TableName"].as_str()),
            (config::TOPIC_ARN, &outputs["TopicArn"]),
            (config::QUEUE_URL, &outputs["QueueUrl"]),
            (config::DLQ_URL, &outputs["DeadLetterUrl"]),
            (config::ENDPOINT, &url),
            (config::ENDPOINT_ORGANIZATIONS, &members),
            ("AWS_ACCESS_KEY_ID", HUB),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_SESSION_TOKEN", ""),
        ])
    }

    /// Puts the events of all calls so far onto the buses that they reach: the forwarding rules of the accounts, the hub's own
    /// among them, send to the hub's bus.
    fn forward(&self) -> usize {
        let events = self.stage.events();
        for event in &events {
            self.put_onto_its_bus(event);
        }
        events.len()
    }

    fn put_onto_its_bus(&self, event: &Value) {
        if self.forwards {
            let (account, region) = (text_of(&event["account"]), text_of(&event["region"]));
            return self.hub.cloud.event(Place { account: &account, region: &region }, "default", event);
        }
        self.hub.event(BUS, event);
    }

    /// Forwards events until no more come and nothing is left to do.
    #[track_caller]
    fn come_to_rest(&self) {
        self.hub.wait_until("all is quiet", || {
            let forwarded = self.forward();
            let busy = self.messages_in(&self.hub.outputs["QueueUrl"]);
            forwarded == 0 && busy == 0
        });
    }

    /// How many messages are visible or in flight.
    fn messages_in(&self, queue: &str) -> u32 {
        use QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible};
        let names = [ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible];
        let request = self.sqs.get_queue_attributes().queue_url(queue).set_attribute_names(Some(names.to_vec()));
        let attributes = self.stage.run(request.send()).expect("a queue has attributes").attributes.unwrap_or_default();
        names.iter().map(|name| attributes[name].parse::<u32>().expect("a number")).sum()
    }

    /// The alerts since the last call.
    fn alerts(&self) -> Vec<Value> {
        let bodies = self.drain(&self.on_call).into_iter().filter_map(|message| message.body);
        let envelopes = bodies.map(|body| serde_json::from_str::<Value>(&body).expect("SNS sends JSON"));
        envelopes.map(|envelope| serde_json::from_str(&text_of(&envelope["Message"])).expect("an alert")).collect()
    }

    /// Takes all messages out of a queue.
    fn drain(&self, queue: &str) -> Vec<Message> {
        let mut all: Vec<Message> = Vec::new();
        loop {
            let request = self.sqs.receive_message().queue_url(queue).max_number_of_messages(10);
            let received = self.stage.run(request.send()).expect("messages can be received").messages;
            match received.filter(|messages| !messages.is_empty()) {
                Some(messages) => {
                    for handle in messages.iter().filter_map(|message| message.receipt_handle.as_deref()) {
                        let delete = self.sqs.delete_message().queue_url(queue).receipt_handle(handle).send();
                        self.stage.run(delete).expect("what was received can be deleted");
                    }
                    all.extend(messages);
                }
                None => return all,
            }
        }
    }

    /// The status of a target in the created table.
    fn status(&self, account: &str, region: &str) -> String {
        let key = json!({"PK": {"S": format!("ACCOUNT#{account}")}, "SK": {"S": format!("REGION#{region}")}});
        let row = self.hub.aws("dynamodb", "get_item", &json!({"TableName": self.hub.id("Table"), "Key": key}));
        text_of(&row["Item"]["status"]["S"])
    }
}
