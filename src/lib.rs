//! x
#![warn(missing_docs)]
pub mod domain;
pub mod ports;
pub mod reactor;
#[cfg(feature = "cli")]
pub mod sim;
