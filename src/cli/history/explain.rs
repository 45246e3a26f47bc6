//! The last case of a target: the facts, the decision and its reasons, and whether it would be decided the same today.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::lines::{SCHEMA_VERSION, done, who};
use super::{ExplainArgs, TargetSelector};
use crate::aws::ledger::view::{HistoryLine, LedgerView};
use crate::cli::login::Failure;
use crate::cli::printer::Printer;
use crate::cli::replay::decided_again;
use crate::cli::{ExitStatus, Output};
use crate::domain::settle::attach;
use crate::domain::text::escaped;

/// Lines searched for the given id.
const SEARCHED_MAX: usize = 1_000;

pub(super) async fn run(args: &ExplainArgs, output: Output, printer: &Printer) -> Result<ExitStatus, Failure> {
    let place = &args.place;
    if place.region.is_none() {
        let problem = format!("{place} names no region; fix: say {place}/eu-west-1, for example");
        return Err(Failure::Usage(problem));
    }
    let view = args.table.open().await?;
    let line = line(&view, args).await?;
    let stored = whole(&view, place, &line).await?;
    if stored.get("accepted").is_some() {
        printer.data(&accepted(place, &line, &stored, output));
        return Ok(ExitStatus::Success);
    }
    let again = decided_again(&line.id, &stored)
        .map_err(|problem| Failure::Error(format!("the case cannot be decided again: {problem}")))?;
    let same = again.get("same").and_then(Value::as_bool) == Some(true);
    printer.data(&escaped(&match output {
        Output::Json => {
            let value = json!({
                "schema_version": SCHEMA_VERSION, "id": line.id, "at": line.at, "case": stored.get("case"),
                "decision": stored.get("decision"), "applied": stored.get("applied"), "same": same,
                "decided_again": again.get("decision"),
            });
            format!("{value:#}\n")
        }
        Output::Table => text(place, &line, &stored, &again),
    }));
    Ok(if same { ExitStatus::Success } else { ExitStatus::Error })
}

/// Renders an operator's acceptance, which is not a case to decide again.
fn accepted(place: &TargetSelector, line: &HistoryLine, stored: &Value, output: Output) -> String {
    let (accepted, id, at) = (stored.get("accepted"), &line.id, line.at);
    escaped(&match output {
        Output::Json => {
            format!("{:#}\n", json!({ "schema_version": SCHEMA_VERSION, "id": id, "at": at, "accepted": accepted }))
        }
        Output::Table => format!("{place} at {at}\n  {}\n", line.summary),
    })
}

async fn line(view: &LedgerView, args: &ExplainArgs) -> Result<HistoryLine, Failure> {
    let TargetSelector { account, region } = &args.place;
    let limit = if args.id.is_some() { SEARCHED_MAX } else { 1 };
    let (lines, _) = view.history(account, region.as_ref(), limit).await?;
    let wanted = |line: &HistoryLine| args.id.as_ref().is_none_or(|id| *id == line.id);
    lines.into_iter().find(wanted).ok_or_else(|| {
        let place = &args.place;
        Failure::Error(format!("the ledger has no such case of {place}; fix: see `runasctl history {place}`"))
    })
}

/// Restores the contents of a stored case. A case whose contents have expired cannot be decided.
async fn whole(view: &LedgerView, place: &TargetSelector, line: &HistoryLine) -> Result<Value, Failure> {
    let mut contents = BTreeMap::new();
    for digest in &line.contents {
        if let Some(text) = view.content(&place.account, digest).await? {
            contents.insert(digest.clone(), text);
        }
    }
    let mut stored = line.case.clone();
    attach(&mut stored, &contents);
    Ok(stored)
}

fn text(place: &TargetSelector, line: &HistoryLine, stored: &Value, again: &Value) -> String {
    let field = |pointer: &str| match stored.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "-".to_owned(),
    };
    let mut text = format!("{place} at {}, by policy {}\n", line.at, field("/case/policy"));
    let mut say = |label: &str, what: &str| {
        let _ = writeln!(text, "  {label:<10} {what}");
    };
    say("who", &who(stored));
    say("seen", &seen(stored));
    say("mode", &format!("{} ({})", field("/case/resolution/mode"), field("/case/resolution/reason")));
    let owned = stored.pointer("/case/resolution/owned").and_then(Value::as_object).into_iter().flatten();
    for (name, value) in owned {
        say("baseline", &format!("{name}: {value}"));
    }
    let drift = stored.pointer("/decision/verdict/drift").and_then(Value::as_array).into_iter().flatten();
    for change in drift {
        let part = |key: &str| change.get(key).map_or_else(|| "nothing".to_owned(), Value::to_string);
        let name = change.get("field").and_then(Value::as_str).unwrap_or_default();
        say("drift", &format!("{name}: {} -> {}", part("from"), part("to")));
    }
    say("verdict", &field("/decision/verdict/is"));
    for reason in reasons(stored.get("decision")) {
        say("because", &reason);
    }
    say("done", &done(stored));
    if again.get("same").and_then(Value::as_bool) == Some(true) {
        say("again", "decided with this runasctl, it comes out the same");
    } else {
        say("again", "decided with this runasctl, it does NOT come out the same:");
        for reason in reasons(again.get("decision")) {
            say("", &reason);
        }
    }
    text
}

fn reasons(decision: Option<&Value>) -> Vec<String> {
    let reasons = decision.and_then(|decision| decision.get("reasons")?.as_array()).into_iter().flatten();
    reasons.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn seen(stored: &Value) -> String {
    let Some(observation) = stored.pointer("/case/observation") else { return "-".to_owned() };
    if let Some(unknown) = observation.get("unknown") {
        return format!("nothing: it could not be read ({unknown})");
    }
    match observation.get("present") {
        Some(seen) => {
            let number = |pointer: &str| seen.pointer(pointer).map_or_else(|| "?".to_owned(), Value::to_string);
            format!("latest version {}, default version {}", number("/latest/number"), number("/default/number"))
        }
        None => "there is no document".to_owned(),
    }
}
