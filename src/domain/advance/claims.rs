//! Which call made which version.
//!
//! A call names the version that it made by its number, and the numbers begin anew with each document. So the creation date
//! has to fit the call's time; of several calls that fit, the nearest has made the version, and in doubt the one whose author
//! we trust least. It makes no difference in which order we hear of them.

use std::cmp::Reverse;

use super::Advance;
use crate::domain::case::{AttributedEdit, Case};
use crate::domain::document::Change;
use crate::domain::edit::Action;
use crate::domain::observation::{Seen, VersionInfo};
use crate::domain::principal::Attribution;
use crate::domain::record::{GONE, Judged};
use crate::domain::time::{DAY_MS, MINUTE_MS, SECOND_MS, Time};

/// An event's time and the creation date of the version that it made differ by no more than this.
const SAME_CALL_MS: i64 = 15 * MINUTE_MS;
/// Nor is the version later by more than this where the author's word makes content accepted.
const VOUCHED_MS: i64 = 10 * SECOND_MS;
/// CloudTrail's times are whole seconds.
const SAME_MOMENT_MS: i64 = SECOND_MS;
/// EventBridge tries for a day [docs: eb-rule-retry-policy], SQS keeps a message for fourteen [docs: SQS quotas]. Of an event
/// that is older still (a replay of the archive, a clock that is off) the time is no evidence, and only the number counts.
const KEPT_MS: i64 = 15 * DAY_MS;

/// The author that an edit of this case names for a version.
pub(super) fn author<'a>(
    case: &'a Case,
    seen: &Seen,
    version: &VersionInfo,
    sole: Option<u64>,
) -> Option<&'a AttributedEdit> {
    let made = |edit: &&AttributedEdit| {
        made_it(edit, version.number, sole) && fits(case, &seen.versions, edit, version.number, version.created)
    };
    let claims = case.edits.iter().filter(made);
    claims.min_by_key(|edit| doubt(version.created, edit.edit.at, edit.attribution))
}

/// Of two claims to the same version the one with less of this is believed.
fn doubt(created: Time, at: Time, attribution: Attribution) -> (i64, Reverse<Attribution>) {
    (created.since(at).abs(), Reverse(attribution))
}

/// Whether a call and the creation of a version are near enough to each other to be the same thing.
pub fn near(edit: &AttributedEdit, created: Time) -> bool {
    created.since(edit.edit.at).abs() <= SAME_CALL_MS
}

/// Whether the times of a call and of a version allow that the one made the other.
pub(super) fn fits(case: &Case, listed: &[VersionInfo], edit: &AttributedEdit, number: u64, created: Time) -> bool {
    if case.now.since(edit.edit.at) > KEPT_MS {
        return true;
    }
    match edit.attribution {
        Attribution::Trusted | Attribution::BreakGlass => vouches(case, listed, edit, number, created),
        Attribution::Ours | Attribution::Untrusted | Attribution::Unattributed => near(edit, created),
    }
}

/// Whether somebody whose word counts can have meant this version, and not one of the same number in a document that was
/// deleted since: whoever sees a pipeline write can delete the document and be at the same number seconds later. So the call
/// must have been made at that very time, after the versions before it, and with no foreign deletion in between.
fn vouches(case: &Case, listed: &[VersionInfo], edit: &AttributedEdit, number: u64, created: Time) -> bool {
    let at = edit.edit.at;
    let listed = listed.iter().map(|version| (version.number, version.created));
    let remembered = case.record.recent.iter().map(|judged| (judged.version, judged.created));
    let mut before = listed.chain(remembered).filter(|(other, made)| (1..number).contains(other) && *made < created);
    (-SAME_MOMENT_MS..=VOUCHED_MS).contains(&created.since(at))
        && before.all(|(_, made)| made.since(at) < SAME_MOMENT_MS)
        && !foreign_deletions(case).any(|deleted| at <= deleted && deleted <= created)
}

/// When somebody else than a pipeline deleted the document, ourselves included, as far as it is known.
fn foreign_deletions(case: &Case) -> impl Iterator<Item = Time> {
    let told = case.edits.iter().filter(|edit| edit.edit.failed.is_none() && edit.edit.action == Action::Deleted);
    let told = told.map(|edit| (edit.attribution, edit.edit.at));
    let remembered = case.record.recent.iter().filter(|judged| judged.version == GONE);
    let remembered = remembered.map(|judged| (judged.attribution, judged.claimed.unwrap_or(judged.created)));
    let foreign = told.chain(remembered).filter(|(attribution, _)| *attribution != Attribution::Trusted);
    foreign.map(|(_, at)| at).chain(case.record.deleted_by_us)
}

/// Whether a call says that it made the version of this number.
pub(super) fn made_it(edit: &AttributedEdit, number: u64, sole: Option<u64>) -> bool {
    let right_number = match edit.edit.action {
        Action::Created | Action::Updated { version: Some(_) } => edit.edit.action.made_version() == Some(number),
        // CloudTrail left the reply out: with one new version there is only one that it can have made.
        Action::Updated { version: None } => sole == Some(number),
        Action::DefaultMoved { .. } | Action::Deleted | Action::VersionDeleted { .. } | Action::SharingChanged => false,
    };
    right_number && edit.edit.failed.is_none()
}

/// What becomes known, or has to be doubted, of versions that were judged before. A trusted change that was dropped then is
/// taken over now; one that was taken over, and turns out to be somebody else's, is taken back.
pub(super) fn reconsider(case: &Case, listed: &[VersionInfo], advance: &mut Advance) {
    // What was told while the target could not be read has not been used yet.
    let unplaced = |edit: &AttributedEdit| case.record.unplaced.iter().any(|other| other.id == edit.edit.id);
    for edit in case.edits.iter().filter(|edit| (!edit.seen || unplaced(edit)) && !edit.by_our_role) {
        let claimed = case.record.recent.iter().filter(|judged| {
            // What is ours by its content, and was there before the second of the call, was not made by it; another document
            // may have a version of that number since.
            let ours_before = judged.attribution == Attribution::Ours && judged.created < edit.edit.at;
            made_it(edit, judged.version, None)
                && !ours_before
                && fits(case, listed, edit, judged.version, judged.created)
                && !listed.iter().any(|other| {
                    other.number == judged.version
                        && other.created != judged.created
                        && other.created.since(edit.edit.at).abs() <= judged.created.since(edit.edit.at).abs()
                })
        });
        let known = claimed.min_by_key(|judged| judged.created.since(edit.edit.at).abs());
        if let Some(known) = known.filter(|judged| believed_rather(edit, judged)) {
            advance.late.push((known.clone(), edit.clone()));
        }
    }
    let taken_over = |judged: &&Judged| judged.attribution == Attribution::Trusted;
    for judged in case.record.recent.iter().filter(taken_over) {
        let claimed_by_another = advance.late.iter().any(|(late, _)| late == judged);
        let another_document = judged.claimed.is_some_and(|claimed| {
            foreign_deletions(case).any(|deleted| claimed <= deleted && deleted <= judged.created)
        });
        if another_document && !claimed_by_another {
            advance.doubted.push(judged.clone());
        }
    }
    let disowned = advance.late.iter().map(|(judged, _)| judged).filter(taken_over).chain(&advance.doubted);
    for judged in disowned.cloned().collect::<Vec<_>>() {
        let undo = untouched_since(case, &judged, &judged.undo);
        advance.accepted = advance.accepted.take().map(|accepted| accepted.with_change(&undo));
    }
    let mut late = std::mem::take(&mut advance.late);
    for (judged, _) in &mut late {
        judged.undo = Change::new();
    }
    let mut vouched: Vec<&mut Judged> = late
        .iter_mut()
        .filter(|(_, edit)| edit.attribution == Attribution::Trusted)
        .map(|(judged, _)| judged)
        .collect();
    vouched.sort_by_key(|judged| (judged.created, judged.version));
    for judged in vouched {
        judged.undo = advance.take_over(&untouched_since(case, judged, &judged.change));
    }
    advance.late = late;
}

/// Whether a call is a better claim to a version than the one that it was judged by, and makes a difference.
fn believed_rather(edit: &AttributedEdit, judged: &Judged) -> bool {
    let claim = doubt(judged.created, edit.edit.at, edit.attribution);
    match (judged.attribution, judged.claimed) {
        (Attribution::Unattributed, _) => true,
        (Attribution::Ours, _) | (_, None) => false,
        (before, Some(at)) => edit.attribution != before && claim < doubt(judged.created, at, before),
    }
}

/// A change, without what we own, which we have put right since, and without what trusted hands changed again since that
/// version: both stay as they are, in whatever order we hear of it.
fn untouched_since(case: &Case, judged: &Judged, change: &Change) -> Change {
    let place = |judged: &Judged| (judged.created, judged.version);
    let later = |other: &&Judged| other.attribution == Attribution::Trusted && place(other) > place(judged);
    let again = |field: &str| {
        let recent = case.record.recent.iter().filter(later);
        recent.flat_map(|other| &other.change).any(|change| change.field == field)
    };
    let ours = |field: &String| case.resolution.owned.contains_key(field);
    change.iter().filter(|change| !ours(&change.field) && !again(&change.field)).cloned().collect()
}
