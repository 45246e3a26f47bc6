//! A plan as a file: the observed documents, the policy used, and the exact writes. `--output json` prints the same.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entry::{Action, PlanEntry};
use crate::cli::files;
use crate::domain::policy::Policy;
use crate::domain::target::{AccountId, Region};
use crate::domain::text::{escaped, sha256};
use crate::domain::time::Time;

/// Version of the JSON.
pub(in crate::cli) const SCHEMA_VERSION: u32 = 1;
const KIND: &str = "runas-reactor plan";
/// Exceeds a plan for 100,000 targets.
const BYTES_MAX: u64 = 512 << 20;

/// A plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::cli) struct Plan {
    pub(in crate::cli) schema_version: u32,
    kind: String,
    /// SHA-256 of the rest of the plan in canonical JSON.
    pub(in crate::cli) id: String,
    pub(in crate::cli) made_at: Time,
    pub(in crate::cli) policy: PolicyUsed,
    /// The ledger's table, where one was read.
    pub(in crate::cli) ledger: Option<String>,
    pub(in crate::cli) summary: Summary,
    /// Ordered by account and region.
    pub(in crate::cli) entries: Vec<PlanEntry>,
}

/// The policy that the plan was made with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::cli) struct PolicyUsed {
    pub(in crate::cli) label: String,
    pub(in crate::cli) sha256: String,
    /// Where it was read from.
    pub(in crate::cli) source: String,
    /// The compiled policy.
    compiled: String,
}

/// Totals of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::cli) struct Summary {
    pub(in crate::cli) accounts: usize,
    pub(in crate::cli) regions: Vec<Region>,
    pub(in crate::cli) targets: usize,
    /// Number of targets per action.
    pub(in crate::cli) actions: BTreeMap<Action, usize>,
    /// Number of targets with a marked change.
    pub(in crate::cli) risky: usize,
    /// Number of accounts left out because they are closed.
    pub(in crate::cli) closed_accounts: usize,
    /// Accounts whose enabled regions are unknown, where the policy governs all enabled ones: they may have more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) regions_not_reported: Vec<AccountId>,
}

/// Why a file is not an applicable plan.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum PlanProblem {
    #[error("cannot read {0}: {1}; fix: name a file that `runasctl plan --out` wrote")]
    Unreadable(String, io::Error),
    #[error("{0} is no plan: {1}; fix: name a file that `runasctl plan --out` wrote")]
    NoPlan(String, String),
    #[error("{0} was changed after it was made; fix: make a new plan, and leave it as it is")]
    Changed(String),
}

impl PolicyUsed {
    pub(super) fn new(policy: &Policy, source: String) -> Self {
        let (label, sha256) = (policy.label().to_owned(), policy.digest().to_owned());
        Self { label, sha256, source, compiled: policy.compiled() }
    }

    /// Parses and checks the policy.
    pub(in crate::cli) fn policy(&self) -> Result<Policy, String> {
        let policy = Policy::from_compiled(&self.compiled).map_err(|error| error.to_string())?;
        Ok(policy.with_label(self.label.clone()))
    }
}

impl Plan {
    pub(super) fn new(
        made_at: Time,
        policy: PolicyUsed,
        ledger: Option<String>,
        summary: Summary,
        entries: Vec<PlanEntry>,
    ) -> Self {
        let (kind, id) = (KIND.to_owned(), String::new());
        let mut plan = Self { schema_version: SCHEMA_VERSION, kind, id, made_at, policy, ledger, summary, entries };
        plan.id = digest(serde_json::to_value(&plan).unwrap_or_default());
        plan
    }

    /// The plan as JSON, with invisible characters escaped.
    pub(super) fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        escaped(&text)
    }

    /// Reads a plan and verifies its id.
    pub(in crate::cli) fn read(path: &Path) -> Result<Self, PlanProblem> {
        let name = path.display().to_string();
        let no_plan = |why: &str| PlanProblem::NoPlan(name.clone(), why.to_owned());
        let unreadable = |error| PlanProblem::Unreadable(name.clone(), error);
        if fs::metadata(path).map_err(unreadable)?.len() > BYTES_MAX {
            return Err(no_plan("it is too large"));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let value: Value = serde_json::from_str(&text).map_err(|error| no_plan(&error.to_string()))?;
        if value.get("kind").and_then(Value::as_str) != Some(KIND) {
            return Err(no_plan("it does not say that it is one"));
        }
        if value.get("schema_version") != Some(&SCHEMA_VERSION.into()) {
            return Err(no_plan("another release of runasctl wrote it"));
        }
        let plan: Self = serde_json::from_value(value.clone()).map_err(|error| no_plan(&error.to_string()))?;
        if digest(value) == plan.id { Ok(plan) } else { Err(PlanProblem::Changed(name)) }
    }

    /// Writes the plan to a file that only its owner can read, because it shows what runs in users' shells. An existing
    /// file is replaced atomically.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        files::replace(path, &self.to_json())
    }
}

/// The digest of everything but the id. `serde_json` sorts the keys of a value, so its text is canonical.
fn digest(mut plan: Value) -> String {
    if let Some(id) = plan.get_mut("id") {
        *id = Value::from("");
    }
    sha256(&plan.to_string())
}
