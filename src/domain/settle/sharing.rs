//! What became of sharing, in a sentence, and what on-call does about it.

use super::context::Context;
use super::notify::ReportedEdit;
use crate::domain::case::{Applied, Verdict, Write};
use crate::domain::decide::SHARING_FIELD;
use crate::domain::edit::named;
use crate::domain::fact::{Ended, Intended, Intent};
use crate::domain::target::DOCUMENT_NAME;

/// What became of the sharing among the acts of an alert, where there is any.
pub(super) fn sharing(context: &Context, edits: &[&ReportedEdit]) -> Option<String> {
    let shared: Vec<&ReportedEdit> = edits.iter().copied().filter(|edit| edit.is_sharing()).collect();
    if shared.is_empty() {
        return None;
    }
    if let (Applied::Landed { .. }, Some(Write::Unshare { accounts })) = (context.applied, &context.decision.write) {
        return Some(format!("Its sharing is undone: the reactor took {} out again.", named(accounts)));
    }
    if let Some(accounts) = still_shared(context) {
        return Some(format!("It is still shared with {}.", named(&accounts)));
    }
    if !context.case.resolution.undoes_sharing() || shared.iter().any(|edit| !adds(edit)) {
        return Some("Its sharing stays as it was made: the reactor does not undo that.".to_owned());
    }
    if shared.iter().all(|edit| is_undone(context, edit)) {
        return Some("Its sharing is undone: the reactor had at once taken these accounts out again.".to_owned());
    }
    if shared.iter().all(|edit| is_over(context, edit)) {
        return Some("It is shared with none of these accounts any more.".to_owned());
    }
    Some("With whom it is shared is not known for certain yet: the reactor observes it again by itself.".to_owned())
}

/// The accounts that this reconciliation found to be taken out.
fn still_shared(context: &Context) -> Option<Vec<String>> {
    let Verdict::Drifted { drift } = &context.decision.verdict else { return None };
    let from = drift.iter().find(|change| change.field == SHARING_FIELD)?.from.as_ref()?.as_array()?;
    Some(from.iter().filter_map(|account| account.as_str().map(str::to_owned)).collect())
}

/// Whether a call says which accounts it added.
fn adds(edit: &ReportedEdit) -> bool {
    !added(edit).is_empty()
}

fn added(edit: &ReportedEdit) -> &[String] {
    let sharing = edit.event.as_ref().and_then(|event| event.sharing.as_ref());
    sharing.map(|sharing| sharing.added.as_slice()).unwrap_or_default()
}

/// Whether the reactor took accounts out after a call, before this reconciliation.
fn is_undone(context: &Context, edit: &ReportedEdit) -> bool {
    let landed = |intent: &Intent| match intent.ended {
        Some(Ended::Landed(at)) => intent.write == Intended::Unshare && at >= edit.at,
        Some(Ended::Refused) | None => false,
    };
    context.case.record.facts.intents.values().any(landed)
}

fn is_over(context: &Context, edit: &ReportedEdit) -> bool {
    let call = edit.event_id().and_then(|id| context.case.record.facts.calls.get(id));
    call.is_some_and(|call| call.over)
}

/// Whom to ask about sharing, and how it ends where the reactor leaves it: with the command, where the call says with whom it
/// began.
pub(super) fn ask(context: &Context, edit: &ReportedEdit) -> String {
    let (name, region) = (edit.name(), &context.case.target.region);
    if context.case.resolution.undoes_sharing() && adds(edit) {
        return format!("Ask {name} whether this was meant. What has to stay shared, a trusted principal shares.");
    }
    let is_plain = |id: &&String| id.bytes().all(|b| b.is_ascii_alphanumeric());
    let ids: Vec<&str> = added(edit).iter().filter(is_plain).map(String::as_str).collect();
    if ids.is_empty() {
        return format!(
            "Ask {name} whether this was meant; `aws ssm describe-document-permission` shows who may use it."
        );
    }
    format!(
        "Ask {name} whether this was meant. If not, end it: `aws ssm modify-document-permission --region {region} --name \
         {DOCUMENT_NAME} --permission-type Share --account-ids-to-remove {}`.",
        ids.join(" ")
    )
}
