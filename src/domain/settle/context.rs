//! Everything that the alerts of one reconciliation are made from.

use serde_json::{Value, json};

use super::Reconciliation;
use super::exposure::{Exposure, exposure};
use super::notify::{Changes, ReportedEdit};
use crate::domain::case::{Applied, Case, Decision, Verdict};
use crate::domain::decide::SHARING_FIELD;
use crate::domain::fact::Ended;
use crate::domain::finding::bounded_changes;
use crate::domain::judgement::Judgement;
use crate::domain::policy::Mode;
use crate::domain::target::DOCUMENT_NAME;
use crate::domain::text::clean;
use crate::domain::time::Time;

/// A reconciliation, and what is new in it.
pub(super) struct Context<'a> {
    pub(super) case: &'a Case,
    pub(super) judgement: &'a Judgement,
    pub(super) decision: &'a Decision,
    pub(super) applied: &'a Applied,
    pub(super) changes: &'a Changes,
    /// The version that corrected everything before this observation: by an attempt that never settled, or one whose alert
    /// waited for a principal.
    pub(super) before: Option<u64>,
}

impl<'a> Context<'a> {
    pub(super) fn new(reconciliation: Reconciliation<'a>, changes: &'a Changes) -> Self {
        let Reconciliation { case, judgement, decision, applied } = reconciliation;
        let before = put_right_before(case, decision, changes);
        Self { case, judgement, decision, applied, changes, before }
    }

    /// Whether every act is a trusted principal's version that stays.
    pub(super) fn kept(&self) -> bool {
        let wrote = |edit: &ReportedEdit| edit.is_kept() && edit.act.kind() == "wrote";
        self.case.resolution.mode == Mode::Enforce && self.changes.edits.iter().all(wrote)
    }

    /// Whether the account is new: it was never right.
    pub(super) fn is_new(&self) -> bool {
        let milestones = &self.case.record.milestones;
        milestones.vended.is_some() && milestones.configured.is_none()
    }

    /// For how long sessions could go wrong by acts since `first`.
    pub(super) fn exposure(&self, first: Time) -> Option<Exposure> {
        let Self { case, judgement, decision, applied, .. } = *self;
        exposure(Reconciliation { case, judgement, decision, applied }, first)
    }

    /// What differs from the desired content, for programs.
    pub(super) fn drift(&self) -> Value {
        match &self.decision.verdict {
            Verdict::Drifted { drift } => bounded_changes(drift),
            Verdict::InSync
            | Verdict::Missing
            | Verdict::Unusable { .. }
            | Verdict::Unknown { .. }
            | Verdict::Unsettled { .. } => json!([]),
        }
    }

    /// The account, by its name where it has one, and the region: for subjects.
    pub(super) fn place(&self) -> String {
        let (target, name) = (&self.case.target, clean(&self.case.account_name, 32));
        let account = if name.is_empty() { target.account.to_string() } else { name };
        format!("{account}/{}", target.region)
    }

    /// The account with its number, and the region: for sentences.
    pub(super) fn full_place(&self) -> String {
        let (target, name) = (&self.case.target, clean(&self.case.account_name, 64));
        if name.is_empty() {
            format!("account {}, {}", target.account, target.region)
        } else {
            format!("{name} ({}), {}", target.account, target.region)
        }
    }

    /// The document and its place, for the beginning of a sentence.
    pub(super) fn document(&self) -> String {
        format!("{DOCUMENT_NAME} in {}", self.full_place())
    }
}

/// Whether nothing but the sharing of the document may be wrong.
fn is_content_right(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::InSync => true,
        Verdict::Drifted { drift } => drift.iter().all(|change| change.field == SHARING_FIELD),
        Verdict::Missing | Verdict::Unusable { .. } | Verdict::Unknown { .. } | Verdict::Unsettled { .. } => false,
    }
}

fn put_right_before(case: &Case, decision: &Decision, changes: &Changes) -> Option<u64> {
    let right = is_content_right(&decision.verdict) && case.resolution.mode == Mode::Enforce;
    // A version answers no sharing.
    let first = changes.edits.iter().filter(|edit| !edit.is_sharing()).map(|edit| edit.at).min().filter(|_| right)?;
    let answered = case.record.facts.intents.values().filter(|intent| {
        let written = intent.changes_content() && intent.ended != Some(Ended::Refused);
        written && intent.until >= first
    });
    answered.max_by_key(|intent| intent.from).map(|intent| intent.number)
}
