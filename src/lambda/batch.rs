//! SQS batches in, partial batch failures out.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::Error;

use crate::domain::dead_letter::RECEIVED;
use crate::domain::time::Time;
use crate::ports::World;
use crate::reactor::{BatchReport, Message, Reactor};

/// Works on one batch as the event source mapping delivers it.
///
/// # Errors
///
/// A message without an id failed: the response cannot name it, so that the whole batch has to come again.
pub async fn handle<W: World>(
    reactor: &Reactor<W>,
    event: SqsEvent,
    deadline: Time,
) -> Result<(SqsBatchResponse, BatchReport), Error> {
    let messages: Vec<Message> = event.records.into_iter().map(message).collect();
    let report = reactor.batch(&messages, deadline).await;
    if report.failed.contains_key("") {
        return Err("a message without an id failed; the whole batch has to come again".into());
    }
    let mut response = SqsBatchResponse::default();
    for id in report.failed.keys() {
        response.add_failure(id.clone());
    }
    Ok((response, report))
}

fn message(record: SqsMessage) -> Message {
    let receives = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse::<u32>().ok());
    let before = record.message_attributes.get(RECEIVED).and_then(|count| count.string_value.as_ref()?.parse().ok());
    Message {
        id: record.message_id.unwrap_or_default(),
        body: record.body.unwrap_or_default(),
        receipt: record.receipt_handle,
        receives: receives.unwrap_or(1).saturating_add(before.unwrap_or(0)),
    }
}
