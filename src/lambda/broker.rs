//! The broker's function.

use std::process::ExitCode;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

use super::{block_on, start};
use crate::aws::lambda::connect_broker;
use crate::broker::{Management, Terms, answer};
use crate::clock;
use crate::config::broker::BrokerConfig;

/// Runs the function until Lambda ends the process.
pub fn main() -> ExitCode {
    start("runas-broker", run)
}

fn run() -> Result<(), String> {
    let config = BrokerConfig::from_env().map_err(|problems| problems.to_string())?;
    let management = connect_broker(&config)?;
    let BrokerConfig { gap_role, member_role, max_age_hours, connection: _ } = config;
    let terms = Terms { gap_role, member_role, max_age_hours };
    block_on(serve(&management, &terms))
}

async fn serve<M: Management>(management: &M, terms: &Terms) -> Result<(), Error> {
    // Any JSON is accepted here, so that the broker itself refuses and logs a malformed request.
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let correlation = event.context.request_id;
        Ok::<_, Error>(answer(management, terms, event.payload, &correlation, clock::now()).await)
    }))
    .await
}
