//! x
#![warn(missing_docs)]
#[cfg(feature = "cli")]
pub mod cli;
pub mod domain;
pub mod lambda;
pub mod metrics;
pub mod ports;
pub mod telemetry;

pub mod reactor;
#[cfg(feature = "cli")]
pub mod sim;
