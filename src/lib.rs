//! x
#![warn(missing_docs)]
#[cfg(feature = "cli")]
pub mod cli;
pub mod domain;
pub mod ports;
