//! For how long sessions could run with other values than the policy's: from the act that made the document wrong to the
//! write that corrected it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Reconciliation;
use crate::domain::attribution::Author;
use crate::domain::case::{Applied, Case, Verdict};
use crate::domain::clock_skew::ClockSkew;
use crate::domain::document::{Body, Content};
use crate::domain::edit::Action;
use crate::domain::fact::{CallFact, Delta, Ended, Facts, VersionFact};
use crate::domain::observation::Observation;
use crate::domain::policy::{Mode, Owned};
use crate::domain::time::{SECOND_MS, Time};

/// The fields that choose a session's OS user.
pub(super) const USER_FIELDS: [&str; 2] = ["runAsDefaultUser", "runAsEnabled"];

/// How long owned fields were wrong in what Session Manager uses, as far as the facts show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exposure {
    /// When they became wrong.
    since: Time,
    /// For how long they were, in all, in milliseconds.
    ms: i64,
    /// Whether they still are.
    still: bool,
    /// Whether that was several times, with a correction in between.
    several: bool,
    /// Whether the OS user was among them; otherwise it was settings such as a timeout.
    user: bool,
}

/// What happened to the content in force.
enum Turn<'a> {
    Wrote(&'a VersionFact),
    /// The document was deleted: sessions run as `ssm-user`.
    Deleted,
    /// Another version is in force.
    Moved(u64),
    /// The reactor corrected it.
    Corrected,
}

/// The exposure by acts since `first`; none where no owned field was wrong.
pub(super) fn exposure(reconciliation: Reconciliation, first: Time) -> Option<Exposure> {
    let Reconciliation { case, decision, applied, .. } = reconciliation;
    if case.resolution.mode == Mode::Exempt {
        return None;
    }
    let mut run = Run { first, begun: None, total: None };
    let mut wrong = BTreeSet::new();
    for (at, turn) in turns(reconciliation) {
        wrong = after(case, wrong, &turn);
        run.turn(at, &wrong);
    }
    let corrected = match applied {
        Applied::Landed { at, .. } => Some(*at),
        Applied::Nothing | Applied::Refused(_) => Some(case.now).filter(|_| decision.verdict == Verdict::InSync),
    };
    if let Some(at) = corrected {
        run.turn(at, &BTreeSet::new());
    }
    run.end(case.now)
}

/// A walk through the turns that adds up the time in which something was wrong.
struct Run {
    first: Time,
    /// Since when something is wrong, and whether it is the user.
    begun: Option<(Time, bool)>,
    total: Option<Exposure>,
}

impl Run {
    fn turn(&mut self, at: Time, wrong: &BTreeSet<String>) {
        let user = wrong.iter().any(|field| USER_FIELDS.contains(&field.as_str()));
        match self.begun {
            None if !wrong.is_empty() => self.begun = Some((at, user)),
            Some((since, before)) if !wrong.is_empty() => self.begun = Some((since, before || user)),
            Some((since, before)) => {
                self.begun = None;
                if at >= self.first {
                    self.add(since, at, before);
                }
            }
            None => {}
        }
    }

    fn add(&mut self, since: Time, until: Time, user: bool) {
        let ms = until.since(since).max(0);
        let several = self.total.is_some();
        let so_far = self.total.unwrap_or(Exposure { since, ms: 0, still: false, several, user });
        let ms = so_far.ms.saturating_add(ms);
        self.total = Some(Exposure { ms, several, user: so_far.user || user, ..so_far });
    }

    fn end(mut self, now: Time) -> Option<Exposure> {
        let Some((since, user)) = self.begun else { return self.total };
        self.add(since, now, user);
        self.total.map(|total| Exposure { still: true, ..total })
    }
}

/// Everything that happened to the content in force, in its order; a correction comes after what it corrects.
fn turns(Reconciliation { case, judgement, .. }: Reconciliation<'_>) -> Vec<(Time, Turn<'_>)> {
    let facts = &case.record.facts;
    let versions = facts.open_versions().filter_map(|(created, version)| {
        match judgement.pairing.author(facts, created, version) {
            Author::Reactor(_) => Some((created, Turn::Corrected)),
            Author::Known(_) | Author::Nameless if is_out_of_force(case, created, version) => None,
            Author::Known(_) | Author::Nameless => Some((created, Turn::Wrote(version))),
        }
    });
    let clock = ClockSkew::of(facts);
    let calls = facts.calls.values().filter_map(|call| Some((clock.ssm_time(call.edit.at), turn_of(call)?)));
    let absences = facts.absences.values().map(|absence| match absence.default {
        None => (absence.first, Turn::Deleted),
        Some(number) => (absence.first, Turn::Moved(number)),
    });
    let landed =
        facts.intents.values().filter(|intent| intent.changes_content()).filter_map(|intent| match intent.ended {
            Some(Ended::Landed(at)) => Some((at, Turn::Corrected)),
            Some(Ended::Refused) | None => None,
        });
    let mut turns: Vec<(Time, Turn)> = versions.chain(calls).chain(absences).chain(landed).collect();
    turns.sort_by_key(|(at, turn)| (*at, matches!(turn, Turn::Corrected)));
    turns
}

fn turn_of(call: &CallFact) -> Option<Turn<'static>> {
    match call.edit.action {
        Action::Deleted if call.deletes() => Some(Turn::Deleted),
        Action::DefaultMoved { version: Some(number) } if call.edit.failed.is_none() => Some(Turn::Moved(number)),
        Action::Created
        | Action::Updated { .. }
        | Action::DefaultMoved { .. }
        | Action::Deleted
        | Action::VersionDeleted { .. }
        | Action::SharingChanged => None,
    }
}

/// Whether a version was written and another one stayed the default: no session used it.
fn is_out_of_force(case: &Case, created: Time, version: &VersionFact) -> bool {
    let Observation::Present(seen) = &case.observation else { return false };
    let listed = seen.info(version.number).is_some_and(|info| info.created == created);
    let moved = |facts: &Facts| {
        let to = Action::DefaultMoved { version: Some(version.number) };
        facts.calls.values().any(|call| call.edit.action == to && call.edit.failed.is_none())
    };
    listed && seen.default.number < version.number && !moved(&case.record.facts)
}

/// The owned fields that are wrong after a turn.
fn after(case: &Case, mut wrong: BTreeSet<String>, turn: &Turn) -> BTreeSet<String> {
    let owned = &case.resolution.owned;
    match turn {
        Turn::Corrected => BTreeSet::new(),
        Turn::Deleted => all(owned),
        Turn::Moved(number) => body(case, *number).map_or(wrong, |body| match body {
            Body::Valid(content) => wrong_in(content, owned),
            Body::Invalid { .. } => all(owned),
        }),
        Turn::Wrote(version) => match &version.delta {
            Delta::Change(change) => {
                for (field, want) in owned {
                    match change.iter().find(|change| change.field == *field) {
                        Some(change) if change.to.as_ref() == Some(want) => drop(wrong.remove(field)),
                        Some(_) => drop(wrong.insert(field.clone())),
                        None => {}
                    }
                }
                wrong
            }
            Delta::First(content) => wrong_in(content, owned),
            Delta::Invalid(_) | Delta::OtherType(_) => all(owned),
            Delta::Unsaid(_) => wrong,
        },
    }
}

fn body(case: &Case, number: u64) -> Option<&Body> {
    match &case.observation {
        Observation::Present(seen) => seen.body(number),
        Observation::Absent | Observation::Unknown(_) => None,
    }
}

fn all(owned: &Owned) -> BTreeSet<String> {
    owned.keys().cloned().collect()
}

fn wrong_in(content: &Content, owned: &Owned) -> BTreeSet<String> {
    content.drift(owned).into_iter().map(|change| change.field).collect()
}

impl Exposure {
    /// Whole seconds, rounded up.
    fn seconds(self) -> i64 {
        ((self.ms + SECOND_MS - 1) / SECOND_MS).max(1)
    }

    /// For people.
    pub(super) fn in_words(self) -> String {
        let how = if self.user { "as the wrong user" } else { "with settings that the policy does not want" };
        let (long, since) = (lasting(self.seconds()), self.since);
        match (self.still, self.several) {
            (true, _) => format!("Sessions can STILL run {how}: for {long} so far, since {since}."),
            (false, true) => format!("For {long} in all since {since}, sessions could run {how}."),
            (false, false) => format!("For {long} from {since}, sessions could run {how}."),
        }
    }

    /// For programs.
    pub(super) fn data(self) -> Value {
        json!({ "seconds": self.seconds(), "since": self.since, "still": self.still, "wrong_user": self.user })
    }
}

/// A number of seconds; long ones in hours and minutes, too.
fn lasting(seconds: i64) -> String {
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    match seconds {
        1 => "1 second".to_owned(),
        _ if seconds < 120 => format!("{seconds} seconds"),
        _ if hours == 0 => format!("{seconds} seconds ({minutes} min)"),
        _ => format!("{seconds} seconds ({hours} h {minutes} min)"),
    }
}
