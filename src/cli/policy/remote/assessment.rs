//! What becomes different with a policy.

use crate::domain::policy::diff::PolicyChange;
use crate::domain::policy::impact::Impact;

/// What putting a policy into force comes to.
pub(super) struct Assessment {
    /// The version in force; absent where there is none, or one without a number.
    pub(super) on: Option<u64>,
    /// What it says otherwise; nothing to compare with where there is no policy that can be read.
    pub(super) changes: Option<Vec<PolicyChange>>,
    pub(super) impact: Impact,
    /// Why it must not be, if so.
    pub(super) refused: Option<String>,
}
