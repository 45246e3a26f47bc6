//! The Lambda function: SQS batches in, partial batch failures out.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::aws::lambda::connect;
use crate::config::{self, Config};
use crate::domain::dead_letter::RECEIVED;
use crate::domain::policy::Policy;
use crate::domain::time::Time;
use crate::ports::World;
use crate::reactor::{BatchReport, Message, PolicySource, Reactor};
use crate::{metrics, telemetry};

/// Runs the function until Lambda ends the process. Checks the configuration first, all of it at once.
pub fn main() -> ExitCode {
    telemetry::init();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            tracing::error!(problem, "runas-reactor cannot run");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let config = Config::from_env().map_err(|problems| problems.to_string())?;
    let world = connect(&config)?;
    let source = match &config.policy {
        config::PolicySource::Table => PolicySource::Table,
        config::PolicySource::File(path) => PolicySource::Fixed(Arc::new(read_policy(path, world_now(&world))?)),
    };
    let reactor = Reactor::new(world, source);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(serve(&reactor)).map_err(|error| format!("the Lambda runtime stopped: {error}"))
}

fn world_now<W: World>(world: &W) -> Time {
    world.now()
}

/// Reads compiled JSON, or YAML if this build links a parser for it.
fn read_policy(path: &Path, now: Time) -> Result<Policy, String> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        format!("cannot read the policy `{name}`: {error}; set {} to a file that exists", config::POLICY)
    })?;
    if text.trim_start().starts_with('{') {
        return Policy::from_compiled(&text).map_err(|error| format!("`{name}` is no compiled policy: {error}"));
    }
    from_yaml(&name.to_string(), &text, now)
}

#[cfg(feature = "cli")]
fn from_yaml(name: &str, text: &str, now: Time) -> Result<Policy, String> {
    let parsed = crate::cli::policy::yaml::parse(name, text, now);
    parsed.map(|(policy, _)| policy).map_err(|problems| problems.to_string())
}

#[cfg(not(feature = "cli"))]
fn from_yaml(name: &str, _: &str, _: Time) -> Result<Policy, String> {
    Err(format!("`{name}` is not JSON: the Lambda reads compiled policies; make one with `runasctl policy compile`"))
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
/// # Errors A message without an id failed: it cannot be named in the response, so the whole batch has to come again.
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
