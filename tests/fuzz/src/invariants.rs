//! What holds of the core whatever comes in. Each check panics where it does not.
//!
//! The same checks stand behind the properties in `tests/it/properties.rs`, which feed them with made-up values, and behind
//! the fuzz targets, which feed them with bytes. What they compare with is written as slowly and plainly as it reads, and
//! shares nothing with the code.

pub mod arn;
pub mod decoding;
pub mod merging;
pub mod resolving;
