//! x
pub mod aws;
#[cfg(feature = "cli")]
pub mod cli;
mod clock;
pub mod config;
pub mod domain;
pub mod lambda;
pub mod metrics;
pub mod ports;
pub mod reactor;
#[cfg(feature = "cli")]
pub mod sim;
pub mod telemetry;
