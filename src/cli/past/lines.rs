//! Lines of history, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Place;
use crate::aws::ledger_view::HistoryLine;
use crate::domain::case::Applied;
use crate::domain::edit::Edit;
use crate::domain::text::{MESSAGE_CHARS_MAX, NAME_CHARS_MAX, clean, escaped};

/// Version of the JSON that these commands write.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// The calls that a case is about.
pub(super) fn edits(case: &Value) -> Vec<Edit> {
    let edits = case.pointer("/case/edits").and_then(Value::as_array).into_iter().flatten();
    edits.filter_map(edit_of).collect()
}

fn edit_of(attributed: &Value) -> Option<Edit> {
    serde_json::from_value(attributed.get("edit")?.clone()).ok()
}

/// Who did what, or what else made us look. What came back of our own calls is not news.
pub(super) fn who(case: &Value) -> String {
    let others = case.pointer("/case/edits").and_then(Value::as_array).into_iter().flatten();
    let others = others.filter(|edit| edit.get("by_our_role") != Some(&Value::Bool(true)));
    let said = others.filter_map(edit_of).map(|edit| {
        let principal = &edit.principal;
        let who = principal.name.as_deref().or(principal.arn.as_deref()).unwrap_or("somebody").to_owned();
        let tried = edit.failed.map(|code| format!(" and was refused ({code})")).unwrap_or_default();
        clean(&format!("{who} {}{tried}", edit.action.in_words()), NAME_CHARS_MAX)
    });
    let said: Vec<String> = said.collect();
    if !said.is_empty() {
        return said.join(", ");
    }
    if !edits(case).is_empty() {
        return "the events of our own calls".to_owned();
    }
    match case.pointer("/case/cause").and_then(Value::as_str) {
        Some("vended") => "the account is new, moved, or got a region".to_owned(),
        Some("swept") => "a look without a call that we know of".to_owned(),
        _ => "a call whose author nobody told us".to_owned(),
    }
}

/// What was done about it.
pub(super) fn done(case: &Value) -> String {
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

/// What there may be beside what is shown.
pub(super) fn beyond(place: &Place, shown: usize, more: bool) -> String {
    match (shown, more) {
        (0, _) => format!("nothing happened at {place} that the ledger knows of; lines stay for 400 days\n"),
        (_, true) => "there is more; raise --limit\n".to_owned(),
        (_, false) => String::new(),
    }
}
