//! What a pass leaves in the record, alerts and incident apart.

use super::news::{News, ToldEdit, is_deletion};
use super::{HOPS_MAX, outpaced};
use crate::domain::case::{Applied, Case, Decision, Refusal, Verdict, WaitsOn, Write};
use crate::domain::document::Body;
use crate::domain::heat::after_revert;
use crate::domain::mutant::{self, Mutant};
use crate::domain::observation::Observation;
use crate::domain::policy::Mode;
use crate::domain::principal::Attribution;
use crate::domain::record::{Accounted, GONE, Judged, RECENT_MAX, Record, Standing};
use crate::domain::signal::Cause;
use crate::domain::time::{MINUTE_MS, Time};

/// The record after a pass.
pub(super) fn remember(case: &Case, decision: &Decision, applied: &Applied, news: &News) -> Record {
    let mut record = case.record.clone();
    account(case, news, &mut record);
    if let Applied::Landed { version, at } = applied {
        landed(case, decision, *version, *at, &mut record);
    }
    if case.refused.contains(&Refusal::Replacing) || *applied == Applied::Refused(Refusal::Replacing) {
        record.deleted_by_us = Some(case.now);
    }
    let fought = match applied {
        Applied::Landed { .. } => true,
        Applied::Refused(refusal) => outpaced(*refusal),
        // Done in an attempt before this one: it counts all the same.
        Applied::Nothing => news.put_right_before(case, decision).is_some(),
    };
    if fought && !news.edits.is_empty() {
        let trusted = news.edits.iter().all(|edit| edit.attribution == Attribution::Trusted);
        record.heat = after_revert(&record.heat, &case.limits, case.now, trusted);
    }
    if news.echo && !matches!(applied, Applied::Landed { .. }) {
        record.awaiting_echo = None;
    }
    record.hold = match &decision.wait {
        Some(wait) => match &wait.on {
            WaitsOn::Hold(hold) => Some(hold.clone()),
            WaitsOn::EditWar => {
                record.heat.not_before = Some(wait.until);
                record.hold
            }
            WaitsOn::Obstacle | WaitsOn::Visibility => record.hold,
        },
        None => None,
    };
    record.standing = standing(case, decision, applied);
    record.why = if matches!(record.standing, Standing::InSync) { String::new() } else { decision.reasons.join("; ") };
    if case.cause == Cause::Vended && record.configured.is_none() && record.vended.is_none() {
        record.vended = Some(case.since);
    }
    if record.standing == Standing::InSync && record.configured.is_none() {
        record.configured = Some(case.now);
    }
    record
}

/// Takes account of what was seen.
fn account(case: &Case, news: &News, record: &mut Record) {
    match &case.observation {
        Observation::Unknown(_) => return remember_unplaced(news, record),
        Observation::Absent => {
            record.accepted = news.advance.as_ref().and_then(|advance| advance.accepted.clone());
            record.accounted = None;
        }
        Observation::Present(seen) => {
            if let Some(advance) = &news.advance {
                record.accepted.clone_from(&advance.accepted);
                record.recent.splice(0..0, advance.judged.iter().rev().cloned());
            }
            let accepted = record.accepted.clone().map(Body::Valid);
            let body = (accepted.as_ref() != Some(&seen.latest.body)).then(|| seen.latest.body.clone());
            let created = seen.info(seen.latest.number).map(|info| info.created);
            record.accounted = Some(Accounted { version: seen.latest.number, created, landed: None, base: None, body });
        }
    }
    record.unplaced.clear();
    for deletion in news.edits.iter().filter(|edit| is_deletion(edit)) {
        record.recent.insert(0, gone(deletion));
    }
    correct(news, &mut record.recent);
    record.recent.truncate(RECENT_MAX);
}

/// Who made a version that we cannot see.
fn remember_unplaced(news: &News, record: &mut Record) {
    let told = news.edits.iter().filter_map(|edit| edit.event.clone());
    record.unplaced.extend(told.filter(|edit| edit.action.made_version().is_some()));
    let too_many = record.unplaced.len().saturating_sub(RECENT_MAX);
    record.unplaced.drain(..too_many);
}

/// A deletion, as it is remembered among the versions.
fn gone(deletion: &ToldEdit) -> Judged {
    Judged {
        version: GONE,
        created: deletion.at,
        attribution: deletion.attribution,
        principal: deletion.principal.clone(),
        claimed: deletion.event.as_ref().map(|event| event.at),
        change: Vec::new(),
        undo: Vec::new(),
    }
}

/// What has become known, or doubtful, of versions that were judged before.
fn correct(news: &News, recent: &mut [Judged]) {
    let mut known = |judged: &Judged, now: &dyn Fn(&mut Judged)| {
        let same = |other: &&mut Judged| other.version == judged.version && other.created == judged.created;
        recent.iter_mut().find(same).map(now);
    };
    for (judged, edit) in &news.late {
        known(judged, &|known| {
            known.undo.clone_from(&judged.undo);
            known.principal = Some(edit.edit.principal.clone());
            // Only the call that made a version tells its author for good; a deletion has no other call.
            if edit.edit.action.made_version().is_some() || known.version == GONE {
                known.attribution = edit.attribution;
                known.claimed = Some(edit.edit.at);
            }
        });
    }
    for judged in news.advance.iter().flat_map(|advance| &advance.doubted) {
        known(judged, &|known| {
            known.undo = Vec::new();
            (known.attribution, known.principal, known.claimed) = (Attribution::Unattributed, None, None);
        });
    }
}

/// Takes account of what we wrote.
fn landed(case: &Case, decision: &Decision, version: u64, at: Time, record: &mut Record) {
    match &decision.write {
        Some(Write::Put { content, .. }) => record.accepted = Some(content.clone()),
        Some(Write::Recreate { content }) => {
            record.accepted = Some(content.clone());
            record.deleted_by_us = Some(case.now);
        }
        Some(Write::Promote { .. }) | None => {
            record.awaiting_echo = Some(version);
            return;
        }
    }
    let base = match (&decision.write, &case.observation) {
        (Some(Write::Put { base: Some(base), .. }), Observation::Present(seen)) => {
            seen.info(*base).map(|info| info.created)
        }
        _ => None,
    };
    record.accounted = Some(Accounted { version, created: None, landed: Some(at), base, body: None });
    record.awaiting_echo = Some(version);
}

fn standing(case: &Case, decision: &Decision, applied: &Applied) -> Standing {
    let right = matches!(decision.verdict, Verdict::InSync) || matches!(applied, Applied::Landed { .. });
    let patience_ms = i64::from(case.limits.readiness_minutes) * MINUTE_MS;
    if mutant::on(Mutant::UnknownIsGreen) && matches!(decision.verdict, Verdict::Unknown { .. }) {
        return Standing::InSync;
    }
    if let Verdict::Unknown { .. } = decision.verdict {
        return match (case.record.standing, case.cause) {
            // Told before, and not over.
            (Standing::Unreachable, _) => Standing::Unreachable,
            (_, Cause::Vended) if decision.wait.is_some() => Standing::Waiting,
            // Somebody else is waiting for the new account, and tells if it waits in vain.
            (Standing::Waiting, Cause::Touched | Cause::Swept) if case.now.since(case.record.updated) < patience_ms => {
                Standing::Waiting
            }
            _ => Standing::Unreachable,
        };
    }
    match case.resolution.mode {
        Mode::Exempt => return Standing::Exempt,
        Mode::Observe if !right => return Standing::Drifted,
        Mode::Observe | Mode::Enforce => {}
    }
    match decision.wait.as_ref().map(|wait| &wait.on) {
        Some(WaitsOn::Hold(_)) => Standing::Held,
        Some(WaitsOn::EditWar) => Standing::BackingOff,
        Some(WaitsOn::Obstacle | WaitsOn::Visibility) => Standing::Waiting,
        None if right => Standing::InSync,
        None if matches!(applied, Applied::Refused(refusal) if outpaced(*refusal)) && case.hop < HOPS_MAX => {
            Standing::BackingOff
        }
        None => Standing::Unreachable,
    }
}
