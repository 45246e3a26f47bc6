//! What on-call does about an act.

use super::context::Context;
use super::notify::ReportedEdit;
use super::sharing;
use crate::domain::case::{Applied, Refusal, Verdict};
use crate::domain::finding::Kind;
use crate::domain::observation::Obstacle;
use crate::domain::policy::Mode;
use crate::domain::principal::Attribution;
use crate::domain::text::clean;

/// Advice where there is none.
pub(super) const NOTHING: &str = "Nothing to do.";

/// What to do about an alert about acts; `first` is the one by the least trusted principal.
pub(super) fn advice(context: &Context, kind: Kind, first: &ReportedEdit) -> String {
    let accept = accept(context, first);
    if kind == Kind::BreakGlass {
        return format!(
            "Confirm with {} that there is an emergency. If there is none, revoke the sessions of that principal. To keep \
             the change for good, put it into the policy, or accept it: {accept}.",
            first.name()
        );
    }
    if kind == Kind::ExemptTouched {
        let owner = context.case.resolution.exemption.as_ref().map(|note| clean(&note.owner, 96));
        return match owner {
            Some(owner) => format!("Nothing, if the owner of the exemption ({owner}) knows of it."),
            None => "Nothing, if the owners of the account know of it.".to_owned(),
        };
    }
    if kind == Kind::EditKept {
        return "Nothing, if this deployment was planned. If not, have the pipeline take it back, or set the field in the \
                policy."
            .to_owned();
    }
    match (first.attribution, &first.note) {
        (Attribution::Trusted, Some(_)) => {
            format!("If the pipeline means the value that was not taken over, accept it: {accept}.")
        }
        (Attribution::Trusted, None) => NOTHING.to_owned(),
        (Attribution::Reactor | Attribution::BreakGlass | Attribution::Untrusted | Attribution::Unattributed, _) => {
            format!("{}{}", repair(context), ask(context, first, &accept))
        }
    }
}

/// What it takes for the document to become right, where it is not.
fn repair(context: &Context) -> &'static str {
    if let Applied::Refused(refusal) = context.applied {
        return write_advice(*refusal);
    }
    match &context.decision.verdict {
        Verdict::Unknown { why } => read_advice(why.obstacle, context.is_new()),
        Verdict::InSync => "",
        Verdict::Missing | Verdict::Drifted { .. } | Verdict::Unusable { .. } | Verdict::Unsettled { .. } => {
            match context.case.resolution.mode {
                Mode::Observe => "Put the document right by hand, or set the account to `enforce` in the policy. ",
                Mode::Enforce | Mode::Exempt => "",
            }
        }
    }
}

/// What to do where the document cannot be written.
pub(super) fn write_advice(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Denied => "Allow the reactor's role in the account to write the document: see its policy. ",
        Refusal::DeniedByScp => {
            "Except the reactor's roles in the SCP that denies the write, as those of `runasctl render scp` do. "
        }
        Refusal::Invalid => "Correct the values in the policy, and push it. ",
        Refusal::Conflict | Refusal::Duplicate => {
            "Find the other writer (`runasctl history` of the target names it), and stop it. "
        }
        Refusal::Unconfirmed => "See AWS's health dashboard for Systems Manager in that region. ",
        Refusal::VersionLimit => {
            "See whether the reactor's role may delete superseded versions (`ssm:DeleteDocument`), or delete some by hand. "
        }
    }
}

/// What to do where the document cannot be read; the account is `new` until it was right once.
pub(super) fn read_advice(obstacle: Obstacle, new: bool) -> &'static str {
    match (obstacle, new) {
        (Obstacle::Denied, true) => {
            "See whether the stack set has brought the member role into the account; until then the broker's gap role is the \
             only way in (`runasctl doctor`). "
        }
        (Obstacle::Denied, false) => "Check that the account has the member role, and that it trusts the hub. ",
        (Obstacle::DeniedByScp, true) => {
            "Most likely that is the quarantine of new accounts, which the landing zone ends with its last stage. Have the \
             broker's gap role excepted from it, or wait for that stage. "
        }
        (Obstacle::DeniedByScp, false) => {
            "Except the member role in the SCP that denies it, as those of `runasctl render scp` do. "
        }
        (Obstacle::NotReady, true) => "Nothing: Systems Manager is not available in the new account yet. ",
        (Obstacle::NotReady, false) => {
            "Ask AWS Support: Systems Manager says that the account is not signed up for it. "
        }
        (Obstacle::RegionOff, _) => "",
    }
}

/// Whom to ask, and what the answer means.
fn ask(context: &Context, first: &ReportedEdit, accept: &str) -> String {
    if first.is_sharing() {
        return sharing::ask(context, first);
    }
    if first.principal.is_none() {
        return format!(
            "Look for the caller in CloudTrail's event history of that region around {}, and ask why.",
            first.at
        );
    }
    if first.change.is_empty() || context.case.resolution.mode == Mode::Observe {
        return format!("Ask {} whether this was meant.", first.name());
    }
    format!(
        "Ask {} about it. If the change is needed, put it into the policy, or accept it: {accept}. If nobody knows of it, \
         treat the credentials as stolen.",
        first.name()
    )
}

/// The command that accepts the version that an act wrote.
fn accept(context: &Context, edit: &ReportedEdit) -> String {
    let version = edit.act.made_version().map_or_else(|| "N".to_owned(), |version| version.to_string());
    format!("`runasctl accept {} --version {version} --reason TEXT`", context.case.target)
}
