//! All integration tests, in one binary.

mod core_review;
mod decode;
mod emulator;
mod policy;
mod support;
