//! The quick check, which costs one call: not enough to say how a document is, but enough to say that it is as it was.
//!
//! An observation that finds a target in sync leaves the fingerprint of such a check beside the record. As long as that is the
//! same, the document is what the record knows, and the decision is made over that. Anything that differs, or cannot be read,
//! or was not in sync before, is observed in full.

use std::collections::BTreeMap;

use super::case::{Applied, Case, Decision, Verdict};
use super::document::Body;
use super::observation::{DocumentStatus, Observation, Seen, Version, VersionInfo};
use super::record::{LastCheck, Loaded, Status};
use super::sweep::LAST_CHECK_MS;
use super::time::Time;
use super::witness::known_content;

/// What one call tells of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuickCheck {
    /// `DocumentType`.
    pub document_type: String,
    /// How far SSM is with it.
    pub status: DocumentStatus,
    /// The latest version's number.
    pub latest: u64,
    /// The default version's number.
    pub default: u64,
    /// When it was made. What exactly the date belongs to makes no difference: it is only compared.
    pub created: Option<Time>,
    /// AWS's digest of the content; empty where the answer has none.
    pub hash: String,
}

impl QuickCheck {
    /// What stays the same as long as the document does; `None` for a document that cannot be in sync.
    pub fn fingerprint(&self) -> Option<String> {
        let whole = self.document_type == "Session" && self.status == DocumentStatus::Active && !self.hash.is_empty();
        let created = self.created.filter(|_| whole && self.latest == self.default)?;
        Some(format!("{} {} {}", self.latest, created.ms(), self.hash))
    }
}

/// What is there, from memory, if the check shows that it is what was there when the target was found in sync.
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
    })))
}

/// What is to be written down of the look of a pass, if anything: `last_check` is what stands beside the record by now.
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
