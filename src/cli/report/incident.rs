//! Incidents as timelines. The ledger keeps the open incident of a target; one that ended is found in the lines of history that
//! were written while it was open, and so are the acts and corrections of both.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::timeline::{self, StepKind, TimelineStep};
use crate::aws::ledger::view::{HistoryLine, Survey};
use crate::domain::durations::NAMES_MS;
use crate::domain::principal::Attribution;
use crate::domain::record::Incident;
use crate::domain::settle::attach;
use crate::domain::target::{AccountId, Region, Target};
use crate::domain::text::{MESSAGE_CHARS_MAX, NAME_CHARS_MAX, clean};
use crate::domain::time::{SECOND_MS, Time};

const VERSIONS: &str = "/case/record/facts/versions";
/// An act is reported, and its incident opened, when its principal is known or no longer waited for. What the reactor did before
/// is part of the incident.
const LEAD_MS: i64 = NAMES_MS;

/// One incident, from its first act to its end.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Story {
    pub(super) id: String,
    pub(super) account: AccountId,
    /// The account's name.
    pub(super) name: String,
    pub(super) region: Region,
    pub(super) opened: Time,
    /// When the target was right and had been quiet for the policy's window; absent while the incident is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ended: Option<Time>,
    /// Whether the target of an open incident needs attention now; absent for one that ended, or of a target that is not selected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) wrong: Option<bool>,
    pub(super) summary: String,
    /// The principals that acted, as far as they are known.
    pub(super) principals: Vec<String>,
    /// Number of acts.
    pub(super) acts: u32,
    /// Whether it became an edit war.
    pub(super) escalated: bool,
    /// Seconds from the first act to the reactor's first correction after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) corrected_after_s: Option<i64>,
    /// What is known of its course, in order; empty where the ledger kept no line of it.
    pub(super) steps: Vec<TimelineStep>,
}

/// An incident and its lines.
struct Found<'a> {
    target: &'a Target,
    incident: Incident,
    ended: Option<Time>,
    lines: Vec<&'a HistoryLine>,
}

/// Every incident, open ones first, then those with acts, then the newest.
fn found(survey: &Survey) -> Vec<Found<'_>> {
    let mut all: BTreeMap<(&Target, String), Found<'_>> = BTreeMap::new();
    for (target, line) in &survey.lines {
        let incident = line.case.pointer("/case/record/incident").cloned();
        let Some(incident) = incident.and_then(|value| serde_json::from_value::<Incident>(value).ok()) else {
            continue;
        };
        let key = (target, incident.id.clone());
        let lines = all.remove(&key).map_or_else(Vec::new, |found| found.lines);
        all.insert(key, Found { target, incident, ended: Some(line.at), lines });
    }
    for (target, incident) in &survey.open {
        let open = Found { target, incident: incident.clone(), ended: None, lines: Vec::new() };
        all.insert((target, incident.id.clone()), open);
    }
    let mut all: Vec<Found<'_>> = all.into_values().collect();
    let mut of_target: BTreeMap<&Target, Vec<&HistoryLine>> = BTreeMap::new();
    for (target, line) in &survey.lines {
        of_target.entry(target).or_default().push(line);
    }
    for found in &mut all {
        let lines = of_target.get(found.target).into_iter().flatten().copied();
        found.lines = lines.filter(|line| belongs(line, &found.incident, found.ended)).collect();
    }
    all.sort_by_key(|found| {
        let Incident { edits, escalated, opened, .. } = found.incident;
        (found.ended.is_some(), !escalated, edits == 0, std::cmp::Reverse(opened), found.target)
    });
    all
}

/// Whether a line tells of an incident: it was written while that was open, or shortly before it and under no other.
fn belongs(line: &HistoryLine, incident: &Incident, ended: Option<Time>) -> bool {
    let id = line.case.pointer("/case/record/incident/id");
    line.at >= incident.opened.plus_ms(-LEAD_MS)
        && ended.is_none_or(|ended| line.at <= ended)
        && id.is_none_or(|id| id == incident.id.as_str())
}

/// Where lines of incidents may be missing: the target, from shortly before an incident to its first line that is there.
pub(super) fn beginnings(survey: &Survey) -> Vec<(Target, Time, Time)> {
    let range = |found: Found<'_>| {
        let first = found.lines.iter().map(|line| line.at).min().unwrap_or(Time::from_ms(i64::MAX));
        (found.target.clone(), found.incident.opened.plus_ms(-LEAD_MS), first)
    };
    found(survey).into_iter().map(range).collect()
}

/// The digests of the documents that are new in a case.
pub(super) fn new_documents(case: &Value) -> Vec<String> {
    let versions = case.pointer(VERSIONS).and_then(Value::as_object).into_iter().flatten();
    let digests = versions.filter_map(|(_, version)| version.pointer("/delta/first/$digest")?.as_str());
    digests.map(str::to_owned).collect()
}

/// Puts their contents into a case.
pub(super) fn attach_new_documents(case: &mut Value, contents: &BTreeMap<String, String>) {
    if let Some(versions) = case.pointer_mut(VERSIONS) {
        attach(versions, contents);
    }
}

/// The incidents, in the order in which they are to be read.
pub(super) fn stories(survey: &Survey, name: impl Fn(&AccountId) -> String) -> Vec<Story> {
    found(survey).into_iter().map(|found| story(&found, name(&found.target.account))).collect()
}

fn story(found: &Found<'_>, name: String) -> Story {
    let Found { target, incident, ended, lines } = found;
    let steps = timeline::steps(lines, incident.opened, *ended);
    let first = steps.iter().find(|step| step.kind == StepKind::Act && !is_trusted(step)).map(|step| step.at);
    let corrected = first.and_then(|first| {
        let after = |step: &&TimelineStep| step.kind == StepKind::Corrected && step.at >= first;
        Some(steps.iter().find(after)?.at.since(first) / SECOND_MS)
    });
    Story {
        id: incident.id.clone(),
        account: target.account.clone(),
        name,
        region: target.region.clone(),
        opened: incident.opened,
        ended: *ended,
        wrong: None,
        summary: clean(&incident.summary, MESSAGE_CHARS_MAX),
        principals: incident.opponents.iter().map(|name| clean(name, NAME_CHARS_MAX)).collect(),
        acts: incident.edits,
        escalated: incident.escalated,
        corrected_after_s: corrected,
        steps,
    }
}

fn is_trusted(step: &TimelineStep) -> bool {
    matches!(step.attribution, Some(Attribution::Trusted | Attribution::Reactor))
}
