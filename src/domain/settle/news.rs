//! What happened since the last look, and who did it: each edit once.
//!
//! An edit is told because it happened, not because we caught the document wrong: after a crash between write and
//! transaction the document is right already, and still somebody has to hear of it.

use crate::domain::advance::{Advance, advance, advance_without, near, same_document};
use crate::domain::case::{AttributedEdit, Case, Decision, Verdict};
use crate::domain::decide::{invisible, replaced_by_us};
use crate::domain::document::Change;
use crate::domain::edit::{Action, Edit};
use crate::domain::observation::{Observation, Seen};
use crate::domain::policy::Mode;
use crate::domain::principal::{Attribution, Principal};
use crate::domain::record::{GONE, Judged, Standing};
use crate::domain::time::{HOUR_MS, MINUTE_MS, SECOND_MS, Time};

/// What a deletion is called that no event told of.
const DELETED: &str = "deleted the document";

/// One edit, as it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct ToldEdit {
    /// The same for the same edit, however it is found.
    pub key: String,
    /// Who made it, as far as it matters.
    pub attribution: Attribution,
    /// The author, where known.
    pub principal: Option<Principal>,
    /// What was done, in words that follow the author's name.
    pub what: String,
    /// When.
    pub at: Time,
    /// The fields it changed.
    pub change: Change,
    /// The event behind it, where there is one.
    pub event: Option<Edit>,
}

/// What is new in one pass.
#[derive(Clone, Debug)]
pub struct News {
    /// Edits by others, oldest first.
    pub edits: Vec<ToldEdit>,
    /// Edits that were told before, whose author has become known.
    pub late: Vec<(Judged, AttributedEdit)>,
    /// Calls that failed.
    pub denied: Vec<AttributedEdit>,
    /// Ids of the edits that this pass settles and that are worth a row.
    pub settled: Vec<String>,
    /// Calls whose doing is not visible yet: they travel on with the message.
    pub invisible: Vec<Edit>,
    /// Our own last write has come back as an event.
    pub echo: bool,
    /// How the accepted content advanced, where we could look.
    pub advance: Option<Advance>,
}

impl News {
    /// Gathers what is new.
    pub fn gather(case: &Case, decision: &Decision) -> Self {
        let mut news = Self {
            edits: Vec::new(),
            late: Vec::new(),
            denied: Vec::new(),
            settled: Vec::new(),
            invisible: Vec::new(),
            echo: false,
            advance: None,
        };
        if carries_edits(decision) {
            return news;
        }
        let advanced = match &case.observation {
            Observation::Present(seen) => Some(advance(case, seen)),
            Observation::Absent => Some(advance_without(case)),
            Observation::Unknown(_) => None,
        };
        if let Some(advance) = advanced {
            news.edits.extend(advance.judged.iter().filter_map(|judged| version_edit(case, judged)));
            news.late.clone_from(&advance.late);
            news.edits.extend(advance.late.iter().filter(|late| taken_back(late)).map(|late| disowned(case, late)));
            news.advance = Some(advance);
        }
        for edit in case.edits.iter().filter(|edit| !edit.seen) {
            let looked = !matches!(case.observation, Observation::Unknown(_));
            if looked && invisible(case, latest(case), edit) {
                news.invisible.push(edit.edit.clone());
            } else {
                news.add(case, edit);
            }
        }
        news.notice_unreported(case, decision);
        news.edits.sort_by_key(|edit| edit.at);
        news
    }

    /// Nothing to tell and nothing to settle.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.late.is_empty() && self.denied.is_empty() && self.settled.is_empty()
    }

    /// The latest version, where it is new and ours.
    pub(super) fn ours_on_top(&self) -> Option<u64> {
        let last = self.advance.as_ref()?.judged.last()?;
        (last.attribution == Attribution::Ours).then_some(last.version)
    }

    /// The version that had put the edits right before we looked, most likely an attempt of ours that did not come to tell:
    /// one that we wrote, or the one that somebody had moved the default away from.
    pub(super) fn put_right_before(&self, case: &Case, decision: &Decision) -> Option<u64> {
        let right = matches!(decision.verdict, Verdict::InSync) && case.resolution.mode == Mode::Enforce;
        let default = latest(case).filter(|_| right && !self.edits.is_empty())?.default.number;
        let away = |edit: &ToldEdit| match edit.event.as_ref()?.action {
            Action::DefaultMoved { version } => version.filter(|version| *version != default),
            _ => None,
        };
        self.ours_on_top().or_else(|| self.edits.iter().find_map(away).map(|_| default))
    }

    fn add(&mut self, case: &Case, edit: &AttributedEdit) {
        if let Some(code) = &edit.edit.failed {
            // Losing a race, or writing what is there already, is how we and the pipelines work; being denied is not.
            if edit.by_our_role || (edit.attribution == Attribution::Trusted && !is_denial(code)) {
                return;
            }
            self.settled.push(edit.edit.id.clone());
            self.denied.push(edit.clone());
            return;
        }
        self.echo |= is_echo(case, edit);
        if edit.by_our_role && explained(case, edit) {
            return;
        }
        if let Some(told) = self.edits.iter_mut().find(|told| told.event.as_ref().is_some_and(|e| e.id == edit.edit.id))
        {
            self.settled.push(edit.edit.id.clone());
            told.at = edit.edit.at;
            return;
        }
        if self.late.iter().any(|(_, late)| late.edit.id == edit.edit.id) {
            self.settled.push(edit.edit.id.clone());
            return;
        }
        match edit.edit.action {
            Action::Created | Action::Updated { .. } => self.add_version(case, edit),
            Action::Deleted => self.add_deletion(case, edit),
            Action::DefaultMoved { version } => match version.map(|version| self.promoted(case, edit, version)) {
                Some(Promoted::Right) => {}
                Some(Promoted::SameStory) => self.settled.push(edit.edit.id.clone()),
                Some(Promoted::Nameless(told_before)) => self.presume(case, edit, told_before),
                Some(Promoted::Other) | None => self.tell(case, edit),
            },
            Action::VersionDeleted { .. } | Action::SharingChanged => self.tell(case, edit),
        }
    }

    /// What it means that somebody made a version the default.
    fn promoted(&self, case: &Case, edit: &AttributedEdit, version: u64) -> Promoted {
        // A version of an earlier look: making it the default belongs to its story only if that came at once, and only while
        // the default is not behind. Later, or again, it is a story of its own.
        let at_once = |judged: &Judged| {
            let kept = latest(case).is_some_and(|seen| {
                let there = seen.info(version).is_some_and(|info| info.created == judged.created);
                there && (moving(case) || seen.default.number == seen.latest.number)
            });
            kept && edit.edit.at.since(judged.created).abs() <= MINUTE_MS
        };
        // Nor if we had written another one on top of it by then.
        let superseded = latest(case).is_some_and(|seen| {
            seen.versions.iter().any(|other| other.number > version && other.created < edit.edit.at)
        });
        let mut news = self.advance.iter().flat_map(|advance| &advance.judged);
        let mut recent = case.record.recent.iter();
        let judged = match news.find(|judged| judged.version == version) {
            Some(judged) => Some(judged),
            None => match recent.find(|judged| judged.version == version) {
                Some(judged) if judged.attribution != Attribution::Ours && (superseded || !at_once(judged)) => {
                    return Promoted::Other;
                }
                judged => judged,
            },
        };
        let judged = judged.filter(|judged| judged.attribution != Attribution::Ours);
        match judged {
            Some(judged) if judged.principal.as_ref() == Some(&edit.edit.principal) => Promoted::SameStory,
            Some(judged) if judged.principal.is_none() && edit.attribution != Attribution::Trusted => {
                Promoted::Nameless(judged.clone())
            }
            None if latest(case).is_some_and(|seen| {
                seen.latest.number == version && edit.edit.at >= seen.latest_created().plus_ms(-SECOND_MS)
            }) =>
            {
                Promoted::Right
            }
            Some(_) | None => Promoted::Other,
        }
    }

    /// Whoever makes a nameless version the default has most likely written it. Good enough to be named, not to be trusted.
    fn presume(&mut self, case: &Case, edit: &AttributedEdit, nameless: Judged) {
        let key = version_key(case, &nameless);
        let Some(told) = self.edits.iter_mut().find(|told| told.key == key) else {
            self.settled.push(edit.edit.id.clone());
            self.late.push((nameless, edit.clone()));
            return;
        };
        self.settled.push(edit.edit.id.clone());
        told.attribution = edit.attribution;
        told.principal = Some(edit.edit.principal.clone());
        told.what = format!("wrote version {} (going by who made it the default)", nameless.version);
        told.event = Some(edit.edit.clone());
        if let Some(advance) = &mut self.advance
            && let Some(judged) = advance.judged.iter_mut().find(|judged| judged.version == nameless.version)
        {
            judged.principal = Some(edit.edit.principal.clone());
        }
    }

    /// A version that this look did not judge: already accounted for, made anonymous by a lost reply, or gone again.
    fn add_version(&mut self, case: &Case, edit: &AttributedEdit) {
        let number = edit.edit.action.made_version();
        let accounted = case.record.accounted.as_ref().map(|accounted| accounted.version);
        // A version is known with the one who made it. Whoever else claims it made another one of that number, which is gone;
        // so did whoever claims one of ours.
        let foreign = |judged: &&Judged| judged.attribution != Attribution::Ours && near(edit, judged.created);
        let same = |judged: &Judged| {
            // A nameless one would have been claimed by now, but for a pipeline whose word does not count for it.
            let nameless = edit.attribution == Attribution::Trusted;
            Some(judged.version) == number
                && judged.principal.as_ref().map_or(nameless, |who| *who == edit.edit.principal)
                && judged.claimed.is_none_or(|at| at == edit.edit.at)
        };
        let told = case.record.recent.iter().filter(foreign).any(same);
        let judged = self.advance.iter().flat_map(|advance| &advance.judged).filter(foreign).any(same);
        let known = latest(case).is_some_and(|seen| {
            judged || (same_document(&case.record, seen) && (number.is_none() || (told && number <= accounted)))
        });
        if known
            || (edit.attribution == Attribution::Trusted
                && self.advance.as_ref().is_some_and(|advance| advance.first_sight))
        {
            return;
        }
        let mut nameless = self.edits.iter_mut().filter(|told| told.attribution == Attribution::Unattributed);
        if let (Some(told), None) = (nameless.next(), nameless.next())
            && edit.attribution != Attribution::Trusted
        {
            self.settled.push(edit.edit.id.clone());
            told.attribution = edit.attribution;
            told.principal = Some(edit.edit.principal.clone());
            told.event = Some(edit.edit.clone());
            return;
        }
        self.tell(case, edit);
    }

    fn add_deletion(&mut self, case: &Case, edit: &AttributedEdit) {
        let told_before = case.record.recent.iter().find(|judged| {
            judged.version == GONE
                && judged.attribution == Attribution::Unattributed
                // What was called after we saw it gone deleted another document.
                && (-MINUTE_MS..24 * HOUR_MS).contains(&judged.created.since(edit.edit.at))
        });
        match told_before {
            Some(judged) => {
                self.settled.push(edit.edit.id.clone());
                self.late.push((judged.clone(), edit.clone()));
            }
            None => self.tell(case, edit),
        }
    }

    fn tell(&mut self, case: &Case, edit: &AttributedEdit) {
        self.settled.push(edit.edit.id.clone());
        self.edits.push(ToldEdit {
            key: format!("{}:{}", case.target, edit.edit.id),
            attribution: edit.attribution,
            principal: Some(edit.edit.principal.clone()),
            what: edit.edit.action.in_words(),
            at: edit.edit.at,
            change: Change::new(),
            event: Some(edit.edit.clone()),
        });
    }

    /// What is plain to see and no event told of: a document that is gone, a default version that moved.
    fn notice_unreported(&mut self, case: &Case, decision: &Decision) {
        let Some(accounted) = &case.record.accounted else { return };
        let told = |edit: &AttributedEdit| !edit.seen && edit.edit.failed.is_none() && !edit.by_our_role;
        let deleted = case.edits.iter().any(|edit| told(edit) && edit.edit.action == Action::Deleted)
            || replaced_by_us(case, case.now);
        let moved = |edit: &AttributedEdit| told(edit) && matches!(edit.edit.action, Action::DefaultMoved { .. });
        let what = match (&decision.verdict, latest(case)) {
            (Verdict::Missing, None) if !deleted => DELETED.to_owned(),
            // Somebody deleted it, and a pass of ours that made it anew was cut short.
            (_, Some(seen)) if !deleted && self.edits.is_empty() && !same_document(&case.record, seen) => {
                DELETED.to_owned()
            }
            (Verdict::Drifted { .. }, Some(seen))
                if seen.default.number != seen.latest.number
                    && seen.latest.number == accounted.version
                    && case.record.standing == Standing::InSync
                    && !moving(case)
                    && self.edits.is_empty()
                    && !case.edits.iter().any(moved) =>
            {
                format!("made version {} the default", seen.default.number)
            }
            _ => return,
        };
        self.edits.push(ToldEdit {
            key: format!("{}:g{}", case.target, case.record.generation),
            attribution: Attribution::Unattributed,
            principal: None,
            what,
            at: case.now,
            change: Change::new(),
            event: None,
        });
    }
}

/// Whether a version turns out to be by a hand that we trust less than the one that it was judged by.
pub(super) fn taken_back((judged, edit): &(Judged, AttributedEdit)) -> bool {
    let judged_by_another = !matches!(judged.attribution, Attribution::Ours | Attribution::Unattributed);
    judged_by_another && edit.attribution > judged.attribution
}

/// A version that was judged by somebody else's call, told anew.
fn disowned(case: &Case, (judged, edit): &(Judged, AttributedEdit)) -> ToldEdit {
    ToldEdit {
        key: format!("{}:{}", case.target, edit.edit.id),
        attribution: edit.attribution,
        principal: Some(edit.edit.principal.clone()),
        what: edit.edit.action.in_words(),
        at: edit.edit.at,
        change: judged.change.clone(),
        event: Some(edit.edit.clone()),
    }
}

/// Whether our own move of the default may not be visible yet. Where no echo ever comes back that is not so for ever.
fn moving(case: &Case) -> bool {
    case.record.awaiting_echo.is_some() && case.now.since(case.record.updated) < MINUTE_MS
}

/// A deletion, whether an event told of it or not.
pub(super) fn is_deletion(edit: &ToldEdit) -> bool {
    edit.event.as_ref().map_or(edit.what == DELETED, |event| event.action == Action::Deleted)
}

/// Whether a call was not allowed. Which of its codes SSM uses is not documented.
fn is_denial(code: &str) -> bool {
    ["AccessDenied", "Unauthorized", "NotAuthorized"].iter().any(|word| code.contains(word))
}

enum Promoted {
    /// The version that is right: whoever did it did what we would have done.
    Right,
    /// The author of a version made it the default; the version itself is what is told.
    SameStory,
    /// A version that nobody has been named for.
    Nameless(Judged),
    /// Anything else.
    Other,
}

/// We cannot see what the edits did and will look again: they travel on with the message, and are told when there is
/// something to say about them, or when we give up.
pub(super) fn carries_edits(decision: &Decision) -> bool {
    matches!(decision.verdict, Verdict::Unknown { .. }) && decision.wait.is_some()
}

fn latest(case: &Case) -> Option<&Seen> {
    match &case.observation {
        Observation::Present(seen) => Some(seen),
        Observation::Absent | Observation::Unknown(_) => None,
    }
}

/// A version by somebody else. Its event, if this signal brought it, is found by the author it named.
fn version_edit(case: &Case, judged: &Judged) -> Option<ToldEdit> {
    if judged.attribution == Attribution::Ours {
        return None;
    }
    let event = case.edits.iter().map(|edit| &edit.edit).find(|edit| {
        let made = edit.action.made_version();
        edit.failed.is_none()
            && Some(&edit.principal) == judged.principal.as_ref()
            && (made == Some(judged.version) || edit.action == (Action::Updated { version: None }))
    });
    Some(ToldEdit {
        key: version_key(case, judged),
        attribution: judged.attribution,
        principal: judged.principal.clone(),
        what: format!("wrote version {}", judged.version),
        at: judged.created,
        change: judged.change.clone(),
        event: event.cloned(),
    })
}

fn version_key(case: &Case, judged: &Judged) -> String {
    format!("{}:v{}@{}", case.target, judged.version, judged.created.ms())
}

fn is_echo(case: &Case, edit: &AttributedEdit) -> bool {
    let version = match edit.edit.action {
        Action::DefaultMoved { version } => version,
        action => action.made_version(),
    };
    edit.by_our_role && version.is_some() && version == case.record.awaiting_echo
}

/// Made with our role, and something that we do: never told. Anything else made with our role is told like anybody's.
fn explained(case: &Case, edit: &AttributedEdit) -> bool {
    match edit.edit.action {
        // Content has judged these: what is not exactly ours was judged as somebody's version.
        Action::Created | Action::Updated { .. } | Action::VersionDeleted { .. } => true,
        // What we make the default is the latest version, or was once and has been superseded.
        Action::DefaultMoved { version } => {
            let accounted = case.record.accounted.as_ref().map(|accounted| accounted.version);
            is_echo(case, edit)
                || version == accounted
                || latest(case)
                    .is_none_or(|seen| version == Some(seen.latest.number) || version != Some(seen.default.number))
        }
        // Another invocation that replaces the document has not committed yet.
        Action::Deleted => {
            let replaced = latest(case).is_none_or(|seen| seen.latest_created() >= edit.edit.at);
            replaced || replaced_by_us(case, edit.edit.at)
        }
        Action::SharingChanged => replaced_by_us(case, edit.edit.at),
    }
}
