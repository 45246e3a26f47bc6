//! All integration tests, in one binary.

mod aws;
mod contract;
mod decide;
mod decode;
mod emulator;
mod policy;
mod scenarios;
mod support;
