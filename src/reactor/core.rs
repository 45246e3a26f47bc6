//! The pure core as the reactor calls it.

use crate::domain::case::{Applied, Case, Decision};
use crate::domain::decide::decide;
use crate::domain::judgement::Judgement;
use crate::domain::record::{Record, Settlement};
use crate::domain::settle::settle;

/// What the reactor decides and remembers with. The simulator's tests replace one function by a wrong one, and its checker
/// has to notice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Core {
    pub(crate) decide: fn(&Case, &Judgement) -> Decision,
    pub(crate) settle: fn(&Case, &Judgement, &Decision, &Applied, &Record) -> Settlement,
}

impl Core {
    /// The core that runs in production.
    pub(super) const REAL: Self = Self { decide, settle };
}
