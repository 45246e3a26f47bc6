//! Which alerts a reconciliation leads to: about acts, wars, authors and the end of an incident.

use serde_json::json;

use super::Reconciliation;
use super::advice::{NOTHING, advice};
use super::context::Context;
use super::incident::{Followed, follow};
use super::notify::{Changes, ReportedEdit};
use super::outcome::outcome;
use super::parts::origin;
use super::sharing::sharing;
use super::state::state_alerts;
use super::words::{counted, what_happened};
use crate::domain::breaker::window_ms;
use crate::domain::case::{Applied, Verdict};
use crate::domain::document::REVIEWED_FIELDS;
use crate::domain::edit::is_denial;
use crate::domain::finding::{Alert, AlertBuilder, Kind, Severity};
use crate::domain::hold::daily_limit;
use crate::domain::policy::Mode;
use crate::domain::principal::{Attribution, Principal};
use crate::domain::record::{Incident, Record};
use crate::domain::time::MINUTE_MS;

/// The alerts of a reconciliation; updates the record's incident.
pub(super) fn alerts(reconciliation: Reconciliation, changes: &Changes, record: &mut Record) -> Vec<Alert> {
    let context = Context::new(reconciliation, changes);
    let followed = follow(reconciliation.case, reconciliation.judgement, changes, record);
    let mut alerts = Vec::new();
    let edits = edits(&context, record, &followed);
    let edits_reported = edits.is_some() || record.incident.as_ref().is_some_and(|incident| incident.shown > 0);
    alerts.extend(edits);
    alerts.extend(war(&context, record, &followed));
    alerts.extend(late(&context, record));
    alerts.extend(denied(&context));
    let (state, over) = state_alerts(&context, record, edits_reported);
    alerts.extend(state);
    alerts.extend(followed.closed.filter(|_| !over).and_then(|incident| resolved(&context, &incident)));
    alerts
}

/// One alert for the acts of a reconciliation: who did what, and the response.
fn edits(context: &Context, record: &Record, followed: &Followed) -> Option<Alert> {
    let worth =
        |edit: &&ReportedEdit| if edit.is_kept() { is_kept_edit_alerted(context, edit) } else { followed.notify };
    let edits: Vec<&ReportedEdit> = context.changes.edits.iter().filter(worth).collect();
    let first = edits.first()?;
    let severity = edits.iter().map(|edit| severity(context, edit)).max()?;
    let (kind, outcome) = (kind(context), outcome(context));
    let verdict = if outcome.done == "held" && kind == Kind::BreakGlass { "Break-glass" } else { outcome.verdict() };
    let story = format!("{} {}", first.name(), first.act.in_words());
    let page = AlertBuilder::new(kind, severity, &format!("edit:{}", first.key))
        .subject(verdict, &story, &context.place())
        .says(&format!("In {}, {}.", context.full_place(), what_happened(&edits)))
        .says(&outcome.sentence)
        .says(&unless_it_stands(context, kind))
        .says(&sharing(context, &edits).unwrap_or_default())
        .edits(&edits, &context.case.target.region)
        .exposure(context, edits.iter().map(|edit| edit.at).min()?)
        .advice(&advice(context, kind, first))
        .put("done", json!(outcome.done))
        .put("drift", context.drift());
    Some(page.about(context, record.incident.as_ref()))
}

/// Why a break-glass act does not stand; empty where it does.
fn unless_it_stands(context: &Context, kind: Kind) -> String {
    if kind == Kind::BreakGlass && context.judgement.daily_limit_reached {
        return format!("It does not stand: {}.", daily_limit(&context.case.limits));
    }
    String::new()
}

fn kind(context: &Context) -> Kind {
    let deciding = |attribution| context.changes.edits.iter().any(|edit| edit.attribution == attribution);
    if deciding(Attribution::BreakGlass) {
        return Kind::BreakGlass;
    }
    let touched = match context.applied {
        Applied::Nothing | Applied::Refused(_) if context.before.is_none() => Kind::EditNoticed,
        Applied::Nothing | Applied::Refused(_) | Applied::Landed { .. } => Kind::EditReverted,
    };
    match context.case.resolution.mode {
        Mode::Exempt => Kind::ExemptTouched,
        Mode::Enforce | Mode::Observe if context.kept() => Kind::EditKept,
        Mode::Enforce | Mode::Observe => touched,
    }
}

fn severity(context: &Context, edit: &ReportedEdit) -> Severity {
    let wrong = !matches!(context.decision.verdict, Verdict::InSync) || context.before.is_some();
    match (edit.attribution, context.case.resolution.mode) {
        (Attribution::Reactor | Attribution::Trusted, _) | (_, Mode::Exempt) => Severity::Info,
        (_, Mode::Observe) => Severity::Warning,
        (Attribution::BreakGlass, Mode::Enforce) => Severity::High,
        (Attribution::Untrusted | Attribution::Unattributed, Mode::Enforce) => {
            if wrong || !edit.change.is_empty() {
                Severity::High
            } else {
                Severity::Warning
            }
        }
    }
}

/// A trusted act that stays is alerted only if the reactor restored a deleted document, or a reviewed field changed.
fn is_kept_edit_alerted(context: &Context, edit: &ReportedEdit) -> bool {
    let restored = edit.act.kind() == "deleted" && matches!(context.applied, Applied::Landed { .. });
    restored || edit.change.iter().any(|field| REVIEWED_FIELDS.contains(&field.field.as_str()))
}

/// The war is alerted once, with its opponents and how to end it; later acts are only counted.
fn war(context: &Context, record: &Record, followed: &Followed) -> Option<Alert> {
    let incident = record.incident.as_ref().filter(|_| followed.escalated)?;
    let opponents = incident.opponents.join(", ");
    let page = AlertBuilder::new(Kind::EditWar, Severity::Critical, &format!("war:{}", incident.id))
        .subject("Edit war", &format!("{opponents} against the reactor"), &context.place())
        .says(&format!(
            "{opponents} and the reactor keep undoing each other's changes of {}: {} since {}.",
            context.document(),
            counted(incident.edits, "edit"),
            incident.opened
        ))
        .says(&outcome(context).sentence)
        .says("From now on the reactor pauses between its writes, and goes on. More edits are counted, and reported at the end.")
        .newest(context)
        .exposure(context, incident.opened)
        .advice(
            "Stop the other writer: switch off the pipeline or script, or attach the service control policy that denies \
             these calls to everybody but the reactor and your pipeline (`runasctl render scp`).",
        )
        .put("opponents", json!(incident.opponents))
        .put("edit_count", json!(incident.edits));
    Some(page.about(context, Some(incident)))
}

/// A principal that became known updates the incident. It is alerted only where on-call was alarmed without one.
fn late(context: &Context, record: &Record) -> Vec<Alert> {
    let edits = context.changes.late.iter().filter(|edit| context.changes.owed.contains(&edit.key));
    edits
        .map(|edit| {
            let (name, what) = (edit.name(), edit.act.in_words());
            let (outcome, to_do) = if edit.is_kept() {
                ("That principal is trusted: its change is taken over now.".to_owned(), NOTHING.to_owned())
            } else {
                let why = edit.note.as_ref().map_or_else(String::new, |note| format!(" ({note})"));
                let to_do = format!("Nothing new: add the name to that incident, and ask {name} about it.");
                (format!("What it changed stays reverted{why}."), to_do)
            };
            AlertBuilder::new(Kind::AuthorKnown, Severity::Info, &format!("late:{}", edit.key))
                .subject("Author known", &format!("{name} {what}"), &context.place())
                .says(&format!(
                    "It was {name} who {what} in {}; an earlier alert reported this without a name.",
                    context.full_place()
                ))
                .says(&outcome)
                .act(edit)
                .event_link(&context.case.target.region, edit.event_id())
                .advice(&to_do)
                .put("principal", json!(edit.principal))
                .put("human", json!(edit.principal.as_ref().and_then(Principal::human)))
                .about(context, record.incident.as_ref())
        })
        .collect()
}

/// Failed attempts: one alert per account and hour, which the ledger counts up.
fn denied(context: &Context) -> Vec<Alert> {
    let case = context.case;
    let attempts = context.changes.denied.iter();
    attempts
        .map(|call| {
            let edit = &call.edit;
            let (name, tried) = (edit.principal.display(), edit.action.attempted());
            let code = edit.failed.as_deref().unwrap_or("failed");
            let hour: String = case.now.to_string().chars().take(13).collect();
            let key = format!("denied:{}:{hour}", case.target.account);
            AlertBuilder::new(Kind::AttemptDenied, Severity::Warning, &key)
                .subject(if is_denial(code) { "Denied" } else { "Failed" }, &format!("{name} tried {tried}"), &context.place())
                .says(&format!("{name} tried {tried} in {} at {}, and AWS refused it ({code}).", context.full_place(), edit.at))
                .says("Nothing changed. More attempts in this account within the hour are counted, not alerted.")
                .caller(&edit.principal, call.attribution, Some(origin(edit)))
                .event_link(&case.target.region, Some(&edit.id))
                .advice(&format!(
                    "Ask {name} why. A pipeline that has to write the document belongs into `principals.trusted` of the policy."
                ))
                .put("principal", json!(edit.principal))
                .put("human", json!(edit.principal.human()))
                .put("failed", json!(code))
                .about(context, None)
        })
        .collect()
}

/// The end of the incident: alerted where on-call waits for it, or where acts were counted and not shown.
fn resolved(context: &Context, incident: &Incident) -> Option<Alert> {
    if !incident.notify_on_close && incident.edits <= incident.shown {
        return None;
    }
    let minutes = window_ms(&context.case.limits) / MINUTE_MS;
    let story = match incident.edits {
        0 => "the document is right again".to_owned(),
        edits => format!("{}, the last: {}", counted(edits, "edit"), incident.summary),
    };
    let page = AlertBuilder::new(Kind::IncidentResolved, Severity::Info, &format!("incident_resolved:{}", incident.id))
        .subject("Over", &story, &context.place())
        .says(&format!(
            "{} is right, and has been quiet for {minutes} minutes: the incident is over.",
            context.document()
        ))
        .row("Began", &incident.opened.to_string());
    let page = match (incident.opponents.as_slice(), incident.edits) {
        (_, 0) => page.row("Cause", &incident.summary),
        ([], edits) => page.row("Edits", &format!("{edits}, by none but trusted principals")),
        (opponents, edits) => page.row("Edits", &edits.to_string()).row("By", &opponents.join(", ")),
    }
    .exposure(context, incident.opened)
    .put("opponents", json!(incident.opponents))
    .put("edit_count", json!(incident.edits));
    Some(page.about(context, Some(incident)))
}
