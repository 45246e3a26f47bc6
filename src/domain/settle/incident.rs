//! The incident of a target: foreign acts, from the first until the target is in sync and quiet for the policy's window.
//!
//! On-call is notified of the first act of each principal and kind; repetitions are counted, and reported at the end.

use super::notify::{Changes, ReportedEdit};
use crate::domain::attribution::Author;
use crate::domain::breaker::window_ms;
use crate::domain::case::Case;
use crate::domain::document::Change;
use crate::domain::judgement::Judgement;
use crate::domain::observation::Observation;
use crate::domain::principal::{Attribution, UNKNOWN};
use crate::domain::record::{Incident, OPPONENTS_MAX, Record, Status};
use crate::domain::text::clean;
use crate::domain::time::Time;

/// The effect of one reconciliation on the incident.
#[derive(Clone, Debug, Default)]
pub(super) struct Followed {
    /// Whether to notify on-call of the acts now; otherwise they are only counted.
    pub(super) notify: bool,
    /// Whether it has just become an edit war.
    pub(super) escalated: bool,
    /// The incident, if it was closed.
    pub(super) closed: Option<Incident>,
}

/// Opens, continues or closes the incident of a record.
pub(super) fn follow(case: &Case, judgement: &Judgement, changes: &Changes, record: &mut Record) -> Followed {
    let mut followed = Followed::default();
    let wrong = is_wrong(record.status);
    let turned = wrong != is_wrong(case.record.status);
    if let Some(incident) = record.incident.as_mut() {
        name_late(incident, changes);
        incident.last = if turned { case.now } else { incident.last };
    }
    let foreign: Vec<&ReportedEdit> = changes.edits.iter().filter(|edit| !edit.is_kept()).collect();
    let fought = |edit: &&ReportedEdit| edit.is_kept() && undoes(case, &edit.change);
    let fought: Vec<&ReportedEdit> = changes.edits.iter().filter(fought).collect();
    if foreign.is_empty() && !wrong && !judgement.breaker.war {
        followed.closed = close(case, record);
        return followed;
    }
    let incident = record.incident.get_or_insert_with(|| opened(case));
    let acted = !foreign.is_empty() || !fought.is_empty();
    incident.last = incident.last.max(if acted { case.now } else { judgement.breaker.last_act.unwrap_or(Time::ZERO) });
    incident.notify_on_close |= wrong;
    // Single acts of trusted writers are not alerted; in a war those count that undo the policy's values.
    let escalated = incident.escalated;
    for edit in foreign.iter().chain(fought.iter().filter(|_| escalated)) {
        incident.edits = incident.edits.saturating_add(1);
        if escalated || edit.attribution != Attribution::Trusted {
            add_opponent(incident, edit.name());
        }
        incident.summary = format!("{} {}", edit.name(), edit.act.in_words());
    }
    escalate(case, judgement, incident, &mut followed);
    if incident.summary.is_empty() {
        incident.summary.clone_from(&record.why);
    }
    notify(case, judgement, &foreign, incident, &mut followed);
    followed
}

pub(super) fn is_wrong(status: Status) -> bool {
    match status {
        Status::Drifted | Status::Held | Status::Unreachable => true,
        Status::New | Status::InSync | Status::Exempt | Status::Waiting | Status::BackingOff => false,
    }
}

fn is_right(status: Status) -> bool {
    matches!(status, Status::InSync | Status::Exempt)
}

fn opened(case: &Case) -> Incident {
    let id = format!("{}@{}", case.target, case.now.ms());
    Incident { id, opened: case.now, last: case.now, ..Incident::default() }
}

fn escalate(case: &Case, judgement: &Judgement, incident: &mut Incident, followed: &mut Followed) {
    followed.escalated = judgement.breaker.war && !incident.escalated;
    incident.escalated |= judgement.breaker.war;
    incident.notify_on_close |= incident.escalated;
    if followed.escalated {
        name_writers(case, judgement, incident);
    }
}

/// Names everyone whose versions led to the war: also principals whose own alerts still wait, and trusted ones that keep
/// undoing the policy's values.
fn name_writers(case: &Case, judgement: &Judgement, incident: &mut Incident) {
    let facts = &case.record.facts;
    let begin = case.now.plus_ms(-window_ms(&case.limits));
    for (created, version) in facts.open_versions().filter(|(created, _)| *created > begin) {
        let Author::Known(call) = judgement.pairing.author(facts, created, version) else { continue };
        let name = clean(&call.edit.principal.called(), 96);
        if call.is_trusted() && !undoes(case, &version.change()) {
            continue;
        }
        if call.is_trusted() {
            incident.edits = incident.edits.saturating_add(1);
            incident.summary = format!("{name} wrote version {}", version.number);
        }
        add_opponent(incident, name);
    }
}

/// Whether a change sets a field that the policy owns to another value.
fn undoes(case: &Case, change: &Change) -> bool {
    let owned = &case.resolution.owned;
    change.iter().any(|field| owned.get(&field.field).is_some_and(|want| field.to.as_ref() != Some(want)))
}

fn notify(
    case: &Case,
    judgement: &Judgement,
    foreign: &[&ReportedEdit],
    incident: &mut Incident,
    followed: &mut Followed,
) {
    let stale = case.now.since(incident.notified_at) >= window_ms(&case.limits) && !incident.escalated;
    let story = |edit: &ReportedEdit| {
        // The principal's earlier edits stood, so that its first edit that does not stand is alerted.
        let beyond = judgement.daily_limit_reached && edit.attribution == Attribution::BreakGlass;
        format!("{} {}{}", edit.name(), edit.act.kind(), if beyond { " beyond the daily limit" } else { "" })
    };
    let unnotified = foreign.iter().any(|edit| !incident.notified.contains(&story(edit)));
    followed.notify = !foreign.is_empty() && (unnotified || stale);
    if !followed.notify {
        return;
    }
    incident.notified.extend(foreign.iter().map(|edit| story(edit)).take(OPPONENTS_MAX * 2));
    incident.shown = incident.shown.saturating_add(u32::try_from(foreign.len()).unwrap_or(u32::MAX));
    incident.notified_at = case.now;
}

/// Whether no act came for the policy's window.
pub(crate) fn is_over(incident: &Incident, case: &Case) -> bool {
    case.now.since(incident.last) >= window_ms(&case.limits)
}

/// Closes the incident when the target is right and no act came for the policy's window.
fn close(case: &Case, record: &mut Record) -> Option<Incident> {
    let quiet = match case.observation {
        Observation::Unknown(_) => false,
        Observation::Absent | Observation::Present(_) => is_right(record.status),
    };
    if quiet && record.incident.as_ref().is_some_and(|incident| is_over(incident, case)) {
        record.incident.take()
    } else {
        None
    }
}

/// Adds principals that became known later.
fn name_late(incident: &mut Incident, changes: &Changes) {
    for edit in &changes.late {
        incident.opponents.retain(|known| known != UNKNOWN);
        if edit.attribution != Attribution::Trusted {
            add_opponent(incident, edit.name());
            incident.notified.insert(format!("{} {}", edit.name(), edit.act.kind()));
        }
        incident.summary = format!("{} {}", edit.name(), edit.act.in_words());
    }
}

fn add_opponent(incident: &mut Incident, name: String) {
    if !incident.opponents.contains(&name) && incident.opponents.len() < OPPONENTS_MAX {
        incident.opponents.push(name);
    }
}
