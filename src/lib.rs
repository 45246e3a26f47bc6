//! x
#![warn(missing_docs)]
pub mod aws;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod domain;
pub mod lambda;
pub mod metrics;
pub mod ports;
pub mod telemetry;

pub mod reactor;
#[cfg(feature = "cli")]
pub mod sim;
