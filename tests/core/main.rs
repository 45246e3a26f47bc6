//! The functional core: facts in, decisions out. No ports, no emulator; one module for each subject.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod acceptance;
mod accepted;
mod adoption;
mod alerts;
mod attribution;
mod breaker;
mod compaction;
mod confirmation;
mod decide;
mod exhaustive;
mod first_observation;
mod holds;
mod laws;
mod milestones;
mod record;
mod sharing;
mod support;
mod waits;
mod witness;
