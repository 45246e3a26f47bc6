//! Checks of the accounts.

use std::collections::BTreeMap;

use super::members::{Member, Rows};
use super::probe::Proof;
use super::report::{Check, CheckOutcome, Groups};
use crate::aws::ledger::view::TargetRow;
use crate::cli::login::fix_with;
use crate::domain::record::Status;
use crate::domain::sweep::was_missed;
use crate::domain::target::{AccountId, Target};
use crate::domain::time::{DAY_MS, SECOND_MS, Time};
use crate::ports::{Fault, FaultClass};

#[cfg(test)]
mod tests;

/// Age of the last observation that proves access; observations are recorded twice a day.
const OF_LATE_MS: i64 = DAY_MS;

const DEPLOY_MEMBER: &str = "deploy infra/member.yaml there: the stack set runas-reactor-member, or directly in the management \
     account; its OperatorRole has to name the role that you use";
const EXEMPT_ROLE: &str =
    "exempt the role in the service control policy (`aws:PrincipalArn`); `runasctl render scp` writes policies that do";

/// Accounts that Organizations does not describe.
pub(super) fn organization(unknown: &[(AccountId, Fault)]) -> Vec<Check> {
    let mut groups = Groups::default();
    for (account, fault) in unknown {
        groups.add("the organisation does not say where it is", not_asked("organizations", fault), account, "", None);
    }
    groups.checks("organization")
}

/// Organizations does not list the accounts.
pub(super) fn no_organization(fault: &Fault) -> Check {
    Check::new("organization", not_asked("organizations", fault), "which accounts there are is not known")
}

/// Accounts whose enabled regions are unknown.
pub(super) fn regions(silent: &[(AccountId, Fault)]) -> Vec<Check> {
    let mut groups = Groups::default();
    for (account, fault) in silent {
        let fix = "see that a member role can be assumed there, and may call account:ListRegions";
        let outcome = CheckOutcome::not_known(fault.to_string(), fix);
        groups.add("which regions are enabled is not known, and there may be more", outcome, account, "", None);
    }
    groups.checks("regions")
}

fn not_asked(service: &str, fault: &Fault) -> CheckOutcome {
    CheckOutcome::not_known(fault.to_string(), fix_with(fault, &format!("{service}:{}", fault.call)))
}

/// Whether a member role admits the operator.
pub(super) fn member_role(members: &[Member], rows: &Rows, now: Time) -> Vec<Check> {
    let mut groups = Groups::default();
    for member in members {
        let (what, outcome) = match &member.entered {
            Ok(role) => (format!("{role} can be assumed"), CheckOutcome::Right),
            Err(fault) => shut_out(fault, function_gets_in(member, rows, now)),
        };
        groups.add(&what, outcome, &member.account, &member.name, None);
    }
    groups.checks("member_role")
}

fn function_gets_in(member: &Member, rows: &Rows, now: Time) -> bool {
    let unread = |row: &TargetRow| matches!(row.status, Status::New | Status::Waiting | Status::Unreachable);
    let got_in = |row: &TargetRow| !unread(row) && now.since(row.checked) <= OF_LATE_MS;
    member.targets().any(|target| rows.get(&target).is_some_and(got_in))
}

/// If the function has access, role and trust exist and only the operator is denied.
fn shut_out(fault: &Fault, function_gets_in: bool) -> (String, CheckOutcome) {
    match fault.class {
        FaultClass::Denied if function_gets_in => {
            let fix = "name the role that you use in OperatorRole of infra/member.yaml, and deploy it; or use one that it names";
            let what = "the member role lets the function in, and not you";
            (what.to_owned(), CheckOutcome::not_known(fault.message.as_str(), fix))
        }
        FaultClass::Denied => {
            ("no member role lets you in".to_owned(), CheckOutcome::wrong(fault.message.as_str(), DEPLOY_MEMBER))
        }
        FaultClass::DeniedByScp => {
            let what = "a service control policy keeps you from the member role";
            (what.to_owned(), CheckOutcome::wrong(fault.message.as_str(), EXEMPT_ROLE))
        }
        _ => (format!("{} did not answer", fault.call), not_asked("sts", fault)),
    }
}

/// Whether the function has access, according to the ledger; `swept` is the start of the last complete sweep.
pub(super) fn function(members: &[Member], rows: &Rows, swept: Option<Time>) -> Vec<Check> {
    let mut groups = Groups::default();
    for member in members {
        for target in member.targets() {
            let (what, outcome) = observed(&target, rows.get(&target), swept);
            groups.add(what, outcome, &member.account, &member.name, Some(&target.region));
        }
    }
    groups.checks("function")
}

/// The ledger cannot be read.
pub(super) fn no_rows(fault: &Fault) -> Check {
    let what = "whether the function gets in and events arrive is not known";
    Check::new("function", not_asked("dynamodb", fault), what)
}

fn observed(target: &Target, row: Option<&TargetRow>, swept: Option<Time>) -> (&'static str, CheckOutcome) {
    let next_sweep = "wait for the next sweep; see sweep and dead letters here if one has passed";
    let Some(row) = row else {
        let cause = "neither a sweep nor an event has led the function there";
        return ("not observed yet", CheckOutcome::not_known(cause, next_sweep));
    };
    match row.status {
        Status::Unreachable => {
            let fix = format!(
                "`runasctl explain {target}` has the whole case, `runasctl status --status unreachable` every target and why"
            );
            ("the function cannot read or write the document", CheckOutcome::wrong(row.why.as_str(), fix))
        }
        Status::New | Status::Waiting => {
            let fix = format!("wait until the account is set up; `runasctl explain {target}` has the whole case");
            ("the function waits", CheckOutcome::not_known(row.why.as_str(), fix))
        }
        _ if swept.is_some_and(|began| was_missed(began, row.checked)) => {
            let cause = "its message may have been put aside";
            ("the last complete sweep did not come to it", CheckOutcome::not_known(cause, next_sweep))
        }
        _ => ("the function gets in", CheckOutcome::Right),
    }
}

/// Whether trail and forwarding rule work, according to the events of the probes.
pub(super) fn events(members: &[Member], proofs: &BTreeMap<Target, Proof>, patience_ms: i64) -> Vec<Check> {
    let back =
        proofs.values().filter_map(|proof| if let Proof::Back { within_ms } = proof { Some(*within_ms) } else { None });
    let slowest = back.max();
    let waited_s = patience_ms / SECOND_MS;
    let mut groups = Groups::default();
    for member in members {
        for target in member.targets() {
            let Some(proof) = proofs.get(&target) else { continue };
            let (what, outcome) = match proof {
                Proof::Back { .. } => {
                    let slowest_s = slowest.unwrap_or_default() / SECOND_MS;
                    (format!("the event of a call came back, the last within {slowest_s} s"), CheckOutcome::Right)
                }
                Proof::Silent => silent(&target, slowest.is_none(), waited_s),
                Proof::Accepted => accepted(&target),
                Proof::Refused(fault) => refused(fault, &target),
                Proof::Unread(fault) => {
                    ("the ledger did not say whether events came back".to_owned(), not_asked("dynamodb", fault))
                }
            };
            groups.add(&what, outcome, &member.account, &member.name, Some(&target.region));
        }
    }
    groups.checks("events")
}

/// `none` means that no event came back from anywhere.
fn silent(target: &Target, none: bool, waited_s: i64) -> (String, CheckOutcome) {
    let Target { account, region } = target;
    let rule = "runas-reactor-documents";
    let hub = if none { "none came back from anywhere, so see to the checks of the hub first; else, " } else { "" };
    let cause = format!(
        "{hub}in this order: no trail logs management events there; the rule {rule} is missing, disabled or without its \
         target, or the hub's bus does not let the account in (OrganizationId of infra/hub.yaml)"
    );
    let fix = format!(
        "as in {account}: `aws cloudtrail describe-trails --region {region}` and `get-trail-status` have to show a trail that is \
         logging; `aws events describe-rule --region {region} --name {rule}` a rule that is ENABLED, or deploy infra/member.yaml; where \
         CloudTrail is slow, run doctor again with a longer --wait"
    );
    (format!("no event came back within {waited_s} s"), CheckOutcome::wrong(cause, fix))
}

fn accepted(target: &Target) -> (String, CheckOutcome) {
    let fix = format!("`runasctl explain {target}`; look at the document, and report it: AWS has changed");
    let what = "version 999999 was made the default one";
    (what.to_owned(), CheckOutcome::wrong("SSM accepted a version that no document can have", fix))
}

fn refused(fault: &Fault, target: &Target) -> (String, CheckOutcome) {
    let right = format!("ssm:{}", fault.call);
    match fault.class {
        FaultClass::Denied => {
            let fix = format!("allow {right} to the member role: deploy infra/member.yaml again");
            ("the member role may not make the call".to_owned(), CheckOutcome::wrong(fault.message.as_str(), fix))
        }
        FaultClass::DeniedByScp => {
            let what = "a service control policy denies the member role the call";
            (what.to_owned(), CheckOutcome::wrong(fault.message.as_str(), EXEMPT_ROLE))
        }
        FaultClass::RegionOff => {
            let fix = format!("enable {} in the account, or take it out of the policy's `regions`", target.region);
            ("the region is governed, and not enabled".to_owned(), CheckOutcome::wrong(fault.to_string(), fix))
        }
        FaultClass::NotReady => {
            let fix = "wait until the account is set up, and run doctor again";
            ("the account is too new".to_owned(), CheckOutcome::not_known(fault.to_string(), fix))
        }
        _ => ("the call was not made".to_owned(), not_asked("ssm", fault)),
    }
}
