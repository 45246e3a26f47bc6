//! x
#![warn(missing_docs)]
pub mod aws;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod domain;
pub mod ports;
