//! What really happened to a document, from all calls and their authors: the standard for the reactor. It follows the calls
//! themselves, and shares with the reactor only the parser of a document's fields.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::stage::ROLE;
use crate::domain::document::{Body, Content, FieldChange, parse};
use crate::domain::edit::Action;
use crate::domain::time::{SECOND_MS, Time};
use crate::sim::{Called, Fate};

/// A document without preferences.
const BLANK: &str = r#"{"schemaVersion":"1.0","sessionType":"Standard_Stream","inputs":{}}"#;
/// Foreign versions since rest up to which the reactor can determine the accepted content.
const FOLLOWED_MAX: u32 = 6;
/// Within this time, the makers of two versions of one number cannot be distinguished.
const ALIKE_MS: i64 = 4 * SECOND_MS;

/// A version is made within three seconds of its call's time, which is cut to the second: CloudTrail's clock may be ahead
/// by this many milliseconds, and the call still fits.
const SKEW_MS: RangeInclusive<i64> = -2_000..=1_000;

/// The author of a call, by the role's ARN, which only AWS sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    Us,
    Pipeline,
    BreakGlass,
    Admin,
}

impl Author {
    pub(super) fn of(call: &Called) -> Self {
        let role = call.arn.rsplit('/').next().unwrap_or_default();
        match role {
            ROLE => Self::Us,
            role if role.starts_with("AWSAccelerator-") => Self::Pipeline,
            role if role.starts_with("AWSReservedSSO_BreakGlass_") => Self::BreakGlass,
            _ => Self::Admin,
        }
    }
}

/// A change that an alert must report.
#[derive(Clone, Debug)]
pub(super) struct Owed {
    /// The session's name, which the alert must contain.
    pub(super) who: String,
    /// When the call was made.
    pub(super) at: Time,
    /// What the call did.
    pub(super) action: Action,
}

/// What the reactor can know of the difference between CloudTrail's clock and SSM's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Clock {
    /// Nothing, and it has not mattered.
    #[default]
    Unmeasured,
    /// Nothing, and a trusted edit cannot be recognised by its time.
    Needed,
    /// The event of a version by the reactor was not lost.
    Measured,
}

/// The truth about one target.
#[derive(Clone, Debug, Default)]
pub(super) struct Truth {
    versions: BTreeMap<u64, Body>,
    authors: BTreeMap<u64, String>,
    /// When the latest version was made.
    written: Option<Time>,
    /// The content made by trusted principals, edit by edit.
    pub(super) accepted: Option<Content>,
    /// Why the reactor cannot determine the accepted content.
    pub(super) unknowable: Option<&'static str>,
    /// Versions and documents that the reactor made.
    pub(super) puts: u32,
    /// Number of Puts that are justified.
    pub(super) allowed: u32,
    /// Calls that are still to be reported.
    pub(super) owed: Vec<Owed>,
    /// A change since the last sweep may have gone unnoticed: it may stand until the next one.
    pub(super) blind: bool,
    /// Foreign versions since the reactor was last at rest on this target.
    since_rest: u32,
    trusted_since_rest: bool,
    /// When a pipeline last wrote.
    trusted: Option<Time>,
    /// When the document was last deleted by another principal than a pipeline, or created by the reactor: the end of that
    /// call.
    deleted: Option<Time>,
    /// Values set first by another principal than a pipeline, or by a pipeline whose event was lost or in doubt.
    brought: BTreeSet<String>,
    /// The last foreign maker of each version number, and when; a new document counts from 1 again.
    makers: BTreeMap<u64, (Author, Time)>,
    /// The document has another type, so its content is no preference.
    other_type: bool,
    /// Who first shared the document with an account.
    shares: BTreeMap<String, Author>,
    /// An account that a pipeline shared it with, and that the reactor took out of a document that it did not delete.
    taken: Option<String>,
    clock: Clock,
}

impl Truth {
    /// The reactor starts here: the existing document may be corrected once.
    pub(super) fn begin(&mut self) {
        (self.puts, self.allowed, self.owed, self.unknowable) = (0, 1, Vec::new(), None);
        self.rest();
    }

    /// Accounts for a call. A change up to `unseen_ms` before a call of the reactor may be invisible to it; CloudTrail's clock
    /// is ahead by `skew_ms`.
    pub(super) fn follow(&mut self, call: &Called, unseen_ms: i64, skew_ms: i64) {
        if call.failed.is_some() {
            return;
        }
        let author = Author::of(call);
        self.count(call, author);
        self.measure(call, author, skew_ms);
        match call.action {
            Action::Created | Action::Updated { .. } => self.written(call, author),
            Action::Deleted => {
                self.versions.clear();
                self.shares.clear();
                self.taken = None;
                self.deleted = Some(call.ended).filter(|_| author != Author::Pipeline).or(self.deleted);
                // The deletion may remove a pipeline's version before the reactor observes it.
                if self.trusted_since_rest && author != Author::Us {
                    self.unknowable = Some("a trusted version was deleted with its document");
                }
                // The reactor deletes a document of another type to create a right one. The deletion is unconditional: it
                // also removes what a pipeline has created meanwhile, and events carry no content.
                let unseen = self.trusted.is_some_and(|at| call.at.since(at) <= unseen_ms);
                if author == Author::Us && unseen {
                    self.unknowable =
                        Some("a trusted document took the place of another one while the reactor deleted that");
                }
            }
            Action::VersionDeleted { version } => {
                if let Some(version) = version {
                    self.versions.remove(&version);
                }
                if author != Author::Us {
                    self.unknowable = Some("a foreign principal deleted a version");
                }
            }
            Action::SharingChanged => self.shared(call, author),
            Action::DefaultMoved { .. } => {}
        }
    }

    /// Follows with whom the document is shared. An event that is lost leaves the reactor without a trace of the sharing.
    fn shared(&mut self, call: &Called, author: Author) {
        let Some(sharing) = &call.sharing else { return };
        for account in sharing.added.iter().filter(|_| author == Author::Pipeline || call.fate != Fate::Lost) {
            self.shares.entry(account.clone()).or_insert(author);
        }
        for account in &sharing.removed {
            let owner = self.shares.remove(account);
            let taken = author == Author::Us && owner == Some(Author::Pipeline);
            self.taken = Some(account.clone()).filter(|_| taken).or(self.taken.take());
        }
    }

    /// What is wrong with whom the document is shared.
    pub(super) fn wrongly_shared(&self, shares: &BTreeSet<String>) -> Option<String> {
        let foreign = |account: &&String| self.shares.get(*account).is_some_and(|owner| *owner != Author::Pipeline);
        if let Some(account) = shares.iter().find(foreign) {
            return Some(format!("an untrusted actor shared it with {account}"));
        }
        self.taken
            .as_ref()
            .map(|account| format!("a trusted actor had shared it with {account}, and the reactor ended that"))
    }

    fn count(&mut self, call: &Called, author: Author) {
        let made = matches!(call.action, Action::Created | Action::Updated { .. });
        if author == Author::Us {
            self.puts += u32::from(made);
            return;
        }
        self.allowed += match (author, call.action) {
            // A pipeline's change that is reverted while its author is unknown is restored by a second Put.
            (Author::Pipeline, Action::Created | Action::Updated { .. }) => 2,
            (_, Action::Created | Action::Updated { .. } | Action::Deleted) => 1,
            (_, Action::DefaultMoved { .. } | Action::VersionDeleted { .. } | Action::SharingChanged) => 0,
        };
        // A call in the second of the last write looks like an earlier one; where reads lag, the sweep corrects it.
        let unmade = matches!(call.action, Action::DefaultMoved { .. } | Action::Deleted);
        self.blind |= unmade && same_second(self.written, Some(call.at));
        if call.fate == Fate::Lost {
            self.blind = true;
        } else if author != Author::Pipeline && self.is_worth_telling(call) {
            self.owed.push(Owed { who: call.who.clone(), at: call.at, action: call.action });
        }
    }

    fn measure(&mut self, call: &Called, author: Author, skew_ms: i64) {
        let made = matches!(call.action, Action::Created | Action::Updated { .. });
        if made && author == Author::Us && call.fate != Fate::Lost {
            self.clock = Clock::Measured;
        }
        if made && author == Author::Pipeline && self.clock == Clock::Unmeasured && !SKEW_MS.contains(&skew_ms) {
            self.clock = Clock::Needed;
        }
    }

    /// Whether a trusted edit waits for a measure of the clocks.
    pub(super) fn awaits_clock(&self) -> bool {
        self.clock == Clock::Needed
    }

    /// Making the latest version the default is what the reactor would do. A move to the caller's own version in the second
    /// of the last write cannot be distinguished from one before it.
    fn is_worth_telling(&self, call: &Called) -> bool {
        let Action::DefaultMoved { version } = call.action else { return true };
        let latest = self.versions.keys().next_back().copied();
        let own = version.is_some_and(|version| self.authors.get(&version) == Some(&call.who));
        version != latest && !(own && same_second(self.written, Some(call.at)))
    }

    fn written(&mut self, call: &Called, author: Author) {
        let body = parse(call.text.as_deref().unwrap_or_default());
        let created = call.action == Action::Created;
        let number = if created { 1 } else { call.action.made_version().unwrap_or(0) };
        let before = if created { None } else { self.versions.values().next_back().cloned() };
        if created {
            self.other_type = body.content().is_none();
        }
        if author != Author::Us {
            let other = self.makers.insert(number, (author, call.at));
            let mixed = |(maker, _): &(Author, Time)| (*maker == Author::Pipeline) != (author == Author::Pipeline);
            if other.filter(mixed).is_some_and(|(_, at)| call.at.since(at) <= ALIKE_MS) {
                self.unknowable = Some("a pipeline and another made versions of one number within moments");
            }
            self.since_rest += 1;
            if self.since_rest > FOLLOWED_MAX {
                self.unknowable = Some("many versions in a row");
            }
        }
        match author {
            Author::Pipeline => self.trusted(call, body.content(), before.as_ref()),
            Author::BreakGlass | Author::Admin => self.untrusted(body.content(), before.as_ref()),
            Author::Us => {}
        }
        if created && author == Author::Us {
            self.deleted = Some(call.ended);
        }
        self.versions.insert(number, body);
        self.authors.insert(number, call.who.clone());
        self.written = Some(call.at);
    }

    fn trusted(&mut self, call: &Called, content: Option<&Content>, before: Option<&Body>) {
        self.trusted_since_rest = true;
        self.trusted = Some(call.at);
        let lost = call.fate == Fate::Lost;
        if lost {
            self.unknowable = Some("the event of a trusted edit was lost");
        }
        // Events carry the whole seconds of the calls' ends, so it is unknown whether the deletion removed the pipeline's
        // document.
        let in_doubt = self.deleted.is_some_and(|deleted| second(deleted) >= second(call.ended));
        if in_doubt {
            self.unknowable =
                Some("by their events, another deleted the document in the second of a trusted edit or later");
        }
        let accepted = self.accepted.take().unwrap_or_else(Content::minimal);
        let brought = self.brought.clone();
        let change = match (content, before) {
            (Some(content), Some(Body::Valid(before))) if !self.other_type => before.change_to(content),
            (Some(content), None) => accepted.change_to(content),
            _ => {
                self.unknowable = Some("a trusted edit on top of what is no Session document");
                Vec::new()
            }
        };
        if change.iter().any(|field| brought.contains(&value_of(field)) && accepted.field(&field.field) != field.to) {
            self.unknowable = Some("a version by another, or by an unknown author, had set the same value first");
        }
        if lost || in_doubt {
            self.bring(&change);
        }
        self.accepted = Some(accepted.with_change(&change));
    }

    /// A value that an untrusted version set first is not accepted when a pipeline sets it later. Where the accepted
    /// content is unknown, every value of a recreated document counts as new.
    fn untrusted(&mut self, content: Option<&Content>, before: Option<&Body>) {
        let Some(content) = content else { return };
        let accepted = || match self.unknowable {
            Some(_) => parse(BLANK).content().cloned(),
            None => self.accepted.clone(),
        };
        let before = before.and_then(Body::content).cloned().or_else(accepted);
        let change = before.unwrap_or_else(Content::minimal).change_to(content);
        self.bring(&change);
    }

    /// Remembers the values of a version that the reactor cannot take for a pipeline's.
    fn bring(&mut self, change: &[FieldChange]) {
        self.brought.extend(change.iter().filter(|field| field.to.is_some()).map(value_of));
    }

    /// An invocation wrote and died before it committed.
    pub(super) fn cut_short(&mut self) {
        self.allowed += 1;
    }

    /// The account is no longer governed.
    pub(super) fn leave(&mut self) {
        self.owed.clear();
        self.shares.retain(|_, owner| *owner == Author::Pipeline);
        if self.trusted_since_rest {
            self.unknowable = Some("the account was gone when a trusted edit was reported");
        }
    }

    /// The reactor is at rest on this target.
    pub(super) fn rest(&mut self) {
        self.since_rest = 0;
        self.trusted_since_rest = false;
    }

    /// Continues from the document's current content.
    pub(super) fn resume_from(&mut self, there: &Body) {
        self.accepted = there.content().cloned();
        self.unknowable = None;
    }
}

fn value_of(change: &FieldChange) -> String {
    format!("{}={:?}", change.field, change.to)
}

/// Events carry whole seconds.
fn same_second(one: Option<Time>, other: Option<Time>) -> bool {
    one.is_some() && one.map(second) == other.map(second)
}

fn second(time: Time) -> i64 {
    time.ms() / SECOND_MS
}
