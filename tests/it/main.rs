//! All integration tests, in one binary.

mod decide;
mod decode;
mod emulator;
mod policy;
mod support;
