//! The dead-letter queue, for operators. SQS cannot show a message without receiving it, so the command receives
//! messages, which hides them, and makes them visible again.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry as GiveBack, Message, MessageAttributeValue,
    MessageSystemAttributeName as Name, QueueAttributeName,
};

use super::client::{Clients, Lazy};
use super::fault::Call;
use crate::domain::dead_letter::{Attribute, AttributeValue, DeadLetter};
use crate::domain::time::Time;
use crate::ports::{Fault, FaultClass};

const RECEIVE: Call = Call::read("ReceiveMessage");
const GIVE_BACK: Call = Call::write("ChangeMessageVisibility");
const SEND: Call = Call::write("SendMessage");
const DELETE: Call = Call::write("DeleteMessage");
const COUNT: Call = Call::read("GetQueueAttributes");

/// Seconds that a received message stays hidden if the command is killed before it returns the message.
pub const HOLD_S: u32 = 120;
/// Messages in one call [bc sqs].
const BATCH_MAX: u32 = 10;
/// A long poll asks all of SQS's servers; a short poll may miss messages [docs: sqs short and long polling].
const WAIT_S: i32 = 1;

/// The dead-letter queue.
pub struct DeadLetters {
    client: Lazy<Client>,
    url: String,
}

impl DeadLetters {
    pub(super) fn new(url: &str, clients: &Clients) -> Self {
        Self { client: clients.sqs(), url: url.to_owned() }
    }

    /// The next messages, at most `max` and at most ten, hidden from others for [`HOLD_S`]; empty where none is left.
    ///
    /// # Errors
    /// The queue does not exist or cannot be read.
    pub async fn receive(&self, max: usize) -> Result<Vec<DeadLetter>, Fault> {
        let max = u32::try_from(max).unwrap_or(BATCH_MAX).clamp(1, BATCH_MAX);
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(max.cast_signed())
            .visibility_timeout(HOLD_S.cast_signed())
            .wait_time_seconds(WAIT_S)
            .message_system_attribute_names(Name::All)
            .message_attribute_names("All")
            .send()
            .await
            .map_err(|error| RECEIVE.failed(&error))?;
        Ok(answer.messages.unwrap_or_default().into_iter().map(letter).collect())
    }

    /// Makes received messages visible again.
    ///
    /// # Errors
    /// Some messages stay hidden until [`HOLD_S`] has passed.
    pub async fn give_back(&self, receipts: &[String]) -> Result<(), Fault> {
        let mut fault = None;
        for chunk in receipts.chunks(BATCH_MAX as usize) {
            fault = self.give_back_chunk(chunk).await.err().or(fault);
        }
        fault.map_or(Ok(()), Err)
    }

    async fn give_back_chunk(&self, receipts: &[String]) -> Result<(), Fault> {
        let entry = |(at, receipt): (usize, &String)| {
            GiveBack::builder().id(at.to_string()).receipt_handle(receipt).visibility_timeout(0).build()
        };
        let entries: Result<Vec<_>, _> = receipts.iter().enumerate().map(entry).collect();
        let entries = entries.map_err(|error| unbuildable(GIVE_BACK, &error))?;
        let request = self.client.change_message_visibility_batch().queue_url(&self.url).set_entries(Some(entries));
        let answer = request.send().await.map_err(|error| GIVE_BACK.failed(&error))?;
        let faults = answer.failed.iter().map(|failure| {
            let status = if failure.sender_fault() { 400 } else { 500 };
            GIVE_BACK.answered(Some(failure.code()), status, failure.message().unwrap_or_default())
        });
        // A message that is no longer in flight is visible again, or gone.
        faults.filter(|fault| fault.class != FaultClass::NotFound).map(Err).next().unwrap_or(Ok(()))
    }

    /// Sends a message to another queue with its original body and its original attributes.
    ///
    /// # Errors
    /// The message was not sent, or the outcome is unknown (`outcome_unknown`).
    pub async fn send_to(&self, queue_url: &str, letter: &DeadLetter) -> Result<(), Fault> {
        let attributes =
            letter.own_attributes().map(|(name, attribute)| Ok((name.clone(), attribute_value(attribute)?)));
        let attributes: Result<_, Fault> = attributes.collect();
        self.client
            .send_message()
            .queue_url(queue_url)
            .message_body(&letter.body)
            .set_message_attributes(Some(attributes?))
            .send()
            .await
            .map(drop)
            .map_err(|error| SEND.failed(&error))
    }

    /// Deletes a received message.
    ///
    /// # Errors
    /// The message was not deleted, or the outcome is unknown (`outcome_unknown`).
    pub async fn delete(&self, letter: &DeadLetter) -> Result<(), Fault> {
        self.client
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(&letter.receipt)
            .send()
            .await
            .map(drop)
            .map_err(|error| DELETE.failed(&error))
    }

    /// The number of messages in flight. SQS's count lags by a minute [docs: sqs `GetQueueAttributes`].
    ///
    /// # Errors
    /// The queue does not exist or cannot be read.
    pub async fn in_flight(&self) -> Result<u64, Fault> {
        let name = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let request = self.client.get_queue_attributes().queue_url(&self.url).attribute_names(name.clone());
        let answer = request.send().await.map_err(|error| COUNT.failed(&error))?;
        let number = answer.attributes.unwrap_or_default().get(&name).and_then(|text| text.parse().ok());
        Ok(number.unwrap_or_default())
    }
}

fn letter(message: Message) -> DeadLetter {
    let system = message.attributes.unwrap_or_default();
    let time = |name| system.get(&name).and_then(|text| text.parse().ok()).map(Time::from_ms);
    let attributes = message.message_attributes.unwrap_or_default();
    DeadLetter {
        id: message.message_id.unwrap_or_default(),
        receipt: message.receipt_handle.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
        sent: time(Name::SentTimestamp),
        receives: system.get(&Name::ApproximateReceiveCount).and_then(|text| text.parse().ok()).unwrap_or(1),
        source: system.get(&Name::DeadLetterQueueSourceArn).cloned(),
        attributes: attributes.into_iter().map(|(name, value)| (name, attribute(value))).collect(),
    }
}

fn attribute(value: MessageAttributeValue) -> Attribute {
    let said = match (value.string_value, value.binary_value) {
        (None, Some(bytes)) => AttributeValue::Binary(bytes.into_inner()),
        (text, _) => AttributeValue::Text(text.unwrap_or_default()),
    };
    Attribute { kind: value.data_type, value: said }
}

fn attribute_value(attribute: &Attribute) -> Result<MessageAttributeValue, Fault> {
    let value = MessageAttributeValue::builder().data_type(&attribute.kind);
    let value = match &attribute.value {
        AttributeValue::Text(text) => value.string_value(text),
        AttributeValue::Binary(bytes) => value.binary_value(Blob::new(bytes.clone())),
    };
    value.build().map_err(|error| unbuildable(SEND, &error))
}

fn unbuildable(call: Call, error: &impl std::fmt::Display) -> Fault {
    call.fault(FaultClass::Invalid, "Build", &error.to_string())
}
