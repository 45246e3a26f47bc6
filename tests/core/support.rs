//! What the tests of the core work on.

pub(crate) mod facts;
