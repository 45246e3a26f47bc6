//! The document as SSM keeps it: versions with numbers and dates, a default, and the conditions of its calls.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use runas_reactor::domain::document::{Body, Content};
use runas_reactor::domain::edit::{Action, Edit};
use runas_reactor::domain::observation::{DocumentStatus, Observation, Seen, Version, VersionInfo};
use runas_reactor::domain::time::Time;

use super::{Actor, World, Wrote};

/// The document, while it exists.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// By number; at least one.
    pub(crate) versions: BTreeMap<u64, Rc<Stored>>,
    pub(crate) default: u64,
}

/// One version.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) number: u64,
    pub(crate) created: Time,
    pub(crate) name: Option<String>,
    pub(crate) content: Content,
}

impl Document {
    pub(crate) fn latest(&self) -> &Rc<Stored> {
        self.versions.values().next_back().expect("a document has a version")
    }

    pub(crate) fn default(&self) -> &Rc<Stored> {
        &self.versions[&self.default]
    }

    fn seen(&self, between: &BTreeSet<u64>) -> Seen {
        let version = |stored: &Stored| Version { number: stored.number, body: Body::Valid(stored.content.clone()) };
        let info = |stored: &Rc<Stored>| VersionInfo {
            number: stored.number,
            created: stored.created,
            status: DocumentStatus::Active,
            name: stored.name.clone(),
        };
        let body = |number: &u64| Some((*number, Body::Valid(self.versions.get(number)?.content.clone())));
        Seen {
            document_type: "Session".to_owned(),
            latest: version(self.latest()),
            default: version(self.default()),
            versions: self.versions.values().rev().map(info).collect(),
            older_exist: false,
            between: between.iter().filter_map(body).collect(),
            shares: None,
        }
    }
}

impl World {
    /// What an observation shows now, with all contents.
    pub(crate) fn observed_now(&self) -> Observation {
        let all = self.document.iter().flat_map(|document| document.versions.keys().copied()).collect();
        self.observe(&all)
    }

    /// What an observation shows now, with the contents of these further versions.
    pub(super) fn observe(&self, between: &BTreeSet<u64>) -> Observation {
        match &self.document {
            Some(document) => Observation::Present(Box::new(document.seen(between))),
            None => Observation::Absent,
        }
    }

    /// Creation dates differ, and so do the times of calls.
    fn tick(&mut self) {
        self.now = self.now.plus_ms(1);
    }

    /// Writes a version on top of `base` if that is the latest one, or creates the document if there is none.
    pub(crate) fn write(
        &mut self,
        actor: Actor,
        base: Option<u64>,
        content: Content,
        name: Option<String>,
    ) -> Option<Rc<Edit>> {
        if self.document.as_ref().map(|document| document.latest().number) != base {
            return None;
        }
        self.tick();
        let number = base.unwrap_or(0) + 1;
        let wrote = match &self.document {
            Some(document) => Wrote::Change(document.latest().content.change_to(&content)),
            None => Wrote::First(content.clone()),
        };
        let stored = Rc::new(Stored { number, created: self.now, name, content });
        let document = self.document.get_or_insert_with(|| Document { versions: BTreeMap::new(), default: 1 });
        document.versions.insert(number, stored);
        let action = if base.is_some() { Action::Updated { version: Some(number) } } else { Action::Created };
        Some(self.made(actor, action, Some(self.now), Some(wrote)))
    }

    /// Makes a version the default.
    pub(crate) fn promote(&mut self, actor: Actor, number: u64) -> Option<Rc<Edit>> {
        let document = self.document.as_mut().filter(|document| document.versions.contains_key(&number))?;
        document.default = number;
        self.tick();
        Some(self.made(actor, Action::DefaultMoved { version: Some(number) }, None, None))
    }

    /// Deletes the document.
    pub(crate) fn delete(&mut self, actor: Actor) -> Option<Rc<Edit>> {
        self.document.take()?;
        self.tick();
        Some(self.made(actor, Action::Deleted, None, None))
    }

    fn made(&mut self, actor: Actor, action: Action, created: Option<Time>, wrote: Option<Wrote>) -> Rc<Edit> {
        let edit = self.log(actor, action, created, wrote);
        if actor == Actor::Reactor {
            self.echo(&edit);
        }
        edit
    }
}
