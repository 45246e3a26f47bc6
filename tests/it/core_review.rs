//! What an adversary, a crash or bad luck could do to the core. Each test is a defect that was there.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod alerts;
pub(crate) mod cases;
mod claims;
mod first_sight;
mod halves;
mod laundering;
mod waiting;
mod world;
