//! The organisation's documents, under SSM's rules.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::caller::{Caller, REACTOR};
use super::trail::Request;
use super::{Duplicates, Sim, State, Switches, fault};
use crate::domain::document::CONTENT_BYTES_MAX;
use crate::domain::edit::{Action, Edit, Sharing};
use crate::domain::observation::{DocumentStatus, Observation};
use crate::domain::quick_check::QuickCheck;
use crate::domain::target::{AccountId, Target};
use crate::domain::text::sha256;
use crate::domain::time::Time;
use crate::ports::{Access, AccountAccess, Clock as _, Fault, FaultClass, Lookup, Written};

mod reading;

/// One simulated document.
#[derive(Clone, Debug)]
pub struct Document {
    /// `DocumentType`.
    pub document_type: String,
    /// Its versions.
    pub versions: BTreeMap<u64, StoredVersion>,
    /// The default version.
    pub default: u64,
    /// The accounts that it is shared with.
    pub shares: BTreeSet<String>,
}

/// One version.
#[derive(Clone, Debug)]
pub struct StoredVersion {
    /// The exact text.
    pub text: String,
    /// `VersionName`.
    pub name: Option<String>,
    /// When it was made.
    pub created: Time,
    /// Reads until it is active.
    pub pending: u32,
}

impl Document {
    /// The latest version's number.
    pub fn latest(&self) -> u64 {
        self.versions.keys().next_back().copied().unwrap_or(0)
    }

    /// The inputs of a version.
    pub fn inputs(&self, version: u64) -> Value {
        let text = self.versions.get(&version).map_or("", |version| &version.text);
        serde_json::from_str::<Value>(text).ok().and_then(|body| body.get("inputs").cloned()).unwrap_or_default()
    }
}

/// A document, and its state before the last change.
#[derive(Clone, Debug, Default)]
struct Slot {
    now: Option<Document>,
    before: Option<Document>,
    changed: Option<Time>,
}

#[derive(Debug, Default)]
pub(super) struct Documents(BTreeMap<Target, Slot>);

/// A change request.
#[derive(Clone, Debug)]
pub(super) enum Call<'a> {
    Create { document_type: &'a str, text: &'a str, name: Option<&'a str> },
    Update { base: Option<u64>, text: &'a str, name: Option<&'a str> },
    Promote { version: u64 },
    Delete,
    DeleteVersion { version: u64 },
    Share(&'a Sharing),
}

impl Sim {
    /// The document of a target as it is now.
    pub fn document(&self, target: &Target) -> Option<Document> {
        self.state().documents.0.get(target).and_then(|slot| slot.now.clone())
    }

    /// Makes a change as `caller` and sends its CloudTrail event.
    pub(super) fn change(&self, target: &Target, caller: &Caller, call: &Call<'_>) -> Result<Written, Fault> {
        let now = self.now();
        let mut state = self.state();
        let slot = state.documents.0.entry(target.clone()).or_default();
        let mut after = slot.now.clone();
        let outcome = perform(&mut after, call, self.switches, now);
        if outcome.is_ok() {
            slot.before = slot.now.take();
            slot.now = after;
            slot.changed = Some(now);
        }
        let action = match (call, &outcome) {
            (Call::Create { .. }, _) => Action::Created,
            (Call::Update { .. }, Ok(written)) => Action::Updated { version: Some(written.version) },
            (Call::Update { .. }, Err(_)) => Action::Updated { version: None },
            (Call::Promote { version }, _) => Action::DefaultMoved { version: Some(*version) },
            (Call::Delete, _) => Action::Deleted,
            (Call::DeleteVersion { version }, _) => Action::VersionDeleted { version: Some(*version) },
            (Call::Share(_), _) => Action::SharingChanged,
        };
        let failed = outcome.as_ref().err().map(|fault| fault.code.clone());
        let asked = match call {
            Call::Create { text, .. } | Call::Update { text, .. } => Request { text: Some(text), sharing: None },
            Call::Share(sharing) => Request { text: None, sharing: Some(sharing) },
            Call::Promote { .. } | Call::Delete | Call::DeleteVersion { .. } => Request::default(),
        };
        state.record_call(target, caller, action, asked, failed, now);
        outcome
    }
}

impl State {
    fn status(version: &StoredVersion) -> DocumentStatus {
        if version.pending == 0 { DocumentStatus::Active } else { DocumentStatus::Pending }
    }
}

fn perform(slot: &mut Option<Document>, call: &Call<'_>, switches: Switches, now: Time) -> Result<Written, Fault> {
    let missing = || fault(FaultClass::NotFound, "SSM", "InvalidDocument", "the document does not exist");
    match call {
        Call::Create { document_type, text, name } => {
            if slot.is_some() {
                return Err(fault(FaultClass::Conflict, "CreateDocument", "DocumentAlreadyExists", "it exists"));
            }
            check(text, "CreateDocument")?;
            let version = stored(text, *name, now, switches);
            let written = Written { version: 1, status: State::status(&version) };
            let versions = BTreeMap::from([(1, version)]);
            let (document_type, shares) = ((*document_type).to_owned(), BTreeSet::new());
            *slot = Some(Document { document_type, versions, default: 1, shares });
            Ok(written)
        }
        Call::Update { base, text, name } => {
            let document = slot.as_mut().ok_or_else(missing)?;
            update(document, *base, text, *name, now, switches)
        }
        Call::Promote { version } => {
            let document = slot.as_mut().ok_or_else(missing)?;
            if !document.versions.contains_key(version) {
                let call = "UpdateDocumentDefaultVersion";
                return Err(fault(FaultClass::Conflict, call, "InvalidDocumentVersion", "no such version"));
            }
            document.default = *version;
            Ok(Written { version: *version, status: DocumentStatus::Active })
        }
        Call::Delete if slot.as_ref().is_some_and(|document| !document.shares.is_empty()) => {
            Err(fault(FaultClass::Conflict, "DeleteDocument", "InvalidDocumentOperation", "the document is shared"))
        }
        Call::Delete => slot
            .take()
            .ok_or_else(missing)
            .map(|document| Written { version: document.latest(), status: DocumentStatus::Deleting }),
        Call::DeleteVersion { version } => {
            let document = slot.as_mut().ok_or_else(missing)?;
            if *version == document.default || *version == document.latest() {
                let code = "InvalidDocumentOperation";
                return Err(fault(FaultClass::Invalid, "DeleteDocument", code, "the version is in use"));
            }
            document.versions.remove(version);
            Ok(Written { version: *version, status: DocumentStatus::Deleting })
        }
        Call::Share(sharing) => {
            let document = slot.as_mut().ok_or_else(missing)?;
            document.shares.extend(sharing.added.iter().cloned());
            document.shares.retain(|account| !sharing.removed.contains(account));
            Ok(Written { version: document.latest(), status: DocumentStatus::Active })
        }
    }
}

fn update(
    document: &mut Document,
    base: Option<u64>,
    text: &str,
    name: Option<&str>,
    now: Time,
    switches: Switches,
) -> Result<Written, Fault> {
    const CALL: &str = "UpdateDocument";
    check(text, CALL)?;
    let latest = document.latest();
    if base.is_some_and(|base| base != latest) {
        return Err(fault(FaultClass::Conflict, CALL, "InvalidDocumentVersion", "the version is not the latest"));
    }
    if document.versions.len() >= switches.versions_max {
        return Err(fault(FaultClass::VersionLimit, CALL, "DocumentVersionLimitExceeded", "too many versions"));
    }
    if name.is_some() && document.versions.values().any(|version| version.name.as_deref() == name) {
        return Err(fault(FaultClass::Conflict, CALL, "DuplicateDocumentVersionName", "the name is taken"));
    }
    let meaning = |text: &str| serde_json::from_str::<Value>(text).ok();
    let duplicate = match switches.duplicates {
        Duplicates::Latest => document.versions.get(&latest).is_some_and(|version| version.text == text),
        Duplicates::Any => document.versions.values().any(|version| version.text == text),
        Duplicates::AnyMeaning => document.versions.values().any(|version| meaning(&version.text) == meaning(text)),
    };
    if duplicate {
        return Err(fault(FaultClass::Duplicate, CALL, "DuplicateDocumentContent", "matches another version"));
    }
    // Versions of one document never share a creation date, because it identifies them.
    let newest = document.versions.values().map(|version| version.created).max().unwrap_or(Time::ZERO);
    let version = stored(text, name, now.max(newest.plus_ms(1)), switches);
    let written = Written { version: latest + 1, status: State::status(&version) };
    document.versions.insert(latest + 1, version);
    Ok(written)
}

fn check(text: &str, call: &'static str) -> Result<(), Fault> {
    if text.len() > CONTENT_BYTES_MAX {
        return Err(fault(FaultClass::Invalid, call, "MaxDocumentSizeExceeded", "64 KB"));
    }
    match serde_json::from_str::<Value>(text) {
        Ok(_) => Ok(()),
        Err(_) => Err(fault(FaultClass::Invalid, call, "InvalidDocumentContent", "no JSON")),
    }
}

fn stored(text: &str, name: Option<&str>, created: Time, switches: Switches) -> StoredVersion {
    StoredVersion { text: text.to_owned(), name: name.map(str::to_owned), created, pending: switches.pending_reads }
}

impl crate::ports::Documents for Sim {
    async fn observe(&self, target: &Target, access: &Access, between: &BTreeSet<u64>) -> Result<Observation, Fault> {
        self.call().await;
        self.enter(&target.account, &target.region, access)?;
        self.observed(target, between).await
    }

    async fn lookup_events(&self, target: &Target, access: &Access, lookup: &Lookup) -> Result<Vec<Edit>, Fault> {
        self.call().await;
        self.enter(&target.account, &target.region, access)?;
        Ok(self.history(target, lookup))
    }

    async fn quick_check(&self, target: &Target, access: &Access) -> Result<QuickCheck, Fault> {
        self.call().await;
        self.enter(&target.account, &target.region, access)?;
        let missing =
            || fault(FaultClass::NotFound, "DescribeDocument", "InvalidDocument", "the document does not exist");
        let document = self.poll(target).ok_or_else(missing)?;
        let version = document.versions.get(&document.default).ok_or_else(missing)?;
        Ok(QuickCheck {
            document_type: document.document_type.clone(),
            status: document.versions.get(&document.latest()).map_or(DocumentStatus::Pending, State::status),
            latest: document.latest(),
            default: document.default,
            created: Some(version.created),
            hash: sha256(&version.text),
        })
    }

    async fn create(&self, target: &Target, access: &Access, text: &str, name: &str) -> Result<Written, Fault> {
        self.by_reactor(target, access, &Call::Create { document_type: "Session", text, name: Some(name) }).await
    }

    async fn update(
        &self,
        target: &Target,
        access: &Access,
        base: u64,
        text: &str,
        name: &str,
    ) -> Result<Written, Fault> {
        self.by_reactor(target, access, &Call::Update { base: Some(base), text, name: Some(name) }).await
    }

    async fn status(&self, target: &Target, access: &Access, version: u64) -> Result<DocumentStatus, Fault> {
        self.call().await;
        self.enter(&target.account, &target.region, access)?;
        let state = self.poll(target).and_then(|document| document.versions.get(&version).map(State::status));
        // A reader that lags does not see the version yet.
        Ok(state.unwrap_or(DocumentStatus::Pending))
    }

    async fn promote(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        self.by_reactor(target, access, &Call::Promote { version }).await.map(drop)
    }

    async fn shares(&self, target: &Target, access: &Access) -> Result<BTreeSet<String>, Fault> {
        const CALL: &str = "DescribeDocumentPermission";
        self.call().await;
        self.enter(&target.account, &target.region, access)?;
        let missing = || fault(FaultClass::Conflict, CALL, "InvalidDocument", "the document does not exist");
        self.read(target).map(|document| document.shares).ok_or_else(missing)
    }

    async fn unshare(&self, target: &Target, access: &Access, accounts: &[String]) -> Result<(), Fault> {
        let sharing = Sharing { added: Vec::new(), removed: accounts.to_vec() };
        match self.by_reactor(target, access, &Call::Share(&sharing)).await {
            Err(fault) if fault.class == FaultClass::NotFound => Err(Fault { class: FaultClass::Conflict, ..fault }),
            outcome => outcome.map(drop),
        }
    }

    async fn delete(&self, target: &Target, access: &Access) -> Result<(), Fault> {
        let shares = self.document(target).map(|document| document.shares).unwrap_or_default();
        if !shares.is_empty() {
            let sharing = Sharing { added: Vec::new(), removed: shares.into_iter().collect() };
            self.by_reactor(target, access, &Call::Share(&sharing)).await?;
        }
        match self.by_reactor(target, access, &Call::Delete).await {
            Err(fault) if fault.class != FaultClass::NotFound => Err(fault),
            _ => Ok(()),
        }
    }

    async fn prune(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        if self.document(target).is_none_or(|document| !document.versions.contains_key(&version)) {
            return Ok(());
        }
        self.by_reactor(target, access, &Call::DeleteVersion { version }).await.map(drop)
    }

    async fn account_access(&self, account: &AccountId, _: &Access) -> AccountAccess {
        AccountAccess { by_member_role: true, relapse: self.state().relapses.remove(account) }
    }
}

impl Sim {
    async fn by_reactor(&self, target: &Target, access: &Access, call: &Call<'_>) -> Result<Written, Fault> {
        self.call().await;
        let role = self.enter(&target.account, &target.region, access)?;
        self.change(target, &Caller::role(&target.account, &role, REACTOR), call)
    }
}
