//! Alerts about a target as a whole: late, blind, exempt, out of reach.

use runas_reactor::domain::case::Refusal;
use runas_reactor::domain::durations::REQUEUES_MAX;
use runas_reactor::domain::finding::Severity;
use runas_reactor::domain::observation::{DocumentStatus, Obstacle};
use runas_reactor::domain::policy::{ExemptionNote, Mode};
use runas_reactor::domain::record::Status;
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::time::{DAY_MS, MINUTE_MS, SECOND_MS};
use serde_json::json;

use crate::support::case::*;

/// A new account whose document is written `seconds` after it was vended.
fn vended(target: &mut Scenario) -> Reconciliation {
    target.reconcile(Cause::AccountLifecycle, &[])
}

#[test]
fn new_account_is_late_after_the_policys_minutes_and_once() {
    for (ms, late) in [(5 * MINUTE_MS, false), (5 * MINUTE_MS + 1, true)] {
        let mut target = Scenario::blank();
        target.now = target.since.plus_ms(ms);
        let reconciliations = [vended(&mut target), vended(&mut target)];
        assert_eq!(
            kinds(&reconciliations).iter().filter(|kind| **kind == "configuration_lag").count(),
            usize::from(late),
            "{ms}"
        );
    }
}

#[test]
fn late_configuration_names_its_cause_and_is_one_alert_per_account() {
    let late = |region| {
        let mut target = Scenario::blank();
        target.region = region;
        target.obstacle = Some(Obstacle::Denied);
        let mut reconciliations = vec![vended(&mut target)];
        reconciliations.extend(target.runs(400));
        target.obstacle = None;
        reconciliations.extend(target.runs(60));
        reconciliations
            .into_iter()
            .find(|reconciliation| reconciliation.kinds().contains(&"configuration_lag"))
            .unwrap()
            .alert("configuration_lag")
            .clone()
    };
    let (one, other) = (late("eu-west-1"), late("us-east-1"));
    assert_eq!(one.id, other.id);
    let cause = one.text.lines().find(|line| line.trim_start().starts_with("Cause")).unwrap();
    assert!(cause.contains("could not read: AccessDenied"), "{}", one.text);
}

#[test]
fn longest_lag_is_notified_after_the_readiness_time_too() {
    let mut target = Scenario::blank();
    target.obstacle = Some(Obstacle::Denied);
    let mut reconciliations = vec![vended(&mut target)];
    reconciliations.extend(target.runs(3 * 3_600));
    assert_eq!(kinds(&reconciliations), ["unreachable"]);
    target.obstacle = None;
    let reconciliation = target.sweeps();
    assert_eq!(target.record.status, Status::InSync);
    assert!(reconciliation.kinds().contains(&"configuration_lag"), "{:?}", reconciliation.kinds());
}

#[test]
fn first_document_is_not_alerted_as_created_again() {
    let mut target = Scenario::blank();
    target.wait(600);
    let reconciliation = vended(&mut target);
    let words: String = reconciliation.alerts().iter().map(|alert| alert.text.as_str()).collect();
    assert!(!words.contains("again"), "{words}");
}

#[test]
fn write_without_an_echo_for_the_policys_minutes_is_a_blind_forwarder() {
    for (ms, blind) in [(120 * MINUTE_MS - 1, false), (120 * MINUTE_MS, true)] {
        let mut target = Scenario::blank();
        vended(&mut target);
        target.now = target.now.plus_ms(ms);
        let reconciliations = [target.sweeps(), target.sweeps()];
        let alerts = kinds(&reconciliations).iter().filter(|kind| **kind == "forwarder_blind").count();
        assert_eq!(alerts, usize::from(blind), "{ms}");
    }
}

#[test]
fn echo_shows_that_the_forwarder_sees() {
    // Seed 130000363: CloudTrail's clock is a minute behind, and it cuts off the second.
    for behind_ms in [0, 61 * SECOND_MS] {
        let mut target = Scenario::blank();
        vended(&mut target);
        let mut echo = target.echo();
        echo.edit.at = echo.edit.at.plus_ms(-behind_ms);
        target.hears(&[echo]);
        target.wait(3 * 3_600);
        assert_eq!(target.sweeps().kinds(), [""; 0], "{behind_ms}");
    }
}

#[test]
fn failed_call_through_the_reactors_role_is_no_echo() {
    let mut target = Scenario::blank();
    vended(&mut target);
    let mut echo = target.echo();
    echo.edit.failed = Some("AccessDenied".to_owned());
    target.hears(&[echo]);
    assert!(target.record.facts.echoes.is_empty());
}

#[test]
fn exemption_warns_fourteen_and_two_days_before_its_end_and_once_each() {
    let warned = |left_ms: i64, before: Option<u8>| {
        let mut target = Scenario::in_sync().exempt();
        let expires = target.now.plus_ms(left_ms);
        let note = ExemptionNote { reason: "migration".to_owned(), owner: "team-net".to_owned(), expires };
        target.resolution.exemption = Some(note);
        target.record.exemption_warned = before.map(|days| (expires, days));
        let reconciliation = target.sweeps();
        let alerts = reconciliation.alerts().iter().find(|alert| alert.kind == "exemption_ends");
        alerts.inspect(|alert| assert!(alert.text.contains("team-net") && alert.text.contains("migration")));
        alerts.map(|_| target.record.exemption_warned.unwrap().1)
    };
    for (left_ms, before, expected) in [
        (14 * DAY_MS + 1, None, None),
        (14 * DAY_MS, None, Some(14)),
        (14 * DAY_MS, Some(14), None),
        (2 * DAY_MS + 1, None, Some(14)),
        (2 * DAY_MS + 1, Some(14), None),
        (2 * DAY_MS, Some(14), Some(2)),
        (2 * DAY_MS, Some(2), None),
    ] {
        assert_eq!(warned(left_ms, before), expected, "{left_ms} {before:?}");
    }
}

#[test]
fn exemption_that_was_prolonged_warns_again() {
    let mut target = Scenario::in_sync().exempt();
    let note = |expires| ExemptionNote { reason: "r".to_owned(), owner: "o".to_owned(), expires };
    target.resolution.exemption = Some(note(target.now.plus_ms(DAY_MS)));
    assert_eq!(target.sweeps().kinds(), ["exemption_ends"]);
    target.resolution.exemption = Some(note(target.now.plus_ms(13 * DAY_MS)));
    assert_eq!(target.sweeps().kinds(), ["exemption_ends"]);
}

#[test]
fn out_of_reach_is_notified_once_and_so_is_its_end() {
    let mut target = Scenario::in_sync();
    target.obstacle = Some(Obstacle::Denied);
    let reconciliations = [target.sweeps(), target.sweeps()];
    assert_eq!(kinds(&reconciliations), ["unreachable"]);
    assert_eq!(reconciliations[0].alert("unreachable").severity, Severity::High);
    target.obstacle = None;
    let reconciliations = [target.sweeps(), target.sweeps()];
    assert_eq!(kinds(&reconciliations), ["reachable_again"]);
    assert_eq!(kinds(&target.runs(7_200)), [""; 0], "that was the end of the incident");
}

#[test]
fn region_that_is_off_is_good_to_know_and_no_more() {
    let mut target = Scenario::in_sync();
    target.obstacle = Some(Obstacle::RegionOff);
    assert_eq!(target.sweeps().alert("unreachable").severity, Severity::Info);
}

#[test]
fn each_obstacle_is_named_with_what_to_do_about_it_in_a_new_account_and_in_any_other() {
    for (obstacle, subject, new, known) in [
        (
            Obstacle::Denied,
            "no role gives access",
            "the stack set has brought the member role",
            "that it trusts the hub",
        ),
        (
            Obstacle::DeniedByScp,
            "a service control policy denies",
            "the quarantine of new accounts",
            "runasctl render scp",
        ),
        (Obstacle::NotReady, "Systems Manager is not available", "Nothing: ", "Ask AWS Support"),
    ] {
        let mut configured = Scenario::blank();
        vended(&mut configured);
        configured.wait(86_400);
        for (mut target, advice) in [(Scenario::blank(), new), (Scenario::in_sync(), known), (configured, known)] {
            target.obstacle = Some(obstacle);
            if target.document.is_none() {
                vended(&mut target);
                target.now = target.now.plus_ms(120 * MINUTE_MS);
            }
            let reconciliation = target.sweeps();
            let alert = reconciliation.alert("unreachable");
            assert!(alert.subject.contains(subject), "{}", alert.subject);
            assert!(alert.text.contains(advice), "{}", alert.text);
        }
    }
}

#[test]
fn new_account_that_is_waited_for_is_neither_out_of_reach_nor_back() {
    let mut target = Scenario::blank();
    target.obstacle = Some(Obstacle::NotReady);
    let mut reconciliations = vec![vended(&mut target), target.sweeps()];
    assert_eq!(target.record.status, Status::Waiting);
    target.obstacle = None;
    reconciliations.push(target.reconcile(Cause::AccountLifecycle, &[]));
    assert_eq!(kinds(&reconciliations), [""; 0]);
}

#[test]
fn wait_for_a_new_account_is_tolerated_for_the_policys_minutes() {
    for (ms, expected) in [(120 * MINUTE_MS - 1, Status::Waiting), (120 * MINUTE_MS, Status::Unreachable)] {
        let mut target = Scenario::blank();
        target.obstacle = Some(Obstacle::NotReady);
        vended(&mut target);
        target.now = target.now.plus_ms(ms);
        target.sweeps();
        assert_eq!(target.record.status, expected, "{ms}");
    }
}

#[test]
fn waiting_target_is_not_alerted_as_reachable_again() {
    let mut target = Scenario::in_sync();
    target.obstacle = Some(Obstacle::Denied);
    target.sweeps();
    target.obstacle = None;
    let call = target.writes(PIPELINE, &right());
    target.doc().status = DocumentStatus::Pending;
    assert_eq!(target.hears(&[call]).kinds(), [""; 0]);
    target.doc().status = DocumentStatus::Active;
    let reconciliations = target.runs(7_200);
    assert_eq!(kinds(&reconciliations), ["incident_resolved"], "its end is alerted all the same");
}

#[test]
fn write_that_is_denied_is_out_of_reach_with_that_reason() {
    for (refusal, reason, advice) in [
        (Refusal::Denied, "AWS denies the reactor the write", "Allow the reactor's role in the account to write"),
        (
            Refusal::DeniedByScp,
            "a service control policy denies the reactor the write",
            "Except the reactor's roles in the SCP that denies the write",
        ),
        (Refusal::Invalid, "AWS rejects the values that the policy wants", "Correct the values in the policy"),
    ] {
        let mut target = Scenario::in_sync();
        target.refusal = Some(refusal);
        target.writes(PIPELINE, &run_as_off());
        let reconciliation = target.sweeps();
        let alert = reconciliation.alert("unreachable");
        assert!(alert.subject.contains(reason) && alert.text.contains(advice), "{}", alert.text);
    }
}

#[test]
fn observed_drift_is_alerted_once_with_the_difference() {
    let mut target = Scenario::found("eu-west-1", &right_but("runAsDefaultUser", "mallory"));
    target.resolution.mode = Mode::Observe;
    let reconciliations = [target.sweeps(), target.sweeps()];
    let alerts: Vec<&str> = kinds(&reconciliations).into_iter().filter(|kind| *kind == "drift_observed").collect();
    assert_eq!(alerts.len(), 1);
    let drift = &reconciliations[0].alert("drift_observed").data["drift"];
    assert_eq!(drift[0], json!({ "field": "runAsDefaultUser", "from": "mallory", "to": "ops" }));
}

#[test]
fn drift_by_an_alerted_act_is_not_alerted_again() {
    let mut target = Scenario::in_sync().observing();
    let mut reconciliations = Vec::new();
    for (who, inputs) in [(MALLORY, run_as_off()), (PIPELINE, right()), (MALLORY, run_as_off())] {
        let call = target.writes(who, &inputs);
        reconciliations.push(target.hears(&[call]));
        target.wait(60);
    }
    assert_eq!(target.record.status, Status::Drifted);
    assert_eq!(kinds(&reconciliations), ["edit_noticed"], "the second time is counted");
}

#[test]
fn observed_target_is_in_sync_whenever_it_is_right() {
    let mut target = Scenario::in_sync().observing();
    for (inputs, status) in [(right(), Status::InSync), (run_as_off(), Status::Drifted), (right(), Status::InSync)] {
        let call = target.writes(PIPELINE, &inputs);
        target.hears(&[call]);
        assert_eq!(target.record.status, status, "{inputs}");
    }
}

#[test]
fn write_that_was_refused_is_no_sign_of_a_blind_forwarder() {
    let mut target = Scenario::in_sync();
    target.refusal = Some(Refusal::Denied);
    target.writes(PIPELINE, &run_as_off());
    target.sweeps();
    target.refusal = None;
    target.writes(PIPELINE, &right());
    target.wait(3 * 3_600);
    let reconciliations = [target.sweeps(), target.sweeps()];
    assert!(!kinds(&reconciliations).contains(&"forwarder_blind"), "{:?}", kinds(&reconciliations));
}

#[test]
fn giving_up_is_alerted_each_time() {
    let mut target = Scenario::in_sync();
    target.obstacle = Some(Obstacle::Denied);
    target.sweeps();
    target.requeues = REQUEUES_MAX;
    let reconciliations = [(); 2].map(|()| target.reconcile(Cause::DocumentEvent, &[]));
    assert_eq!(kinds(&reconciliations), ["unreachable", "unreachable"]);
}

#[test]
fn write_of_this_very_observation_is_not_waited_for() {
    let mut target = Scenario::blank();
    target.now = target.since.plus_ms(3 * 60 * MINUTE_MS);
    let reconciliation = vended(&mut target);
    assert!(
        reconciliation.decision.write.is_some() && !reconciliation.kinds().contains(&"forwarder_blind"),
        "{:?}",
        reconciliation.kinds()
    );
}
