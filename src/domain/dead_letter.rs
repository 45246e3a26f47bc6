//! A message in the dead-letter queue: why it is there, and what a redrive sends back.

use std::collections::BTreeMap;

use super::text::{MESSAGE_CHARS_MAX, NAME_CHARS_MAX, clean};
use super::time::Time;

/// The message attribute with the function's reason for dead-lettering the message.
pub const REASON: &str = "reason";
/// The message attribute of a successor: how often its predecessors with the same body were received.
pub const RECEIVED: &str = "received";
/// The attributes that EventBridge adds to an event that it could not deliver [docs: eventbridge eb-rule-dlq].
const UNDELIVERED: [&str; 6] =
    ["ERROR_CODE", "ERROR_MESSAGE", "EXHAUSTED_RETRY_CONDITION", "RETRY_ATTEMPTS", "RULE_ARN", "TARGET_ARN"];

/// A message in the dead-letter queue, as it was received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetter {
    /// SQS's `messageId`.
    pub id: String,
    /// The receipt handle for returning or deleting it.
    pub receipt: String,
    /// The body.
    pub body: String,
    /// When it was sent. SQS keeps the original time when it moves a message.
    pub sent: Option<Time>,
    /// How often it was received, in this queue and in the one that SQS moved it from.
    pub receives: u32,
    /// The queue that SQS moved it from (`DeadLetterQueueSourceArn`).
    pub source: Option<String>,
    /// Its message attributes.
    pub attributes: BTreeMap<String, Attribute>,
}

/// A message attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// SQS's data type, with the sender's own label (`String.json`).
    pub kind: String,
    /// Its value.
    pub value: AttributeValue,
}

/// The value of a message attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeValue {
    /// Strings and numbers.
    Text(String),
    /// Anything else.
    Binary(Vec<u8>),
}

/// Who put a message into the dead-letter queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutBy {
    /// The function, because it could not decode it.
    Reactor,
    /// EventBridge, because it could not deliver it.
    EventBridge,
    /// SQS, because it was received too often.
    Sqs,
    /// There is no sign: SQS without the source queue's name, or an operator.
    Unknown,
}

impl PutBy {
    /// The stable name in data.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reactor => "reactor",
            Self::EventBridge => "eventbridge",
            Self::Sqs => "sqs",
            Self::Unknown => "unknown",
        }
    }
}

impl DeadLetter {
    /// Who put it here.
    pub fn put_by(&self) -> PutBy {
        if self.text(REASON).is_some() {
            PutBy::Reactor
        } else if self.text("ERROR_CODE").is_some() {
            PutBy::EventBridge
        } else if self.source.is_some() {
            PutBy::Sqs
        } else {
            PutBy::Unknown
        }
    }

    /// Why it is here, bounded and printable.
    pub fn reason(&self) -> String {
        let said = |name| clean(self.text(name).unwrap_or_default(), MESSAGE_CHARS_MAX);
        match self.put_by() {
            PutBy::Reactor => said(REASON),
            PutBy::EventBridge => {
                let text =
                    format!("EventBridge could not deliver it: {}: {}", said("ERROR_CODE"), said("ERROR_MESSAGE"));
                clean(text.trim_end_matches([':', ' ']), MESSAGE_CHARS_MAX)
            }
            PutBy::Sqs => {
                let source = clean(self.source.as_deref().unwrap_or_default(), NAME_CHARS_MAX);
                let queue = source.rsplit(':').next().unwrap_or_default();
                format!("received too often from {queue}, and never settled")
            }
            PutBy::Unknown => "no reason is given: received too often, or put here by hand".to_owned(),
        }
    }

    /// Its attributes from before it was dead-lettered.
    pub fn own_attributes(&self) -> impl Iterator<Item = (&String, &Attribute)> {
        let put_by = self.put_by();
        let added = move |name: &str| match put_by {
            PutBy::Reactor => name == REASON,
            PutBy::EventBridge => UNDELIVERED.contains(&name),
            PutBy::Sqs | PutBy::Unknown => false,
        };
        // A redriven message starts a new count of receives.
        self.attributes.iter().filter(move |(name, _)| *name != RECEIVED && !added(name))
    }

    fn text(&self, name: &str) -> Option<&str> {
        match &self.attributes.get(name)?.value {
            AttributeValue::Text(text) => Some(text),
            AttributeValue::Binary(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(attributes: &[(&str, &str)]) -> DeadLetter {
        let attribute =
            |text: &str| Attribute { kind: "String".to_owned(), value: AttributeValue::Text(text.to_owned()) };
        let attributes = attributes.iter().map(|(name, text)| ((*name).to_owned(), attribute(text))).collect();
        DeadLetter { attributes, ..DeadLetter::default() }
    }

    fn own(letter: &DeadLetter) -> Vec<&str> {
        letter.own_attributes().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn functions_reason_is_shown_without_control_characters() {
        let letter = letter(&[(REASON, "no\u{1b}[2J object\n"), ("trace", "t")]);
        assert_eq!((letter.put_by(), letter.reason().as_str()), (PutBy::Reactor, "no[2J object"));
        assert_eq!(own(&letter), ["trace"]);
    }

    #[test]
    fn what_eventbridge_could_not_deliver_says_so() {
        let undelivered =
            [("ERROR_CODE", "NO_PERMISSIONS"), ("ERROR_MESSAGE", "denied"), ("RULE_ARN", "arn"), ("mine", "x")];
        let letter = letter(&undelivered);
        assert_eq!(letter.put_by(), PutBy::EventBridge);
        assert_eq!(letter.reason(), "EventBridge could not deliver it: NO_PERMISSIONS: denied");
        assert_eq!(own(&letter), ["mine"]);
    }

    #[test]
    fn what_sqs_moved_names_the_queue_and_keeps_its_attributes() {
        let source = Some("arn:aws:sqs:eu-west-1:222233334444:runas".to_owned());
        let letter = DeadLetter { source, ..letter(&[("RULE_ARN", "mine")]) };
        assert_eq!(
            (letter.put_by(), letter.reason().as_str()),
            (PutBy::Sqs, "received too often from runas, and never settled")
        );
        assert_eq!(own(&letter), ["RULE_ARN"]);
    }

    #[test]
    fn a_message_that_was_retried_for_too_long_starts_anew_when_it_is_sent_back() {
        assert_eq!(own(&letter(&[(RECEIVED, "1200"), ("mine", "x")])), ["mine"]);
    }

    #[test]
    fn what_has_no_sign_is_not_guessed_at() {
        let letter = letter(&[]);
        assert_eq!(letter.put_by(), PutBy::Unknown);
        assert!(letter.reason().contains("received too often, or"), "{}", letter.reason());
    }

    #[test]
    fn origin_of_a_dead_letter_has_a_stable_name() {
        let names = [PutBy::Reactor, PutBy::EventBridge, PutBy::Sqs, PutBy::Unknown].map(PutBy::as_str);
        assert_eq!(names, ["reactor", "eventbridge", "sqs", "unknown"]);
    }
}
