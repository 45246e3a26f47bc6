//! How readers see a document: with lag, and each call at its own moment.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all, join3};

use super::{Document, StoredVersion};
use crate::domain::document::parse;
use crate::domain::observation::{
    Answers, Disagreement, LISTED_MAX, Observation, VersionAnswer, VersionInfo, VersionList, assemble, version_name,
};
use crate::domain::target::Target;
use crate::ports::{Clock as _, Fault, FaultClass};
use crate::sim::{Sim, State, fault};

impl Sim {
    /// The document as a reader sees it.
    pub(super) fn read(&self, target: &Target) -> Option<Document> {
        self.reading(target, |_| ())
    }

    /// The same, for a call that brings a pending version closer to active.
    pub(super) fn poll(&self, target: &Target) -> Option<Document> {
        self.reading(target, |version| version.pending = version.pending.saturating_sub(1))
    }

    fn reading(&self, target: &Target, after: impl FnMut(&mut StoredVersion)) -> Option<Document> {
        let now = self.now();
        let mut state = self.state();
        let behind_ms = self.behind_ms(&mut state);
        let slot = state.documents.0.get_mut(target)?;
        if slot.changed.is_some_and(|changed| now.since(changed) < behind_ms) {
            return slot.before.clone();
        }
        let seen = slot.now.clone();
        slot.now.iter_mut().flat_map(|document| document.versions.values_mut()).for_each(after);
        seen
    }

    /// How far a reader lags; in torn observations, each call by another length.
    fn behind_ms(&self, state: &mut State) -> i64 {
        let stale_ms = i64::try_from(self.switches.stale_ms).unwrap_or(0);
        if self.switches.torn_ms == 0 { stale_ms } else { i64::from(state.chance()) % (stale_ms + 1) }
    }

    /// Makes the calls of one observation and assembles their answers.
    pub(super) async fn observed(&self, target: &Target, between: &BTreeSet<u64>) -> Result<Observation, Fault> {
        let further = between.iter().map(async |number| (*number, self.version(target, |_| *number).await));
        let contents = async {
            let (latest, default) = (self.version(target, Document::latest), self.version(target, |it| it.default));
            join3(latest, default, join_all(further)).await
        };
        // Listed after the further contents, so that the list covers their versions.
        let ((latest, default, further), list) = if between.is_empty() {
            join(contents, self.list(target)).await
        } else {
            (contents.await, self.list(target).await)
        };
        let answers = Answers { latest, default, list, further: further.into_iter().collect() };
        let disagree = |why: Disagreement| fault(FaultClass::Conflict, "GetDocument", "Inconsistent", &why.to_string());
        assemble(answers).map_err(disagree)
    }

    /// `GetDocument`, at its own moment.
    async fn version(&self, target: &Target, which: impl FnOnce(&Document) -> u64) -> Option<VersionAnswer> {
        self.moment().await;
        let document = self.read(target)?;
        let number = which(&document);
        let version = document.versions.get(&number)?;
        let body = parse(&version.text);
        Some(VersionAnswer { document_type: document.document_type, number, created: version.created, body })
    }

    /// `ListDocumentVersions`, at its own moment.
    async fn list(&self, target: &Target) -> Option<VersionList> {
        self.moment().await;
        let document = self.poll(target)?;
        let listed = document.versions.iter().rev().take(LISTED_MAX).map(|(number, version)| VersionInfo {
            number: *number,
            created: version.created,
            status: State::status(version),
            name: version_name(version.name.as_deref()),
        });
        Some(VersionList { versions: listed.collect(), more: document.versions.len() > LISTED_MAX })
    }
}
