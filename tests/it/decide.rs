//! The decision table: every signal × edits × observation × mode, with what is decided, told and remembered, as one
//! snapshot to review (`tests/it/snapshots/it__decide__table.snap`).

use std::fmt::Write as _;

use runas_reactor::domain::case::{Applied, AttributedEdit, Case, Decision, Verdict, WaitsOn, Write};
use runas_reactor::domain::decide::decide;
use runas_reactor::domain::document::{Body, Content, parse};
use runas_reactor::domain::edit::{Action, Edit};
use runas_reactor::domain::observation::{Observation, Obstacle, Seen, Status, Unreadable, Version, VersionInfo};
use runas_reactor::domain::policy::{Limits, Mode, Owned, Resolution};
use runas_reactor::domain::principal::{Attribution, Principal};
use runas_reactor::domain::record::{Accounted, Record, Settlement, Standing};
use runas_reactor::domain::settle::settle;
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::target::Target;
use runas_reactor::domain::time::{DAY_MS, MINUTE_MS, SECOND_MS, Time};
use serde_json::{Value, json};

const CAUSES: [Cause; 3] = [Cause::Touched, Cause::Vended, Cause::Swept];
const MODES: [Mode; 3] = [Mode::Enforce, Mode::Observe, Mode::Exempt];
const EDITS: [Hands; 7] =
    [Hands::None, Hands::Ours, Hands::Trusted, Hands::BreakGlass, Hands::Untrusted, Hands::Unattributed, Hands::Mixed];
const SIGHTS: [Sight; 9] = [
    Sight::Absent,
    Sight::InSync,
    Sight::OwnedDrift,
    Sight::OtherDrift,
    Sight::DefaultBehind,
    Sight::WrongType,
    Sight::Unparsable,
    Sight::Unknown,
    Sight::NewIncarnation,
];

/// Who made the edits that the signal brings.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hands {
    None,
    Ours,
    Trusted,
    BreakGlass,
    Untrusted,
    Unattributed,
    Mixed,
}

/// What is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sight {
    Absent,
    InSync,
    OwnedDrift,
    OtherDrift,
    DefaultBehind,
    WrongType,
    Unparsable,
    Unknown,
    NewIncarnation,
}

fn now() -> Time {
    "2026-11-02T08:00:00Z".parse().unwrap()
}

fn made(minutes_ago: i64) -> Time {
    now().plus_ms(-minutes_ago * MINUTE_MS)
}

/// The content that is accepted: LZA's logging, with our baseline over it.
fn accepted() -> Value {
    json!({
        "schemaVersion": "1.0", "description": "d", "sessionType": "Standard_Stream",
        "inputs": { "cloudWatchLogGroupName": "lza-logs", "runAsEnabled": true, "runAsDefaultUser": "ops" },
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut content = accepted();
    content["inputs"][field] = value;
    content
}

fn content(value: &Value) -> Content {
    match parse(&value.to_string()) {
        Body::Valid(content) => content,
        Body::Invalid { why } => panic!("not a document: {why}"),
    }
}

fn body(value: &Value) -> Body {
    parse(&value.to_string())
}

/// Versions 1 to 3 are accounted for; `latest` is what came after.
fn present(latest: u64, default: u64, latest_body: Body) -> Observation {
    let versions = (1..=latest).rev().map(|number| VersionInfo {
        number,
        created: if number <= 3 { made(600 - i64::try_from(number).unwrap()) } else { made(1) },
        status: Status::Active,
        name: None,
    });
    let old = body(&with("runAsEnabled", json!(false)));
    let between = (4..latest).map(|number| (number, body(&with("s3BucketName", json!("mallorys")))));
    Observation::Present(Box::new(Seen {
        document_type: "Session".to_owned(),
        default: Version { number: default, body: if default == latest { latest_body.clone() } else { old } },
        latest: Version { number: latest, body: latest_body },
        versions: versions.collect(),
        older_exist: false,
        between: between.collect(),
    }))
}

fn observation(sight: Sight, versions: u64) -> Observation {
    let latest = 3 + versions;
    match sight {
        Sight::Absent => Observation::Absent,
        Sight::InSync => present(latest, latest, body(&accepted())),
        Sight::OwnedDrift => present(latest, latest, body(&with("runAsEnabled", json!(false)))),
        Sight::OtherDrift => present(latest, latest, body(&with("shellProfile", json!({ "linux": "evil" })))),
        Sight::DefaultBehind => present(3, 1, body(&accepted())),
        Sight::Unparsable => present(latest, latest, body(&json!({ "schemaVersion": "2.2" }))),
        Sight::Unknown => Observation::Unknown(Unreadable {
            obstacle: Obstacle::Denied,
            detail: "AccessDenied: no role can be assumed".to_owned(),
        }),
        Sight::WrongType | Sight::NewIncarnation => {
            let made_anew = VersionInfo { number: 1, created: made(1), status: Status::Active, name: None };
            let latest = Version { number: 1, body: body(&with("runAsEnabled", json!(false))) };
            Observation::Present(Box::new(Seen {
                document_type: if sight == Sight::WrongType { "Command" } else { "Session" }.to_owned(),
                default: latest.clone(),
                latest,
                versions: vec![made_anew],
                older_exist: false,
                between: std::collections::BTreeMap::new(),
            }))
        }
    }
}

fn edit(id: &str, action: Action, attribution: Attribution, by_our_role: bool) -> AttributedEdit {
    let name = format!("{attribution:?}").to_lowercase();
    let principal = Principal {
        kind: "AssumedRole".to_owned(),
        arn: Some(format!("arn:aws:iam::444455556666:role/{name}")),
        name: Some(name),
    };
    let edit = Edit {
        id: id.to_owned(),
        at: made(1),
        action,
        principal,
        failed: None,
        agent: String::new(),
        source_ip: String::new(),
    };
    AttributedEdit { edit, attribution, by_our_role, seen: false }
}

/// The edits that lead to a sight: the action fits what is seen.
fn edits(sight: Sight, hands: Hands) -> (Vec<AttributedEdit>, u64) {
    let action = |nth: u64| match sight {
        Sight::Absent => Action::Deleted,
        Sight::DefaultBehind => Action::DefaultMoved { version: Some(1) },
        Sight::WrongType | Sight::NewIncarnation => Action::Created,
        _ => Action::Updated { version: Some(3 + nth) },
    };
    let one = |attribution, ours| vec![edit("e-1", action(1), attribution, ours)];
    match hands {
        Hands::None => (vec![], 0),
        Hands::Unattributed => (vec![], 1),
        Hands::Ours => (one(Attribution::Untrusted, true), 1),
        Hands::Trusted => (one(Attribution::Trusted, false), 1),
        Hands::BreakGlass => (one(Attribution::BreakGlass, false), 1),
        Hands::Untrusted => (one(Attribution::Untrusted, false), 1),
        Hands::Mixed => {
            let second = edit("e-2", action(2), Attribution::Trusted, false);
            ([one(Attribution::Untrusted, false), vec![second]].concat(), 2)
        }
    }
}

fn case(cause: Cause, hands: Hands, sight: Sight, mode: Mode) -> Case {
    let (edits, versions) = edits(sight, hands);
    let owned = Owned::from([("runAsEnabled".to_owned(), json!(true)), ("runAsDefaultUser".to_owned(), json!("ops"))]);
    Case {
        target: Target::new("444455556666".parse().unwrap(), "eu-west-1".parse().unwrap()),
        account_name: "workload".to_owned(),
        now: now(),
        cause,
        since: made(1),
        hop: 0,
        correlation: "c-1".to_owned(),
        edits,
        resolution: Resolution { mode, owned, reason: "defaults".to_owned(), exemption: None },
        policy: "p-1".to_owned(),
        limits: Limits {
            hold_minutes: 60,
            breaker_reverts: 5,
            breaker_minutes: 10,
            readiness_minutes: 120,
            gap_slo_minutes: 5,
        },
        observation: observation(sight, versions),
        record: Record {
            generation: 7,
            standing: Standing::InSync,
            accepted: Some(content(&accepted())),
            accounted: Some(Accounted { version: 3, created: Some(made(597)), landed: None, base: None, body: None }),
            configured: Some(now().plus_ms(-DAY_MS)),
            ..Record::default()
        },
        refused: Vec::new(),
        nonce: 1,
    }
}

/// As if every write landed at once.
fn applied(decision: &Decision) -> Applied {
    let version = match &decision.write {
        None => return Applied::Nothing,
        Some(Write::Put { base, .. }) => base.unwrap_or(0) + 1,
        Some(Write::Promote { version }) => *version,
        Some(Write::Recreate { .. }) => 1,
    };
    Applied::Landed { version, at: now().plus_ms(SECOND_MS) }
}

fn write_in_words(write: Option<&Write>) -> String {
    let holds = |content: &Content| {
        let fields = ["runAsEnabled", "cloudWatchLogGroupName", "shellProfile", "s3BucketName"];
        let set = fields.iter().filter_map(|field| Some(format!("{field}={}", content.input(field)?)));
        set.collect::<Vec<_>>().join(" ")
    };
    match write {
        None => "no write".to_owned(),
        Some(Write::Put { base: None, content }) => format!("CREATE {}", holds(content)),
        Some(Write::Put { base: Some(base), content }) => format!("UPDATE on {base}: {}", holds(content)),
        Some(Write::Promote { version }) => format!("PROMOTE {version}"),
        Some(Write::Recreate { content }) => format!("RECREATE {}", holds(content)),
    }
}

fn outcome(decision: &Decision, settlement: &Settlement) -> String {
    let verdict = match &decision.verdict {
        Verdict::Drifted { drift } => {
            let fields: Vec<&str> = drift.iter().map(|change| change.field.as_str()).collect();
            format!("drifted({})", fields.join(","))
        }
        verdict => serde_json::to_value(verdict).unwrap()["is"].as_str().unwrap().to_owned(),
    };
    let wait = match &decision.wait {
        None => String::new(),
        Some(wait) => {
            let on = match &wait.on {
                WaitsOn::Hold(_) => "hold",
                WaitsOn::EditWar => "edit war",
                WaitsOn::Obstacle => "obstacle",
                WaitsOn::Visibility => "visibility",
            };
            format!("; waits {} s ({on})", wait.until.since(now()) / SECOND_MS)
        }
    };
    let told = settlement.commit.as_ref().map_or_else(
        || "nothing to remember".to_owned(),
        |commit| {
            let alerts: Vec<String> =
                commit.alerts.iter().map(|alert| format!("{}({})", alert.kind, alert.severity.as_str())).collect();
            let incident = if commit.record.incident.is_some() { ", incident open" } else { "" };
            format!("{:?}{incident}, tells [{}]", commit.record.standing, alerts.join(", "))
        },
    );
    let why = decision.reasons.join("; ");
    format!("{verdict} -> {}{wait} | {told}\n          why: {why}", write_in_words(decision.write.as_ref()))
}

#[test]
fn table() {
    let mut table = String::new();
    for mode in MODES {
        for sight in SIGHTS {
            let _ = writeln!(table, "\n== {mode:?}, {sight:?}");
            for hands in EDITS {
                let rows = CAUSES.map(|cause| {
                    let case = case(cause, hands, sight, mode);
                    let decision = decide(&case);
                    let settlement = settle(&case, &decision, &applied(&decision));
                    (format!("{cause:?}").to_lowercase(), outcome(&decision, &settlement))
                });
                let _ = writeln!(table, "  {hands:?}");
                for (nth, (cause, outcome)) in rows.iter().enumerate() {
                    if rows[..nth].iter().any(|(_, earlier)| earlier == outcome) {
                        continue;
                    }
                    let same: Vec<&str> =
                        rows.iter().filter(|(_, other)| other == outcome).map(|(cause, _)| cause.as_str()).collect();
                    let causes = if same.len() == CAUSES.len() { "any".to_owned() } else { same.join(", ") };
                    let _ = writeln!(table, "    {causes}: {outcome}");
                    assert!(!cause.is_empty());
                }
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_decision_gives_a_reason_and_never_writes_where_it_must_not() {
    for mode in MODES {
        for sight in SIGHTS {
            for hands in EDITS {
                for cause in CAUSES {
                    let decision = decide(&case(cause, hands, sight, mode));
                    let what = format!("{mode:?} {sight:?} {hands:?} {cause:?}");
                    assert!(!decision.reasons.is_empty(), "{what}: no reason");
                    if mode != Mode::Enforce || sight == Sight::Unknown {
                        assert_eq!(decision.write, None, "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_case_survives_storage_and_is_decided_the_same_again() {
    for mode in MODES {
        for sight in SIGHTS {
            for hands in EDITS {
                let case = case(Cause::Touched, hands, sight, mode);
                let stored = serde_json::to_string(&case).unwrap();
                let read: Case = serde_json::from_str(&stored).unwrap();
                assert_eq!(read, case);
                assert_eq!(decide(&read), decide(&case));
            }
        }
    }
}

#[test]
fn a_history_entry_keeps_each_content_once_and_gives_the_case_back() {
    let case = case(Cause::Touched, Hands::Mixed, Sight::OtherDrift, Mode::Enforce);
    let decision = decide(&case);
    let settlement = settle(&case, &decision, &applied(&decision));
    let entry = settlement.commit.unwrap().history;
    assert!(!entry.case.to_string().contains("$content"), "contents stand by digest only");
    let mut value = entry.case.clone();
    runas_reactor::domain::settle::attach(&mut value, &entry.contents);
    let read: Case = serde_json::from_value(value["case"].clone()).unwrap();
    assert_eq!(read, case);
}

#[test]
fn an_event_older_than_any_queue_keeps_is_matched_by_its_number_alone() {
    let mut case = case(Cause::Touched, Hands::Trusted, Sight::OtherDrift, Mode::Enforce);
    let told = |case: &Case| {
        let decision = decide(case);
        let settlement = settle(case, &decision, &applied(&decision));
        (decision.write.is_some(), settlement.commit.unwrap().alerts[0].text.clone())
    };
    let (written, text) = told(&case);
    assert!(!written && text.contains("trusted"), "{text}");
    // Two hours off is another call; the version stays without an author, and its change is undone.
    case.edits[0].edit.at = made(120);
    let (written, text) = told(&case);
    assert!(written && text.contains("author unknown"), "{text}");
    // Fifty days off says nothing about time at all.
    case.edits[0].edit.at = now().plus_ms(-50 * DAY_MS);
    let (written, text) = told(&case);
    assert!(!written && text.contains("trusted"), "{text}");
}

#[test]
fn what_is_visibly_wrong_is_put_right_at_once_and_what_is_not_visible_yet_is_waited_for() {
    let mut case = case(Cause::Touched, Hands::Untrusted, Sight::OwnedDrift, Mode::Enforce);
    case.edits[0].edit.action = Action::Updated { version: Some(9) };
    case.edits[0].edit.at = now();
    let decision = decide(&case);
    assert!(matches!(decision.write, Some(Write::Put { base: Some(4), .. })), "{decision:?}");
    case.observation = observation(Sight::InSync, 0);
    let decision = decide(&case);
    assert!(matches!(decision.verdict, Verdict::Unsettled { .. }), "{decision:?}");
    assert_eq!(settle(&case, &decision, &Applied::Nothing).next.unwrap().0.edits.len(), 1, "the edit travels on");
}
