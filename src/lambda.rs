//! The Lambda function: SQS batches in, the messages that have to come again out.

use std::process::ExitCode;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::aws::lambda::connect;
use crate::config::Config;
use crate::domain::time::Time;
use crate::ports::World;
use crate::reactor::{BatchReport, Message, Reactor};
use crate::{metrics, telemetry};

/// Runs the function until Lambda ends the process. Configuration is checked first, all of it at once.
pub fn main() -> ExitCode {
    telemetry::init();
    let outcome = Config::from_env().map_err(|problems| problems.to_string()).and_then(|config| {
        let source = config.policy_source().map_err(|problem| problem.to_string())?;
        let reactor = Reactor::new(connect(&config), source);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("cannot start the runtime: {error}"))?;
        runtime.block_on(serve(&reactor)).map_err(|error| format!("the Lambda runtime stopped: {error}"))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            tracing::error!(problem, "runas-reactor cannot run");
            ExitCode::FAILURE
        }
    }
}

async fn serve<W: World>(reactor: &Reactor<W>) -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let deadline = Time::from_ms(i64::try_from(event.context.deadline).unwrap_or(i64::MAX));
        let (response, report) = handle(reactor, event.payload, deadline).await?;
        telemetry::emit(&metrics::line(&report, reactor.world().now()));
        Ok::<_, Error>(response)
    }))
    .await
}

/// Works on one batch as the event source mapping delivers it.
///
/// # Errors
/// A message without an id cannot be answered for by itself: then the whole batch has to come again.
pub async fn handle<W: World>(
    reactor: &Reactor<W>,
    event: SqsEvent,
    deadline: Time,
) -> Result<(SqsBatchResponse, BatchReport), Error> {
    let messages: Vec<Message> = event.records.into_iter().map(message).collect();
    let report = reactor.batch(&messages, deadline).await;
    if report.failed.contains("") {
        return Err("a message without an id failed; the whole batch has to come again".into());
    }
    let mut response = SqsBatchResponse::default();
    for id in &report.failed {
        response.add_failure(id.clone());
    }
    Ok((response, report))
}

fn message(record: SqsMessage) -> Message {
    let receives = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
    Message {
        id: record.message_id.unwrap_or_default(),
        body: record.body.unwrap_or_default(),
        receipt: record.receipt_handle,
        receives: receives.unwrap_or(1),
    }
}
