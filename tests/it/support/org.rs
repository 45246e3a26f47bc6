//! A small simulated organisation, and bits and pieces to play in it.

use std::collections::{BTreeMap, BTreeSet};

use runas_reactor::domain::decode::encode_work;
use runas_reactor::domain::finding::{Alert, Severity};
use runas_reactor::domain::policy::Policy;
use runas_reactor::domain::record::{Commit, HistoryEntry, Record, Status};
use runas_reactor::domain::signal::{Cause, Work};
use runas_reactor::domain::target::{AccountFacts, AccountId, AccountState, Target};
use runas_reactor::domain::time::Time;
use runas_reactor::policy_file;
use runas_reactor::ports::Clock as _;
use runas_reactor::reactor::Message;
use runas_reactor::sim::{Account, Sim, Switches};
use serde_json::json;

/// The simulated clock starts here.
pub(crate) const EPOCH: &str = "2026-11-02T08:00:00Z";
pub(crate) const MEMBER: &str = "444455556666";
pub(crate) const MANAGEMENT: &str = "111122223333";
pub(crate) const ROLE: &str = "RunasReactorMember";

const POLICY: &str = r#"
version: 1
organization: { id: o-exampleorgid, management_account: "111122223333", hub_account: "222233334444", home_region: eu-west-1 }
regions: [eu-west-1, eu-central-1, us-east-1]
access: { roles: [RunasReactorMember], gap_roles: [AWSControlTowerExecution] }
unplaced: enforce
defaults: { mode: enforce, preferences: { runAsEnabled: true, runAsDefaultUser: ops } }
principals:
  trusted: ["arn:aws:iam::*:role/AWSAccelerator-*"]
  break_glass: ["arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_BreakGlass_*"]
break_glass: { hold_minutes: 60 }
breaker: { reverts: 5, within_minutes: 10 }
readiness: { retry_for_minutes: 120 }
alerts: { configuration_lag_minutes: 5 }
"#;

pub(crate) fn epoch() -> Time {
    EPOCH.parse().unwrap()
}

pub(crate) fn policy() -> Policy {
    policy_with("", "")
}

/// The tests' policy with a part of its text replaced.
pub(crate) fn policy_with(part: &str, other: &str) -> Policy {
    match policy_file::parse("the tests' policy", &POLICY.replace(part, other), epoch()) {
        Ok((policy, _)) => policy,
        Err(problems) => panic!("{problems}"),
    }
}

/// An organisation with its management account and one member account, in both of which the role works.
pub(crate) fn sim(switches: Switches) -> Sim {
    let sim = Sim::new(switches, epoch(), 11);
    sim.push_policy(policy());
    let mut management = account(MANAGEMENT, sim.now());
    management.facts.ou_path = vec!["r-root".parse().unwrap()];
    sim.put_account(management);
    sim.put_account(account(MEMBER, sim.now()));
    sim
}

/// An account whose role works from some time on.
pub(crate) fn account(id: &str, from: Time) -> Account {
    let account: AccountId = id.parse().unwrap();
    Account {
        facts: AccountFacts {
            account,
            name: "workload".to_owned(),
            ou_path: ["r-root", "ou-root-workloads"].map(|ou| ou.parse().unwrap()).to_vec(),
            state: AccountState::Active,
        },
        roles: BTreeMap::from([(ROLE.to_owned(), from)]),
        ready: from,
        regions_off: BTreeSet::new(),
        opted_in: BTreeSet::new(),
    }
}

pub(crate) fn target(account: &str, region: &str) -> Target {
    Target::new(account.parse().unwrap(), region.parse().unwrap())
}

/// A commit on top of a generation, with one alert and one settled edit.
pub(crate) fn commit(target: &Target, expected: u64, alert: &str, now: Time) -> Commit {
    let alerts = vec![Alert {
        id: alert.to_owned(),
        account: target.account.clone(),
        region: Some(target.region.clone()),
        severity: Severity::High,
        kind: "edit_reverted".to_owned(),
        incident: None,
        subject: "subject".to_owned(),
        text: "text".to_owned(),
        data: json!({ "who": "alice" }),
        at: now,
    }];
    let record = Record { generation: expected + 1, status: Status::InSync, updated: now, ..Record::default() };
    let history = Some(HistoryEntry {
        id: format!("h-{alert}"),
        at: now,
        summary: "summary".to_owned(),
        case: json!({ "content": { "$digest": "d-1" } }),
        contents: BTreeMap::from([("d-1".to_owned(), "{}".to_owned())]),
    });
    Commit { expected, record, seen: vec![format!("e-{alert}")], history, alerts }
}

/// A message to look at a target, as after a document event, for a batch by hand.
pub(crate) fn touched(target: &Target, now: Time) -> Message {
    let work = Work {
        target: target.clone(),
        cause: Cause::DocumentEvent,
        edits: Vec::new(),
        correlation: "touched".to_owned(),
        since: now,
        requeues: 0,
        not_before: None,
    };
    Message { id: format!("look at {target}"), body: encode_work(&work), receipt: None, receives: 1 }
}
