//! Cases by hand: one document, one policy, one clock.

use std::collections::BTreeMap;

use runas_reactor::domain::case::{Applied, AttributedEdit, Case, Decision, Write};
use runas_reactor::domain::decide::decide;
use runas_reactor::domain::document::{Body, Content, parse};
use runas_reactor::domain::edit::{Action, Edit};
use runas_reactor::domain::finding::Alert;
use runas_reactor::domain::observation::{Observation, Obstacle, Seen, Status, Unreadable, Version, VersionInfo};
use runas_reactor::domain::policy::{Limits, Mode, Resolution};
use runas_reactor::domain::principal::{Attribution, Principal};
use runas_reactor::domain::record::{Accounted, Judged, Record, Settlement, Standing};
use runas_reactor::domain::settle::settle;
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::target::Target;
use runas_reactor::domain::time::{SECOND_MS, Time};
use serde_json::{Value, json};

pub(crate) fn target() -> Target {
    Target::new("444455556666".parse().unwrap(), "eu-west-1".parse().unwrap())
}

/// Seconds after the day began.
pub(crate) fn at(seconds: i64) -> Time {
    "2026-11-20T08:00:00Z".parse::<Time>().unwrap().plus_ms(seconds * SECOND_MS)
}

pub(crate) fn whole(body: &Value) -> Body {
    parse(&body.to_string())
}

pub(crate) fn body(inputs: &Value) -> Body {
    whole(&json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs }))
}

pub(crate) fn content(inputs: &Value) -> Content {
    body(inputs).content().unwrap().clone()
}

/// What is right: Run As on for ops, logs to `logs`.
pub(crate) fn right() -> Value {
    json!({ "runAsEnabled": true, "runAsDefaultUser": "ops", "cloudWatchLogGroupName": "logs" })
}

pub(crate) fn right_but(field: &str, value: impl Into<Value>) -> Value {
    let mut inputs = right();
    inputs[field] = value.into();
    inputs
}

pub(crate) fn case() -> Case {
    let owned =
        BTreeMap::from([("runAsDefaultUser".to_owned(), json!("ops")), ("runAsEnabled".to_owned(), json!(true))]);
    Case {
        target: target(),
        account_name: "search".to_owned(),
        now: at(100),
        cause: Cause::Touched,
        since: at(98),
        hop: 0,
        correlation: "signal".to_owned(),
        edits: Vec::new(),
        resolution: Resolution { mode: Mode::Enforce, owned, reason: "defaults".to_owned(), exemption: None },
        policy: "7".to_owned(),
        limits: Limits {
            hold_minutes: 60,
            breaker_reverts: 5,
            breaker_minutes: 10,
            readiness_minutes: 120,
            gap_slo_minutes: 5,
        },
        observation: Observation::Absent,
        record: Record::default(),
        refused: Vec::new(),
        nonce: 5,
    }
}

/// In sync at a version that holds what is right.
pub(crate) fn in_sync(version: u64, created: i64) -> Record {
    Record {
        generation: 7,
        standing: Standing::InSync,
        accepted: Some(content(&right())),
        accounted: Some(Accounted { version, created: Some(at(created)), landed: None, base: None, body: None }),
        configured: Some(at(0)),
        updated: at(created),
        ..Record::default()
    }
}

/// A document of type Session with these versions, of which the last one is the latest.
pub(crate) fn document(versions: &[(u64, i64, Body)], default: u64) -> Observation {
    let of = |number: u64| versions.iter().find(|version| version.0 == number).unwrap();
    let (latest, _, latest_body) = versions.last().unwrap().clone();
    let between = versions.iter().filter(|v| v.0 != latest && v.0 != default).map(|v| (v.0, v.2.clone())).collect();
    let info = |(number, created, _): &(u64, i64, Body)| VersionInfo {
        number: *number,
        created: at(*created),
        status: Status::Active,
        name: None,
    };
    Observation::Present(Box::new(Seen {
        document_type: "Session".to_owned(),
        latest: Version { number: latest, body: latest_body },
        default: Version { number: default, body: of(default).2.clone() },
        versions: versions.iter().rev().map(info).collect(),
        older_exist: false,
        between,
    }))
}

pub(crate) fn seen(case: &mut Case) -> &mut Seen {
    match &mut case.observation {
        Observation::Present(seen) => seen,
        Observation::Absent | Observation::Unknown(_) => panic!("no document"),
    }
}

pub(crate) fn unknown() -> Observation {
    Observation::Unknown(Unreadable { obstacle: Obstacle::Denied, detail: "AccessDenied: no".to_owned() })
}

pub(crate) fn principal(name: &str) -> Principal {
    Principal {
        kind: "AssumedRole".to_owned(),
        arn: Some(format!("arn:aws:iam::444455556666:role/{name}")),
        name: Some(name.to_owned()),
    }
}

pub(crate) fn edit(id: &str, when: i64, action: Action, attribution: Attribution) -> AttributedEdit {
    let name = match attribution {
        Attribution::Trusted => "AWSAccelerator-x",
        Attribution::BreakGlass => "breakglass",
        _ => "mallory",
    };
    AttributedEdit {
        edit: Edit {
            id: id.to_owned(),
            at: at(when),
            action,
            principal: principal(name),
            failed: None,
            agent: "cli".to_owned(),
            source_ip: "203.0.113.9".to_owned(),
        },
        attribution,
        by_our_role: false,
        seen: false,
    }
}

pub(crate) fn wrote(id: &str, when: i64, version: u64, attribution: Attribution) -> AttributedEdit {
    edit(id, when, Action::Updated { version: Some(version) }, attribution)
}

/// An edit that a message carried on.
pub(crate) fn heard_again(edit: Edit, attribution: Attribution) -> AttributedEdit {
    AttributedEdit { edit, attribution, by_our_role: false, seen: false }
}

pub(crate) fn promoted(id: &str, when: i64, version: u64, attribution: Attribution) -> AttributedEdit {
    edit(id, when, Action::DefaultMoved { version: Some(version) }, attribution)
}

pub(crate) fn judged(version: u64, created: i64, attribution: Attribution, from: &Value, to: &Value) -> Judged {
    let known = !matches!(attribution, Attribution::Unattributed | Attribution::Ours);
    let name = if attribution == Attribution::Trusted { "AWSAccelerator-x" } else { "mallory" };
    Judged {
        version,
        created: at(created),
        attribution,
        principal: known.then(|| principal(name)),
        claimed: known.then(|| at(created)),
        change: content(from).change_to(&content(to)),
        undo: content(to).change_to(&content(from)),
    }
}

/// Decides and settles, every write landing as the next version.
pub(crate) fn settled(case: &Case) -> (Decision, Settlement) {
    let decision = decide(case);
    let latest = match &case.observation {
        Observation::Present(seen) => seen.latest.number,
        Observation::Absent | Observation::Unknown(_) => 0,
    };
    let applied = match &decision.write {
        None => Applied::Nothing,
        Some(Write::Promote { version }) => Applied::Landed { version: *version, at: case.now },
        Some(Write::Recreate { .. }) => Applied::Landed { version: 1, at: case.now },
        Some(Write::Put { .. }) => Applied::Landed { version: latest + 1, at: case.now },
    };
    let settlement = settle(case, &decision, &applied);
    (decision, settlement)
}

pub(crate) fn alerts(settlement: &Settlement) -> Vec<Alert> {
    settlement.commit.as_ref().map(|commit| commit.alerts.clone()).unwrap_or_default()
}

pub(crate) fn kinds(settlement: &Settlement) -> Vec<String> {
    alerts(settlement).into_iter().map(|alert| alert.kind).collect()
}

/// The content that a decision writes.
pub(crate) fn written(decision: &Decision) -> &Content {
    match &decision.write {
        Some(Write::Put { content, .. } | Write::Recreate { content }) => content,
        other => panic!("{other:?}: {:?}", decision.reasons),
    }
}
