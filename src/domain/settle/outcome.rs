//! What became of an act: a stable word for programs, and a sentence that says whether the document is right now.

use super::context::Context;
use crate::domain::case::{Applied, Wait};
use crate::domain::case::{Refusal, Verdict, WaitsOn, Write};
use crate::domain::policy::Mode;
use crate::domain::text::clean;

const CONTENT_IS_RIGHT: &str = "The content of the document is right; nothing had to be written.";

/// The response to the acts of a reconciliation.
pub(super) struct Outcome {
    /// For programs.
    pub(super) done: &'static str,
    /// Whether the document is right now.
    pub(super) sentence: String,
}

impl Outcome {
    fn new(done: &'static str, sentence: impl Into<String>) -> Self {
        Self { done, sentence: sentence.into() }
    }

    /// The first word of the subject.
    pub(super) fn verdict(&self) -> &'static str {
        match self.done {
            "reverted" => "Reverted",
            "restored" => "Restored",
            "created" => "Created",
            "replaced" => "Replaced",
            "kept" => "Kept",
            "kept, owned fields put right" => "Kept, corrected",
            "in sync" => "Noticed",
            "sharing undone" => "Sharing undone",
            "held" => "Held",
            "exempt, not touched" => "Exempt, not touched",
            "observed, not touched" => "Observed, not touched",
            "not reverted yet" => "Not reverted yet",
            done => done,
        }
    }
}

/// What the reactor did, and how the document is now.
pub(super) fn outcome(context: &Context) -> Outcome {
    match context.applied {
        Applied::Landed { version, .. } => landed(context, *version),
        Applied::Refused(refusal) => {
            let why = refused(*refusal);
            Outcome::new("NOT reverted", format!("It is NOT right: {why}. The reactor tries again by itself."))
        }
        Applied::Nothing => nothing_written(context),
    }
}

/// Why AWS did not take a write.
pub(super) fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Denied => "AWS denies the reactor the write (access denied)",
        Refusal::DeniedByScp => "a service control policy denies the reactor the write",
        Refusal::Invalid => "AWS rejects the values that the policy wants",
        Refusal::Conflict | Refusal::Duplicate => "other writers were faster",
        Refusal::Unconfirmed => "AWS gave no clear answer to the write",
        Refusal::VersionLimit => "the document has as many versions as it can have",
    }
}

fn landed(context: &Context, version: u64) -> Outcome {
    let known = context.case.record.facts.newest().is_some();
    match &context.decision.write {
        Some(Write::Promote { .. }) if context.kept() => {
            Outcome::new("kept", format!("The change is kept as it is; version {version} was made the default."))
        }
        Some(Write::Promote { .. }) => {
            Outcome::new("reverted", format!("It is right again: the reactor made version {version} the default."))
        }
        Some(Write::Put { base: None, .. }) if known => Outcome::new(
            "restored",
            "It is right again: the reactor created the document anew, as it was accepted before.",
        ),
        Some(Write::Put { base: None, .. }) => {
            Outcome::new("created", "It is right: the reactor created the document.")
        }
        Some(Write::Recreate { .. }) => {
            Outcome::new("replaced", "It is right again: the reactor deleted the document and created it anew.")
        }
        Some(Write::Unshare { .. }) => match context.before {
            Some(version) => corrected(context, version, "had at once written"),
            None => Outcome::new("sharing undone", CONTENT_IS_RIGHT),
        },
        Some(Write::Put { .. }) | None => corrected(context, version, "wrote"),
    }
}

/// A version of the reactor corrected it.
fn corrected(context: &Context, version: u64, how: &str) -> Outcome {
    if context.kept() {
        let sentence =
            format!("The change is kept; for the fields that the policy sets, the reactor {how} version {version}.");
        return Outcome::new("kept, owned fields put right", sentence);
    }
    Outcome::new("reverted", format!("It is right again: the reactor {how} version {version}."))
}

fn nothing_written(context: &Context) -> Outcome {
    let mode = context.case.resolution.mode;
    match (&context.decision.verdict, mode, context.decision.wait.as_ref()) {
        (Verdict::InSync, _, _) => match context.before {
            Some(version) => corrected(context, version, "had at once written"),
            None => Outcome::new("in sync", CONTENT_IS_RIGHT),
        },
        (Verdict::Unknown { why }, _, _) => Outcome::new(
            "NOT readable",
            format!("Whether it is right is NOT known: the document cannot be read ({}).", clean(&why.detail, 300)),
        ),
        (_, Mode::Exempt, _) => {
            let reason = clean(&context.case.resolution.reason, 200);
            Outcome::new("exempt, not touched", format!("Nothing was written: the account is exempt ({reason})."))
        }
        (_, Mode::Observe, _) => Outcome::new(
            "observed, not touched",
            "It stays as it is, and is not what the policy wants: the policy says to observe here, and not to write.",
        ),
        (_, Mode::Enforce, Some(wait)) => waiting(wait),
        (_, Mode::Enforce, None) => {
            Outcome::new("not reverted yet", "It is NOT right yet; the reactor tries again by itself.")
        }
    }
}

fn waiting(wait: &Wait) -> Outcome {
    let until = wait.until;
    match &wait.on {
        WaitsOn::Hold(hold) => {
            let why = clean(&hold.why, 200);
            Outcome::new("held", format!("It is left as it is until {} ({why}), and put right then.", hold.until))
        }
        WaitsOn::EditWar => Outcome::new(
            "not reverted yet",
            format!("It is NOT right yet: after so many edits, the reactor pauses, and writes again at {until}."),
        ),
        WaitsOn::Name => Outcome::new(
            "not reverted yet",
            format!("Whether it stays depends on who made it: the author's name is waited for until {until}."),
        ),
        WaitsOn::Obstacle | WaitsOn::Visibility | WaitsOn::Intent | WaitsOn::Sharing => {
            Outcome::new("not reverted yet", "It is NOT right yet; the correction is under way.")
        }
    }
}
