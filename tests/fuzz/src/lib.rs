//! The functional core and what holds of it, for the fuzz targets.
//!
//! The core is taken in as sources: it needs nothing but what computes, so that a target is built in seconds, and is all of
//! it instrumented.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a check that fails panics")]

extern crate self as runas_reactor;

#[path = "../../../src"]
mod core {
    pub mod domain;
}

pub mod invariants;

pub use core::domain;
