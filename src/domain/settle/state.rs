//! Alerts about the state of a target rather than an act: out of reach, different, configured late, blind, exempt for a few
//! more days.

use serde_json::json;

use super::advice::{read_advice, write_advice};
use super::context::Context;
use super::exposure::USER_FIELDS;
use super::outcome::{outcome, refused};
use super::schedule::unechoed;
use crate::domain::case::{Applied, Verdict};
use crate::domain::durations::REQUEUES_MAX;
use crate::domain::fact::Notified;
use crate::domain::finding::{Alert, AlertBuilder, ITEMS_MAX, Kind, Severity};
use crate::domain::milestones::Milestones;
use crate::domain::observation::Obstacle;
use crate::domain::record::{Record, Status};
use crate::domain::signal::Cause;
use crate::domain::text::clean;
use crate::domain::time::{DAY_MS, MINUTE_MS, SECOND_MS};

/// These alerts, and whether one of them says already that the incident is over.
pub(super) fn state_alerts(context: &Context, record: &mut Record, edits_reported: bool) -> (Vec<Alert>, bool) {
    let status_alert = status(context, record, edits_reported);
    let over = status_alert.as_ref().is_some_and(|alert| alert.kind == Kind::ReachableAgain.as_str());
    if let Some(incident) = record.incident.as_mut().filter(|_| over) {
        incident.notify_on_close = false;
    }
    let mut alerts: Vec<Alert> = status_alert.into_iter().collect();
    alerts.extend(late_configuration(context, record));
    alerts.extend(blind(context, record));
    alerts.extend(exemption(context, record));
    (alerts, over)
}

/// The alert about a status that became worse or better, without an act that explains it.
fn status(context: &Context, record: &Record, edits_reported: bool) -> Option<Alert> {
    let case = context.case;
    let (before, after) = (case.record.status, record.status);
    let given_up = matches!(context.decision.verdict, Verdict::Unknown { .. }) && case.requeues >= REQUEUES_MAX;
    if before == after && !given_up {
        return None;
    }
    let key = |kind: &str| format!("{kind}:{}:g{}", case.target, case.record.generation);
    let page = if after == Status::Unreachable {
        unreachable(context, &key("unreachable"))
    } else if after == Status::Drifted && !edits_reported {
        drifted(context, &key("drift"))
    } else if before == Status::Unreachable && after != Status::Waiting {
        AlertBuilder::new(Kind::ReachableAgain, Severity::Info, &key("reachable"))
            .subject("Within reach again", "the document", &context.place())
            .says(&format!("{} can be read and written again.", context.document()))
            .says(&outcome(context).sentence)
    } else {
        return None;
    };
    Some(page.about(context, record.incident.as_ref()))
}

fn unreachable(context: &Context, key: &str) -> AlertBuilder {
    let document = context.document();
    let page = |severity| AlertBuilder::new(Kind::Unreachable, severity, key);
    let subject = |page: AlertBuilder, story: &str| page.subject("Out of reach", story, &context.place());
    match (context.applied, &context.decision.verdict) {
        (Applied::Refused(refusal), _) => {
            let why = refused(*refusal);
            subject(page(Severity::High), why)
                .says(&format!("{document} is NOT right, and cannot be corrected: {why}."))
                .says("It stays so until that ends; the reactor tries again with each sweep.")
                .advice(write_advice(*refusal))
        }
        // Session Manager is unusable in a disabled region, so this is informational.
        (_, Verdict::Unknown { why }) if why.obstacle == Obstacle::RegionOff => {
            subject(page(Severity::Info), obstructed(why.obstacle))
                .says(&format!("{document} cannot be read: the region is switched off in that account."))
                .says("No session can start there.")
                .row("AWS says", &why.detail)
        }
        (_, Verdict::Unknown { why }) => subject(page(Severity::High), obstructed(why.obstacle))
            .says(&format!("{document} cannot be read. Whether it is right is NOT known."))
            .says("The reactor tries again with each sweep.")
            .row("AWS says", &why.detail)
            .advice(read_advice(why.obstacle, context.is_new())),
        (
            Applied::Nothing | Applied::Landed { .. },
            Verdict::InSync
            | Verdict::Missing
            | Verdict::Drifted { .. }
            | Verdict::Unusable { .. }
            | Verdict::Unsettled { .. },
        ) => subject(page(Severity::High), "the document is not corrected")
            .says(&format!("{document} is NOT right, and could not be corrected."))
            .row("Reason", &context.decision.reasons.join("; ")),
    }
}

/// What stands between the reactor and the document, for a subject.
fn obstructed(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Denied => "no role gives access to the document",
        Obstacle::DeniedByScp => "a service control policy denies access to the document",
        Obstacle::NotReady => "Systems Manager is not available in the account",
        Obstacle::RegionOff => "the region is off",
    }
}

fn drifted(context: &Context, key: &str) -> AlertBuilder {
    let page = AlertBuilder::new(Kind::DriftObserved, Severity::Warning, key)
        .subject("Differs, observed only", "the document is not as the policy wants it", &context.place())
        .says(&format!("{} is not as the policy wants it.", context.document()))
        .says("It stays so: the policy says to observe here, and not to write.");
    let page = match &context.decision.verdict {
        Verdict::Drifted { drift } => {
            page.heading("What it holds, and what the policy wants:").changed("Field", drift.iter().take(ITEMS_MAX))
        }
        Verdict::Missing => page.row("Reason", "there is no document, so that sessions run as ssm-user"),
        Verdict::Unusable { why } => page.row("Reason", why),
        Verdict::InSync | Verdict::Unknown { .. } | Verdict::Unsettled { .. } => page,
    };
    let wrong_user = wrong_user(&context.decision.verdict)
        .then(|| "Sessions can run as the wrong user; since when is not known.".to_owned());
    page.exposure(context, context.case.now)
        .exposed(wrong_user)
        .advice("Put the document right by hand, or set the account to `enforce` in the policy.")
        .put("drift", context.drift())
}

/// Whether what was found gives sessions another user than the policy's.
fn wrong_user(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Drifted { drift } => drift.iter().any(|change| USER_FIELDS.contains(&change.field.as_str())),
        Verdict::Missing | Verdict::Unusable { .. } => true,
        Verdict::InSync | Verdict::Unknown { .. } | Verdict::Unsettled { .. } => false,
    }
}

/// A new account that was configured late: one alert, with the obstacle.
fn late_configuration(context: &Context, record: &Record) -> Option<Alert> {
    let case = context.case;
    let Milestones { vended: Some(vended), configured: Some(configured), .. } = record.milestones else {
        return None;
    };
    let lag_ms = record.milestones.lag_since(&case.record.milestones)?;
    let goal = case.limits.alerts.configuration_lag_minutes;
    if lag_ms <= i64::from(goal) * MINUTE_MS {
        return None;
    }
    let seconds = lag_ms / SECOND_MS;
    // The first reason is the obstacle, those after it say what the reactor did about it.
    let obstacle = case.record.why.split("; ").next().filter(|why| !why.is_empty()).unwrap_or("none was met");
    let key = format!("gap:{}:{}", case.target.account, vended.ms());
    let page = AlertBuilder::new(Kind::ConfigurationLag, Severity::Warning, &key)
        .subject("Configured late", &format!("after {seconds} seconds"), &context.place())
        .says(&format!("{} was configured {seconds} seconds after the account was created.", context.document()))
        .says(&format!("It is right now; the goal is {goal} minutes. Until then, sessions would have run as ssm-user."))
        .row("Cause", obstacle)
        .row("Created", &vended.to_string())
        .row("Right at", &configured.to_string())
        .row("Note", "further regions of the account are counted, not alerted")
        .advice(
            "By the cause: a role that came late means that the stack set or the pipeline was late; a service control \
             policy that quarantines new accounts has to except the reactor's roles.",
        )
        .put("lag_seconds", json!(seconds));
    Some(page.about(context, None))
}

/// A write whose event did not come back: alerted once. A new account's own messages report it after the policy's minutes,
/// elsewhere the next sweep does.
fn blind(context: &Context, record: &mut Record) -> Option<Alert> {
    let case = context.case;
    let watched_ms = case.limits.patience_ms();
    let (name, intent) = unechoed(&record.facts).filter(|(_, intent)| intent.notified == Notified::No)?;
    let since = match case.cause {
        Cause::AccountLifecycle => case.since,
        Cause::Sweep => intent.from,
        Cause::DocumentEvent => return None,
    };
    let over = record.status == Status::InSync && *context.applied == Applied::Nothing;
    if !over || case.now.since(since) < watched_ms {
        return None;
    }
    let (name, wrote) = (name.clone(), intent.from);
    if let Some(intent) = record.facts.intents.get_mut(&name) {
        intent.notified = Notified::Named;
    }
    let alert = AlertBuilder::new(Kind::ForwarderBlind, Severity::High, &format!("blind:{}", case.target))
        .subject("Blind", "no event of the reactor's own write came back", &context.place())
        .says(&format!("The reactor wrote {} at {wrote}, and CloudTrail's event of that never arrived.", context.document()))
        .says("The document is right now. But edits there are found by sweeps only, hours later, as long as no event arrives.")
        .advice(
            "See in that account and region that a trail logs management events, and that the rule \
             `runas-reactor-documents` is enabled and has its target.",
        )
        .about(context, None);
    Some(alert)
}

/// An exemption that ends soon.
fn exemption(context: &Context, record: &mut Record) -> Option<Alert> {
    let case = context.case;
    let note = case.resolution.exemption.as_ref()?;
    let left_ms = note.expires.since(case.now);
    let days: u8 = match left_ms {
        ms if ms <= 2 * DAY_MS => 2,
        ms if ms <= 14 * DAY_MS => 14,
        _ => return None,
    };
    if record.exemption_warned.is_some_and(|(end, warned)| end == note.expires && warned <= days) {
        return None;
    }
    record.exemption_warned = Some((note.expires, days));
    let key = format!("exemption:{}:{}:{days}", case.target.account, note.expires);
    let day: String = note.expires.to_string().chars().take(10).collect();
    let page = AlertBuilder::new(Kind::ExemptionEnds, Severity::Warning, &key)
        .subject(&format!("Ends on {day}"), &format!("the exemption of {}", note.owner), &context.place())
        .says(&format!("The exemption of {} ends on {}.", context.full_place(), note.expires))
        .says("After that, the policy holds for the account as for any other.")
        .row("Owner", &note.owner)
        .row("Reason", &note.reason)
        .advice(&format!(
            "Ask {}: renew it in the policy with a new date and reason, or prepare the account and take the exemption out.",
            clean(&note.owner, 96)
        ))
        .put("expires", json!(note.expires));
    Some(page.about(context, None))
}
