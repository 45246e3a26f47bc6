//! Decodes the body of a message into what happened.
//!
//! **Undecodable messages.** A message for the reactor that cannot be used is not retried: the caller dead-letters it with
//! the reason, alerts once, and settles it. A well-formed message that is not for the reactor is settled with a log line. A
//! message that claims to be for the reactor, but that AWS did not deliver, has no effect and is alerted. An odd type of an
//! optional field drops no message: an event that the decoder fails to read is an edit that the reactor fails to see.

use serde_json::{Value, json};

use super::edit::Edit;
use super::signal::{InboundEvent, Signal};
use super::target::{AccountId, Region, Target};
use super::text::{MESSAGE_CHARS_MAX, clean, quote};
use envelope::{Envelope, Parsed, Record, Reject, ignored, untrusted};
use lenient::str_at;

mod arn;
mod bypass;
mod control_tower;
mod document;
mod envelope;
mod iam;
mod identity;
mod identity_center;
mod lenient;
mod organizations;
mod region;
mod rules;
mod session_document;
mod state;
mod work;

pub use work::{EDITS_MAX, LOOP_REQUEUES, encode, encode_work};

/// No message in SQS is larger: 1 MiB [docs: general/latest/gr/sqs-service].
pub const BODY_BYTES_MAX: usize = 1_048_576;

const API_CALL: &str = "AWS API Call via CloudTrail";
const SERVICE_EVENT: &str = "AWS Service Event via CloudTrail";
const REGION_CHANGE: &str = "Region Opt-In Status Change";
const SCHEDULED: &str = "Scheduled Event";

/// The outcome of decoding a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A signal for the reactor.
    Signal(Box<InboundEvent>),
    /// Well-formed, and not for the reactor.
    Ignored {
        /// Why it is not.
        reason: String,
        /// What identifies it in a log line.
        about: Option<Box<About>>,
    },
    /// It claims to be for the reactor, but is not as AWS delivers it: forged, or replayed from an archive.
    Untrusted {
        /// Why it is not believed.
        reason: String,
        /// What identifies it in an alert.
        about: Option<Box<About>>,
    },
    /// For the reactor, and unusable.
    Undecodable {
        /// What is wrong with it, and what to do.
        reason: String,
    },
}

/// Identifies a message without a signal in a log line or an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// CloudTrail's `eventID`, or the envelope's id.
    pub id: Option<String>,
    /// CloudTrail's `eventName`.
    pub event: Option<String>,
    /// The account where it arose.
    pub account: Option<AccountId>,
    /// The region where it arose.
    pub region: Option<Region>,
}

/// One message of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchMessage {
    /// SQS's `messageId`, if the text was a batch.
    pub id: Option<String>,
    /// What [`decode`] reads.
    pub body: String,
}

/// Reads the body of one message. Total, and linear in its length.
pub fn decode(body: &str) -> Decoded {
    match read(body) {
        Ok(Value::Object(body)) => {
            let envelope = Envelope { body: &body };
            match parse(envelope) {
                Ok(event) => Decoded::Signal(Box::new(InboundEvent { principal: envelope.principal(), ..event })),
                Err(Reject::Ignored(reason)) => Decoded::Ignored { reason: bounded(&reason), about: envelope.about() },
                Err(Reject::Untrusted(reason)) => {
                    Decoded::Untrusted { reason: bounded(&reason), about: envelope.about() }
                }
                Err(Reject::Undecodable(reason)) => Decoded::Undecodable { reason: bounded(&reason) },
            }
        }
        Ok(_) => Decoded::Undecodable { reason: "JSON, but no object: send whole events".to_owned() },
        Err(reason) => Decoded::Undecodable { reason: bounded(&reason) },
    }
}

/// The call on `target`'s document that a record of CloudTrail's event history reports, if any. The record equals the
/// `detail` of an event. A failed call changed nothing and counts as none.
pub fn from_history(record: &str, target: &Target) -> Option<Edit> {
    let body = json!({
        "source": "aws.ssm",
        "detail-type": API_CALL,
        "account": target.account,
        "region": target.region,
        "detail": read(record).ok()?,
    });
    let signal = parse(Envelope { body: body.as_object()? }).ok()?.signal;
    let Signal::DocumentTouched { edit: Some(edit), .. } = signal else { return None };
    edit.failed.is_none().then_some(*edit)
}

/// A reason may quote the message; every reason is cleaned here.
fn bounded(reason: &str) -> String {
    clean(reason, MESSAGE_CHARS_MAX)
}

/// The messages in `text`: the records of an SQS batch as Lambda receives it, or else the text itself as one message.
pub fn batch(text: &str) -> Vec<BatchMessage> {
    let text = text.trim_start_matches('\u{feff}');
    let single = || vec![BatchMessage { id: None, body: text.to_owned() }];
    let Ok(Value::Object(mut whole)) = serde_json::from_str::<Value>(text) else {
        return single();
    };
    match whole.remove("Records") {
        Some(Value::Array(records)) => records.into_iter().map(message).collect(),
        _ => single(),
    }
}

/// A record without a body is none of SQS; it becomes the body itself, and decoding rejects it.
fn message(mut record: Value) -> BatchMessage {
    let id = record.get("messageId").and_then(Value::as_str).map(str::to_owned);
    match record.get_mut("body").map(Value::take) {
        Some(Value::String(body)) => BatchMessage { id, body },
        _ => BatchMessage { id, body: record.to_string() },
    }
}

/// Parses JSON of bounded size. `serde_json` bounds the depth (128), so that later recursion cannot overflow the stack.
fn read(body: &str) -> Result<Value, String> {
    if body.len() > BODY_BYTES_MAX {
        return Err(format!("{} bytes, and no message in SQS has more than {BODY_BYTES_MAX}", body.len()));
    }
    serde_json::from_str(body).map_err(|error| format!("not usable as JSON: {error}"))
}

fn parse(envelope: Envelope<'_>) -> Parsed {
    let Some(detail_type) = envelope.detail_type() else {
        return work::own(envelope);
    };
    let source = envelope.source();
    let parse = match source.strip_prefix("aws.") {
        Some(service) => followed(envelope, detail_type, service),
        None => forged(envelope, detail_type, source),
    };
    match (parse, envelope.replay()) {
        (Ok(_) | Err(Reject::Undecodable(_)), Some(replay)) => {
            untrusted(format!("it comes from the replay {} of an archive, not from AWS's own delivery", quote(&replay)))
        }
        (parse, _) => parse,
    }
}

/// An event of a service, as AWS delivers it.
fn followed(envelope: Envelope<'_>, detail_type: &str, service: &str) -> Parsed {
    match (detail_type, service) {
        (API_CALL, "ssm") => document::parse(Record::read(envelope, "ssm")?),
        (API_CALL, "organizations") => organizations::called(Record::read(envelope, "organizations")?),
        (API_CALL, "iam") => iam::parse(Record::read(envelope, "iam")?),
        (API_CALL, "sso") => identity_center::parse(Record::read(envelope, "sso")?),
        (API_CALL, "events") => rules::parse(Record::read(envelope, "events")?),
        (SERVICE_EVENT, "organizations") => organizations::happened(Record::read(envelope, "organizations")?),
        (SERVICE_EVENT, "controltower") => control_tower::parse(Record::read(envelope, "controltower")?),
        (REGION_CHANGE, "account") => region::parse(envelope),
        (SCHEDULED, "events" | "scheduler") => Ok(work::scheduled(envelope)),
        (detail_type, _) => ignored(unfollowed(envelope, detail_type, envelope.source())),
    }
}

/// An event that AWS did not send: forged if the reactor would follow it from AWS, otherwise ignored.
fn forged(envelope: Envelope<'_>, detail_type: &str, source: &str) -> Parsed {
    let detail = envelope.detail().ok();
    let claimed = match detail_type {
        API_CALL | SERVICE_EVENT => {
            detail.and_then(|detail| str_at(detail, "eventSource")?.strip_suffix(".amazonaws.com"))
        }
        REGION_CHANGE => Some("account"),
        SCHEDULED => Some("events"),
        _ => None,
    };
    let own = detail.and_then(|detail| str_at(detail, "kind")).is_some_and(work::is_kind);
    let believable =
        claimed.is_some_and(|service| !matches!(followed(envelope, detail_type, service), Err(Reject::Ignored(_))));
    let nothing = unfollowed(envelope, detail_type, source);
    if own || believable {
        untrusted(format!("{nothing}; only AWS and the reactor send such events"))
    } else {
        ignored(nothing)
    }
}

/// Why an event is not followed; covers calls that only request what a service event will report.
fn unfollowed(envelope: Envelope<'_>, detail_type: &str, source: &str) -> String {
    let what = match envelope.about().and_then(|about| about.event) {
        Some(event) => format!("{} as {}", quote(&event), quote(detail_type)),
        None => quote(detail_type),
    };
    let whence = if source.is_empty() { "without a source".to_owned() } else { format!("from {}", quote(source)) };
    format!("{what} {whence} is nothing that the reactor follows")
}
