//! The quick check, which costs one call: not enough to say how a document is, but enough to say that it is as it was.
//!
//! An observation that finds a target in sync leaves the fingerprint of such a check beside the record. As long as that is the
//! same, the document is what the record knows, and the decision is made over that. Anything that differs, or cannot be read,
//! or was not in sync before, is observed in full.

use std::collections::BTreeMap;

use super::case::{Applied, Case, Decision, Verdict};
use super::document::Body;
use super::observation::{Observation, Seen, Status, Version, VersionInfo};
use super::record::{Loaded, Noted, Standing};
use super::sweep::NOTED_MS;
use super::time::Time;
use super::witness::known_content;

/// What one call tells of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// `DocumentType`.
    pub document_type: String,
    /// How far SSM is with it.
    pub status: Status,
    /// The latest version's number.
    pub latest: u64,
    /// The default version's number.
    pub default: u64,
    /// When it was made. What exactly the date belongs to makes no difference: it is only compared.
    pub created: Option<Time>,
    /// AWS's digest of the content; empty where the answer has none.
    pub hash: String,
}

impl Glance {
    /// What stays the same as long as the document does; `None` for a document that cannot be in sync.
    pub fn print(&self) -> Option<String> {
        let whole = self.document_type == "Session" && self.status == Status::Active && !self.hash.is_empty();
        let created = self.created.filter(|_| whole && self.latest == self.default)?;
        Some(format!("{} {} {}", self.latest, created.ms(), self.hash))
    }
}

/// What is there, from memory, if the check shows that it is what was there when the target was found in sync.
pub fn remembered(loaded: &Loaded, glance: &Glance) -> Option<Observation> {
    let record = &loaded.record;
    let print = loaded.noted.as_ref().and_then(|noted| noted.print.as_ref())?;
    let calm = record.standing == Standing::InSync;
    if !calm || glance.print().as_ref() != Some(print) {
        return None;
    }
    let created = record.facts.newest().filter(|created| Some(*created) == glance.created)?;
    let body = Body::Valid(known_content(&record.facts, created)?);
    let version = Version { number: glance.latest, body };
    let name = record.facts.versions.get(&created).and_then(|version| version.name.clone());
    let info = VersionInfo { number: glance.latest, created, status: Status::Active, name };
    Some(Observation::Present(Box::new(Seen {
        document_type: glance.document_type.clone(),
        latest: version.clone(),
        default: version,
        versions: vec![info],
        older_exist: false,
        between: BTreeMap::new(),
    })))
}

/// What is to be written down of the look of a pass, if anything: `noted` is what stands beside the record by now.
pub fn to_note(
    case: &Case,
    decision: &Decision,
    applied: &Applied,
    glance: &Glance,
    noted: Option<&Noted>,
) -> Option<Noted> {
    let right = decision.verdict == Verdict::InSync && *applied == Applied::Nothing;
    let same = |seen: &Seen| [seen.latest.number, seen.default.number] == [glance.latest; 2];
    let print = match &case.observation {
        Observation::Present(seen) if right && same(seen) => glance.print(),
        Observation::Present(_) | Observation::Absent | Observation::Unknown(_) => None,
    };
    let fresh = print.is_some() && noted.and_then(|noted| noted.print.as_ref()) != print.as_ref();
    let old = noted.is_none_or(|noted| case.now.since(noted.at) > NOTED_MS);
    (fresh || old).then_some(Noted { at: case.now, print })
}

#[cfg(test)]
mod tests;
