//! The integration tests: one binary, one module for each subject.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod aws;
mod beside;
mod contract;
mod decode;
mod e2e;
mod emulator;
mod policy;
mod properties;
mod reactor;
mod readme;
mod render;
mod report;
mod retrying;
mod scenarios;
mod support;
mod sweeping;
mod tidy;
