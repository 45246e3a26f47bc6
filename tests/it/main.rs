//! All integration tests, in one binary.

mod decode;
mod emulator;
mod policy;
mod support;
