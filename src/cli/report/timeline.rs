//! The course of one incident: what others did and what the reactor did, from the facts and decisions of its lines.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::aws::ledger::view::HistoryLine;
use crate::cli::history::done;
use crate::domain::attribution::{Author, Pairing, explains, pair, promotes_own};
use crate::domain::case::{Applied, Verdict};
use crate::domain::clock_skew::ClockSkew;
use crate::domain::document::FieldChange;
use crate::domain::fact::{Absence, CallFact, Facts, Notified, VersionFact};
use crate::domain::principal::{Attribution, UNKNOWN};
use crate::domain::text::{MESSAGE_CHARS_MAX, NAME_CHARS_MAX, clean};
use crate::domain::time::Time;

/// One act, or what the reactor did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct TimelineStep {
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
    /// The fields before and after; where the reactor only observed, as they are and as they should be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) changes: Vec<FieldDiff>,
}

/// The kind of a step. Of two at the same time, the one that is listed first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
    /// The incident ended.
    Ended,
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

/// The steps of an incident, in order.
pub(super) fn steps(lines: &[&HistoryLine], opened: Time, ended: Option<Time>) -> Vec<TimelineStep> {
    let mut acts = Acts { opened, found: BTreeMap::new() };
    for line in lines.iter().filter(|line| line.at >= opened) {
        if let Some(facts) = facts(&line.case) {
            acts.take_in(&facts);
        }
    }
    let begin = acts.found.values().map(|act| act.at).min().map_or(opened, |first| first.min(opened));
    let own = own_steps(lines.iter().filter(|line| line.at >= begin), ended);
    let mut steps: Vec<TimelineStep> = acts.found.into_values().chain(own).collect();
    steps.sort_by_key(|step| (step.at, step.kind));
    steps
}

/// The facts of a case. The accepted content is left out, and so are documents whose content is not attached.
fn facts(case: &Value) -> Option<Facts> {
    let mut facts = case.pointer("/case/record/facts")?.clone();
    if let Some(base) = facts.get_mut("base").and_then(Value::as_object_mut) {
        base.remove("content");
    }
    let versions = facts.get_mut("versions").and_then(Value::as_object_mut).into_iter().flatten();
    for delta in versions.filter_map(|(_, version)| version.get_mut("delta")) {
        if delta.pointer("/first/$digest").is_some() {
            *delta = serde_json::json!({ "unsaid": "the content of the new document is not at hand" });
        }
    }
    serde_json::from_value(facts).ok()
}

/// The acts of others, by what identifies them. A later line knows more of the same act.
struct Acts {
    opened: Time,
    found: BTreeMap<String, TimelineStep>,
}

impl Acts {
    fn take_in(&mut self, facts: &Facts) {
        let pairing = pair(facts);
        for (created, version) in &facts.versions {
            self.version(facts, &pairing, *created, version);
        }
        for (id, call) in &facts.calls {
            self.call(facts, &pairing, id, call);
        }
        for (known, absence) in &facts.absences {
            self.absence(facts, *known, absence);
        }
    }

    /// Whether a fact belongs to the incident: it was not reported before it, or is known to belong already.
    fn is_part(&self, key: &str, since: Time, notified: Notified) -> bool {
        since >= self.opened || notified == Notified::No || self.found.contains_key(key)
    }

    fn version(&mut self, facts: &Facts, pairing: &Pairing, created: Time, version: &VersionFact) {
        let key = format!("version {}", created.ms());
        let what = format!("wrote version {}", version.number);
        let step = match pairing.author(facts, created, version) {
            Author::Reactor(_) => return,
            Author::Known(call) => TimelineStep { at: created, what, ..called(call) },
            Author::Nameless => nameless(created, what),
        };
        if !version.adopted && self.is_part(&key, version.observed, version.notified) {
            let changes = version.change().iter().map(FieldDiff::from).collect();
            self.found.insert(key, TimelineStep { changes, ..step });
        }
    }

    /// A call that made a version is shown with it, and so is one that makes the caller's own version the default.
    fn call(&mut self, facts: &Facts, pairing: &Pairing, id: &str, call: &CallFact) {
        if pairing.version.contains_key(id) || promotes_own(facts, call) || call.edit.is_probe() {
            self.found.remove(id);
        } else if self.is_part(id, call.received, call.notified) {
            self.found.insert(id.to_owned(), called(call));
        }
    }

    /// What was found missing is shown until a call explains it.
    fn absence(&mut self, facts: &Facts, known: Time, absence: &Absence) {
        let key = format!("absence {}", known.ms());
        let what = match absence.default {
            Some(version) => format!("made version {version} the default"),
            None => "deleted the document".to_owned(),
        };
        let clock = ClockSkew::of(facts);
        if facts.calls.values().any(|call| explains(call, clock.ssm_time(call.edit.at), absence)) {
            self.found.remove(&key);
        } else if self.is_part(&key, absence.first, absence.notified) {
            self.found.insert(key, nameless(absence.first, what));
        }
    }
}

fn called(call: &CallFact) -> TimelineStep {
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
    TimelineStep {
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

fn nameless(at: Time, what: String) -> TimelineStep {
    let (who, attribution) = (UNKNOWN.to_owned(), Some(Attribution::Unattributed));
    let (detail, event, changes) = (String::new(), String::new(), Vec::new());
    TimelineStep { at, kind: StepKind::Act, who, attribution, what, detail, event, changes }
}

/// The reactor's decisions, one a case. Left out are a decision that found the target right and wrote nothing, unless it ends the
/// incident, and a decision that repeats the one before it.
fn own_steps<'a>(lines: impl Iterator<Item = &'a &'a HistoryLine>, ended: Option<Time>) -> Vec<TimelineStep> {
    let mut steps: Vec<TimelineStep> = Vec::new();
    for line in lines {
        let verdict = part::<Verdict>(line, "/decision/verdict");
        let step = own_step(line, verdict.as_ref(), ended);
        let calm = step.kind == StepKind::Observed && matches!(verdict, Some(Verdict::InSync));
        let same = steps.last().is_some_and(|last| (&last.what, &last.detail) == (&step.what, &step.detail));
        if !calm && !same {
            steps.push(step);
        }
    }
    steps
}

fn own_step(line: &HistoryLine, verdict: Option<&Verdict>, ended: Option<Time>) -> TimelineStep {
    let applied = part::<Applied>(line, "/applied");
    let summary = clean(&line.summary, MESSAGE_CHARS_MAX);
    let (at, kind, what, detail) = match applied {
        Some(Applied::Landed { at, .. }) => {
            (at, StepKind::Corrected, format!("corrected it: {}", done(&line.case)), summary)
        }
        _ if ended == Some(line.at) => {
            (line.at, StepKind::Ended, "found it right and quiet; the incident is over".to_owned(), summary)
        }
        Some(Applied::Nothing) => (line.at, StepKind::Observed, "wrote nothing".to_owned(), summary),
        Some(Applied::Refused(_)) | None => (line.at, StepKind::Observed, done(&line.case), summary),
    };
    let changes = match verdict {
        Some(Verdict::Drifted { drift }) => drift.iter().map(FieldDiff::from).collect(),
        _ => Vec::new(),
    };
    let (who, event) = ("runas-reactor".to_owned(), String::new());
    TimelineStep { at, kind, who, attribution: None, what, detail, event, changes }
}

/// A part of the stored case; absent where another release wrote it in another form.
fn part<T: serde::de::DeserializeOwned>(line: &HistoryLine, pointer: &str) -> Option<T> {
    serde_json::from_value(line.case.pointer(pointer)?.clone()).ok()
}
