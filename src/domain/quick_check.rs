//! The quick check of a sweep: one call of SSM (`DescribeDocument`) and one read of the ledger for a target in sync.
//!
//! A sweep's observation that finds a target in sync stores the check's fingerprint beside the record. While the fingerprint stays
//! the same, the document is the one in the record, and the decision is based on that. Nothing is written but the time of the
//! check, once in [`LAST_CHECK_MS`].
//!
//! A change of the document that no event reported shows as another fingerprint; a share does not. A document that differs, cannot be read, was not in sync, or that
//! the policy of today decides otherwise about, is observed in full ([`crate::reactor::quick_check`]); so is each target in the
//! first sweep. Who changed it, CloudTrail's event history tells: [`crate::reactor::lookup`].

use std::collections::BTreeMap;

use super::case::{Applied, Case, Decision, Verdict};
use super::document::Body;
use super::observation::{DocumentStatus, Observation, Seen, Version, VersionInfo};
use super::record::{LastCheck, Loaded, Status};
use super::sweep::LAST_CHECK_MS;
use super::time::Time;
use super::witness::known_content;

/// The answer of the one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuickCheck {
    /// `DocumentType`.
    pub document_type: String,
    /// Its status in SSM.
    pub status: DocumentStatus,
    /// The latest version's number.
    pub latest: u64,
    /// The default version's number.
    pub default: u64,
    /// `CreatedDate`. It is only compared, so that it makes no difference what exactly it dates.
    pub created: Option<Time>,
    /// AWS's digest of the content; empty where the answer has none.
    pub hash: String,
}

impl QuickCheck {
    /// The same text as long as the document is unchanged; `None` for a document that cannot be in sync.
    pub fn fingerprint(&self) -> Option<String> {
        let whole = self.document_type == "Session" && self.status == DocumentStatus::Active && !self.hash.is_empty();
        let created = self.created.filter(|_| whole && self.latest == self.default)?;
        Some(format!("{} {} {}", self.latest, created.ms(), self.hash))
    }
}

/// The observation rebuilt from the record, if the check shows that the document is still as it was in sync.
pub fn remembered(loaded: &Loaded, quick_check: &QuickCheck) -> Option<Observation> {
    let record = &loaded.record;
    let fingerprint = loaded.last_check.as_ref().and_then(|last_check| last_check.fingerprint.as_ref())?;
    let calm = record.status == Status::InSync;
    if !calm || quick_check.fingerprint().as_ref() != Some(fingerprint) {
        return None;
    }
    let created = record.facts.newest().filter(|created| Some(*created) == quick_check.created)?;
    let body = Body::Valid(known_content(&record.facts, created)?);
    let version = Version { number: quick_check.latest, body };
    let name = record.facts.versions.get(&created).and_then(|version| version.name.clone());
    let info = VersionInfo { number: quick_check.latest, created, status: DocumentStatus::Active, name };
    Some(Observation::Present(Box::new(Seen {
        document_type: quick_check.document_type.clone(),
        latest: version.clone(),
        default: version,
        versions: vec![info],
        older_exist: false,
        between: BTreeMap::new(),
        shares: None,
    })))
}

/// The check to record after a reconciliation, if any; `last_check` is the recorded one.
pub fn check_to_record(
    case: &Case,
    decision: &Decision,
    applied: &Applied,
    quick_check: &QuickCheck,
    last_check: Option<&LastCheck>,
) -> Option<LastCheck> {
    let right = decision.verdict == Verdict::InSync && *applied == Applied::Nothing;
    let same = |seen: &Seen| [seen.latest.number, seen.default.number] == [quick_check.latest; 2];
    let fingerprint = match &case.observation {
        Observation::Present(seen) if right && same(seen) => quick_check.fingerprint(),
        Observation::Present(_) | Observation::Absent | Observation::Unknown(_) => None,
    };
    let fresh = fingerprint.is_some()
        && last_check.and_then(|last_check| last_check.fingerprint.as_ref()) != fingerprint.as_ref();
    let old = last_check.is_none_or(|last_check| case.now.since(last_check.at) > LAST_CHECK_MS);
    (fresh || old).then_some(LastCheck { at: case.now, fingerprint })
}

#[cfg(test)]
mod tests;
