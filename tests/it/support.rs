//! What the tests stand on: AWS on loopback, and the Lambda service around the real binary.
#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test bed that cannot be set up says so by panicking; nothing is ever skipped"
)]

pub(crate) mod clock;
pub(crate) mod counted;
pub(crate) mod emulator;
pub(crate) mod http;
pub(crate) mod hub;
pub(crate) mod invoke;
pub(crate) mod lambda;
pub(crate) mod org;
pub(crate) mod python;
pub(crate) mod table;
