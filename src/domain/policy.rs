//! The organisation's policy, and what it says about one account.
//!
//! [`schema`] is the policy as operators write it, [`check`] finds its errors, and a [`Policy`] has none. It is stored as
//! compiled canonical JSON, so that its readers need no YAML.

pub mod arn_pattern;
#[cfg(feature = "cli")]
pub mod cases;
pub mod check;
#[cfg(feature = "cli")]
pub mod diff;
#[cfg(feature = "cli")]
pub mod impact;
pub mod problem;
pub mod resolve;
pub mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use self::check::{POLICY_BYTES_MAX, PrincipalPattern};
use self::problem::{Level, Path, Problem, Problems};
use self::resolve::Rules;
use self::schema::{Alerts, BreakGlass, Breaker, Document, OnSharing, Readiness, Regions};
use super::principal::{Attribution, Principal};
use super::target::{AccountId, OuId, Region, default_regions, partition};
use super::time::{MINUTE_MS, Time};

/// The fields that the policy sets in one target, by the name of the document's input.
pub type Owned = BTreeMap<String, Value>;

/// What the reactor may do in one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Correct it and alert.
    Enforce,
    /// Observe, record and alert; never write.
    Observe,
    /// Leave it alone for a documented reason; alert edits, never write.
    Exempt,
}

/// An exemption in force, as alerts show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExemptionNote {
    /// Why.
    pub reason: String,
    /// Who is responsible for it.
    pub owner: String,
    /// When it ends.
    pub expires: Time,
}

/// What the policy says about one account, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// What the reactor may do.
    pub mode: Mode,
    /// The baseline: desired values of the fields that the policy owns.
    pub owned: Owned,
    /// Which rule of the policy led here, for people.
    pub reason: String,
    /// The exemption behind `Mode::Exempt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption: Option<ExemptionNote>,
    /// What happens when a principal that is not trusted shares the document.
    #[serde(default, skip_serializing_if = "OnSharing::is_alert")]
    pub sharing: OnSharing,
}

impl Resolution {
    /// Whether sharing by a principal that is not trusted is undone.
    pub fn undoes_sharing(&self) -> bool {
        self.mode == Mode::Enforce && self.sharing == OnSharing::Undo
    }
}

/// The blocks of the policy that bound the work on a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// What follows from an edit by a break-glass principal.
    pub break_glass: BreakGlass,
    /// What counts as an edit war.
    pub breaker: Breaker,
    /// How patient the reactor is with new accounts.
    pub readiness: Readiness,
    /// When on-call is alerted.
    pub alerts: Alerts,
}

impl Limits {
    /// For how long an account that is not ready is tried again, in milliseconds.
    pub fn patience_ms(&self) -> i64 {
        i64::from(self.readiness.retry_for_minutes) * MINUTE_MS
    }
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Larger than the limit of every policy.
    #[error(
        "the compiled policy has {bytes} bytes, more than {POLICY_BYTES_MAX}; push it again with `runasctl policy push`"
    )]
    TooBig {
        /// Its size.
        bytes: usize,
    },
    /// Not in the format that is read here.
    #[error("the compiled policy is not in the format read here; push it again with the runasctl of this version")]
    Unreadable(#[source] serde_json::Error),
    /// Readable, but wrong.
    #[error("the policy is rejected: {}", first_of(.0))]
    Rejected(Vec<Problem>),
}

fn first_of(problems: &[Problem]) -> String {
    let mut errors = problems.iter().filter(|problem| problem.level == Level::Error);
    let first = errors.next().map(Problem::to_string).unwrap_or_default();
    match errors.count() {
        0 => first,
        more => format!("{first} (and {more} more)"),
    }
}

/// The organisation's policy, without errors.
#[derive(Clone, Debug)]
pub struct Policy {
    document: Document,
    organization: Organization,
    regions: Option<Vec<Region>>,
    rules: Rules,
    trusted: Vec<PrincipalPattern>,
    break_glass: Vec<PrincipalPattern>,
    digest: String,
    label: String,
}

#[derive(Clone, Debug)]
struct Organization {
    management_account: AccountId,
    hub_account: AccountId,
    home_region: Region,
}

/// Policies are equal if they say the same; the label does not count.
impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.document == other.document
    }
}

impl Policy {
    /// Builds the policy of a document, with the warnings for its reviewers; the error is everything that is wrong with it.
    /// Without `now` expiry is not checked.
    pub fn from_document(document: Document, now: Option<Time>) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let mut problems = check::check(&document, now);
        let bytes = compile(&document).len();
        if bytes > POLICY_BYTES_MAX {
            let mut found = Problems::default();
            let message = format!("the compiled policy has {bytes} bytes, more than {POLICY_BYTES_MAX}");
            found.error("too_big", Path::root(), message, "name OUs instead of single accounts");
            problems.extend(found.into_vec());
        }
        if problems.iter().any(|problem| problem.level == Level::Error) {
            return Err(problems);
        }
        let Some(policy) = Self::build(document) else {
            let mut mute = Problems::default();
            mute.error(
                "bug",
                Path::root(),
                "this policy passes every rule, and still cannot be read",
                "please report it",
            );
            return Err(mute.into_vec());
        };
        Ok((policy, problems))
    }

    /// Reads a policy from compiled canonical JSON, as `runasctl` stores it. It is checked again: write access to the table
    /// does not imply the right to change the policy.
    pub fn from_compiled(json: &str) -> Result<Self, PolicyError> {
        if json.len() > POLICY_BYTES_MAX {
            return Err(PolicyError::TooBig { bytes: json.len() });
        }
        let document = serde_json::from_str(json).map_err(PolicyError::Unreadable)?;
        Self::from_document(document, None).map(|(policy, _)| policy).map_err(PolicyError::Rejected)
    }

    /// This policy in compiled canonical JSON: sorted keys, no white space, every default written out.
    pub fn compiled(&self) -> String {
        compile(&self.document)
    }

    /// The SHA-256 over the compiled policy, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The policy's name in decisions: its label, else the first 12 digits of its digest.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The same policy, labelled with its version in the store.
    #[must_use]
    pub fn with_label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    /// The policy as it was written.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Id of the organisation.
    pub fn organization_id(&self) -> &str {
        &self.document.organization.id
    }

    /// The management account.
    pub fn management_account(&self) -> &AccountId {
        &self.organization.management_account
    }

    /// The account that the reactor runs in.
    pub fn hub_account(&self) -> &AccountId {
        &self.organization.hub_account
    }

    /// The region that the reactor runs in.
    pub fn home_region(&self) -> &Region {
        &self.organization.home_region
    }

    /// The governed regions; `None` for every region that an account has enabled.
    pub fn governed_regions(&self) -> Option<&[Region]> {
        self.regions.as_deref()
    }

    /// The regions in which an account is governed: those of the policy's list, else those that the account has enabled.
    /// Until it has reported these, the regions that every account has.
    pub fn regions_of(&self, enabled: Option<&BTreeSet<Region>>) -> Vec<Region> {
        match (&self.regions, enabled) {
            (Some(regions), _) => regions.clone(),
            (None, Some(enabled)) => enabled.iter().filter(|region| self.governs(region)).cloned().collect(),
            (None, None) => default_regions(partition(self.home_region())),
        }
    }

    /// Whether a region is governed where it is enabled.
    pub fn governs(&self, region: &Region) -> bool {
        match &self.regions {
            Some(regions) => regions.contains(region),
            None => partition(region) == partition(self.home_region()),
        }
    }

    /// Names of the member role, in the order in which they are tried.
    pub fn roles(&self) -> &[String] {
        &self.document.access.roles
    }

    /// Names of the administrator roles that the broker may use while no member role works.
    pub fn gap_roles(&self) -> &[String] {
        &self.document.access.gap_roles
    }

    /// The numbers that bound what is done in a target.
    pub fn limits(&self) -> Limits {
        let Document { break_glass, breaker, readiness, alerts, .. } = self.document;
        Limits { break_glass, breaker, readiness, alerts }
    }

    /// The attribution of a principal alone; so never `Reactor`, which takes an intent.
    pub fn attribute(&self, principal: &Principal) -> Attribution {
        let any = |patterns: &[PrincipalPattern]| patterns.iter().any(|pattern| pattern.matches(principal));
        if any(&self.break_glass) {
            Attribution::BreakGlass
        } else if any(&self.trusted) {
            Attribution::Trusted
        } else if principal.arn.is_none() && matches!(principal.kind.as_str(), "" | "Unknown") {
            Attribution::Unattributed
        } else {
            Attribution::Untrusted
        }
    }

    /// Whether a call was made through one of the roles that the reactor uses in that account. Other principals may be able
    /// to assume such a role, so this proves nothing.
    pub fn is_reactor_role(&self, principal: &Principal, account: &AccountId) -> bool {
        is_one_of(self.roles(), principal, account) || self.is_gap_role(principal, account)
    }

    /// Whether a call was made through one of the gap roles in that account.
    pub fn is_gap_role(&self, principal: &Principal, account: &AccountId) -> bool {
        is_one_of(self.gap_roles(), principal, account)
    }

    /// Builds the policy of a checked document; `None` only for an unchecked one.
    fn build(document: Document) -> Option<Self> {
        let organization = Organization {
            management_account: document.organization.management_account.parse().ok()?,
            hub_account: document.organization.hub_account.parse().ok()?,
            home_region: document.organization.home_region.parse().ok()?,
        };
        let regions = match &document.regions {
            Regions::Enabled(_) => None,
            Regions::Listed(regions) => Some(regions.iter().map(|region| region.parse().ok()).collect::<Option<_>>()?),
        };
        let patterns = |texts: &[String]| texts.iter().map(|text| PrincipalPattern::read(text)).collect::<Option<_>>();
        let (trusted, break_glass) =
            (patterns(&document.principals.trusted)?, patterns(&document.principals.break_glass)?);
        let mut digest = String::with_capacity(64);
        for byte in Sha256::digest(compile(&document).as_bytes()) {
            let _ = write!(digest, "{byte:02x}");
        }
        let label = digest.chars().take(12).collect();
        let rules = Rules::build(&document)?;
        Some(Self { document, organization, regions, rules, trusted, break_glass, digest, label })
    }
}

/// Whether a principal is a role of that account with one of these names.
fn is_one_of(names: &[String], principal: &Principal, account: &AccountId) -> bool {
    let Some([_, _, "iam", _, owner, resource]) = principal.arn.as_deref().and_then(arn_pattern::split) else {
        return false;
    };
    let name = resource.strip_prefix("role/").and_then(|path| path.rsplit('/').next());
    owner == account.as_str() && name.is_some_and(|name| names.iter().any(|own| own == name))
}

/// `serde_json`'s maps are sorted, so that going through a value makes the JSON canonical.
fn compile(document: &Document) -> String {
    serde_json::to_value(document).map(|value| value.to_string()).unwrap_or_default()
}

impl Serialize for Policy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_document(Document::deserialize(deserializer)?, None)
            .map(|(policy, _)| policy)
            .map_err(|problems| serde::de::Error::custom(PolicyError::Rejected(problems)))
    }
}

#[cfg(test)]
mod tests;
