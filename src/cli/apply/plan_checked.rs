//! The world for one entry of a plan: it requires that the document is as the plan saw it, and that a write is the planned
//! one. Other calls pass through.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cli::plan::entry::{DocumentState, PlanEntry};
use crate::domain::case::Write;
use crate::domain::document::{Content, parse};
use crate::domain::edit::Edit;
use crate::domain::observation::{DocumentStatus, Observation};
use crate::domain::quick_check::QuickCheck;
use crate::domain::target::{AccountId, Target};
use crate::domain::time::Time;
use crate::ports::{Access, AccountAccess, Clock, Documents, Fault, FaultClass, Lookup, World, Written};

/// A world around one entry.
pub(super) struct PlanCheckedWorld<'a, W: World> {
    world: &'a W,
    documents: PlanCheckedDocuments<'a, W::Documents>,
}

/// The documents of that world.
pub(super) struct PlanCheckedDocuments<'a, D> {
    documents: &'a D,
    entry: &'a PlanEntry,
    /// An earlier run was killed while it worked on this entry.
    again: bool,
    watch: Mutex<Watch>,
}

/// What the calls have shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    /// Why the plan no longer holds for this entry.
    pub(super) stale: Option<String>,
    /// The last fault.
    pub(super) fault: Option<Fault>,
    /// A write of this run has succeeded or may have, so the document may be the reactor's own.
    wrote: bool,
    /// Versions with the planned content.
    planned: BTreeSet<u64>,
}

impl<'a, W: World> PlanCheckedWorld<'a, W> {
    pub(super) fn new(world: &'a W, entry: &'a PlanEntry, again: bool) -> Self {
        let documents = world.documents();
        Self { world, documents: PlanCheckedDocuments { documents, entry, again, watch: Mutex::default() } }
    }

    pub(super) fn noticed(&self) -> Watch {
        self.documents.watch().clone()
    }
}

impl<'a, W: World> World for PlanCheckedWorld<'a, W> {
    type Documents = PlanCheckedDocuments<'a, W::Documents>;
    type Directory = W::Directory;
    type Ledger = W::Ledger;
    type Sweeps = W::Sweeps;
    type Outbox = W::Outbox;
    type Notifier = W::Notifier;
    type Queue = W::Queue;

    fn documents(&self) -> &Self::Documents {
        &self.documents
    }

    fn directory(&self) -> &W::Directory {
        self.world.directory()
    }

    fn ledger(&self) -> &W::Ledger {
        self.world.ledger()
    }

    fn sweeps(&self) -> &W::Sweeps {
        self.world.sweeps()
    }

    fn outbox(&self) -> &W::Outbox {
        self.world.outbox()
    }

    fn notifier(&self) -> &W::Notifier {
        self.world.notifier()
    }

    fn queue(&self) -> &W::Queue {
        self.world.queue()
    }
}

impl<W: World> Clock for PlanCheckedWorld<'_, W> {
    fn now(&self) -> Time {
        self.world.now()
    }

    async fn sleep(&self, ms: u64) {
        self.world.sleep(ms).await;
    }

    fn jitter(&self) -> u32 {
        self.world.jitter()
    }
}

impl<D> PlanCheckedDocuments<'_, D> {
    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn noted<T>(&self, outcome: Result<T, Fault>) -> Result<T, Fault> {
        if let Err(fault) = &outcome {
            self.watch().fault = Some(fault.clone());
        }
        outcome
    }

    fn refused<T>(&self, why: String) -> Result<T, Fault> {
        let message = why.clone();
        self.watch().stale = Some(why);
        let (call, code) = ("apply", "Stale".to_owned());
        Err(Fault { class: FaultClass::Invalid, call, code, message, outcome_unknown: false })
    }

    /// Requires that the document is as the plan saw it, or already as planned.
    fn hold_against_plan(&self, observation: &Observation) -> Result<(), Fault> {
        let arrived = arrived(self.entry, observation);
        {
            let mut watch = self.watch();
            watch.planned.extend(arrived);
            // The reactor judges the result of its own write; the plan does not cover it.
            if watch.wrote || arrived.is_some() {
                return Ok(());
            }
        }
        // An earlier run was killed between deleting and recreating the document.
        let between = matches!(self.entry.write, Some(Write::Recreate { .. })) && *observation == Observation::Absent;
        if self.again && between {
            return Ok(());
        }
        let (then, now) = (self.entry.seen.as_ref(), DocumentState::of(observation));
        if then == now.as_ref() { Ok(()) } else { self.refused(changed(then, now.as_ref())) }
    }

    /// Requires that a write is the planned one, on the planned base.
    fn hold_against_write(&self, base: Option<u64>, text: &str) -> Result<(), Fault> {
        let planned = match &self.entry.write {
            Some(Write::Put { base: planned, content }) if *planned == base => Some(content),
            Some(Write::Recreate { content }) if base.is_none() => Some(content),
            _ => None,
        };
        let same = |content: &Content| parse(text).content().is_some_and(|text| text.same_as(content));
        if planned.is_some_and(same) {
            return Ok(());
        }
        self.refused("what would be written now is not what the plan shows".to_owned())
    }

    /// Records that a write was made or may have been.
    fn wrote<T>(&self, outcome: Result<T, Fault>) -> Result<T, Fault> {
        self.watch().wrote |= outcome.as_ref().err().is_none_or(|fault| fault.outcome_unknown);
        self.noted(outcome)
    }

    fn written(&self, outcome: Result<Written, Fault>) -> Result<Written, Fault> {
        let written = self.wrote(outcome)?;
        self.watch().planned.insert(written.version);
        Ok(written)
    }
}

/// The version that is already as planned: the latest, with the planned content or as the planned default.
fn arrived(entry: &PlanEntry, observation: &Observation) -> Option<u64> {
    let Observation::Present(seen) = observation else { return None };
    let latest = &seen.latest;
    match &entry.write {
        Some(Write::Put { content, .. } | Write::Recreate { content }) if seen.is_session() => {
            latest.body.content().filter(|there| there.same_as(content)).map(|_| latest.number)
        }
        Some(Write::Promote { version }) => match (&entry.seen, DocumentState::of(observation)) {
            (
                Some(DocumentState::Present { created: then, latest_sha256: before, .. }),
                Some(DocumentState::Present { created, latest_sha256, .. }),
            ) => (latest.number == *version && created == *then && latest_sha256 == *before).then_some(*version),
            _ => None,
        },
        _ => None,
    }
}

/// How the document differs from the one that the plan saw.
fn changed(then: Option<&DocumentState>, now: Option<&DocumentState>) -> String {
    match (then, now) {
        (Some(DocumentState::Absent), Some(DocumentState::Present { latest, .. })) => {
            format!("there was no document, and now there is one (version {latest})")
        }
        (_, Some(DocumentState::Absent)) => "there was a document, and now there is none".to_owned(),
        (
            Some(DocumentState::Present { latest: then, default: default_then, .. }),
            Some(DocumentState::Present { latest, default, .. }),
        ) if latest != then || default != default_then => {
            format!("the latest version was {then} and the default {default_then}; now they are {latest} and {default}")
        }
        _ => "the document was deleted and made anew".to_owned(),
    }
}

impl<D: Documents + Sync> Documents for PlanCheckedDocuments<'_, D> {
    async fn observe(&self, target: &Target, access: &Access, between: &BTreeSet<u64>) -> Result<Observation, Fault> {
        let observation = self.noted(self.documents.observe(target, access, between).await)?;
        self.hold_against_plan(&observation)?;
        Ok(observation)
    }

    /// Always fails, so that the reactor makes a full observation.
    async fn quick_check(&self, _: &Target, _: &Access) -> Result<QuickCheck, Fault> {
        let message = "a plan needs a full observation".to_owned();
        let (call, code) = ("apply", "WholeObservation".to_owned());
        Err(Fault { class: FaultClass::NotFound, call, code, message, outcome_unknown: false })
    }

    /// Finds no calls: the plan did not look up authors either.
    async fn lookup_events(&self, _: &Target, _: &Access, _: &Lookup) -> Result<Vec<Edit>, Fault> {
        Ok(Vec::new())
    }

    async fn create(&self, target: &Target, access: &Access, text: &str, name: &str) -> Result<Written, Fault> {
        self.hold_against_write(None, text)?;
        self.written(self.documents.create(target, access, text, name).await)
    }

    async fn update(
        &self,
        target: &Target,
        access: &Access,
        base: u64,
        text: &str,
        name: &str,
    ) -> Result<Written, Fault> {
        self.hold_against_write(Some(base), text)?;
        self.written(self.documents.update(target, access, base, text, name).await)
    }

    async fn status(&self, target: &Target, access: &Access, version: u64) -> Result<DocumentStatus, Fault> {
        self.noted(self.documents.status(target, access, version).await)
    }

    async fn promote(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        if !self.watch().planned.contains(&version) {
            return self.refused(format!("version {version} would be made the default, and the plan does not say so"));
        }
        self.wrote(self.documents.promote(target, access, version).await)
    }

    async fn shares(&self, target: &Target, access: &Access) -> Result<BTreeSet<String>, Fault> {
        self.noted(self.documents.shares(target, access).await)
    }

    async fn unshare(&self, target: &Target, access: &Access, accounts: &[String]) -> Result<(), Fault> {
        if !matches!(&self.entry.write, Some(Write::Unshare { accounts: planned }) if *planned == accounts) {
            return self.refused("sharing would be ended, and the plan does not say so".to_owned());
        }
        self.wrote(self.documents.unshare(target, access, accounts).await)
    }

    async fn delete(&self, target: &Target, access: &Access) -> Result<(), Fault> {
        if !matches!(self.entry.write, Some(Write::Recreate { .. })) {
            return self.refused("the document would be deleted, and the plan does not say so".to_owned());
        }
        self.wrote(self.documents.delete(target, access).await)
    }

    async fn prune(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        self.noted(self.documents.prune(target, access, version).await)
    }

    async fn account_access(&self, account: &AccountId, access: &Access) -> AccountAccess {
        self.documents.account_access(account, access).await
    }
}
