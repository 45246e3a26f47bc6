//! What is known of a target: facts, and nothing that is derived from them.
//!
//! A fact comes from an observation or from a call that CloudTrail reports, or is logged before a write. Facts are only
//! added ([`super::merge`]). Authors and accepted content are computed from all of them each time ([`super::attribution`],
//! [`super::accepted`]).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::document::{Change, Content};
use super::durations::LEASE_MS;
use super::edit::{Action, Edit};
use super::policy::Owned;
use super::principal::Attribution;
use super::time::Time;

/// Everything that is known of one target's document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    /// The accepted content up to a date; absent until the first successful observation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// Later versions, by creation date: dates order the document's versions, while numbers may repeat.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<Time, VersionFact>,
    /// Calls that no intent explains, by CloudTrail's event id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub calls: BTreeMap<String, CallFact>,
    /// Events of the reactor's own calls that came back, by CloudTrail's event id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub echoes: BTreeMap<String, Echo>,
    /// Writes of the reactor, by the version name of each; logged before the write.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub intents: BTreeMap<String, Intent>,
    /// What was found missing: the document, by the creation date of its newest known version, or the default, by the last
    /// observation of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub absences: BTreeMap<Time, Absence>,
    /// The policy's values in a compliant version of another author, by that version: they stay when the policy gives those
    /// fields up.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub owned: BTreeMap<Time, Owned>,
    /// Break-glass acts of a day, some of whose calls have left the record, each cut to its minute.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub emergencies: BTreeSet<Time>,
    /// The last observation; of two the later one counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<LastSeen>,
}

/// The accepted content up to a date.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The accepted content; absent where there was no document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Creation date of the newest version in it; [`Time::ZERO`] where there is none.
    pub until: Time,
    /// When it was made. Of two bases the one with the later `until` counts, then the one made later.
    pub at: Time,
    /// Digest of that newest version, where it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// That newest version is invalid, and not by a trusted principal.
    #[serde(default, skip_serializing_if = "is_false")]
    pub blurred: bool,
    /// Values that a foreign version set and that later versions may still carry, as `field=digest`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub foreign: BTreeSet<String>,
    /// When that newest version was first observed; [`Time::ZERO`] in a base from the first observation.
    #[serde(default)]
    pub observed: Time,
    /// Milliseconds by which SSM's clock is ahead of CloudTrail's, by the newest echo of a version in the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ms: Option<i64>,
    /// Calls up to this time have left the record: an older one never makes content accepted.
    #[serde(default)]
    pub calls_until: Time,
    /// Intents up to this time have left the record: an older call through the reactor's role is not judged any more.
    #[serde(default)]
    pub intents_until: Time,
    /// Whether on-call was notified of what the first observation adopted.
    #[serde(default)]
    pub notified: Notified,
}

/// One version of the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionFact {
    /// Its number.
    pub number: u64,
    /// Creation date of the previous version; absent for a document's first, and where the previous one is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Time>,
    /// What it changed.
    pub delta: Delta,
    /// Digest of its content, where that is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Its `VersionName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it was first observed.
    pub observed: Time,
    /// It existed at the first observation, too young for the base.
    #[serde(default, skip_serializing_if = "is_false")]
    pub adopted: bool,
    /// Whether on-call was notified of it.
    #[serde(default)]
    pub notified: Notified,
}

/// What a version changed against the previous one, or why that is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delta {
    /// The fields that differ.
    Change(Change),
    /// It is the first of its document: the whole content.
    First(Content),
    /// It is no valid Session document.
    Invalid(String),
    /// The document is of another type.
    OtherType(String),
    /// It, or the version before it, could not be read.
    Unsaid(String),
}

/// One call on the document, as CloudTrail reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFact {
    /// The call.
    pub edit: Edit,
    /// The policy's attribution when the call first arrived; of several the least trusting one.
    pub attribution: Attribution,
    /// It was made through a role that the reactor uses, which proves nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub via_reactor_role: bool,
    /// When it first arrived.
    pub received: Time,
    /// CloudTrail's event history was asked for it. Without a match there, the call counts as foreign.
    #[serde(default, skip_serializing_if = "is_false")]
    pub checked: bool,
    /// An observation shows that the document is shared with none of the accounts that it added.
    #[serde(default, skip_serializing_if = "is_false")]
    pub over: bool,
    /// Whether on-call was notified of it.
    #[serde(default)]
    pub notified: Notified,
}

/// A write of the reactor, logged before it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The kind of write.
    pub write: Intended,
    /// The version that the write makes, promotes or leaves as it is.
    pub number: u64,
    /// Digest of the content that it writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The owned fields that it sets; of the reactor's own version only these are accepted.
    #[serde(default, skip_serializing_if = "Owned::is_empty")]
    pub owned: Owned,
    /// Creation date of the latest version at the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Time>,
    /// When it was logged.
    pub from: Time,
    /// The end of the lease.
    pub until: Time,
    /// How the write ended; absent while it is under way, and for good if the invocation died.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// Whether on-call was notified that the event never came back.
    #[serde(default)]
    pub notified: Notified,
}

/// The event of one of the reactor's own calls, which an intent explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Echo {
    /// CloudTrail's time of the call.
    pub at: Time,
    /// The version that the call made; absent where it made none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<u64>,
    /// When the event first arrived: it is of no write that was logged later.
    pub received: Time,
}

/// The kind of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intended {
    /// A new version that becomes the default; or a new document.
    Put,
    /// An existing version is made the default.
    Promote,
    /// The document is deleted and created anew.
    Recreate,
    /// Superseded versions below [`Intent::number`] are deleted.
    Prune,
    /// Accounts that the document is shared with are taken out.
    Unshare,
}

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It was refused, or its outcome is unknown: the next observation shows it.
    Refused,
    /// It took effect.
    Landed(Time),
}

/// The document was found missing, or its default at an unexpected version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// The default version that was found; absent where the document is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<u64>,
    /// The first observation of this.
    pub first: Time,
    /// The last observation before it.
    pub after: Time,
    /// Whether on-call was notified.
    #[serde(default)]
    pub notified: Notified,
}

/// The last observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LastSeen {
    /// Its time.
    pub at: Time,
    /// Creation date of the latest version; absent where there was no document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<Time>,
    /// The default version's number.
    pub default: u64,
}

/// Whether on-call was notified of a fact; it only ever goes up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notified {
    /// Not yet.
    #[default]
    No,
    /// Without the name of the principal.
    Nameless,
    /// Without the name, in enforce mode: on-call was alarmed, and is owed the name.
    Alarmed,
    /// By name; or there is nothing to notify of.
    Named,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde's skip_serializing_if wants")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Facts {
    /// Creation date up to which versions are part of the base.
    pub fn base_until(&self) -> Time {
        self.base.as_ref().map_or(Time::ZERO, |base| base.until)
    }

    /// Versions that are not part of the base, oldest first.
    pub fn open_versions(&self) -> impl DoubleEndedIterator<Item = (Time, &VersionFact)> {
        let until = self.base_until();
        self.versions.iter().filter(move |(created, _)| **created > until).map(|(created, version)| (*created, version))
    }

    /// Creation date of the newest version that is known.
    pub fn newest(&self) -> Option<Time> {
        let base = self.base.as_ref().map(|base| base.until).filter(|until| *until > Time::ZERO);
        self.versions.keys().next_back().copied().max(base)
    }

    /// The intent that is under way at `now`, if there is one.
    pub fn open_intent(&self, now: Time) -> Option<&Intent> {
        self.intents.values().find(|intent| intent.is_open(now))
    }
}

impl VersionFact {
    /// The field-level change; empty where it is unknown.
    pub fn change(&self) -> Change {
        match &self.delta {
            Delta::Change(change) => change.clone(),
            Delta::First(content) => Content::minimal().change_to(content),
            Delta::Invalid(_) | Delta::OtherType(_) | Delta::Unsaid(_) => Change::new(),
        }
    }
}

impl CallFact {
    /// Whether the call succeeded and made a version.
    pub fn makes_version(&self) -> bool {
        self.edit.failed.is_none() && matches!(self.edit.action, Action::Created | Action::Updated { .. })
    }

    /// Whether the call succeeded and deleted the document.
    pub fn deletes(&self) -> bool {
        self.edit.failed.is_none() && self.edit.action == Action::Deleted
    }

    /// Whether the policy trusts the principal with the fields that it does not own.
    pub fn is_trusted(&self) -> bool {
        self.attribution == Attribution::Trusted
    }
}

impl Intent {
    /// A write that is about to begin, with its lease.
    pub fn new(write: Intended, number: u64, from: Time) -> Self {
        Self {
            write,
            number,
            digest: None,
            owned: Owned::new(),
            over: None,
            from,
            until: from.plus_ms(LEASE_MS),
            ended: None,
            notified: Notified::No,
        }
    }

    /// Whether the write is under way, so that no other invocation writes.
    pub fn is_open(&self, now: Time) -> bool {
        self.ended.is_none() && self.write != Intended::Prune && now < self.until
    }

    /// Whether the write makes a version.
    pub fn makes_version(&self) -> bool {
        match self.write {
            Intended::Put | Intended::Recreate => true,
            Intended::Promote | Intended::Prune | Intended::Unshare => false,
        }
    }

    /// Whether the write changes the content in force.
    pub fn changes_content(&self) -> bool {
        match self.write {
            Intended::Put | Intended::Promote | Intended::Recreate => true,
            Intended::Prune | Intended::Unshare => false,
        }
    }
}
