//! What to notify on-call of now, what waits for a principal, and how the facts are marked.
//!
//! An act is alerted because it happened, not because the document was found wrong. A call is alerted by name, together
//! with the version that it made. A version or an absence without a call waits a minute for one.

use std::collections::BTreeSet;

use super::Reconciliation;
use crate::domain::attribution::{Author, explains, is_soon_after, nameless, promotes_own};
use crate::domain::case::{Applied, Case, Decision, WaitsOn};
use crate::domain::clock_skew::ClockSkew;
use crate::domain::document::Change;
use crate::domain::durations::{REQUEUES_MAX, SAME_CALL_MS, VISIBLE_MS};
use crate::domain::edit::{Action, Edit, is_denial};
use crate::domain::fact::{Absence, Base, CallFact, Facts, Intended, Intent, Notified, VersionFact};
use crate::domain::judgement::Judgement;
use crate::domain::observation::Observation;
use crate::domain::policy::Mode;
use crate::domain::principal::{Attribution, Principal, UNKNOWN};
use crate::domain::time::Time;

/// One act, as reported to on-call.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportedEdit {
    /// The same for the same act, however it is found.
    pub key: String,
    /// The policy's attribution of the principal.
    pub attribution: Attribution,
    /// The principal, where known.
    pub principal: Option<Principal>,
    /// What was done.
    pub act: Action,
    /// When.
    pub at: Time,
    /// The fields that the act changed.
    pub change: Change,
    /// The call behind it, where there is one.
    pub event: Option<Edit>,
    /// Anything unusual about it.
    pub note: Option<String>,
}

/// What is new in one reconciliation.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// Acts of others, the least trusted principal first.
    pub(super) edits: Vec<ReportedEdit>,
    /// Acts reported without a principal before, whose principal is known by now.
    pub(super) late: Vec<ReportedEdit>,
    /// Keys of those whose principal on-call is owed after an alarm.
    pub(super) owed: BTreeSet<String>,
    /// Calls that failed.
    pub(super) denied: Vec<CallFact>,
    /// When the next act that waits for a principal is due.
    pub(super) wait: Option<Time>,
    /// The facts, with their marks of what on-call is notified of.
    pub(super) facts: Facts,
}

impl ReportedEdit {
    /// The principal's display name.
    pub fn name(&self) -> String {
        self.principal.as_ref().map_or_else(|| UNKNOWN.to_owned(), Principal::display)
    }

    /// CloudTrail's id of the call behind it, where there is one.
    pub fn event_id(&self) -> Option<&str> {
        self.event.as_ref().map(|event| event.id.as_str())
    }

    /// Whether it is a call that changed the sharing.
    pub(super) fn is_sharing(&self) -> bool {
        self.act == Action::SharingChanged
    }

    /// Whether the principal is trusted and the act wholly accepted.
    pub fn is_kept(&self) -> bool {
        self.attribution == Attribution::Trusted && self.note.is_none()
    }
}

impl Changes {
    /// Reports versions that left the record before their principals were known, too; then all acts are known, and are
    /// put in order.
    pub(super) fn overflow(&mut self, case: &Case, unnotified: &[Time]) {
        for created in unnotified {
            let Some(version) = self.facts.versions.get(created).filter(|v| v.notified == Notified::No) else {
                continue;
            };
            self.edits.push(without_call(case, *created, version, None));
        }
        self.edits.sort_by_key(|edit| (distrust(edit.attribution), edit.at));
    }
}

/// Gathers what is new, in no order.
pub(super) fn gather(Reconciliation { case, judgement, decision, applied }: Reconciliation) -> Changes {
    let mut gathering = Gathering {
        case,
        judgement,
        held: names_awaited(case, judgement) || is_unsettled(decision, applied),
        changes: Changes { facts: case.record.facts.clone(), ..Changes::default() },
        matched: BTreeSet::new(),
    };
    gathering.absences();
    gathering.versions();
    gathering.calls();
    gathering.changes
}

/// Sort key: the least trusted first, a known principal before an unknown one.
fn distrust(attribution: Attribution) -> u8 {
    match attribution {
        Attribution::Untrusted => 0,
        Attribution::Unattributed => 1,
        Attribution::BreakGlass => 2,
        Attribution::Trusted => 3,
        Attribution::Reactor => 4,
    }
}

/// Whether to report later: a change is not visible yet, another write is about to follow, or this one was overtaken.
fn is_unsettled(decision: &Decision, applied: &Applied) -> bool {
    let on = decision.wait.as_ref().map(|wait| &wait.on);
    let waits = matches!(on, Some(WaitsOn::Intent | WaitsOn::Visibility | WaitsOn::Sharing));
    waits || matches!(applied, Applied::Refused(refusal) if refusal.is_outpaced())
}

fn names_awaited(case: &Case, judgement: &Judgement) -> bool {
    let facts = &case.record.facts;
    nameless(facts, &judgement.pairing).any(|(_, version)| {
        let young = case.now.since(version.observed) < VISIBLE_MS;
        young && !version.adopted && version.notified == Notified::No
    })
}

struct Gathering<'a> {
    case: &'a Case,
    judgement: &'a Judgement,
    /// A version's author or the document's state is not known yet: the alert about it waits.
    held: bool,
    changes: Changes,
    /// Calls that explain an absence.
    matched: BTreeSet<String>,
}

impl Gathering<'_> {
    fn facts(&self) -> &Facts {
        &self.case.record.facts
    }

    /// Whether a fact first known at `since` is reported without a principal now; otherwise notes when it will be.
    fn due(&mut self, since: Time) -> bool {
        let due = since.plus_ms(VISIBLE_MS);
        if due <= self.case.now || self.case.requeues >= REQUEUES_MAX {
            return true;
        }
        self.changes.wait = Some(self.changes.wait.map_or(due, |wait| wait.min(due)));
        false
    }

    fn mark_call(&mut self, id: &str) {
        if let Some(call) = self.changes.facts.calls.get_mut(id) {
            call.notified = Notified::Named;
        }
    }

    fn mark_version(&mut self, created: Time, notified: Notified) {
        if let Some(version) = self.changes.facts.versions.get_mut(&created) {
            version.notified = version.notified.max(notified);
        }
    }

    fn versions(&mut self) {
        let facts = &self.case.record.facts;
        for (created, version) in facts.open_versions() {
            match self.judgement.pairing.author(facts, created, version) {
                Author::Reactor(_) => {}
                Author::Nameless => self.nameless(created, version),
                Author::Known(_) => {
                    let ids = self.judgement.pairing.calls.get(&created).into_iter().flatten();
                    for id in ids {
                        self.named(created, version, id);
                    }
                }
            }
        }
    }

    fn nameless(&mut self, created: Time, version: &VersionFact) {
        if version.adopted || version.notified != Notified::No || !self.due(version.observed) {
            return;
        }
        self.mark_version(created, self.without_name());
        let mover = mover(&self.changes.facts, created, version);
        if let Some(call) = &mover {
            self.mark_call(&call.edit.id);
        }
        self.changes.edits.push(without_call(self.case, created, version, mover));
    }

    fn named(&mut self, created: Time, version: &VersionFact, id: &str) {
        let Some(call) = self.facts().calls.get(id).filter(|call| call.notified != Notified::Named).cloned() else {
            return;
        };
        if self.held && !self.due(call.received) {
            return;
        }
        self.mark_call(id);
        self.mark_version(created, Notified::Named);
        let edit = ReportedEdit {
            key: format!("{}:{id}", self.case.target),
            attribution: call.attribution,
            principal: Some(call.edit.principal.clone()),
            act: Action::Updated { version: Some(version.number) },
            at: created,
            change: version.change(),
            note: self.withheld(created).filter(|_| call.is_trusted()),
            event: Some(call.edit),
        };
        self.report(edit, version.notified);
    }

    fn report(&mut self, edit: ReportedEdit, before: Notified) {
        match before {
            Notified::No | Notified::Named => self.changes.edits.push(edit),
            Notified::Nameless => self.changes.late.push(edit),
            Notified::Alarmed => {
                self.changes.owed.insert(edit.key.clone());
                self.changes.late.push(edit);
            }
        }
    }

    /// Why a trusted version is not wholly accepted.
    fn withheld(&self, created: Time) -> Option<String> {
        let withheld = self.judgement.accepted.withheld.iter().find(|withheld| withheld.created == created)?;
        Some(format!("not taken over, because {}", withheld.because()))
    }

    fn absences(&mut self) {
        for (known, absence) in self.facts().absences.clone() {
            let notified = self.absence(known, &absence);
            if let Some(absence) = self.changes.facts.absences.get_mut(&known) {
                absence.notified = absence.notified.max(notified);
            }
        }
    }

    /// The mark of an absence: a call or the reactor's own write explains it, or it is reported after a minute.
    fn absence(&mut self, known: Time, absence: &Absence) -> Notified {
        let (act, what) = match absence.default {
            Some(_) => (Action::DefaultMoved { version: absence.default }, "moved"),
            None => (Action::Deleted, "gone"),
        };
        if let Some(id) = self.call_behind(absence) {
            self.matched.insert(id.clone());
            if matches!(absence.notified, Notified::Nameless | Notified::Alarmed) {
                self.late_call(&id, absence.notified);
            }
            return Notified::Named;
        }
        let replaced = |intent: &Intent| intent.write == Intended::Recreate && intent.over == Some(known);
        if absence.default.is_none() && self.facts().intents.values().any(replaced) {
            return Notified::Named;
        }
        if absence.notified != Notified::No || !self.due(absence.first) {
            return absence.notified;
        }
        self.changes.edits.push(ReportedEdit {
            key: format!("{}:{what}@{}", self.case.target, known.ms()),
            attribution: Attribution::Unattributed,
            principal: None,
            act,
            at: absence.first,
            change: Change::new(),
            event: None,
            note: None,
        });
        self.without_name()
    }

    /// The first call that explains this absence and no other.
    fn call_behind(&self, absence: &Absence) -> Option<String> {
        let facts = self.facts();
        let clock = ClockSkew::of(facts);
        let calls = facts.calls.iter().map(|(id, call)| (clock.ssm_time(call.edit.at), id, call));
        let fitting = calls.filter(|(at, id, call)| explains(call, *at, absence) && !self.matched.contains(*id));
        fitting.map(|(at, id, _)| (at, id)).min().map(|(_, id)| id.clone())
    }

    /// The mark of an act that is reported without a principal.
    fn without_name(&self) -> Notified {
        match self.case.resolution.mode {
            Mode::Enforce => Notified::Alarmed,
            Mode::Observe | Mode::Exempt => Notified::Nameless,
        }
    }

    fn late_call(&mut self, id: &str, before: Notified) {
        let call = self.facts().calls.get(id).filter(|call| call.notified != Notified::Named).cloned();
        let Some(call) = call else { return };
        self.mark_call(id);
        self.report(called(self.case, &call, None), before);
    }

    fn calls(&mut self) {
        for (id, call) in self.facts().calls.clone() {
            let marked = self.changes.facts.calls.get(&id).is_none_or(|call| call.notified == Notified::Named);
            if marked || self.judgement.pairing.version.contains_key(&id) {
                continue;
            }
            if call.edit.failed.is_some() {
                self.failed(&id, call);
                continue;
            }
            if self.held && !self.due(call.received) {
                continue;
            }
            match call.edit.action {
                Action::Created | Action::Updated { .. } => self.unpaired(&id, &call),
                Action::DefaultMoved { .. } => self.default_moved(&id, &call),
                Action::Deleted | Action::VersionDeleted { .. } | Action::SharingChanged => {
                    self.report_call(&id, &call, None);
                }
            }
        }
    }

    fn report_call(&mut self, id: &str, call: &CallFact, note: Option<String>) {
        self.mark_call(id);
        self.changes.edits.push(called(self.case, call, note));
    }

    /// Pipelines lose races and repeat writes in normal operation; of a trusted principal only a denial is reported.
    fn failed(&mut self, id: &str, call: CallFact) {
        self.mark_call(id);
        let code = call.edit.failed.as_deref().unwrap_or_default();
        if !call.is_trusted() || is_denial(code) {
            self.changes.denied.push(call);
        }
    }

    /// Reports a call that no version fits, with the reason.
    fn unpaired(&mut self, id: &str, call: &CallFact) {
        let facts = self.facts();
        // CloudTrail's time is that of the call's end, so the call that made the base can be a little younger than it.
        let after = |base: &Base| ClockSkew::of(facts).ssm_time(call.edit.at) > base.until.plus_ms(SAME_CALL_MS);
        let followed = facts.base.as_ref().is_none_or(after);
        if call.is_trusted() && !followed {
            return self.mark_call(id);
        }
        if !followed {
            return self.report_call(id, call, Some("older than the versions that the reactor follows".to_owned()));
        }
        if self.due(call.received) {
            let note = match self.case.observation {
                Observation::Unknown(_) => "the document cannot be read",
                Observation::Absent | Observation::Present(_) => {
                    "no version that was observed fits this call: replaced or deleted before it could be"
                }
            };
            self.report_call(id, call, Some(note.to_owned()));
        }
    }

    /// A caller that makes its own version the default at once is reported with that version only.
    fn default_moved(&mut self, id: &str, call: &CallFact) {
        let unread = matches!(self.case.observation, Observation::Unknown(_));
        if promotes_own(self.facts(), call) {
            self.mark_call(id);
        } else if !unread || self.due(call.received) {
            self.report_call(id, call, None);
        }
    }
}

/// The call that made a nameless version the default at once: most likely its author's. A call that was reported already
/// explains no other act.
fn mover(facts: &Facts, created: Time, version: &VersionFact) -> Option<CallFact> {
    let clock = ClockSkew::of(facts);
    let moved = |call: &&CallFact| {
        let near = is_soon_after(clock.ssm_time(call.edit.at), created);
        let it = call.edit.action == Action::DefaultMoved { version: Some(version.number) };
        let open = call.edit.failed.is_none() && call.notified != Notified::Named;
        near && it && open && !call.is_trusted()
    };
    facts.calls.values().filter(moved).min_by_key(|call| (call.edit.at, &call.edit.id)).cloned()
}

fn called(case: &Case, call: &CallFact, note: Option<String>) -> ReportedEdit {
    ReportedEdit {
        key: format!("{}:{}", case.target, call.edit.id),
        attribution: call.attribution,
        principal: Some(call.edit.principal.clone()),
        act: call.edit.action,
        at: call.edit.at,
        change: Change::new(),
        event: Some(call.edit.clone()),
        note,
    }
}

/// Reports a version without a call. The principal that made it the default at once most likely wrote it: enough to report,
/// not to trust.
fn without_call(case: &Case, created: Time, version: &VersionFact, mover: Option<CallFact>) -> ReportedEdit {
    ReportedEdit {
        key: format!("{}:v{}@{}", case.target, version.number, created.ms()),
        attribution: Attribution::Unattributed,
        principal: mover.as_ref().map(|call| call.edit.principal.clone()),
        act: Action::Updated { version: Some(version.number) },
        at: created,
        change: version.change(),
        note: mover.as_ref().map(|_| "presumed: going by who made it the default".to_owned()),
        event: mover.map(|call| call.edit),
    }
}
