//! For how long sessions could go wrong: from the act that made the document wrong to the write that corrected it.

use runas_reactor::domain::edit::Action;
use runas_reactor::domain::policy::Mode;
use serde_json::{Value, json};

use crate::support::case::*;

/// Seconds, whether it still lasts, and whether sessions had the wrong user.
fn exposure(reconciliation: &Reconciliation, kind: &str) -> Option<(u64, bool, bool)> {
    let exposure = &reconciliation.alert(kind).data["exposure"];
    (exposure != &Value::Null).then(|| {
        let flag = |name: &str| exposure[name].as_bool().unwrap();
        (exposure["seconds"].as_u64().unwrap(), flag("still"), flag("wrong_user"))
    })
}

#[test]
fn exposure_begins_with_the_version_and_ends_with_the_write() {
    for seconds in [1, 5, 60] {
        let mut target = Scenario::in_sync();
        let call = target.writes(MALLORY, &run_as_off());
        target.wait(seconds);
        let reconciliation = target.hears(&[call]);
        // The write takes 300 ms; whole seconds are rounded up.
        assert_eq!(exposure(&reconciliation, "edit_reverted"), Some((seconds.unsigned_abs() + 1, false, true)));
        let since = &reconciliation.alert("edit_reverted").data["exposure"]["since"];
        assert_eq!(since, &json!(at(7_200)));
    }
}

#[test]
fn field_that_the_policy_does_not_own_is_no_exposure() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &right_but("s3BucketName", "hers"));
    target.wait(5);
    let reconciliation = target.hears(&[call]);
    assert_eq!(exposure(&reconciliation, "edit_reverted"), None);
    assert!(!reconciliation.alert("edit_reverted").text.contains("essions could"));
}

#[test]
fn owned_setting_other_than_the_user_is_worded_as_a_setting() {
    let mut target = Scenario::in_sync();
    target.resolution.owned.insert("cloudWatchLogGroupName".to_owned(), json!("logs"));
    let call = target.writes(MALLORY, &right_but("cloudWatchLogGroupName", "hers"));
    target.wait(5);
    let reconciliation = target.hears(&[call]);
    assert_eq!(exposure(&reconciliation, "edit_reverted"), Some((6, false, false)));
    let text = &reconciliation.alert("edit_reverted").text;
    assert!(
        text.contains(
            "For 6 seconds from 2026-11-20T10:00:00Z, sessions could run with settings that the policy does not want."
        ),
        "{text}"
    );
}

#[test]
fn what_is_not_corrected_still_exposes() {
    let mut target = Scenario::in_sync();
    target.resolution.mode = Mode::Observe;
    let call = target.writes(MALLORY, &run_as_off());
    target.wait(5);
    let reconciliation = target.hears(&[call]);
    assert_eq!(exposure(&reconciliation, "edit_noticed"), Some((5, true, true)));
    assert!(
        reconciliation
            .alert("edit_noticed")
            .text
            .contains("Sessions can STILL run as the wrong user: for 5 seconds so far, since 2026-11-20T10:00:00Z.")
    );
}

#[test]
fn version_that_never_was_the_default_is_no_exposure() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    target.doc().default = 1;
    target.wait(5);
    assert_eq!(exposure(&target.hears(&[call]), "edit_reverted"), None);
}

#[test]
fn deleted_document_exposes_from_the_call_on() {
    let mut target = Scenario::in_sync();
    let call = target.deletes(MALLORY);
    target.wait(4);
    assert_eq!(exposure(&target.hears(&[call]), "edit_reverted"), Some((5, false, true)));
}

#[test]
fn default_that_is_moved_back_exposes_where_that_version_is_wrong() {
    for (wrong, expected) in [(true, Some((4, false, true))), (false, None)] {
        let mut target = Scenario::in_sync();
        let inputs = if wrong { run_as_off() } else { right_but("idleSessionTimeout", "20") };
        let call = target.writes(MALLORY, &inputs);
        target.hears(&[call]);
        target.runs(3_600);
        let call = target.moves_default(EVE, 2);
        target.wait(3);
        assert_eq!(exposure(&target.hears(&[call]), "edit_reverted"), expected, "wrong: {wrong}");
    }
}

#[test]
fn author_that_is_known_late_does_not_lengthen_the_exposure() {
    let mut target = Scenario::in_sync();
    target.writes(MALLORY, &run_as_off());
    target.wait(2);
    target.sweeps();
    let reconciliations = target.runs(100);
    let reconciliation = reconciliations.iter().find(|reconciliation| !reconciliation.alerts().is_empty()).unwrap();
    assert_eq!(
        exposure(reconciliation, "edit_reverted"),
        Some((3, false, true)),
        "the alert waited a minute for the name"
    );
}

#[test]
fn war_adds_up_what_its_edits_exposed() {
    let mut target = Scenario::in_sync();
    let mut reconciliations = Vec::new();
    for _ in 0..6 {
        let call = target.writes(MALLORY, &run_as_off());
        target.wait(1);
        reconciliations.push(target.hears(&[call]));
        reconciliations.extend(target.runs(11));
    }
    let reconciliation =
        reconciliations.iter().find(|reconciliation| reconciliation.kinds().contains(&"edit_war")).unwrap();
    let (seconds, still, _) = exposure(reconciliation, "edit_war").unwrap();
    assert!(
        (5..=9).contains(&seconds),
        "five or six times 1.3 seconds, and not the minute in which it happened: {seconds}"
    );
    assert!(!still);
}

#[test]
fn exposure_is_given_in_seconds_and_a_long_one_in_hours_and_minutes_too() {
    for (seconds, long) in [
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "120 seconds (2 min)"),
        (3_599, "3599 seconds (59 min)"),
        (3_600, "3600 seconds (1 h 0 min)"),
        (7_380, "7380 seconds (2 h 3 min)"),
    ] {
        let mut target = Scenario::in_sync().observing();
        let call = target.writes(MALLORY, &run_as_off());
        target.wait(seconds);
        let reconciliation = target.hears(&[call]);
        let text = &reconciliation.alert("edit_noticed").text;
        assert!(text.contains(&format!("as the wrong user: for {long} so far, since")), "{long}: {text}");
    }
}

#[test]
fn wrong_user_at_any_time_is_worded_as_the_wrong_user() {
    let (setting, user) = (("cloudWatchLogGroupName", json!("hers")), ("runAsDefaultUser", json!("mallory")));
    for (first, second) in [(&setting, &user), (&user, &setting)] {
        let mut target = Scenario::in_sync();
        target.resolution.owned.insert("cloudWatchLogGroupName".to_owned(), json!("logs"));
        let one = target.writes(MALLORY, &right_but(first.0, first.1.clone()));
        target.wait(2);
        let other = target.writes(MALLORY, &right_but(second.0, second.1.clone()));
        target.wait(2);
        assert_eq!(exposure(&target.hears(&[one, other]), "edit_reverted"), Some((5, false, true)), "{first:?}");
    }
    // With the right values for two seconds in between.
    for (first, second) in [(&setting, &user), (&user, &setting)] {
        let mut target = Scenario::in_sync();
        target.resolution.owned.insert("cloudWatchLogGroupName".to_owned(), json!("logs"));
        let mut calls = Vec::new();
        for inputs in [right_but(first.0, first.1.clone()), right(), right_but(second.0, second.1.clone())] {
            calls.push(target.writes(MALLORY, &inputs));
            target.wait(2);
        }
        assert_eq!(exposure(&target.hears(&calls), "edit_reverted"), Some((5, false, true)), "{first:?}");
    }
}

#[test]
fn failed_call_is_no_exposure() {
    for action in [Action::Deleted, Action::DefaultMoved { version: Some(2) }] {
        let mut target = Scenario::in_sync();
        let hostile = target.writes(MALLORY, &run_as_off());
        target.hears(&[hostile]);
        target.runs(3_600);
        let failed = target.fails(MALLORY, action, "AccessDenied");
        target.wait(5);
        let call = target.writes(MALLORY, &right_but("s3BucketName", "hers"));
        target.wait(5);
        assert_eq!(exposure(&target.hears(&[failed, call]), "edit_reverted"), None, "{action:?}");
    }
}

#[test]
fn observed_drift_says_since_when_where_that_is_known() {
    let exposure = |mut target: Scenario| {
        target = target.observing();
        target.sweeps().alert("drift_observed").text.clone()
    };
    let since_unknown = "Sessions can run as the wrong user; since when is not known.";
    let text = exposure(Scenario::found("eu-west-1", &right_but("runAsDefaultUser", "mallory")));
    assert!(text.contains(since_unknown), "{text}");
    let mut excepted = Scenario::in_sync().exempt();
    let call = excepted.writes(MALLORY, &run_as_off());
    excepted.hears(&[call]);
    excepted.runs(3_600);
    let text = exposure(excepted);
    assert!(text.contains("so far, since 2026-11-20T10:00:00Z") && !text.contains("since when"), "{text}");
    let mut setting = Scenario::found("eu-west-1", &right());
    setting.resolution.owned.insert("cloudWatchLogGroupName".to_owned(), json!("others"));
    let text = exposure(setting);
    assert!(!text.contains("wrong user"), "{text}");
}
