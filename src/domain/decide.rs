//! The decision: total, pure, always with reasons (invariant 2).
//!
//! Content judges, not the author: owned fields are made right whoever changed them. The author decides what becomes of the
//! other fields ([`super::advance`]) and how loud we are ([`super::settle`]).

use super::advance::{Advance, advance, advance_without, is_named_like_ours, same_document};
use super::case::{AttributedEdit, Case, Decision, Reason, Refusal, Verdict, Wait, WaitsOn, Write};
use super::document::{Body, Change, Content, FieldChange};
use super::edit::Action;
use super::heat::not_before;
use super::mutant::{self, Mutant};
use super::observation::{Observation, Obstacle, Seen, Status, Unreadable};
use super::policy::Mode;
use super::principal::Attribution;
use super::record::{Hold, Judged};
use super::settle::HOPS_MAX;
use super::signal::Cause;
use super::time::{MINUTE_MS, SECOND_MS, Time};

/// A pipeline that deletes the document is given this long to put another in its place.
pub const REPLACEMENT_MS: i64 = 90 * SECOND_MS;
/// How often we look again for something that an event says is there, before we take it to be gone.
pub const UNSETTLED_HOPS_MAX: u32 = 6;
/// A move of the default is visible after this; how long SSM serves what was before is not documented.
const STALE_MS: i64 = 10 * SECOND_MS;
/// The field whose content runs in every session.
const RUNS_CODE: &str = "shellProfile";
/// After this long we look again.
pub const UNSETTLED_MS: i64 = 5 * SECOND_MS;
/// Many messages may have come before this one for other reasons. What happened this shortly ago may still become visible.
const UNSETTLED_MAX_MS: i64 = MINUTE_MS;
/// An event that is only late, or whose message comes again after crashes, is there by then.
const AUTHOR_MS: i64 = 10 * MINUTE_MS;
const OBSTACLE_FIRST_MS: i64 = 5 * SECOND_MS;
const OBSTACLE_MAX_MS: i64 = 60 * SECOND_MS;
/// Between a write of ours and its commit lies no more than this.
const COMMIT_MS: i64 = 10 * SECOND_MS;
/// It takes no longer than this to replace the document.
const REPLACING_MS: i64 = 15 * SECOND_MS;
/// What happens this long before or after we have replaced the document may come of that.
const REPLACED_MS: i64 = 15 * MINUTE_MS;
/// The field name under which a default version that is not the latest stands in a drift.
pub const DEFAULT_VERSION_FIELD: &str = "/defaultVersion";

/// Decides one case.
pub fn decide(case: &Case) -> Decision {
    match &case.observation {
        Observation::Unknown(why) => unknown(case, why),
        Observation::Absent => absent(case),
        Observation::Present(seen) => present(case, seen),
    }
}

fn decision(verdict: Verdict, reason: impl Into<Reason>) -> Decision {
    Decision { verdict, reasons: vec![reason.into()], write: None, wait: None }
}

/// We could not read: never a write. A new account is given time to become usable; elsewhere a later look may succeed.
fn unknown(case: &Case, why: &Unreadable) -> Decision {
    let mut decision = decision(Verdict::Unknown { why: why.clone() }, format!("could not read: {}", why.detail));
    let patience_ms = i64::from(case.limits.readiness_minutes) * MINUTE_MS;
    let hopeless = why.obstacle == Obstacle::RegionOff && case.cause != Cause::Vended;
    if case.cause == Cause::Swept || hopeless {
        decision.reasons.push("the next sweep looks again".to_owned());
    } else if case.hop >= HOPS_MAX {
        decision.reasons.push(format!("gave up after {HOPS_MAX} messages"));
    } else if case.now.since(case.since) < patience_ms {
        decision.wait = Some(Wait { until: past_obstacle(case), on: WaitsOn::Obstacle });
        decision.reasons.push(format!("looking again for up to {} minutes", case.limits.readiness_minutes));
    } else {
        decision.reasons.push(format!("gave up after {} minutes", case.limits.readiness_minutes));
    }
    decision
}

/// When to try again what was not allowed.
pub fn past_obstacle(case: &Case) -> Time {
    let factor = 2_i64.saturating_pow(case.hop.min(10));
    case.now.plus_ms(OBSTACLE_FIRST_MS.saturating_mul(factor).min(OBSTACLE_MAX_MS))
}

fn absent(case: &Case) -> Decision {
    let decision = decision(Verdict::Missing, "there is no document");
    let content = desired(advance_without(case).accepted.as_ref(), case);
    gated(case, decision, hold_for_absence(case), Write::Put { base: None, content })
}

fn present(case: &Case, seen: &Seen) -> Decision {
    if let Some(why) = unsettled(case, seen) {
        return look_again(case, why);
    }
    let advance = advance(case, seen);
    let content = desired(advance.accepted.as_ref(), case);
    if let Some(why) = unusable(seen) {
        if being_replaced(case, seen) {
            return look_again(case, "another invocation is replacing the document".to_owned());
        }
        let decision = decision(Verdict::Unusable { why: why.clone() }, why);
        return gated(case, decision, hold(case, seen, &advance), Write::Recreate { content });
    }
    let drift = drift(seen, &content, case);
    if drift.is_empty() {
        // What we see is right, and something is known to have happened that we do not see. (Where what we see is wrong
        // there is no need to wait: the write is conditional on the version seen.)
        if let Some(why) = ahead(case, seen) {
            return look_again(case, why);
        }
        return decision(Verdict::InSync, "latest and default version are the same and hold what they should");
    }
    if unfinished(case, seen, &advance) {
        let why = format!("version {} may be of an invocation that has more to tell", seen.latest.number);
        return look_again(case, why);
    }
    if let Some(decision) = unsigned(case, seen, &advance) {
        return decision;
    }
    let mut decision = decision(Verdict::Drifted { drift }, difference(seen, &content, case));
    decision.reasons.extend(advance.gap.iter().map(|gap| format!("{gap}: the accepted content stays")));
    let write = if is(&seen.latest.body, &content) {
        Write::Promote { version: seen.latest.number }
    } else {
        let reword = case.refused.contains(&Refusal::Duplicate);
        let content = if reword { content.reworded(case.nonce) } else { content };
        Write::Put { base: Some(seen.latest.number), content }
    };
    gated(case, decision, hold(case, seen, &advance), write)
}

/// What the document should hold: the accepted content with the owned fields laid over it.
pub fn desired(accepted: Option<&Content>, case: &Case) -> Content {
    let accepted = accepted.filter(|_| !(mutant::on(Mutant::RecreateBlank) && case.observation == Observation::Absent));
    accepted.cloned().unwrap_or_else(Content::minimal).overlaid(&case.resolution.owned)
}

fn is(body: &Body, content: &Content) -> bool {
    body.content().is_some_and(|there| there.same_as(content))
}

/// Every field that is not as it should be, in the latest version or, where that is right, in the default one.
fn drift(seen: &Seen, content: &Content, case: &Case) -> Change {
    let from_body = |body: &Body| match body {
        Body::Valid(there) => there.change_to(content),
        Body::Invalid { .. } => {
            let owned = case.resolution.owned.iter();
            owned.map(|(field, to)| FieldChange { field: field.clone(), from: None, to: Some(to.clone()) }).collect()
        }
    };
    let mut drift = from_body(&seen.latest.body);
    if seen.default.number != seen.latest.number && !mutant::on(Mutant::IgnoreDefault) {
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
    drift
}

fn difference(seen: &Seen, content: &Content, case: &Case) -> Reason {
    match &seen.latest.body {
        Body::Invalid { why } => format!("version {} is no Session document: {why}", seen.latest.number),
        Body::Valid(there) if !there.drift(&case.resolution.owned).is_empty() => {
            format!("owned fields differ from the baseline ({})", case.resolution.reason)
        }
        Body::Valid(there) if !there.same_as(content) => {
            "fields were changed by a hand that we do not trust".to_owned()
        }
        Body::Valid(_) => {
            format!("the default version is {}, not the latest ({})", seen.default.number, seen.latest.number)
        }
    }
}

/// SSM, or our view of it, is still catching up with something that is known to have happened.
fn unsettled(case: &Case, seen: &Seen) -> Option<String> {
    let in_time = |began: Time| may_settle(case, began);
    match seen.latest_status() {
        Status::Pending if in_time(seen.latest_created()) => {
            return Some(format!("version {} is not active yet", seen.latest.number));
        }
        Status::Deleting if in_time(Time::ZERO) => return Some("the document is being deleted".to_owned()),
        Status::Pending | Status::Deleting | Status::Active | Status::Failed => {}
    }
    if let Some(accounted) = &case.record.accounted {
        let made = accounted.created.or(accounted.landed);
        let younger = made.is_none_or(|made| seen.latest_created() <= made);
        let behind = seen.latest.number < accounted.version && younger && !replaced_by_us(case, case.now);
        if behind && in_time(case.record.updated) {
            return Some(format!("version {} is known and not visible yet", accounted.version));
        }
    }
    None
}

/// Whether it is early enough to look again for something that began then.
fn may_settle(case: &Case, began: Time) -> bool {
    case.hop < UNSETTLED_HOPS_MAX || (0..UNSETTLED_MAX_MS).contains(&case.now.since(began))
}

fn look_again(case: &Case, why: String) -> Decision {
    let mut decision = decision(Verdict::Unsettled { why: why.clone() }, why);
    decision.wait = Some(Wait { until: case.now.plus_ms(UNSETTLED_MS), on: WaitsOn::Visibility });
    decision
}

/// A call that the signal tells of and that is not visible yet.
fn ahead(case: &Case, seen: &Seen) -> Option<String> {
    let edit = case.edits.iter().find(|edit| invisible(case, Some(seen), edit))?;
    // A document that was deleted and made anew within the clocks' difference looks the same; a few looks settle it.
    Some(format!("{} {}, which is not visible yet", who(edit), edit.edit.action.in_words()))
}

/// Whether what a call did cannot be seen, and may still become visible. Nothing can be said about it before that.
pub fn invisible(case: &Case, seen: Option<&Seen>, edit: &AttributedEdit) -> bool {
    let wrong_turn = mutant::on(Mutant::SettleInvisible);
    if wrong_turn || edit.seen || edit.edit.failed.is_some() || !may_settle(case, edit.edit.at) {
        return false;
    }
    let made = edit.edit.action.made_version();
    let Some(seen) = seen else { return made.is_some() && edit.attribution == Attribution::Trusted };
    let young = (0..STALE_MS).contains(&case.now.since(edit.edit.at));
    let not_yet = match edit.edit.action {
        Action::Created | Action::Updated { .. } => made.is_some_and(|version| version > seen.latest.number),
        // The document that we knew is gone: this is another one.
        Action::Deleted => case.record.accounted.is_none() || same_document(&case.record, seen),
        Action::DefaultMoved { version } => {
            young && version.is_some_and(|version| version != seen.default.number) && !edit.by_our_role
        }
        Action::VersionDeleted { .. } | Action::SharingChanged => false,
    };
    // Events tell whole seconds: a version that is not there yet may be of the second of the latest one.
    let tolerance = if made.is_some() { SECOND_MS } else { 0 };
    not_yet && edit.edit.at.plus_ms(tolerance) > seen.latest_created()
}

/// The latest version is called like one of ours, and is not what we would write: most likely another invocation has just
/// written it, knows of edits that we do not know of, and is about to commit. Nothing that we own is wrong meanwhile.
fn unfinished(case: &Case, seen: &Seen, advance: &Advance) -> bool {
    let young = (0..COMMIT_MS).contains(&case.now.since(seen.latest_created()));
    let named_like_ours = seen.info(seen.latest.number).is_some_and(is_named_like_ours);
    let Some(there) = seen.latest.body.content().filter(|_| young && named_like_ours) else {
        return false;
    };
    let right = |body: &Body| body.content().is_some_and(|content| content.drift(&case.resolution.owned).is_empty());
    // Anybody can copy a name. What can run code is waited for only where a call of ours or of a pipeline made us look: whoever
    // copies our names makes us look by a call of his own.
    let friendly = |edit: &AttributedEdit| edit.by_our_role || edit.attribution == Attribution::Trusted;
    let accepted = desired(advance.accepted.as_ref(), case);
    let harmless = there.input(RUNS_CODE) == accepted.input(RUNS_CODE)
        || (!case.edits.is_empty() && case.edits.iter().all(friendly));
    let new = advance.judged.iter().any(|judged| judged.version == seen.latest.number);
    let right = right(&seen.latest.body) && right(&seen.default.body);
    new && harmless && right && !there.same_as(&accepted) && case.resolution.mode == Mode::Enforce
}

/// Another invocation has said that it deletes this very document.
fn being_replaced(case: &Case, seen: &Seen) -> bool {
    let ours = case.refused.contains(&Refusal::Replacing);
    !ours && replacing(case).is_some_and(|at| seen.latest_created() <= at)
}

/// When somebody of us has said that he replaces the document, if that was just now.
pub fn replacing(case: &Case) -> Option<Time> {
    case.record.deleted_by_us.filter(|at| (0..REPLACING_MS).contains(&case.now.since(*at)))
}

/// What is there would be right if those were trusted who wrote it, and they are not known yet: the event is on its way, and
/// may be that of a pipeline whose change would be undone now and done again then. What we own is made right at once all the
/// same, by making the latest version the default. The oldest such version counts, or a new one every ten minutes would be a
/// wait without end.
fn unsigned(case: &Case, seen: &Seen, advance: &Advance) -> Option<Decision> {
    let (nameless, content) = advance.presumed.as_ref().filter(|_| case.resolution.mode == Mode::Enforce)?;
    let until = nameless.created.plus_ms(AUTHOR_MS);
    // Whoever makes a nameless version the default has most likely written it.
    let suspected = |edit: &AttributedEdit| {
        let of_it = edit.edit.action == Action::DefaultMoved { version: Some(nameless.version) };
        of_it && !edit.by_our_role && edit.attribution != Attribution::Trusted && edit.edit.failed.is_none()
    };
    let settled = case.now >= until || case.hop >= HOPS_MAX || case.edits.iter().any(suspected);
    // What can run code is not waited for, nor a document that somebody unknown has put in the place of the one we knew.
    let before = case.record.accepted.as_ref().and_then(|accepted| accepted.input(RUNS_CODE));
    let risky = content.input(RUNS_CODE) != before || !same_document(&case.record, seen);
    if settled || risky || is(&seen.latest.body, &desired(advance.accepted.as_ref(), case)) {
        return None;
    }
    if !is(&seen.latest.body, &desired(Some(content), case)) {
        return None;
    }
    let why = format!("who wrote version {} is not known yet", nameless.version);
    let mut decision = decision(Verdict::Unsettled { why: why.clone() }, why);
    let owned = &case.resolution.owned;
    if !seen.default.body.content().is_some_and(|content| content.drift(owned).is_empty()) {
        let write = Write::Promote { version: seen.latest.number };
        decision = gated(case, decision, hold(case, seen, advance), write);
        decision.write.as_ref()?;
    }
    decision.wait = Some(Wait { until, on: WaitsOn::Visibility });
    Some(decision)
}

/// Whether we deleted the document around that time, to make it anew.
pub fn replaced_by_us(case: &Case, when: Time) -> bool {
    let just_now = case.refused.contains(&Refusal::Replacing).then_some(case.now);
    case.record.deleted_by_us.into_iter().chain(just_now).any(|at| at.since(when).abs() <= REPLACED_MS)
}

/// How an edit's author is called.
pub fn who(edit: &AttributedEdit) -> &str {
    let principal = &edit.edit.principal;
    principal.name.as_deref().or(principal.arn.as_deref()).unwrap_or("somebody")
}

fn unusable(seen: &Seen) -> Option<String> {
    if !seen.is_session() {
        return Some(format!("the document is of type `{}`, not Session", seen.document_type));
    }
    (seen.latest_status() == Status::Failed).then(|| format!("version {} failed", seen.latest.number))
}

/// A pipeline that deletes the document may be about to replace it; anybody else gets it back at once.
fn hold_for_absence(case: &Case) -> Option<Hold> {
    let deletions =
        || case.edits.iter().filter(|e| !e.seen && e.edit.failed.is_none() && e.edit.action == Action::Deleted);
    if deletions().any(|e| matches!(e.attribution, Attribution::Untrusted | Attribution::Unattributed)) {
        return None;
    }
    let Some(edit) = deletions().next() else { return running_hold(case) };
    let (length, why) = match edit.attribution {
        Attribution::BreakGlass => (hold_ms(case), "break-glass"),
        _ => (REPLACEMENT_MS, "a trusted deletion, perhaps to replace the document"),
    };
    Some(Hold {
        until: case.now.plus_ms(length),
        attribution: edit.attribution,
        why: format!("{why} by {}", who(edit)),
    })
}

/// A break-glass edit stands for as long as the policy says; an untrusted edit on top of it ends that.
fn hold(case: &Case, seen: &Seen, advance: &Advance) -> Option<Hold> {
    let moved = |e: &&AttributedEdit| {
        !e.seen && e.edit.failed.is_none() && matches!(e.edit.action, Action::DefaultMoved { .. })
    };
    let default_moves: Vec<&AttributedEdit> = case.edits.iter().filter(moved).collect();
    let latest = advance.judged.iter().rev().find(|judged| judged.attribution != Attribution::Ours);
    let late = |(judged, edit): &(Judged, AttributedEdit)| {
        edit.attribution == Attribution::Untrusted && judged.version == seen.latest.number
    };
    let untrusted = latest.is_some_and(|judged| judged.attribution == Attribution::Untrusted)
        || advance.late.iter().any(late)
        || default_moves.iter().any(|edit| edit.attribution == Attribution::Untrusted);
    if untrusted {
        return None;
    }
    let started = latest
        .filter(|judged| judged.attribution == Attribution::BreakGlass)
        .map(|judged| (judged.created, judged.principal.as_ref().and_then(|p| p.name.clone())))
        .or_else(|| {
            let moved = default_moves.iter().find(|edit| edit.attribution == Attribution::BreakGlass)?;
            Some((case.now, moved.edit.principal.name.clone()))
        });
    match started {
        Some((at, name)) => Some(Hold {
            until: at.plus_ms(hold_ms(case)),
            attribution: Attribution::BreakGlass,
            why: format!("break-glass by {}", name.unwrap_or_else(|| "somebody".to_owned())),
        }),
        None => running_hold(case).filter(|hold| hold.attribution == Attribution::BreakGlass),
    }
}

fn running_hold(case: &Case) -> Option<Hold> {
    case.record.hold.clone()
}

fn hold_ms(case: &Case) -> i64 {
    i64::from(case.limits.hold_minutes) * MINUTE_MS
}

/// Lets a write through if nothing stands in its way, and says what does.
fn gated(case: &Case, mut decision: Decision, hold: Option<Hold>, write: Write) -> Decision {
    match case.resolution.mode {
        Mode::Exempt => return reasoned(decision, format!("exempt: {}", case.resolution.reason)),
        Mode::Observe if mutant::on(Mutant::WriteWhereObserving) => {}
        Mode::Observe => return reasoned(decision, format!("observe only: {}", case.resolution.reason)),
        Mode::Enforce => {}
    }
    if let Some(hold) = hold.filter(|hold| hold.until > case.now) {
        let reason = format!("held until {}: {}", hold.until, hold.why);
        decision.wait = Some(Wait { until: hold.until, on: WaitsOn::Hold(hold) });
        return reasoned(decision, reason);
    }
    if let Some(not_before) = not_before(&case.record.heat, !provoked(case)).filter(|at| *at > case.now) {
        decision.wait = Some(Wait { until: not_before, on: WaitsOn::EditWar });
        return reasoned(decision, format!("an edit war: no write before {not_before}"));
    }
    let refused = case.refused.iter().find(|refusal| matches!(refusal, Refusal::Denied | Refusal::Invalid));
    if let Some(refusal) = refused {
        return reasoned(decision, format!("AWS refused the write ({refusal:?})"));
    }
    let reason = match &write {
        Write::Put { base: None, .. } => "create it".to_owned(),
        Write::Put { base: Some(base), .. } => format!("write on top of version {base}, if that is still the latest"),
        Write::Promote { version } => format!("make version {version} the default"),
        Write::Recreate { .. } => "delete it and create it anew".to_owned(),
    };
    decision.write = Some(write);
    reasoned(decision, reason)
}

/// Whether a hand that we do not trust is behind what brought us here.
fn provoked(case: &Case) -> bool {
    let news = |edit: &&AttributedEdit| !edit.seen && edit.edit.failed.is_none() && !edit.by_our_role;
    let mut edits = case.edits.iter().filter(news);
    edits.any(|edit| matches!(edit.attribution, Attribution::Untrusted | Attribution::Unattributed))
}

fn reasoned(mut decision: Decision, reason: Reason) -> Decision {
    decision.reasons.push(reason);
    decision
}
