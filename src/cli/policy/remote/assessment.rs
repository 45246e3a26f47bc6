//! The consequences of a policy.

use crate::domain::policy::diff::PolicyChange;
use crate::domain::policy::impact::Impact;

/// The consequences of putting a policy into force.
pub(super) struct Assessment {
    /// The version in force; `None` without a policy, or with one that has no number.
    pub(super) on: Option<u64>,
    /// Differences to it; `None` where no readable policy is in force.
    pub(super) changes: Option<Vec<PolicyChange>>,
    pub(super) impact: Impact,
    /// Why the push is refused, if it is.
    pub(super) refused: Option<String>,
}
