//! The two Lambda functions, the reactor's and the broker's. A process first checks its configuration, all of it at once.

use std::future::Future;
use std::process::ExitCode;

use lambda_runtime::Error;

use crate::telemetry;

pub mod batch;
pub mod broker;
pub mod reactor;

/// Runs a function, and logs why it cannot run.
fn start(function: &str, run: fn() -> Result<(), String>) -> ExitCode {
    telemetry::init();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            tracing::error!(problem, "{function} cannot run");
            ExitCode::FAILURE
        }
    }
}

/// Serves until Lambda ends the process. One thread: a batch's calls wait side by side.
fn block_on(serve: impl Future<Output = Result<(), Error>>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(serve).map_err(|error| format!("the Lambda runtime stopped: {error}"))
}
