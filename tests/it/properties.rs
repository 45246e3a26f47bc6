//! What holds of the core whatever comes in.
//!
//! The checks are shared with the fuzz targets (`tests/fuzz`); here they are fed with values made up for them, and with the
//! targets' corpora.

#[path = "../fuzz/src"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "shared with the fuzz targets, another crate, which use other parts of it"
)]
mod shared {
    pub(crate) mod invariants;
}

mod arn;
mod corpus;
mod decoding;
mod merging;
mod resolving;
mod values;

use proptest::prelude::ProptestConfig;
pub(crate) use shared::invariants;

/// So many made-up values for each property; none is written to disk when it fails.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
