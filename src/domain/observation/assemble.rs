//! Assembles one observation from the answers of several calls, or reports how they disagree.
//!
//! An observation takes three calls or more: `$LATEST`, `$DEFAULT`, the list of versions, further contents. A write can
//! land between any two of them, and SSM's reads can be stale by different lengths. An observation that mixes two moments
//! hides a version: the reactor would overwrite a change that it never saw. So the answers have to agree.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Observation, Seen, Version, VersionInfo};
use crate::domain::document::Body;
use crate::domain::time::Time;

/// Versions that an observation shows: the largest page of `ListDocumentVersions` (API model).
pub const LISTED_MAX: usize = 50;

/// What `GetDocument` answers about one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionAnswer {
    /// `DocumentType`.
    pub document_type: String,
    /// The version's number.
    pub number: u64,
    /// `CreatedDate`.
    pub created: Time,
    /// Its content.
    pub body: Body,
}

/// What `ListDocumentVersions` answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionList {
    /// The versions, in any order.
    pub versions: Vec<VersionInfo>,
    /// Whether unread pages follow.
    pub more: bool,
}

/// The answers of one observation; `None` where the call found no document, or no such version.
///
/// The list is read after `further`, if any are requested. `latest` and `default` may be read in parallel with it: a
/// version that is made between two calls shows in the later one only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// `GetDocument` of `$LATEST`.
    pub latest: Option<VersionAnswer>,
    /// `GetDocument` of `$DEFAULT`.
    pub default: Option<VersionAnswer>,
    /// `ListDocumentVersions`.
    pub list: Option<VersionList>,
    /// `GetDocument` of further versions, by number.
    pub further: BTreeMap<u64, Option<VersionAnswer>>,
}

/// Why answers disagree: a write landed between them, or a read was stale. Only new reads can resolve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// Some calls find the document, others do not.
    #[error("some calls find the document and others do not")]
    Existence,
    /// `$LATEST` is another version than the newest of the list.
    #[error("the latest version is {latest}, and the newest of the list is {newest}")]
    NotTheNewest {
        /// What `$LATEST` answers.
        latest: u64,
        /// The newest version of the list.
        newest: u64,
    },
    /// A version was read that the list does not show.
    #[error("version {0} is not in the list of versions")]
    NotListed(u64),
    /// A version was read whose number the list gives to another version.
    #[error("version {0} has another creation date in the list of versions")]
    OtherDate(u64),
    /// The list shows a version that another call did not find.
    #[error("version {0} is in the list of versions and was not found")]
    NotFound(u64),
}

/// The observation from the answers, if they agree.
///
/// # Errors
/// The first disagreement.
pub fn assemble(answers: Answers) -> Result<Observation, Disagreement> {
    let Answers { latest, default, list, further } = answers;
    let (latest, default, list) = match (latest, default, list) {
        (Some(latest), Some(default), Some(list)) => (latest, default, list),
        (None, None, None) => return Ok(Observation::Absent),
        _ => return Err(Disagreement::Existence),
    };
    let list = Page::of(list);
    let newest = list.versions.first().ok_or(Disagreement::NotListed(latest.number))?.number;
    if latest.number != newest {
        return Err(Disagreement::NotTheNewest { latest: latest.number, newest });
    }
    list.shows(&latest)?;
    if !list.is_older(&default) {
        list.shows(&default)?;
    }
    let between = contents(&list, further)?;
    Ok(Observation::Present(Box::new(Seen {
        document_type: latest.document_type,
        latest: Version { number: latest.number, body: latest.body },
        default: Version { number: default.number, body: default.body },
        versions: list.versions,
        older_exist: list.older_exist,
        between,
        shares: None,
    })))
}

/// The further contents, without versions that neither call finds (deleted) and those older than the page.
fn contents(list: &Page, further: BTreeMap<u64, Option<VersionAnswer>>) -> Result<BTreeMap<u64, Body>, Disagreement> {
    let mut bodies = BTreeMap::new();
    for (number, answer) in further {
        match answer {
            Some(answer) if list.is_older(&answer) => {}
            Some(answer) => {
                list.shows(&answer)?;
                bodies.insert(number, answer.body);
            }
            None if list.find(number).is_some() => return Err(Disagreement::NotFound(number)),
            None => {}
        }
    }
    Ok(bodies)
}

/// The newest versions of the list, newest first.
struct Page {
    versions: Vec<VersionInfo>,
    older_exist: bool,
}

impl Page {
    fn of(list: VersionList) -> Self {
        let VersionList { mut versions, more } = list;
        versions.sort_by_key(|version| Reverse(version.number));
        let older_exist = more || versions.len() > LISTED_MAX;
        versions.truncate(LISTED_MAX);
        Self { versions, older_exist }
    }

    fn find(&self, number: u64) -> Option<&VersionInfo> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// Fails unless the page shows this very version.
    fn shows(&self, answer: &VersionAnswer) -> Result<(), Disagreement> {
        let listed = self.find(answer.number).ok_or(Disagreement::NotListed(answer.number))?;
        if answer.created == listed.created || self.is_documents_date(answer.created) {
            return Ok(());
        }
        Err(Disagreement::OtherDate(answer.number))
    }

    /// Whether the document itself was created then. [docs: `API_GetDocument`] calls `CreatedDate` "the date the SSM
    /// document was created"; the list's is "the date the document was created", but is the version's. If `GetDocument`
    /// means the document, its date still distinguishes this document from a deleted or recreated one.
    fn is_documents_date(&self, date: Time) -> bool {
        match self.versions.last() {
            Some(first) if first.number == 1 => date == first.created,
            // Version 1 is not on the page, and older than all that are.
            Some(oldest) => date < oldest.created,
            None => false,
        }
    }

    /// Whether the version is older than the page. The default version can be any age, and reading twenty pages to find it
    /// gains nothing: only the page's versions are judged. A recreated document begins at 1 with younger dates, so number
    /// and date together show that the version is of this document.
    fn is_older(&self, answer: &VersionAnswer) -> bool {
        self.older_exist
            && self
                .versions
                .last()
                .is_some_and(|oldest| answer.number < oldest.number && answer.created < oldest.created)
    }
}

#[cfg(test)]
mod tests;
