//! An approval of writes, for a reactor that an operator runs.

use std::fmt::Debug;

use crate::domain::case::{Case, Decision};
use crate::ports::{Fault, FaultClass};

/// The writes that an operator has approved. A reactor with an approval makes no other write. It observes as a plan does:
/// in full, and without CloudTrail's event history.
pub trait Approval: Debug + Send + Sync {
    /// Requires that a decision is approved.
    ///
    /// # Errors
    /// Why it is not. Then nothing more is written or committed, and no alert about the target is raised.
    fn approve(&self, case: &Case, decision: &Decision) -> Result<(), String>;
}

/// [`Fault::code`] of a decision that is not approved.
pub const NOT_APPROVED: &str = "NotApproved";

pub(super) fn not_approved(why: String) -> Fault {
    let (call, code) = ("approve", NOT_APPROVED.to_owned());
    Fault { class: FaultClass::Invalid, call, code, message: why, outcome_unknown: false }
}
