//! Versions whose author is not known yet, and may still become known.

use runas_reactor::domain::advance::{advance, wanted};
use runas_reactor::domain::case::{Case, Decision, Verdict, WaitsOn, Write};
use runas_reactor::domain::decide::decide;
use runas_reactor::domain::document::Body;
use runas_reactor::domain::principal::Attribution::{BreakGlass, Trusted, Unattributed, Untrusted};
use runas_reactor::domain::settle::HOPS_MAX;
use runas_reactor::domain::time::MINUTE_MS;
use serde_json::{Value, json};

use crate::core_review::cases::{
    at, body, case, document, in_sync, judged, promoted, right, right_but, seen, settled, wrote,
};

/// What is right, with other fields that nobody but their owner may set.
fn with(fields: &[(&str, &str)]) -> Value {
    let mut inputs = right();
    for (field, value) in fields {
        inputs[*field] = json!(value);
    }
    inputs
}

/// Version 1 is accounted for; after it come others, ten seconds apart from second 50 on. It is second 100 now.
fn followed_by(contents: &[Value]) -> Case {
    let mut case = case();
    case.record = in_sync(1, 10);
    let mut versions = vec![(1, 10, body(&right()))];
    versions.extend((2_u64..).zip((50..).step_by(10)).zip(contents).map(|((n, when), inputs)| (n, when, body(inputs))));
    let latest = versions.last().unwrap().0;
    case.observation = document(&versions, latest);
    case
}

/// The nameless version that is waited for.
fn waited_for(decision: &Decision) -> Option<String> {
    match &decision.verdict {
        Verdict::Unsettled { why } => Some(why.clone()),
        _ => None,
    }
}

#[test]
fn the_author_of_a_nameless_version_is_waited_for_for_ten_minutes() {
    let mut case = followed_by(&[with(&[("kmsKeyId", "k")])]);
    let until = at(50).plus_ms(10 * MINUTE_MS);
    let wait = decide(&case).wait.unwrap();
    assert_eq!((wait.on, wait.until), (WaitsOn::Visibility, until));
    case.now = until.plus_ms(-1);
    assert_eq!(waited_for(&decide(&case)).as_deref(), Some("who wrote version 2 is not known yet"));
    for (now, hop) in [(until, 0), (at(100), HOPS_MAX)] {
        (case.now, case.hop) = (now, hop);
        assert!(matches!(decide(&case).write, Some(Write::Put { .. })), "{now}, hop {hop}");
    }
}

#[test]
fn what_is_presumed_is_all_that_nameless_and_trusted_hands_made() {
    let (first, both) = (with(&[("kmsKeyId", "k")]), with(&[("kmsKeyId", "k"), ("s3KeyPrefix", "p")]));
    let two = || followed_by(&[first.clone(), both.clone()]);
    for (trusted, waits) in [(None, Some(2)), (Some((60, 3)), Some(2)), (Some((50, 2)), Some(3))] {
        let mut case = two();
        case.edits.extend(trusted.map(|(when, version)| wrote("t", when, version, Trusted)));
        let why = waits.map(|version| format!("who wrote version {version} is not known yet"));
        assert_eq!(waited_for(&decide(&case)), why, "{trusted:?}");
    }
    for untrusted in [(50, 2), (60, 3)] {
        let mut case = two();
        case.edits.push(wrote("u", untrusted.0, untrusted.1, Untrusted));
        assert_eq!(waited_for(&decide(&case)), None, "{untrusted:?}");
    }
}

#[test]
fn what_we_wrote_over_a_nameless_version_is_where_the_presumption_begins_anew() {
    let case = followed_by(&[with(&[("kmsKeyId", "k")]), right(), with(&[("s3KeyPrefix", "p")])]);
    assert_eq!(waited_for(&decide(&case)).as_deref(), Some("who wrote version 2 is not known yet"));
    let case = followed_by(&[with(&[("kmsKeyId", "k")]), right(), with(&[("kmsKeyId", "k"), ("s3KeyPrefix", "p")])]);
    assert!(waited_for(&decide(&case)).is_some());
}

#[test]
fn what_follows_an_invalid_version_by_nobody_known_is_not_presumed() {
    let mut case = followed_by(&[right(), with(&[("kmsKeyId", "k")])]);
    seen(&mut case).between.insert(2, Body::Invalid { why: "no JSON".to_owned() });
    assert_eq!(waited_for(&decide(&case)), None);
}

#[test]
fn what_runs_code_is_not_waited_for() {
    let profile = |linux: &str| right_but("shellProfile", json!({ "linux": linux, "windows": "" }));
    let mut case = followed_by(&[profile("curl evil")]);
    assert_eq!(waited_for(&decide(&case)), None);
    // What was accepted before may stay as it is.
    let with_key = || {
        let mut inputs = profile("date");
        inputs["kmsKeyId"] = json!("k");
        inputs
    };
    case = followed_by(&[with_key()]);
    case.record.accepted = body(&profile("date")).content().cloned();
    seen(&mut case).between.insert(1, body(&profile("date")));
    assert!(waited_for(&decide(&case)).is_some());
}

#[test]
fn another_document_by_nobody_known_is_not_waited_for() {
    let mut case = followed_by(&[with(&[("kmsKeyId", "k")])]);
    case.record.accounted.as_mut().unwrap().created = Some(at(9));
    assert_eq!(waited_for(&decide(&case)), None);
}

#[test]
fn whoever_made_a_nameless_version_the_default_is_not_waited_for_unless_he_is_trusted() {
    let moved = |version, attribution| promoted("m", 60, version, attribution);
    let mut ours = moved(2, Untrusted);
    ours.by_our_role = true;
    let mut denied = moved(2, Untrusted);
    denied.edit.failed = Some("AccessDenied".to_owned());
    for (edit, waits) in [
        (moved(2, Untrusted), false),
        (moved(2, Unattributed), false),
        (moved(2, BreakGlass), false),
        (moved(2, Trusted), true),
        (moved(1, Untrusted), true),
        (ours, true),
        (denied, true),
    ] {
        let mut case = followed_by(&[with(&[("kmsKeyId", "k")])]);
        case.edits = vec![edit];
        assert_eq!(waited_for(&decide(&case)).is_some(), waits, "{:?}", case.edits);
    }
}

#[test]
fn while_an_author_is_waited_for_what_we_own_is_right_all_the_same() {
    let wrong = right_but("runAsEnabled", false);
    let mut case = followed_by(&[with(&[("kmsKeyId", "k")])]);
    case.observation = document(&[(1, 10, body(&wrong)), (2, 50, body(&with(&[("kmsKeyId", "k")])))], 1);
    case.record.accounted.as_mut().unwrap().body = Some(body(&wrong));
    case.record.accepted = body(&right()).content().cloned();
    let decision = decide(&case);
    assert_eq!(decision.write, Some(Write::Promote { version: 2 }), "{:?}", decision.reasons);
    assert!(waited_for(&decision).is_some());
}

#[test]
fn at_first_sight_the_version_before_a_foreign_one_is_read() {
    let mut case = followed_by(&[right(), right(), right()]);
    case.record = runas_reactor::domain::record::Record::default();
    case.edits = vec![wrote("e", 60, 3, Untrusted)];
    seen(&mut case).between.clear();
    let there = seen(&mut case).clone();
    assert!(wanted(&case, &there).into_iter().eq([2, 3]));
}

#[test]
fn while_an_author_is_waited_for_nothing_is_written_down() {
    let (_, settlement) = settled(&followed_by(&[with(&[("kmsKeyId", "k")])]));
    assert_eq!(settlement.commit, None);
    assert_eq!(settlement.next.map(|(work, delay)| (work.hop, delay)), Some((1, 550)));
}

#[test]
fn what_follows_an_invalid_version_by_a_trusted_hand_is_taken_over() {
    let broken = Body::Invalid { why: "no JSON".to_owned() };
    let mut case = followed_by(&[right(), with(&[("kmsKeyId", "k")])]);
    let accounted = case.record.accounted.as_mut().unwrap();
    (accounted.version, accounted.created, accounted.body) = (2, Some(at(50)), Some(broken.clone()));
    seen(&mut case).between.insert(2, broken);
    case.edits = vec![wrote("t", 60, 3, Trusted)];
    for (second, expected) in
        [(Trusted, None), (Untrusted, Some("version 3 may carry over what an invalid one before it held"))]
    {
        let first = if second == Trusted { Untrusted } else { Trusted };
        case.record.recent = vec![judged(2, 50, second, &right(), &right()), judged(1, 10, first, &right(), &right())];
        let there = seen(&mut case).clone();
        assert_eq!(advance(&case, &there).gap.as_deref(), expected, "{second:?}");
    }
}

#[test]
fn a_trusted_call_vouches_whatever_the_versions_are_that_do_not_come_before() {
    let author = |versions: &[(u64, i64, Body)], other: Option<(u64, i64)>| {
        let mut case = followed_by(&[right()]);
        (case.record.accounted, case.record.accepted) = (None, Some(crate::core_review::cases::content(&right())));
        case.record.recent =
            other.map(|(n, when)| judged(n, when, Untrusted, &right(), &right())).into_iter().collect();
        case.observation = document(versions, 2);
        case.edits = vec![wrote("t", 50, 2, Trusted)];
        let there = seen(&mut case).clone();
        advance(&case, &there).judged.last().unwrap().attribution
    };
    let second = |when| (2, when, body(&with(&[("kmsKeyId", "k")])));
    assert_eq!(author(&[(1, 52, body(&right())), second(52)], None), Trusted, "of the same moment");
    assert_eq!(author(&[(1, 10, body(&right())), second(52)], Some((7, 51))), Trusted, "of a later number");
    assert_eq!(author(&[(1, 51, body(&right())), second(52)], None), Unattributed, "the one before came later");
}
