//! The decision: total, pure, always with reasons (invariant 2). The first rule that matches decides.
//!
//! It compares content, not authors: owned fields are corrected after a change by any principal. The author decides what is
//! accepted ([`super::accepted`]) and whether on-call is notified ([`super::settle`]).

use super::accepted::Withheld;
use super::case::{Case, Decision, Reason, Refusal, Verdict, Wait, WaitsOn, Write};
use super::document::{Body, Change, Content, FieldChange};
use super::durations::{LEASE_MS, REQUEUES_MAX, RETRY_MS, VISIBLE_MS, WATCH_MS};
use super::edit::named;
use super::fact::Facts;
use super::hold::daily_limit;
use super::judgement::{Judgement, Presumed};
use super::observation::{DocumentStatus, Observation, Obstacle, Seen, Unreadable};
use super::policy::Mode;
use super::sharing::{ToUndo, is_open, to_undo};
use super::signal::Cause;
use super::time::Time;
use super::witness::is_behind;

/// The field whose content runs in every session.
const RUNS_CODE: &str = "shellProfile";
/// The field in a drift that stands for a default version other than the latest.
pub const DEFAULT_VERSION_FIELD: &str = "/defaultVersion";
/// The field in a drift that stands for accounts that the document is shared with.
pub const SHARING_FIELD: &str = "/sharing";

/// Decides one case.
pub fn decide(case: &Case, judgement: &Judgement) -> Decision {
    let decision = match &case.observation {
        Observation::Unknown(why) => unknown(case, why),
        Observation::Absent => {
            let write = Write::Put { base: None, content: judgement.desired.clone() };
            gated(case, judgement, decision(Verdict::Missing, "there is no document"), write)
        }
        Observation::Present(seen) => present(case, judgement, seen),
    };
    then_sharing(case, decision)
}

/// Lets what there is to do about sharing follow a write of the content, by which sessions run.
fn then_sharing(case: &Case, mut decision: Decision) -> Decision {
    let content = decision.write.as_ref().is_some_and(Write::changes_content);
    if content && case.resolution.undoes_sharing() && is_open(&case.record.facts) {
        decision.wait = Some(Wait { until: case.now.plus_ms(RETRY_MS), on: WaitsOn::Sharing });
        decision.reasons.push("then see with whom the document is shared".to_owned());
    }
    decision
}

fn decision(verdict: Verdict, reason: impl Into<Reason>) -> Decision {
    Decision { verdict, reasons: vec![reason.into()], write: None, wait: None }
}

/// Never writes. A new account gets time to become usable; elsewhere a later observation may succeed.
fn unknown(case: &Case, why: &Unreadable) -> Decision {
    let mut decision = decision(Verdict::Unknown { why: why.clone() }, format!("could not read: {}", why.detail));
    let minutes = case.limits.readiness.retry_for_minutes;
    let hopeless = why.obstacle == Obstacle::RegionOff && case.cause != Cause::AccountLifecycle;
    if case.cause == Cause::Sweep || hopeless {
        decision.reasons.push("the next sweep observes it again".to_owned());
    } else if case.requeues >= REQUEUES_MAX {
        decision.reasons.push(format!("gave up after {REQUEUES_MAX} messages"));
    } else if is_patient(case) {
        decision.wait = Some(Wait { until: past_obstacle(case), on: WaitsOn::Obstacle });
        decision.reasons.push(format!("observing it again for up to {minutes} minutes"));
    } else {
        decision.reasons.push(format!("gave up after {minutes} minutes"));
    }
    decision
}

/// Whether the policy's minutes for becoming usable are still running.
pub fn is_patient(case: &Case) -> bool {
    case.now.since(case.since) < case.limits.patience_ms()
}

/// When to retry after an obstacle or a denial.
pub fn past_obstacle(case: &Case) -> Time {
    let factor = 2_i64.saturating_pow(case.requeues.min(10));
    case.now.plus_ms(RETRY_MS.saturating_mul(factor).min(VISIBLE_MS))
}

fn present(case: &Case, judgement: &Judgement, seen: &Seen) -> Decision {
    if let Some(why) = pending(case, seen) {
        return observe_again(case, why);
    }
    let sharing = sharing(case, seen);
    let drift = drift(seen, judgement, case, &sharing);
    let unusable = unusable(seen);
    if unusable.is_none() && drift.is_empty() {
        // A wrong document needs no wait: the write is conditional on the observed version.
        if is_behind(&case.record.facts, Some(seen), case.now) {
            return observe_again(case, "a change that is known to have happened is not visible yet".to_owned());
        }
        if let Some(decision) = unclear_sharing(case, &sharing) {
            return decision;
        }
        return decision(Verdict::InSync, "latest and default version are the same and hold what they should");
    }
    if let Some(why) = unusable {
        if is_behind(&case.record.facts, Some(seen), case.now) {
            return observe_again(case, format!("{why}, and it may have been replaced since"));
        }
        let write = Write::Recreate { content: judgement.desired.clone() };
        return gated(case, judgement, decision(Verdict::Unusable { why: why.clone() }, why), write);
    }
    if let Some(decision) = awaits_names(case, judgement, seen, &sharing) {
        return decision;
    }
    let mut decision = decision(Verdict::Drifted { drift }, difference(seen, judgement, case));
    decision.reasons.extend(withheld(judgement));
    let write = if is(&seen.latest.body, &judgement.desired) {
        let right = seen.default.number == seen.latest.number;
        match sharing {
            ToUndo::SharedWith(accounts) if right => Write::Unshare { accounts },
            ToUndo::Nothing | ToUndo::SharedWith(_) | ToUndo::Uncertain(_) | ToUndo::Unasked | ToUndo::Unknown(_) => {
                Write::Promote { version: seen.latest.number }
            }
        }
    } else {
        let reword = case.refused.contains(&Refusal::Duplicate);
        let content = judgement.desired.clone();
        let content = if reword { content.reworded(case.random) } else { content };
        Write::Put { base: Some(seen.latest.number), content }
    };
    gated(case, judgement, decision, write)
}

/// What there is to do about sharing, where the policy wants it undone.
fn sharing(case: &Case, seen: &Seen) -> ToUndo {
    if case.resolution.undoes_sharing() { to_undo(&case.record.facts, seen) } else { ToUndo::Nothing }
}

/// The decision where with whom the document is shared is not known for certain.
fn unclear_sharing(case: &Case, sharing: &ToUndo) -> Option<Decision> {
    match sharing {
        ToUndo::Nothing | ToUndo::SharedWith(_) => None,
        ToUndo::Uncertain(until) => {
            let why = "that the document is shared with none of the accounts that were added is not certain yet";
            let wait = Wait { until: *until, on: WaitsOn::Visibility };
            Some(Decision { wait: Some(wait), ..observe_again(case, why.to_owned()) })
        }
        ToUndo::Unasked => Some(observe_again(case, "with whom the document is shared is not read yet".to_owned())),
        ToUndo::Unknown(why) => Some(unknown(case, why)),
    }
}

fn is(body: &Body, content: &Content) -> bool {
    body.content().is_some_and(|there| there.same_as(content))
}

/// Why SSM is not done with the latest version, if it is not.
fn pending(case: &Case, seen: &Seen) -> Option<String> {
    let young = case.now.since(seen.latest_created()) < VISIBLE_MS;
    match seen.latest_status() {
        DocumentStatus::Pending if young => Some(format!("version {} is not active yet", seen.latest.number)),
        DocumentStatus::Deleting if case.now.since(case.since) < VISIBLE_MS => {
            Some("the document is being deleted".to_owned())
        }
        DocumentStatus::Pending | DocumentStatus::Deleting | DocumentStatus::Active | DocumentStatus::Failed => None,
    }
}

fn observe_again(case: &Case, why: String) -> Decision {
    let mut decision = decision(Verdict::Unsettled { why: why.clone() }, why);
    decision.wait = Some(Wait { until: case.now.plus_ms(RETRY_MS), on: WaitsOn::Visibility });
    decision
}

fn unusable(seen: &Seen) -> Option<String> {
    if !seen.is_session() {
        return Some(format!("the document is of type `{}`, not Session", seen.document_type));
    }
    (seen.latest_status() == DocumentStatus::Failed).then(|| format!("version {} failed", seen.latest.number))
}

/// Every wrong field of the latest version or, if that is right, of the default one; also a default version other than the
/// latest, and accounts to take out.
fn drift(seen: &Seen, judgement: &Judgement, case: &Case, sharing: &ToUndo) -> Change {
    let from_body = |body: &Body| match body {
        Body::Valid(there) => there.change_to(&judgement.desired),
        Body::Invalid { .. } => {
            let owned = case.resolution.owned.iter();
            owned.map(|(field, to)| FieldChange { field: field.clone(), from: None, to: Some(to.clone()) }).collect()
        }
    };
    let mut drift = from_body(&seen.latest.body);
    if seen.default.number != seen.latest.number {
        if drift.is_empty() {
            drift = from_body(&seen.default.body);
        }
        drift.push(FieldChange {
            field: DEFAULT_VERSION_FIELD.to_owned(),
            from: Some(seen.default.number.into()),
            to: Some(seen.latest.number.into()),
        });
    }
    if matches!(seen.latest.body, Body::Invalid { .. }) && drift.is_empty() {
        drift.push(FieldChange { field: "/".to_owned(), from: None, to: None });
    }
    if let ToUndo::SharedWith(accounts) = sharing {
        let from = Some(accounts.as_slice().into());
        drift.push(FieldChange { field: SHARING_FIELD.to_owned(), from, to: None });
    }
    drift
}

fn difference(seen: &Seen, judgement: &Judgement, case: &Case) -> Reason {
    let latest = seen.latest.number;
    match &seen.latest.body {
        Body::Invalid { why } => format!("version {latest} is no Session document: {why}"),
        Body::Valid(there) if !there.drift(&case.resolution.owned).is_empty() => {
            "owned fields differ from the baseline".to_owned()
        }
        Body::Valid(there) if !there.same_as(&judgement.desired) => {
            "other fields differ from what trusted principals wrote".to_owned()
        }
        Body::Valid(_) if seen.default.number != latest => {
            format!("the default version is {}, not the latest ({latest})", seen.default.number)
        }
        Body::Valid(_) => "a principal that is not trusted has shared the document".to_owned(),
    }
}

/// Why the newest trusted changes are not accepted.
fn withheld(judgement: &Judgement) -> Vec<Reason> {
    let say = |withheld: &Withheld| format!("a trusted version is not taken over, because {}", withheld.because());
    judgement.accepted.withheld.iter().rev().take(3).map(say).collect()
}

/// The document would comply if its unknown authors prove trusted. Wait for their events: undoing a pipeline's change now
/// would mean redoing it then. Owned fields are corrected at once nevertheless, by promoting the latest version, and foreign
/// sharing is undone. Changed code in sessions does not wait, nor does a document that was not known before.
fn awaits_names(case: &Case, judgement: &Judgement, seen: &Seen, sharing: &ToUndo) -> Option<Decision> {
    let Presumed { desired, oldest, until } = judgement.presumed.as_ref()?;
    let latest = seen.latest.body.content()?;
    let over = case.now >= *until || case.requeues >= REQUEUES_MAX || case.resolution.mode != Mode::Enforce;
    let code = |content: &Content| content.input(RUNS_CODE).cloned();
    let risky = code(latest) != code(&judgement.desired) || !is_known_document(&case.record.facts, seen, case.now);
    if over || risky || latest.same_as(&judgement.desired) || !latest.same_as(desired) {
        return None;
    }
    let number = case.record.facts.versions.get(oldest).map_or(0, |version| version.number);
    let why = format!("the principal behind version {number} is not known yet");
    let mut decision = decision(Verdict::Unsettled { why: why.clone() }, why);
    if let Some(write) = meanwhile(case, seen, sharing) {
        decision = gated(case, judgement, decision, write);
        decision.write.as_ref()?;
    }
    decision.wait = Some(Wait { until: *until, on: WaitsOn::Name });
    Some(decision)
}

/// What does not depend on the principals that are waited for.
fn meanwhile(case: &Case, seen: &Seen, sharing: &ToUndo) -> Option<Write> {
    let owned = &case.resolution.owned;
    if !seen.default.body.content().is_some_and(|content| content.drift(owned).is_empty()) {
        return Some(Write::Promote { version: seen.latest.number });
    }
    match sharing {
        ToUndo::SharedWith(accounts) => Some(Write::Unshare { accounts: accounts.clone() }),
        ToUndo::Nothing | ToUndo::Uncertain(_) | ToUndo::Unasked | ToUndo::Unknown(_) => None,
    }
}

/// Whether the document was known before: one of its versions was.
fn is_known_document(facts: &Facts, seen: &Seen, now: Time) -> bool {
    let before = |created: Time| {
        created <= facts.base_until() || facts.versions.get(&created).is_some_and(|version| version.observed < now)
    };
    seen.versions.iter().any(|info| before(info.created))
}

/// Lets a write through if nothing prevents it, and adds the reason.
fn gated(case: &Case, judgement: &Judgement, mut decision: Decision, write: Write) -> Decision {
    let mut wait = |until: Time, on: WaitsOn, reason: String| {
        decision.wait = Some(Wait { until, on });
        reason
    };
    let reason = match case.resolution.mode {
        Mode::Exempt => format!("exempt: {}", case.resolution.reason),
        Mode::Observe => "observe only".to_owned(),
        Mode::Enforce => {
            let open = case.record.facts.open_intent(case.now);
            let refused = case.refused.iter().find(|refusal| !refusal.is_outpaced());
            if let Some(hold) = &judgement.hold {
                let reason = format!("held until {}: {}", hold.until, hold.why);
                wait(hold.until, WaitsOn::Hold(hold.clone()), reason)
            } else if let Some(intent) = open {
                let reason = "another invocation is about to write".to_owned();
                wait(intent.until.min(case.now.plus_ms(LEASE_MS)), WaitsOn::Intent, reason)
            } else if let Some(until) = judgement.breaker.until {
                let reason = format!("an edit war: no write before {until}");
                wait(until.min(case.now.plus_ms(WATCH_MS)), WaitsOn::EditWar, reason)
            } else if let Some(refusal) = refused {
                format!("AWS refused the write ({refusal:?})")
            } else {
                if judgement.daily_limit_reached {
                    decision.reasons.push(daily_limit(&case.limits));
                }
                let reason = planned(&write);
                decision.write = Some(write);
                reason
            }
        }
    };
    decision.reasons.push(reason);
    decision
}

fn planned(write: &Write) -> Reason {
    match write {
        Write::Put { base: None, .. } => "create it".to_owned(),
        Write::Put { base: Some(base), .. } => format!("write on top of version {base}, if that is still the latest"),
        Write::Promote { version } => format!("make version {version} the default"),
        Write::Recreate { .. } => "delete it and create it anew".to_owned(),
        Write::Unshare { accounts } => format!("end its sharing with {}", named(accounts)),
    }
}
