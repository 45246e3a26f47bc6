//! All integration tests, in one binary.

mod aws;
mod decide;
mod decode;
mod emulator;
mod policy;
mod support;
mod tidy;
