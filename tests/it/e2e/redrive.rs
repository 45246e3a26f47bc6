//! `runasctl redrive`: the real command against the dead-letter queue that the real function filled.

mod acting;
mod login;
mod looking;

use std::collections::BTreeMap;

use aws_sdk_sqs::types::{Message, MessageAttributeValue, QueueAttributeName};
use runas_reactor::domain::signal::Cause;
use serde_json::Value;

use super::operator::Ran;
use super::queue::work;
use super::stage::{HOME, PAYMENTS, Stage, text_of};

impl Ran {
    /// The messages by their ids, in their order.
    #[track_caller]
    fn messages(&self) -> Vec<(String, Value)> {
        let messages = self.data()["messages"].as_array().cloned().unwrap_or_default();
        messages.into_iter().map(|message| (text_of(&message["id"]), message)).collect()
    }

    /// What became of each message.
    #[track_caller]
    fn outcomes(&self) -> BTreeMap<String, String> {
        self.messages().into_iter().map(|(id, message)| (id, text_of(&message["outcome"]))).collect()
    }
}

impl Stage {
    /// `runasctl redrive` as an operator in the hub account runs it.
    fn redrive(&self, arguments: &[&str]) -> Ran {
        self.redrive_with(&[], arguments)
    }

    /// With other variables; an empty one counts as not set.
    fn redrive_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let arguments: Vec<&str> = ["redrive"].iter().chain(arguments).copied().collect();
        self.runasctl(variables, &arguments)
    }

    /// Puts a message into the dead-letter queue, as the function does; answers its id.
    fn put_aside(&self, body: &str, reason: Option<&str>) -> String {
        let attributes: Vec<(&str, &str)> = reason.map(|reason| ("reason", reason)).into_iter().collect();
        self.put_aside_with(body, &attributes)
    }

    fn put_aside_with(&self, body: &str, attributes: &[(&str, &str)]) -> String {
        let mut request = self.hub.sqs.send_message().queue_url(&self.hub.dlq).message_body(body);
        for (name, text) in attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(*text).build();
            request = request.message_attributes(*name, value.expect("an attribute has a type"));
        }
        let sent = self.run(request.send()).expect("a message can be sent");
        sent.message_id.expect("it has an id")
    }

    /// A message that was received twice where once is too often.
    fn wear_out(&self, body: &str) {
        let arn = format!("arn:aws:sqs:{HOME}:{}:runas-dlq", super::stage::HUB);
        let policy = serde_json::json!({"deadLetterTargetArn": arn, "maxReceiveCount": "1"}).to_string();
        let request = self.hub.sqs.set_queue_attributes().queue_url(&self.hub.queue);
        self.run(request.attributes(QueueAttributeName::RedrivePolicy, policy).send()).expect("a queue has a policy");
        self.deliver_texts(&[body]);
        let batch = self.receive();
        assert_eq!(batch.len(), 1);
        self.reappear(&batch);
        assert_eq!(self.receive().len(), 0, "it went into the dead-letter queue");
    }

    /// What can be received from a queue, with all its attributes; it stays there.
    fn peek(&self, queue: &str) -> Vec<Message> {
        let request = self.hub.sqs.receive_message().queue_url(queue).max_number_of_messages(10).visibility_timeout(0);
        let received = self.run(request.message_attribute_names("All").send()).expect("messages can be received");
        received.messages.unwrap_or_default()
    }

    /// How many messages in the dead-letter queue can be received, and how many are hidden.
    fn dead(&self) -> (String, String) {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesNotVisible as Held,
        };
        let request = self.hub.sqs.get_queue_attributes().queue_url(&self.hub.dlq);
        let request = request.attribute_names(QueueAttributeName::All);
        let attributes = self.run(request.send()).expect("a queue has attributes").attributes.unwrap_or_default();
        (attributes[&Visible].clone(), attributes[&Held].clone())
    }

    /// The writes since the log was cleared: action and queue or table.
    fn written(&self) -> Vec<(String, String)> {
        let writes = ["SendMessage", "DeleteMessage", "DeleteMessageBatch", "PutItem", "UpdateItem"];
        let calls = self.aws.log().into_iter().map(|call| (text_of(&call["action"]), text_of(&call["target"])));
        let last = |target: String| target.rsplit('/').next().unwrap_or_default().to_owned();
        calls.filter(|(action, _)| writes.contains(&action.as_str())).map(|(a, t)| (a, last(t))).collect()
    }
}

/// Something that the function can use.
fn usable() -> String {
    work(PAYMENTS, HOME, Cause::Sweep).to_string()
}

fn pairs<const N: usize>(expected: [(&str, &str); N]) -> Vec<(String, String)> {
    expected.map(|(action, target)| (action.to_owned(), target.to_owned())).to_vec()
}
