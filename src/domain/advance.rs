//! How accepted content advances: edit by edit, by who made each one.
//!
//! The change that a version made to fields which the policy does not own is taken over if the version is Ours or Trusted,
//! and dropped otherwise. So a hostile edit is not laundered by a trusted one that follows at once: only what the trusted
//! hand itself changed is taken over.

mod claims;
mod first_sight;

use std::collections::BTreeSet;

use self::claims::{author, reconsider};
use self::first_sight::{adopted, beneath_ours, undone};
use super::case::{AttributedEdit, Case};
use super::document::{Body, Change, Content};
use super::mutant::{self, Mutant::AcceptUnattributed};
use super::observation::{Seen, VERSION_NAME, VersionInfo};
use super::principal::Attribution;
use super::record::{Judged, Record};
use super::time::{HOUR_MS, SECOND_MS};

pub use claims::near;

/// More versions than this since the last look are not replayed; the accepted content stays.
pub const REPLAYED_MAX: usize = 10;

/// EventBridge gives up delivering after 24 h; no deadline is counted from before that.
pub const DELIVERY_MS: i64 = 25 * HOUR_MS;

/// Our clock and that of SSM differ by no more than this.
const CLOCKS_MS: i64 = 5 * SECOND_MS;

/// What the versions since the last look amount to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advance {
    /// The content that trusted hands have made, up to the latest version; absent where there is none.
    pub accepted: Option<Content>,
    /// The versions since the last look, oldest first.
    pub judged: Vec<Judged>,
    /// Versions of earlier looks whose author has become known, with the edit that tells.
    pub late: Vec<(Judged, AttributedEdit)>,
    /// Versions whose change was taken over for an author who made another version of that number: the document was deleted
    /// in between.
    pub doubted: Vec<Judged>,
    /// Nothing was known of this document before: what is there was adopted.
    pub first_sight: bool,
    /// Why the accepted content could not follow, where it could not.
    pub gap: Option<String>,
    /// The first version whose author may still become known, and what would be accepted if all such authors were trusted.
    pub presumed: Option<(Judged, Content)>,
}

impl Advance {
    /// Takes a trusted change over; returns the way back.
    fn take_over(&mut self, change: &Change) -> Change {
        let before = self.accepted.take().unwrap_or_else(Content::minimal);
        let after = before.with_change(change);
        let undo = after.change_to(&before);
        self.accepted = Some(after);
        undo
    }
}

/// Where replaying begins.
struct Start {
    after: u64,
    first_sight: bool,
}

/// The versions, apart from latest and default, whose content is needed to decide; to be read by the next look.
pub fn wanted(case: &Case, seen: &Seen) -> BTreeSet<u64> {
    let start = start(case, seen);
    let mut new = new_versions(seen, start.after);
    if new.len() > REPLAYED_MAX {
        new.clear();
    }
    let before = start.first_sight.then_some(start.after);
    let beneath = if start.first_sight { beneath_ours(case, seen, start.after) } else { Vec::new() };
    let unconfirmed = case.record.accounted.as_ref().filter(|it| it.created.is_none()).map(|it| it.version);
    let unread = |n: &u64| seen.info(*n).is_some() && seen.body(*n).is_none();
    new.iter().map(|version| version.number).chain(before).chain(beneath).chain(unconfirmed).filter(unread).collect()
}

/// Follows the versions since the last look.
pub fn advance(case: &Case, seen: &Seen) -> Advance {
    let start = start(case, seen);
    let new = new_versions(seen, start.after);
    let mut accepted = case.record.accepted.clone();
    let mut before = known_body(&case.record, start.after).or_else(|| seen.body(start.after).cloned());
    let session = seen.is_session();
    if start.first_sight {
        accepted = before.as_ref().filter(|_| session).and_then(Body::content).cloned();
    }
    let judged = if start.first_sight && session { undone(case, seen, start.after) } else { Vec::new() };
    let mut advance = Advance { accepted, judged, first_sight: start.first_sight, ..Advance::default() };
    // What becomes known of earlier versions comes before the new ones: they may have been made with it in mind.
    reconsider(case, &seen.versions, &mut advance);
    if !session {
        advance.gap = Some("a document of another type has no preferences to follow".to_owned());
    } else if new.len() > REPLAYED_MAX {
        advance.gap = Some(format!("{} versions were made since the last look, too many to follow", new.len()));
    }
    // A version that was deleted from between hides what it changed; whatever follows may have inherited it.
    let numbers = new.iter().map(|version| version.number);
    if new.len() <= REPLAYED_MAX && numbers.zip(start.after.saturating_add(1)..).any(|(there, due)| there != due) {
        advance.gap = Some("a version since the last look was deleted".to_owned());
    }
    let sole = if let [only] = new.as_slice() { Some(only.number) } else { None };
    let mut blurred = blurred_before(&case.record, start.after, before.as_ref());
    let mut carried = None;
    let mut presumed = Presumed { content: advance.accepted.clone(), first: None };
    for version in new.iter().rev().take(REPLAYED_MAX).rev() {
        let body = if advance.gap.is_some() { None } else { seen.body(version.number) };
        let author = author(case, seen, version, sole);
        let mut judged = judge(case, version, author, body, before.as_ref(), &mut advance);
        let trusted = judged.attribution == Attribution::Trusted
            || (mutant::on(AcceptUnattributed) && judged.attribution == Attribution::Unattributed);
        let valid = body.is_some_and(|body| body.content().is_some());
        if trusted && valid && blurred {
            carried = Some(format!("version {} may carry over what an invalid one before it held", version.number));
        } else if trusted && valid {
            judged.undo = advance.take_over(&judged.change);
        }
        if valid {
            presumed.follow(&judged, advance.accepted.as_ref(), blurred);
        }
        // An invalid version is stepped over: what follows is compared with the last valid one.
        if body.is_none() || valid {
            before = body.cloned();
        }
        blurred = body.is_some() && !valid && (blurred || !trusted);
        advance.judged.push(judged);
    }
    advance.gap = advance.gap.or(carried);
    advance.presumed = presumed.first.zip(presumed.content);
    advance
}

/// What would be accepted if those were trusted whose names may still become known.
struct Presumed {
    content: Option<Content>,
    first: Option<Judged>,
}

impl Presumed {
    fn follow(&mut self, judged: &Judged, accepted: Option<&Content>, blurred: bool) {
        let open = judged.attribution == Attribution::Unattributed;
        if judged.attribution == Attribution::Ours {
            self.content = accepted.cloned();
        } else if (open || judged.attribution == Attribution::Trusted) && !blurred {
            let content = self.content.take().unwrap_or_else(Content::minimal);
            self.content = Some(content.with_change(&judged.change));
        }
        if open && self.first.is_none() {
            self.first = Some(judged.clone());
        }
    }
}

/// Where there is no document: what becomes known of the versions that there were.
pub fn advance_without(case: &Case) -> Advance {
    let accepted = case.record.accepted.clone();
    let mut advance = Advance { accepted, ..Advance::default() };
    reconsider(case, &[], &mut advance);
    advance
}

/// Whether the version before is no valid document, and not by a hand that we trust: what it held is not known, so that
/// nobody can tell what the next one only carried over from it.
fn blurred_before(record: &Record, number: u64, before: Option<&Body>) -> bool {
    let by_trusted = |judged: &Judged| judged.attribution == Attribution::Trusted;
    before.is_some_and(|body| body.content().is_none())
        && !record.recent.iter().find(|judged| judged.version == number).is_some_and(by_trusted)
}

fn judge(
    case: &Case,
    version: &VersionInfo,
    author: Option<&AttributedEdit>,
    body: Option<&Body>,
    before: Option<&Body>,
    advance: &mut Advance,
) -> Judged {
    let mut judged = Judged {
        version: version.number,
        created: version.created,
        // Content says what is ours. Anything else that our role seems to have written may be a version that another one of
        // its number has replaced: its author may still become known.
        attribution: author.filter(|edit| !edit.by_our_role).map_or(Attribution::Unattributed, |edit| edit.attribution),
        principal: author.map(|edit| edit.edit.principal.clone()),
        claimed: author.map(|edit| edit.edit.at),
        change: Change::new(),
        undo: Change::new(),
    };
    let Some(body) = body else {
        if advance.gap.is_none() {
            advance.gap = Some(format!("version {} could not be read", version.number));
        }
        return judged;
    };
    let Body::Valid(content) = body else { return judged };
    let ours = advance.accepted.clone().unwrap_or_else(Content::minimal).overlaid(&case.resolution.owned);
    if content.same_as(&ours) {
        judged.attribution = Attribution::Ours;
        advance.accepted = Some(ours);
        return judged;
    }
    judged.change = match before.and_then(Body::content) {
        Some(before) => before.change_to(content),
        None => advance.accepted.clone().unwrap_or_else(Content::minimal).change_to(content),
    };
    judged
}

/// Whether the version that we accounted for last still stands in the document's history.
pub fn same_document(record: &Record, seen: &Seen) -> bool {
    let Some(accounted) = &record.accounted else { return false };
    if seen.latest.number < accounted.version {
        return false;
    }
    let before = seen.info(accounted.version.saturating_sub(1)).map(|info| info.created);
    match (seen.info(accounted.version), accounted.created) {
        (Some(info), Some(created)) => info.created == created,
        // Deleted or out of the list: the document is another one if everything in it is younger and begins anew.
        (None, Some(created)) => {
            seen.older_exist || seen.versions.iter().any(|v| v.created <= created || v.number > accounted.version)
        }
        // Ours, and not seen since we wrote it: the number alone does not tell it from a version of another document.
        (_, None) if accounted.base.is_some_and(|base| before.is_some_and(|before| before != base)) => false,
        (Some(info), None) if accounted.landed.is_some_and(|at| info.created > at.plus_ms(CLOCKS_MS)) => false,
        (_, None) => match (seen.body(accounted.version), known_body(record, accounted.version)) {
            (Some(Body::Valid(there)), Some(Body::Valid(ours))) => there.same_as(&ours),
            (Some(there), Some(ours)) => *there == ours,
            (None, _) | (_, None) => true,
        },
    }
}

fn start(case: &Case, seen: &Seen) -> Start {
    if let Some(accounted) = &case.record.accounted
        && same_document(&case.record, seen)
    {
        return Start { after: accounted.version, first_sight: false };
    }
    if case.record.accounted.is_some() || case.record.accepted.is_some() {
        return Start { after: 0, first_sight: false };
    }
    Start { after: adopted(case, seen), first_sight: true }
}

/// Whether a version's name begins like those of ours. Any caller can copy a name.
pub(super) fn is_named_like_ours(version: &VersionInfo) -> bool {
    version.name.as_ref().is_some_and(|name| name.starts_with(VERSION_NAME))
}

fn new_versions(seen: &Seen, after: u64) -> Vec<&VersionInfo> {
    let mut new: Vec<&VersionInfo> =
        seen.versions.iter().filter(|v| v.number > after && v.number <= seen.latest.number).collect();
    new.sort_by_key(|version| version.number);
    new
}

fn known_body(record: &Record, number: u64) -> Option<Body> {
    let accounted = record.accounted.as_ref().filter(|accounted| accounted.version == number)?;
    accounted.body.clone().or_else(|| record.accepted.clone().map(Body::Valid))
}
