//! Renders lines of history, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::TargetSelector;
use crate::aws::ledger::view::HistoryLine;
use crate::domain::case::Applied;
use crate::domain::edit::Edit;
use crate::domain::fact::{CallFact, Notified};
use crate::domain::text::{MESSAGE_CHARS_MAX, NAME_CHARS_MAX, clean, escaped};

/// Version of the JSON that these commands write.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// Foreign calls of a case: those that its message brought, and those that on-call was not yet notified of.
pub(super) fn edits(case: &Value) -> Vec<Edit> {
    let calls = case.pointer("/case/record/facts/calls").and_then(Value::as_object).into_iter().flatten();
    let calls = calls.filter_map(|(_, call)| serde_json::from_value::<CallFact>(call.clone()).ok());
    let brought = |call: &CallFact| ids(case).any(|id| id == call.edit.id);
    calls.filter(|call| call.notified == Notified::No || brought(call)).map(|call| call.edit).collect()
}

/// The ids of the calls that the message brought, the reactor's own included.
fn ids(case: &Value) -> impl Iterator<Item = &str> {
    case.pointer("/case/calls").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Who did what, or another reason for the observation. The reactor's own calls are left out.
pub(super) fn who(case: &Value) -> String {
    if let Some(by) = case.pointer("/accepted/by").and_then(Value::as_str) {
        return clean(by, NAME_CHARS_MAX);
    }
    let said = edits(case).into_iter().map(|edit| {
        let tried = edit.failed.map(|code| format!(" and was refused ({code})")).unwrap_or_default();
        clean(&format!("{} {}{tried}", edit.principal.called(), edit.action.in_words()), NAME_CHARS_MAX)
    });
    let said: Vec<String> = said.collect();
    if !said.is_empty() {
        return said.join(", ");
    }
    match case.pointer("/case/cause").and_then(Value::as_str) {
        Some("account_lifecycle") => "the account is new, moved, or got a region".to_owned(),
        Some("document_event") if ids(case).next().is_some() => "the events of the reactor's own calls".to_owned(),
        Some("document_event") => "a message of the reactor's own".to_owned(),
        _ => "a sweep".to_owned(),
    }
}

/// What the reactor did.
pub(in crate::cli) fn done(case: &Value) -> String {
    if let Some(version) = case.pointer("/accepted/version").and_then(Value::as_u64) {
        return format!("what version {version} holds is accepted");
    }
    let applied: Option<Applied> = case.get("applied").and_then(|applied| serde_json::from_value(applied.clone()).ok());
    match applied {
        Some(Applied::Nothing) => "nothing was written".to_owned(),
        Some(Applied::Landed { version, .. }) => format!("version {version} is latest and default"),
        Some(Applied::Refused(refusal)) => format!("the write did not land ({refusal:?})"),
        None => "the case was too large to be kept".to_owned(),
    }
}

pub(super) fn data(lines: &[HistoryLine], more: bool) -> String {
    let lines = lines.iter().map(|line| {
        let HistoryLine { id, at, region, summary, case, .. } = line;
        let verdict = case.pointer("/decision/verdict/is");
        json!({
            "id": id, "at": at, "region": region, "summary": summary, "who": who(case), "done": done(case),
            "verdict": verdict, "policy": case.pointer("/case/policy"), "edits": edits(case),
        })
    });
    let value = json!({ "schema_version": SCHEMA_VERSION, "lines": lines.collect::<Vec<_>>(), "more": more });
    escaped(&format!("{value:#}\n"))
}

pub(super) fn text(lines: &[HistoryLine]) -> String {
    let mut text = String::new();
    for HistoryLine { id, at, region, summary, case, .. } in lines {
        let _ = writeln!(text, "{at}  {}  {}", clean(region, 32), clean(id, NAME_CHARS_MAX));
        let _ = writeln!(text, "  who:  {}", who(case));
        let _ = writeln!(text, "  what: {}", clean(summary, MESSAGE_CHARS_MAX));
        let _ = writeln!(text, "  done: {}", done(case));
    }
    text
}

/// A hint on lines that are not shown.
pub(super) fn beyond(place: &TargetSelector, shown: usize, more: bool) -> String {
    match (shown, more) {
        (0, _) => format!("nothing happened at {place} that the ledger knows of; lines stay for 400 days\n"),
        (_, true) => "there is more; raise --limit\n".to_owned(),
        (_, false) => String::new(),
    }
}
