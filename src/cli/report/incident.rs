//! Incidents as timelines. The ledger keeps the open incident of a target; one that ended is found in the lines of history that
//! were written while it was open, and so are the acts and corrections of both.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::aws::ledger_view::{HistoryLine, Survey};
use crate::cli::history::done;
use crate::domain::attribution::{Author, Pairing, pair};
use crate::domain::case::{Applied, Verdict};
use crate::domain::document::FieldChange;
use crate::domain::edit::Action;
use crate::domain::fact::{Absence, CallFact, Facts, VersionFact};
use crate::domain::principal::{Attribution, UNKNOWN};
use crate::domain::record::Incident;
use crate::domain::settle::attach;
use crate::domain::target::{AccountId, Region, Target};
use crate::domain::text::{MESSAGE_CHARS_MAX, NAME_CHARS_MAX, clean};
use crate::domain::time::{SECOND_MS, Time};

const VERSIONS: &str = "/case/record/facts/versions";

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
    pub(super) steps: Vec<Step>,
}

/// One act, or what the reactor did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Step {
    pub(super) at: Time,
    pub(super) kind: StepKind,
    pub(super) who: String,
    /// The policy's attribution; absent for the reactor's own steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attribution: Option<Attribution>,
    pub(super) what: String,
    /// The principal's ARN, address and program, or the reactor's reasons.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) detail: String,
    /// CloudTrail's event id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) event: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) changes: Vec<FieldDiff>,
}

/// The kind of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StepKind {
    /// A call that took effect, or a version that was found.
    Act,
    /// A call that failed.
    Refused,
    /// The reactor wrote.
    Corrected,
    /// The reactor observed and did not write.
    Observed,
}

/// A field before and after, each as JSON, cut where it is long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct FieldDiff {
    pub(super) field: String,
    /// Absent where the field was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<String>,
    /// Absent where the field is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
}

impl From<&FieldChange> for FieldDiff {
    fn from(change: &FieldChange) -> Self {
        let side = |value: &Option<Value>| value.as_ref().map(|value| clean(&value.to_string(), MESSAGE_CHARS_MAX));
        let FieldChange { field, from, to } = change;
        Self { field: clean(field, NAME_CHARS_MAX), before: side(from), after: side(to) }
    }
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
        let lasts =
            |line: &&&HistoryLine| line.at >= found.incident.opened && found.ended.is_none_or(|ended| line.at <= ended);
        found.lines = of_target.get(found.target).into_iter().flatten().filter(lasts).copied().collect();
    }
    all.sort_by_key(|found| {
        let Incident { edits, escalated, opened, .. } = found.incident;
        (found.ended.is_some(), !escalated, edits == 0, std::cmp::Reverse(opened), found.target)
    });
    all
}

/// Where lines of incidents may be missing: the target, when the incident was opened, and its first line that is there.
pub(super) fn beginnings(survey: &Survey) -> Vec<(Target, Time, Time)> {
    let range = |found: Found<'_>| {
        let first = found.lines.iter().map(|line| line.at).min().unwrap_or(Time::from_ms(i64::MAX));
        (found.target.clone(), found.incident.opened, first)
    };
    found(survey).into_iter().map(range).filter(|(_, opened, first)| opened < first).collect()
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
    let steps = steps(lines, incident.opened);
    let first = steps.iter().find(|step| step.kind == StepKind::Act && !is_trusted(step)).map(|step| step.at);
    let corrected = first.and_then(|first| {
        let after = |step: &&Step| step.kind == StepKind::Corrected && step.at >= first;
        Some(steps.iter().find(after)?.at.since(first) / SECOND_MS)
    });
    Story {
        id: incident.id.clone(),
        account: target.account.clone(),
        name,
        region: target.region.clone(),
        opened: incident.opened,
        ended: *ended,
        summary: clean(&incident.summary, MESSAGE_CHARS_MAX),
        principals: incident.opponents.iter().map(|name| clean(name, NAME_CHARS_MAX)).collect(),
        acts: incident.edits,
        escalated: incident.escalated,
        corrected_after_s: corrected,
        steps,
    }
}

fn is_trusted(step: &Step) -> bool {
    matches!(step.attribution, Some(Attribution::Trusted | Attribution::Ours))
}

/// What the facts of these lines say from `opened` on. A later line knows more of the same act.
fn steps(lines: &[&HistoryLine], opened: Time) -> Vec<Step> {
    let mut acts: BTreeMap<String, Step> = BTreeMap::new();
    let mut own: Vec<Step> = Vec::new();
    for line in lines {
        if let Some(facts) = facts(&line.case) {
            let pairing = pair(&facts);
            pairing.version.keys().for_each(|id| drop(acts.remove(id)));
            acts.extend(versions(&facts, &pairing, opened));
            acts.extend(calls(&facts, &pairing, opened));
            acts.extend(absences(&facts, opened));
        }
        let step = own_step(line);
        if own.last().is_none_or(|last| (&last.what, &last.detail) != (&step.what, &step.detail)) {
            own.push(step);
        }
    }
    let mut steps: Vec<Step> = acts.into_values().chain(own).collect();
    steps.sort_by_key(|step| (step.at, step.kind as u8));
    steps
}

/// The facts of a case. The accepted content is left out, and so are documents whose content is not attached.
fn facts(case: &Value) -> Option<Facts> {
    let mut facts = case.pointer("/case/record/facts")?.clone();
    if let Some(base) = facts.get_mut("base").and_then(Value::as_object_mut) {
        base.remove("content");
    }
    for version in
        facts.get_mut("versions").and_then(Value::as_object_mut).into_iter().flatten().map(|(_, version)| version)
    {
        if version.pointer("/delta/first/$digest").is_some()
            && let Some(delta) = version.get_mut("delta")
        {
            *delta = serde_json::json!({ "unsaid": "the content of the new document is not at hand" });
        }
    }
    serde_json::from_value(facts).ok()
}

fn versions(facts: &Facts, pairing: &Pairing, opened: Time) -> Vec<(String, Step)> {
    let fresh = facts.versions.iter().filter(|(_, version)| version.observed >= opened && !version.adopted);
    let step = |(created, version): (&Time, &VersionFact)| {
        let what = format!("wrote version {}", version.number);
        let step = match pairing.author(facts, *created, version) {
            Author::Ours(_) => return None,
            Author::Known(call) => Step { at: *created, what, ..called(call) },
            Author::Nameless => nameless(*created, what),
        };
        let changes = version.change().iter().map(FieldDiff::from).collect();
        Some((format!("version {}", created.ms()), Step { changes, ..step }))
    };
    fresh.filter_map(step).collect()
}

/// Calls that made no version. A caller that makes its own version the default is shown with that version only.
fn calls(facts: &Facts, pairing: &Pairing, opened: Time) -> Vec<(String, Step)> {
    let fresh = facts.calls.iter().filter(|(id, call)| call.heard >= opened && !pairing.version.contains_key(*id));
    let promotes_own = |call: &CallFact| {
        let Action::DefaultMoved { version } = call.edit.action else { return false };
        let made = |other: &CallFact| other.makes_version() && other.edit.action.made_version() == version;
        call.edit.failed.is_none()
            && facts.calls.values().any(|other| made(other) && other.edit.principal == call.edit.principal)
    };
    let shown = fresh.filter(|(_, call)| !promotes_own(call) && !call.edit.is_probe());
    shown.map(|(id, call)| (id.clone(), called(call))).collect()
}

fn called(call: &CallFact) -> Step {
    let edit = &call.edit;
    let (kind, what) = match &edit.failed {
        Some(code) => (StepKind::Refused, format!("tried {}, and was refused: {code}", edit.action.attempted())),
        None => (StepKind::Act, edit.action.in_words()),
    };
    let parts = [
        edit.principal.arn.clone(),
        (!edit.source_ip.is_empty()).then(|| format!("from {}", edit.source_ip)),
        (!edit.agent.is_empty()).then(|| format!("with {}", edit.agent)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    Step {
        at: edit.at,
        kind,
        who: clean(&edit.principal.called(), NAME_CHARS_MAX),
        attribution: Some(call.attribution),
        what: clean(&what, MESSAGE_CHARS_MAX),
        detail: clean(&parts.join(", "), MESSAGE_CHARS_MAX),
        event: clean(&edit.id, NAME_CHARS_MAX),
        changes: Vec::new(),
    }
}

fn nameless(at: Time, what: String) -> Step {
    let (who, attribution) = (UNKNOWN.to_owned(), Some(Attribution::Unattributed));
    let (detail, event, changes) = (String::new(), String::new(), Vec::new());
    Step { at, kind: StepKind::Act, who, attribution, what, detail, event, changes }
}

/// What was found missing and no call explains.
fn absences(facts: &Facts, opened: Time) -> Vec<(String, Step)> {
    let explains = |call: &CallFact, absence: &Absence| match absence.default {
        Some(_) => call.edit.failed.is_none() && call.edit.action == Action::DefaultMoved { version: absence.default },
        None => call.deletes(),
    };
    let fresh = facts
        .absences
        .iter()
        .filter(|(_, absence)| absence.first >= opened && !facts.calls.values().any(|call| explains(call, absence)));
    let step = |(known, absence): (&Time, &Absence)| {
        let what = match absence.default {
            Some(version) => format!("made version {version} the default"),
            None => "deleted the document".to_owned(),
        };
        (format!("absence {}", known.ms()), nameless(absence.first, what))
    };
    fresh.map(step).collect()
}

/// What the reactor made of a case.
fn own_step(line: &HistoryLine) -> Step {
    let applied = line.case.get("applied").cloned().and_then(|value| serde_json::from_value::<Applied>(value).ok());
    let verdict = line.case.pointer("/decision/verdict").cloned();
    let verdict = verdict.and_then(|value| serde_json::from_value::<Verdict>(value).ok());
    let kind = if matches!(applied, Some(Applied::Landed { .. })) { StepKind::Corrected } else { StepKind::Observed };
    let changes = match verdict {
        Some(Verdict::Drifted { drift }) => drift.iter().map(FieldDiff::from).collect(),
        _ => Vec::new(),
    };
    Step {
        at: match applied {
            Some(Applied::Landed { at, .. }) => at,
            _ => line.at,
        },
        kind,
        who: "runas-reactor".to_owned(),
        attribution: None,
        what: done(&line.case),
        detail: clean(&line.summary, MESSAGE_CHARS_MAX),
        event: String::new(),
        changes,
    }
}
