//! The integration tests: one binary, one module for each subject.

mod aws;
mod decode;
mod emulator;
mod policy;
mod support;
