//! The Lambda function around the broker.

use std::process::ExitCode;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

use super::{Management, Terms, answer};
use crate::aws::lambda::connect_broker;
use crate::config::broker::BrokerConfig;
use crate::{clock, telemetry};

/// Runs the function until Lambda ends the process. Checks the configuration first, all of it at once.
pub fn main() -> ExitCode {
    telemetry::init();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            tracing::error!(problem, "runas-broker cannot run");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let config = BrokerConfig::from_env().map_err(|problems| problems.to_string())?;
    let management = connect_broker(&config)?;
    let BrokerConfig { gap_role, member_role, max_age_hours, connection: _ } = config;
    let terms = Terms { gap_role, member_role, max_age_hours };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(serve(&management, &terms)).map_err(|error| format!("the Lambda runtime stopped: {error}"))
}

async fn serve<M: Management>(management: &M, terms: &Terms) -> Result<(), Error> {
    // Any JSON is accepted here, so that the broker itself refuses and logs a malformed request.
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let correlation = event.context.request_id;
        Ok::<_, Error>(answer(management, terms, event.payload, &correlation, clock::now()).await)
    }))
    .await
}
