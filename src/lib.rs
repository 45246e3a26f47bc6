//! x
#![warn(missing_docs)]
pub mod domain;
pub mod ports;
