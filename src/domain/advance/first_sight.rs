//! What is adopted of a document that nobody of us remembers.
//!
//! Two of us can be at a new document at the same time, or one can be cut short: then some of what is there is ours, and
//! whoever comes to remember it first may be another one than he who wrote it.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::claims::{fits, made_it};
use super::{DELIVERY_MS, REPLAYED_MAX, is_named_like_ours};
use crate::domain::case::{AttributedEdit, Case};
use crate::domain::document::{Body, Change, Content};
use crate::domain::observation::{Seen, VersionInfo};
use crate::domain::principal::Attribution;
use crate::domain::record::Judged;
use crate::domain::time::MINUTE_MS;

/// Who wrote a version that is younger than this may still be on his way to tell what he knows of it.
const UNTOLD_MS: i64 = 10 * MINUTE_MS;

/// The version up to which everything is adopted.
///
/// That is what is there, but for what an untrusted hand is known to have put there just now, and for what came on top of a
/// pipeline's version: the one of us who wrote that may not have known whose it was, and have undone it.
pub(super) fn adopted(case: &Case, seen: &Seen) -> u64 {
    let latest = Some(seen.latest.number);
    let first = |wanted: &dyn Fn(&AttributedEdit) -> bool| {
        let made = |e: &AttributedEdit, version: &VersionInfo| {
            made_it(e, version.number, latest) && fits(case, &seen.versions, e, version.number, version.created)
        };
        let named = |version: &&VersionInfo| case.edits.iter().any(|e| wanted(e) && made(e, version));
        seen.versions.iter().filter(named).map(|version| version.number).min()
    };
    let foreign = first(&|e| e.attribution != Attribution::Trusted);
    let foreign = foreign.map(|first| before(seen, first).map_or(0, |version| version.number));
    // What is replayed out of an archive tells nothing of what may have followed since.
    let pipelines = first(&|e| e.attribution == Attribution::Trusted && case.now.since(e.edit.at) <= DELIVERY_MS);
    foreign.into_iter().chain(pipelines).min().unwrap_or(seen.latest.number)
}

/// The versions whose contents tell what one of us may have undone, each with the one before it.
pub(super) fn beneath_ours(case: &Case, seen: &Seen, adopted: u64) -> Vec<u64> {
    let (ours, beneath) = untold(case, seen, adopted);
    let with_before = |version: &VersionInfo| [Some(version.number), before(seen, version.number).map(|v| v.number)];
    ours.into_iter().chain(beneath).flat_map(with_before).flatten().collect()
}

/// Versions of others, of which one of us has undone something before he could tell of it: whose they are may still become
/// known. The name of the one that undid it proves nothing; so nothing is accepted for it.
pub(super) fn undone(case: &Case, seen: &Seen, adopted: u64) -> Vec<Judged> {
    let Some(there) = seen.body(adopted).and_then(Body::content) else { return Vec::new() };
    let (ours, beneath) = untold(case, seen, adopted);
    let by_us = ours.into_iter().filter_map(|version| change(seen, version)).flatten();
    let by_us: BTreeSet<String> = by_us.map(|change| change.field).collect();
    let lost = |version: &VersionInfo| {
        let mut change = missing(case, there, change(seen, version)?);
        change.retain(|change| by_us.contains(&change.field));
        (!change.is_empty()).then(|| Judged {
            version: version.number,
            created: version.created,
            attribution: Attribution::Unattributed,
            principal: None,
            claimed: None,
            change,
            undo: Change::new(),
        })
    };
    beneath.into_iter().filter_map(lost).collect()
}

/// What a version changed, where it can be said.
fn change(seen: &Seen, version: &VersionInfo) -> Option<Change> {
    let content = seen.body(version.number)?.content()?;
    match before(seen, version.number) {
        Some(before) => Some(seen.body(before.number)?.content()?.change_to(content)),
        None => Some(Content::minimal().change_to(content)),
    }
}

/// As much of a change to fields that we do not own as is not there.
fn missing(case: &Case, there: &Content, change: Change) -> Change {
    let owned = &case.resolution.owned;
    let lost = there.overlaid(owned).change_to(&there.with_change(&change).overlaid(owned));
    change.into_iter().filter(|change| lost.iter().any(|lost| lost.field == change.field)).collect()
}

/// Young versions that are called like ours, and those of others beneath them, oldest first.
fn untold<'a>(case: &Case, seen: &'a Seen, adopted: u64) -> (Vec<&'a VersionInfo>, Vec<&'a VersionInfo>) {
    // One that is younger than this pass was made while we looked.
    let young = |version: &&VersionInfo| version.number <= adopted && case.now.since(version.created) < UNTOLD_MS;
    let mut versions: Vec<&VersionInfo> = seen.versions.iter().filter(young).collect();
    versions.sort_by_key(|version| Reverse(version.number));
    versions.truncate(REPLAYED_MAX);
    versions.reverse();
    let last = versions.iter().filter(|version| is_named_like_ours(version)).map(|version| version.number).max();
    let covered = versions.into_iter().filter(|version| last.is_some_and(|last| version.number <= last));
    covered.partition(|version| is_named_like_ours(version))
}

fn before(seen: &Seen, number: u64) -> Option<&VersionInfo> {
    seen.versions.iter().filter(|version| version.number < number).max_by_key(|version| version.number)
}
