//! The decision table: every combination of what is there, who made it so and what stands in the way, as one snapshot to
//! review, with the claims that hold over all of it.

use std::fmt::Write as _;
use std::sync::LazyLock;

use runas_reactor::domain::case::{Case, Decision, Refusal, Verdict, WaitsOn, Write};
use runas_reactor::domain::decide::decide;
use runas_reactor::domain::document::{Body, Content};
use runas_reactor::domain::durations::{LEASE_MS, REQUEUES_MAX};
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::fact::{CallFact, Ended, Intended, Intent, Notified};
use runas_reactor::domain::judgement::judge;
use runas_reactor::domain::observation::{DocumentStatus, Observation, Obstacle, Shares};
use runas_reactor::domain::policy::schema::OnSharing;
use runas_reactor::domain::policy::{Mode, Owned};
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::time::{SECOND_MS, Time};
use serde_json::json;

use crate::support::case::*;

/// What is observed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum There {
    Absent,
    Right,
    OwnedFieldWrong,
    OtherFieldWrong,
    CodeWrong,
    DefaultBehind,
    Shared,
    Invalid,
    OtherType,
    Failed,
    Pending,
    SharedAndOwnedFieldWrong,
    Unknown(Obstacle),
}

const THERE: [There; 15] = [
    There::Absent,
    There::Right,
    There::OwnedFieldWrong,
    There::OtherFieldWrong,
    There::CodeWrong,
    There::DefaultBehind,
    There::Shared,
    There::Invalid,
    There::OtherType,
    There::Failed,
    There::Pending,
    There::Unknown(Obstacle::Denied),
    There::Unknown(Obstacle::DeniedByScp),
    There::Unknown(Obstacle::NotReady),
    There::Unknown(Obstacle::RegionOff),
];

/// Who made it so.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Author {
    Trusted,
    Untrusted,
    BreakGlass,
    NamelessYoung,
    NamelessOld,
}

const AUTHORS: [Author; 5] =
    [Author::Trusted, Author::Untrusted, Author::BreakGlass, Author::NamelessYoung, Author::NamelessOld];

/// What stands in the way of a write, or happened to the one before.
#[derive(Clone, Debug, Default)]
struct Obstacles {
    hold: bool,
    open_intent: bool,
    war: bool,
    refused: Vec<Refusal>,
    requeues: u32,
    before: Option<Before>,
}

/// What came before the observation.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Before {
    /// A version that an event reports, and no read shows yet.
    Unseen,
    /// Writes of the reactor that did not land: one was refused, of one the lease is over.
    Unlanded,
}

const REFUSALS: [Refusal; 7] = [
    Refusal::Conflict,
    Refusal::Duplicate,
    Refusal::Unconfirmed,
    Refusal::VersionLimit,
    Refusal::Denied,
    Refusal::DeniedByScp,
    Refusal::Invalid,
];

const MODES: [Mode; 3] = [Mode::Enforce, Mode::Observe, Mode::Exempt];

/// The case, ten seconds after the act; eleven minutes after it where the author is nameless and old.
fn case(mode: Mode, there: There, author: Author, obstacles: &Obstacles) -> Case {
    static IN_SYNC: LazyLock<Scenario> = LazyLock::new(Scenario::in_sync);
    let mut target = IN_SYNC.clone();
    target.resolution.mode = mode;
    let who = match author {
        Author::Trusted => PIPELINE,
        Author::Untrusted | Author::NamelessYoung | Author::NamelessOld => MALLORY,
        Author::BreakGlass => BREAK_GLASS,
    };
    let call = acts(&mut target, there, who);
    let nameless = matches!(author, Author::NamelessYoung | Author::NamelessOld);
    let calls = if nameless { Vec::new() } else { vec![call] };
    target.wait(if author == Author::NamelessOld { 660 } else { 10 });
    if there == There::Pending {
        // A pending version is young, whichever its author.
        target.doc().versions[1].created = target.now.plus_ms(-10 * SECOND_MS);
    }
    hinder(&mut target, obstacles);
    target.since = target.now;
    target.requeues = obstacles.requeues;
    let mut case = target.case(Cause::DocumentEvent, &calls);
    case.refused.clone_from(&obstacles.refused);
    case
}

fn acts(target: &mut Scenario, there: There, who: Who) -> CallFact {
    let profile = json!({ "linux": "curl evil", "windows": "" });
    match there {
        There::Absent => target.deletes(who),
        There::OwnedFieldWrong | There::Unknown(_) => {
            if let There::Unknown(obstacle) = there {
                target.obstacle = Some(obstacle);
            }
            target.writes(who, &run_as_off())
        }
        There::Right => target.writes(who, &right()),
        There::OtherFieldWrong => target.writes(who, &right_but("idleSessionTimeout", "60")),
        There::CodeWrong => target.writes(who, &right_but("shellProfile", profile)),
        There::DefaultBehind => {
            target.doc().versions[0].body = body(&run_as_off());
            target.resolution.owned.insert("runAsEnabled".to_owned(), json!(true));
            target.writes(PIPELINE, &right());
            target.moves_default(who, 1)
        }
        There::Shared => {
            target.resolution.sharing = OnSharing::Undo;
            target.shares(who, &["999900001111"], &[])
        }
        There::SharedAndOwnedFieldWrong => {
            let share = acts(target, There::Shared, who);
            target.record.facts.calls.insert(share.edit.id.clone(), share);
            target.writes(who, &run_as_off())
        }
        There::Invalid => target.writes_body(who, Body::Invalid { why: "not a JSON object".to_owned() }),
        There::OtherType => {
            target.document = None;
            let call = target.writes(who, &right());
            target.doc().kind = "Command";
            call
        }
        There::Failed | There::Pending => {
            let call = target.writes(who, &run_as_off());
            target.doc().status = if there == There::Failed { DocumentStatus::Failed } else { DocumentStatus::Pending };
            call
        }
    }
}

fn hinder(target: &mut Scenario, obstacles: &Obstacles) {
    if obstacles.war {
        for back in [50, 40, 30, 20, 2] {
            let mut act = target.call(PIPELINE, Action::SharingChanged);
            act.edit.at = target.now.plus_ms(-(back + 1) * SECOND_MS);
            target.record.facts.calls.insert(act.edit.id.clone(), act);
            let landed = intent(target.now.plus_ms(-back * SECOND_MS), Some(Ended::Landed(target.now)));
            target.record.facts.intents.insert(format!("answer-{back}"), landed);
        }
    }
    if obstacles.hold {
        let act = target.call(BREAK_GLASS, Action::SharingChanged);
        target.record.facts.calls.insert(act.edit.id.clone(), act);
    }
    if obstacles.before == Some(Before::Unseen) {
        let act = target.call(MALLORY, Action::Updated { version: Some(target.latest() + 1) });
        target.record.facts.calls.insert(act.edit.id.clone(), act);
    }
    if obstacles.before == Some(Before::Unlanded) {
        let refused = intent(target.now.plus_ms(-2 * SECOND_MS), Some(Ended::Refused));
        let expired = intent(target.now.plus_ms(-LEASE_MS - SECOND_MS), None);
        target.record.facts.intents.extend([("refused".to_owned(), refused), ("expired".to_owned(), expired)]);
    }
    if obstacles.open_intent {
        target.record.facts.intents.insert("other".to_owned(), intent(target.now.plus_ms(-SECOND_MS), None));
    }
}

fn intent(from: Time, ended: Option<Ended>) -> Intent {
    Intent {
        write: Intended::Promote,
        number: 1,
        digest: None,
        owned: Owned::new(),
        over: None,
        from,
        until: from.plus_ms(LEASE_MS),
        ended,
        notified: Notified::Named,
    }
}

fn in_words(case: &Case, decision: &Decision) -> String {
    let mut words = match &decision.verdict {
        Verdict::Drifted { drift } => {
            let fields: Vec<&str> = drift.iter().map(|change| change.field.as_str()).collect();
            format!("drifted({})", fields.join(","))
        }
        verdict => serde_json::to_value(verdict).unwrap()["is"].as_str().unwrap().to_owned(),
    };
    let holds = |content: &Content| {
        let fields = ["runAsEnabled", "idleSessionTimeout", "shellProfile"];
        fields.iter().filter_map(|field| Some(format!(" {field}={}", content.input(field)?))).collect::<String>()
    };
    let _ = match &decision.write {
        None => write!(words, ", no write"),
        Some(Write::Put { base: None, content }) => write!(words, ", CREATE{}", holds(content)),
        Some(Write::Put { base: Some(base), content }) => write!(words, ", PUT on {base}{}", holds(content)),
        Some(Write::Promote { version }) => write!(words, ", PROMOTE {version}"),
        Some(Write::Recreate { content }) => write!(words, ", RECREATE{}", holds(content)),
        Some(Write::Unshare { accounts }) => write!(words, ", UNSHARE {}", accounts.join(",")),
    };
    if let Some(wait) = &decision.wait {
        let on = match &wait.on {
            WaitsOn::Hold(_) => "hold".to_owned(),
            on => serde_json::to_value(on).unwrap().as_str().unwrap().to_owned(),
        };
        let _ = write!(words, ", waits {} s ({on})", wait.until.since(case.now) / SECOND_MS);
    }
    format!("{words} [{}]", decision.reasons.join("; "))
}

fn decided(case: &Case) -> Decision {
    decide(case, &judge(case))
}

#[test]
fn table() {
    let mut table = String::from("mode | what is there | who made it so => decision [reasons]\n");
    for mode in MODES {
        for there in THERE {
            let lines = AUTHORS.map(|author| {
                let case = case(mode, there, author, &Obstacles::default());
                (format!("{author:?}"), in_words(&case, &decided(&case)))
            });
            for (authors, line) in grouped(&lines) {
                let _ = writeln!(table, "{mode:?} | {there:?} | {authors} => {line}");
            }
        }
    }
    insta::assert_snapshot!(table);
}

/// The distinct outcomes in their order, each with all inputs that lead to it.
fn grouped(lines: &[(String, String)]) -> Vec<(String, &str)> {
    let mut groups: Vec<(String, &str)> = Vec::new();
    for (input, outcome) in lines {
        match groups.iter_mut().find(|(_, other)| other == outcome) {
            Some((inputs, _)) => *inputs = format!("{inputs} or {input}"),
            None => groups.push((input.clone(), outcome)),
        }
    }
    if groups.len() == 1 {
        return vec![("any".to_owned(), groups[0].1)];
    }
    groups
}

/// The obstacles, alone and where two of them meet, with their names.
fn obstacles() -> Vec<(String, Obstacles)> {
    let none = Obstacles::default;
    let mut all = vec![
        ("nothing".to_owned(), none()),
        ("hold".to_owned(), Obstacles { hold: true, ..none() }),
        ("open intent of another".to_owned(), Obstacles { open_intent: true, ..none() }),
        ("edit war".to_owned(), Obstacles { war: true, ..none() }),
        ("hold and open intent".to_owned(), Obstacles { hold: true, open_intent: true, ..none() }),
        ("open intent and edit war".to_owned(), Obstacles { open_intent: true, war: true, ..none() }),
        ("last requeue".to_owned(), Obstacles { requeues: REQUEUES_MAX, ..none() }),
        ("a version that no read shows yet".to_owned(), Obstacles { before: Some(Before::Unseen), ..none() }),
        ("writes that did not land".to_owned(), Obstacles { before: Some(Before::Unlanded), ..none() }),
    ];
    all.extend(
        REFUSALS.map(|refusal| (format!("refused: {refusal:?}"), Obstacles { refused: vec![refusal], ..none() })),
    );
    all
}

#[test]
fn obstacles_table() {
    let mut table = String::from("what is there | who made it so | what stands in the way => decision [reasons]\n");
    let by_untrusted = [
        There::Absent,
        There::Right,
        There::OwnedFieldWrong,
        There::DefaultBehind,
        There::OtherType,
        There::Shared,
        There::SharedAndOwnedFieldWrong,
        There::Unknown(Obstacle::Denied),
    ];
    let rows = by_untrusted.into_iter().map(|there| (there, Author::Untrusted));
    for (there, author) in rows.chain([(There::OtherFieldWrong, Author::NamelessYoung)]) {
        let lines: Vec<(String, String)> = obstacles()
            .into_iter()
            .map(|(name, obstacles)| {
                let case = case(Mode::Enforce, there, author, &obstacles);
                (name, in_words(&case, &decided(&case)))
            })
            .collect();
        for (names, line) in grouped(&lines) {
            let _ = writeln!(table, "{there:?} | {author:?} | {names} => {line}");
        }
    }
    insta::assert_snapshot!(table);
}

/// Every combination there is.
fn all() -> impl Iterator<Item = (Case, Decision, String)> {
    let switches = (0..8_u8).flat_map(|bits| {
        let refused = std::iter::once(Vec::new()).chain(REFUSALS.map(|refusal| vec![refusal]));
        refused.flat_map(move |refused| {
            [0, REQUEUES_MAX].map(|requeues| Obstacles {
                hold: bits & 1 > 0,
                open_intent: bits & 2 > 0,
                war: bits & 4 > 0,
                refused: refused.clone(),
                requeues,
                ..Obstacles::default()
            })
        })
    });
    let switches: Vec<Obstacles> = switches.collect();
    MODES.into_iter().flat_map(move |mode| {
        let switches = switches.clone();
        THERE.into_iter().flat_map(move |there| {
            let switches = switches.clone();
            AUTHORS.into_iter().flat_map(move |author| {
                switches.clone().into_iter().map(move |obstacles| {
                    let case = case(mode, there, author, &obstacles);
                    let decision = decided(&case);
                    (case, decision, format!("{mode:?} {there:?} {author:?} {obstacles:?}"))
                })
            })
        })
    })
}

fn never_writes(case: &Case) -> bool {
    let unready = |seen: &runas_reactor::domain::observation::Seen| seen.latest_status() == DocumentStatus::Pending;
    let unusable = match &case.observation {
        Observation::Unknown(_) => true,
        Observation::Present(seen) => unready(seen),
        Observation::Absent => false,
    };
    let refused = case.refused.iter().any(|refusal| !refusal.is_outpaced());
    let kept_off = case.record.facts.open_intent(case.now).is_some();
    unusable || refused || kept_off || case.resolution.mode != Mode::Enforce
}

fn complies(case: &Case) -> bool {
    let Observation::Present(seen) = &case.observation else { return false };
    let there = seen.latest.body.content();
    let owned = there.is_some_and(|there| there.drift(&case.resolution.owned).is_empty());
    let with = ["999900001111".to_owned()].into();
    let shared = seen.shares == Some(Shares::With(with)) && case.resolution.undoes_sharing();
    owned && !shared && seen.is_session() && seen.default.number == seen.latest.number
}

#[test]
fn claims_that_hold_for_every_combination() {
    let mut count = 0;
    for (case, decision, what) in all() {
        count += 1;
        assert!(!decision.reasons.is_empty(), "{what}: no reason");
        if never_writes(&case) {
            assert_eq!(decision.write, None, "{what}");
        }
        if let Some(WaitsOn::Hold(_) | WaitsOn::EditWar | WaitsOn::Intent) = decision.wait.as_ref().map(|wait| &wait.on)
        {
            assert_eq!(decision.write, None, "{what}");
        }
        if decision.verdict == Verdict::InSync {
            assert!(complies(&case) && decision.write.is_none() && decision.wait.is_none(), "{what}");
        }
        if let Some(wait) = &decision.wait {
            assert!(wait.until > case.now, "{what}: waits for the past");
        }
        if matches!(case.observation, Observation::Unknown(_)) {
            assert!(matches!(decision.verdict, Verdict::Unknown { .. }), "{what}");
        }
        writes_what_the_policy_wants(&case, &decision, &what);
        writes_nothing_hostile(&decision, &what);
        never_gives_up_silently(&case, &decision, &what);
    }
    assert_eq!(count, 3 * 15 * 5 * 8 * 8 * 2);
}

fn writes_what_the_policy_wants(case: &Case, decision: &Decision, what: &str) {
    let seen = match &case.observation {
        Observation::Present(seen) => Some(seen),
        Observation::Absent | Observation::Unknown(_) => None,
    };
    match &decision.write {
        Some(Write::Put { base, content }) => {
            assert_eq!(*base, seen.map(|seen| seen.latest.number), "{what}: the condition");
            assert!(content.drift(&case.resolution.owned).is_empty(), "{what}");
        }
        Some(Write::Recreate { content }) => {
            assert!(content.drift(&case.resolution.owned).is_empty(), "{what}");
            assert!(
                seen.is_some_and(|seen| !seen.is_session() || seen.latest_status() == DocumentStatus::Failed),
                "{what}"
            );
        }
        Some(Write::Promote { version }) => {
            let latest = &seen.unwrap().latest;
            assert_eq!(*version, latest.number, "{what}");
            assert!(latest.body.content().unwrap().drift(&case.resolution.owned).is_empty(), "{what}");
        }
        Some(Write::Unshare { accounts }) => {
            let seen = seen.unwrap();
            assert!(seen.latest.body.content().unwrap().drift(&case.resolution.owned).is_empty(), "{what}");
            assert!(!accounts.is_empty() && case.resolution.undoes_sharing(), "{what}");
            assert_eq!(seen.shares, Some(Shares::With(accounts.iter().cloned().collect())), "{what}");
        }
        None => {}
    }
}

/// Where it enforces, a target that does not comply is written, waited for, refused by AWS or out of patience.
fn never_gives_up_silently(case: &Case, decision: &Decision, what: &str) {
    let refused = case.refused.iter().any(|refusal| !refusal.is_outpaced());
    let unknown = matches!(decision.verdict, Verdict::Unknown { .. });
    if case.resolution.mode == Mode::Enforce && decision.verdict != Verdict::InSync && !refused && !unknown {
        assert!(decision.write.is_some() || decision.wait.is_some(), "{what}");
    }
}

/// Of what an author brought in that is not trusted, nothing is ever written.
fn writes_nothing_hostile(decision: &Decision, what: &str) {
    let Some(Write::Put { content, .. } | Write::Recreate { content }) = &decision.write else { return };
    let set = content.input("shellProfile").is_some() || content.input("idleSessionTimeout").is_some();
    assert!(!set || what.contains(" Trusted "), "{what}: {content:?}");
}

#[test]
fn case_survives_storage_and_is_decided_the_same_again() {
    for mode in MODES {
        for there in THERE {
            for author in AUTHORS {
                let case = case(mode, there, author, &Obstacles::default());
                let read: Case = serde_json::from_str(&serde_json::to_string(&case).unwrap()).unwrap();
                assert_eq!(read, case);
                assert_eq!(decided(&read), decided(&case));
            }
        }
    }
}

#[test]
fn duplicate_content_is_reworded_and_means_the_same() {
    let plain = case(Mode::Enforce, There::OwnedFieldWrong, Author::Untrusted, &Obstacles::default());
    let refused = Obstacles { refused: vec![Refusal::Duplicate], ..Obstacles::default() };
    let again = case(Mode::Enforce, There::OwnedFieldWrong, Author::Untrusted, &refused);
    let content = |case: &Case| match decided(case).write {
        Some(Write::Put { content, .. }) => content,
        other => panic!("{other:?}"),
    };
    assert_ne!(content(&plain), content(&again));
    assert!(content(&plain).same_as(&content(&again)));
}

#[test]
fn reason_says_what_is_wrong() {
    for (there, reason) in [
        (There::OwnedFieldWrong, "owned fields differ from the baseline"),
        (There::OtherFieldWrong, "other fields differ from what trusted principals wrote"),
        (There::DefaultBehind, "the default version is 1, not the latest (2)"),
        (There::Invalid, "version 2 is no Session document: not a JSON object"),
        (There::OtherType, "the document is of type `Command`, not Session"),
        (There::Failed, "version 2 failed"),
    ] {
        let case = case(Mode::Enforce, there, Author::Untrusted, &Obstacles::default());
        assert_eq!(decided(&case).reasons[0], reason, "{there:?}");
    }
}
