//! The incident of a target: the findings between trouble and peace, and who is at it.

use super::news::ToldEdit;
use super::telling::Pass;
use crate::domain::case::Verdict;
use crate::domain::heat::{level, limit};
use crate::domain::principal::{Attribution, Principal};
use crate::domain::record::{Incident, OPPONENTS_MAX, Record, Standing};

/// Stands among the opponents until the author is known.
const UNKNOWN: &str = "somebody unknown";

impl Pass<'_> {
    /// Whether somebody is at it whom the incident does not name yet. A war of others is no cover.
    pub(super) fn newcomer(&self) -> bool {
        self.news.edits.iter().filter_map(|edit| edit.principal.as_ref()).any(|who| !self.names(who))
    }

    /// Whether the open incident names somebody.
    pub(super) fn names(&self, who: &Principal) -> bool {
        let incident = self.case.record.incident.as_ref();
        incident.is_some_and(|incident| incident.opponents.contains(&opponent_of(Some(who))))
    }

    /// Opens, continues or closes the incident; returns the one that was closed.
    pub(super) fn follow_incident(&self, record: &mut Record) -> Option<Incident> {
        if let Some(incident) = record.incident.as_mut() {
            for (_, edit) in &self.news.late {
                incident.opponents.retain(|known| known != UNKNOWN);
                add_opponent(incident, opponent_of(Some(&edit.edit.principal)));
            }
        }
        let foreign: Vec<&ToldEdit> =
            self.news.edits.iter().filter(|edit| edit.attribution != Attribution::Trusted).collect();
        let wrong = matches!(
            record.standing,
            Standing::Drifted | Standing::Held | Standing::BackingOff | Standing::Unreachable
        );
        let at_war = record.heat.backoffs > 0 && level(&record.heat, &self.case.limits, self.case.now) > 0;
        if foreign.is_empty() && !wrong && !at_war {
            let quiet = matches!(self.decision.verdict, Verdict::InSync) || record.standing == Standing::Exempt;
            let cooled = record.incident.as_ref().is_some_and(|incident| {
                !incident.escalated
                    || level(&record.heat, &self.case.limits, self.case.now) * 2 <= limit(&self.case.limits)
            });
            return if quiet && cooled { record.incident.take() } else { None };
        }
        let all = self.news.edits.iter().filter(|edit| at_war || edit.attribution != Attribution::Trusted);
        let incident = record.incident.get_or_insert_with(|| Incident {
            id: format!("{}@{}", self.case.target, self.case.now.ms()),
            opened: self.case.now,
            summary: String::new(),
            opponents: Vec::new(),
            edits: 0,
            escalated: false,
            announce_end: false,
        });
        for edit in all {
            incident.edits = incident.edits.saturating_add(1);
            add_opponent(incident, opponent(edit));
            incident.summary = format!("{} {}", edit.name(), edit.what);
        }
        if incident.summary.is_empty() {
            incident.summary = self.decision.reasons.join("; ");
        }
        incident.announce_end |= wrong || at_war;
        None
    }
}

fn opponent(edit: &ToldEdit) -> String {
    opponent_of(edit.principal.as_ref())
}

fn opponent_of(principal: Option<&Principal>) -> String {
    principal.and_then(|p| p.arn.clone().or_else(|| p.name.clone())).unwrap_or_else(|| UNKNOWN.to_owned())
}

/// The latest first.
fn add_opponent(incident: &mut Incident, name: String) {
    incident.opponents.retain(|known| *known != name);
    incident.opponents.insert(0, name);
    incident.opponents.truncate(OPPONENTS_MAX);
}
