//! The reactor's function: takes batches of the queue, and logs the metrics of each.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use super::batch::handle;
use super::{block_on, start};
use crate::aws::lambda::connect;
use crate::config::{self, Config};
use crate::domain::policy::Policy;
use crate::domain::time::Time;
use crate::ports::World;
use crate::reactor::{PolicySource, Reactor};
use crate::{metrics, telemetry};

/// Runs the function until Lambda ends the process.
pub fn main() -> ExitCode {
    start("runas-reactor", run)
}

fn run() -> Result<(), String> {
    let config = Config::from_env().map_err(|problems| problems.to_string())?;
    let world = connect(&config)?;
    let source = match &config.policy {
        config::PolicyLocation::Table => PolicySource::Table,
        config::PolicyLocation::File(path) => PolicySource::Fixed(Arc::new(read_policy(path, world_now(&world))?)),
    };
    let reactor = Reactor::new(world, source);
    block_on(serve(&reactor))
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
    let parsed = crate::policy_file::parse(name, text, now);
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
