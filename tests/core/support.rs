//! What the tests of the core work on: facts, and the cases that they make.

pub(crate) mod case;
pub(crate) mod facts;
pub(crate) mod schema;
pub(crate) mod world;
