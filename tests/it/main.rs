//! The integration tests: one binary, one module for each subject.

mod aws;
mod emulator;
mod support;
