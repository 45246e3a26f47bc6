//! What takes minutes or needs Node.js, so that `cargo test` leaves it out and `.ci/run` does not: an organisation that is
//! installed and deployed, a fault at each call of the function, IAM's decisions, and a browser. Run `cargo test --test long`.
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
    mod callers;
    mod faults;
    mod hub;
    mod landing_zone;
    mod metrics;
    mod operator;
    mod organisation;
    mod preflight;
    mod queue;
    mod stage;
}
mod infra;
mod programs {
    pub(crate) mod iam;
    pub(crate) mod node;
}
mod render {
    mod policy_file;
    mod scp;
    mod sizes;
}
mod report {
    mod big;
    mod browser;
    mod fixture;
}
mod support;
