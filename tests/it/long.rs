//! What takes minutes, so that `cargo test` leaves it out and `.ci/run` does not: an organisation that is installed and deployed,
//! and a fault at each call of the function. Run `cargo test --test long`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]
#![expect(dead_code, reason = "shares its support with the other integration tests")]

mod decode {
    pub(crate) mod fixtures;
}
mod deploy {
    pub(crate) mod cli;
    pub(crate) mod cloud;
    pub(crate) mod hub;
    pub(crate) mod installer;
}
mod e2e {
    mod faults;
    mod hub;
    mod landing_zone;
    mod metrics;
    mod operator;
    mod organisation;
    mod people;
    mod preflight;
    mod queue;
    mod stage;
}
mod infra;
mod support;
