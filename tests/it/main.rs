//! All integration tests, in one binary.

mod aws;
mod decide;
mod decode;
mod e2e;
mod emulator;
mod policy;
mod support;
