//! What the organisation wants: the reviewed policy, and what it says about one account.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::time::Time;

/// The fields that the policy sets in one target, by the name of the document's input.
pub type Owned = BTreeMap<String, Value>;

/// What we may do in one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Put it right and tell.
    Enforce,
    /// Find, remember and tell; never write.
    Observe,
    /// Somebody has said why we stay away; tell what was touched, never write.
    Exempt,
}

/// An exemption in force, as far as people are told about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExemptionNote {
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The moment at which it ends.
    pub expires: Time,
}

/// What the policy says about one account, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// What we may do.
    pub mode: Mode,
    /// The baseline: desired values of the fields that the policy owns.
    pub owned: Owned,
    /// Which rule of the policy led here, for people.
    pub reason: String,
    /// The exemption behind `Mode::Exempt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption: Option<ExemptionNote>,
}

/// The numbers of the policy that bound what is done in a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How long a break-glass edit stands, in minutes.
    pub hold_minutes: u32,
    /// Reverts within `breaker_minutes` that make an edit war.
    pub breaker_reverts: u32,
    /// The window of `breaker_reverts`, in minutes.
    pub breaker_minutes: u32,
    /// How long a new account may take until it can be read, in minutes.
    pub readiness_minutes: u32,
    /// How long the gap of a new account may be before it is told as late, in minutes.
    pub gap_slo_minutes: u32,
}

/// The organisation's policy.
#[derive(Clone, Debug)]
pub struct Policy {}
impl Policy {
    /// x
    pub fn label(&self) -> &str {
        ""
    }
    /// x
    pub fn roles(&self) -> &[String] {
        &[]
    }
    /// x
    pub fn limits(&self) -> Limits {
        Limits { hold_minutes: 0, breaker_reverts: 0, breaker_minutes: 0, readiness_minutes: 0, gap_slo_minutes: 0 }
    }
    /// x
    pub fn resolve(&self, _f: &super::target::AccountFacts, _n: Time) -> Resolution {
        loop {}
    }
    /// x
    pub fn attribute(&self, _p: &super::principal::Principal) -> super::principal::Attribution {
        loop {}
    }
    /// x
    pub fn by_our_role(&self, _p: &super::principal::Principal, _a: &super::target::AccountId) -> bool {
        false
    }
    /// x
    pub fn management_account(&self) -> &super::target::AccountId {
        loop {}
    }
    /// x
    pub fn hub_account(&self) -> &super::target::AccountId {
        loop {}
    }
    /// x
    pub fn home_region(&self) -> &super::target::Region {
        loop {}
    }
    /// x
    pub fn governed_regions(&self) -> Option<&[super::target::Region]> {
        None
    }
    /// x
    pub fn governs(&self, _r: &super::target::Region) -> bool {
        true
    }
}
