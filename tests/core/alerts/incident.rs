//! The incident: its first acts are notified, more of the same is counted, and its end is alerted.

use runas_reactor::domain::edit::Action;
use runas_reactor::domain::finding::Severity;
use runas_reactor::domain::observation::Obstacle;
use runas_reactor::domain::record::{OPPONENTS_MAX, Status};
use runas_reactor::domain::time::MINUTE_MS;

use crate::support::case::*;

/// The event of mallory's edit arrives, and the edit is reverted.
fn edited(target: &mut Scenario) -> Reconciliation {
    let call = target.writes(MALLORY, &run_as_off());
    target.hears(&[call])
}

#[test]
fn sixty_edits_in_a_minute_are_one_high_one_war_and_one_end() {
    let mut target = Scenario::in_sync();
    let mut reconciliations = Vec::new();
    for _ in 0..60 {
        let call = target.writes(MALLORY, &run_as_off());
        reconciliations.push(target.hears(&[call]));
        reconciliations.extend(target.runs(1));
    }
    reconciliations.extend(target.runs(7_200));
    assert_eq!(kinds(&reconciliations), ["edit_reverted", "edit_war", "incident_resolved"]);
    let raised: Vec<_> = reconciliations.iter().flat_map(Reconciliation::alerts).collect();
    assert_eq!(
        [raised[0].severity, raised[1].severity, raised[2].severity],
        [Severity::High, Severity::Critical, Severity::Info]
    );
    assert!(raised[1].subject.starts_with("Edit war: Developer (mallory)"), "{}", raised[1].subject);
    assert!(raised[2].subject.starts_with("Over: 60 edits"), "{}", raised[2].subject);
    assert!(!raised.iter().any(|alert| alert.text.contains("unknown principal")), "the first had named her");
    assert_eq!(raised.iter().map(|alert| alert.incident.clone()).collect::<std::collections::BTreeSet<_>>().len(), 1);
    assert_eq!(target.in_force(), &content(&right()));
}

#[test]
fn sixty_edits_whose_events_come_late_are_named_as_the_same_war() {
    let mut target = Scenario::in_sync();
    let mut calls = Vec::new();
    let mut reconciliations = Vec::new();
    for second in 0..90 {
        if second < 60 {
            let call = target.writes(MALLORY, &run_as_off());
            calls.push((second + 20, call));
        }
        let due: Vec<_> = calls.iter().filter(|(due, _)| *due == second).map(|(_, call)| call.clone()).collect();
        if !due.is_empty() {
            reconciliations.push(target.hears(&due));
        }
        reconciliations.extend(target.runs(1));
    }
    reconciliations.extend(target.runs(7_200));
    let raised: Vec<_> = reconciliations.iter().flat_map(Reconciliation::alerts).collect();
    let kinds: Vec<&str> = raised.iter().map(|alert| alert.kind.as_str()).collect();
    // The first alert waits for the names of what lies on top of its version; the war does not.
    assert_eq!(kinds, ["edit_war", "edit_reverted", "incident_resolved"]);
    assert!(raised.iter().all(|alert| alert.text.contains("Developer (mallory)")), "{raised:?}");
}

#[test]
fn same_act_of_the_same_principal_is_counted_and_another_is_notified() {
    let mut target = Scenario::in_sync();
    let mut reconciliations = vec![edited(&mut target)];
    target.wait(60);
    reconciliations.push(edited(&mut target));
    assert_eq!(kinds(&reconciliations), ["edit_reverted"], "the same again");
    target.wait(60);
    let other = target.writes(EVE, &run_as_off());
    assert!(target.hears(&[other]).alert("edit_reverted").subject.contains("eve"), "another principal");
    target.wait(60);
    let deletion = target.deletes(MALLORY);
    assert!(target.hears(&[deletion]).alert("edit_reverted").subject.contains("deleted"), "another kind of act");
    assert_eq!(target.record.incident.as_ref().unwrap().edits, 4);
}

#[test]
fn incident_stays_open_for_the_policys_window_after_its_last_act_and_closes_with_the_count() {
    let mut target = Scenario::in_sync();
    edited(&mut target);
    target.wait(300);
    edited(&mut target);
    let mut reconciliations = target.runs(599);
    assert!(target.record.incident.is_some(), "nine minutes and 59 seconds");
    assert_eq!(kinds(&reconciliations), [""; 0]);
    reconciliations = target.runs(1);
    assert_eq!(kinds(&reconciliations), ["incident_resolved"]);
    let alert = reconciliations[0].alert("incident_resolved");
    assert!(
        alert.subject.starts_with("Over: 2 edits, the last: Developer (mallory) wrote version 4"),
        "{}",
        alert.subject
    );
    assert!(alert.text.contains("quiet for 10 minutes"), "{}", alert.text);
    assert!(target.record.incident.is_none());
}

#[test]
fn incident_of_a_single_act_that_was_notified_closes_in_silence() {
    let mut target = Scenario::in_sync();
    edited(&mut target);
    assert_eq!(kinds(&target.runs(7_200)), [""; 0]);
    assert!(target.record.incident.is_none());
}

#[test]
fn pipeline_that_leaves_the_policys_values_is_no_party_to_a_war() {
    let mut target = Scenario::in_sync();
    for _ in 0..6 {
        edited(&mut target);
        target.wait(11);
    }
    let before = target.record.incident.clone().unwrap();
    assert!(before.escalated);
    let call = target.writes(PIPELINE, &right_but("idleSessionTimeout", "7"));
    target.hears(&[call]);
    let after = target.record.incident.unwrap();
    assert_eq!((after.edits, after.opponents), (before.edits, before.opponents));
}

#[test]
fn incident_names_a_bounded_number_of_opponents() {
    let mut target = Scenario::in_sync();
    for who in [MALLORY, EVE] {
        let call = target.writes(who, &run_as_off());
        target.hears(&[call]);
        let opponents = &mut target.record.incident.as_mut().unwrap().opponents;
        while opponents.len() < OPPONENTS_MAX {
            opponents.push(format!("principal {}", opponents.len()));
        }
        assert_eq!(opponents.len(), OPPONENTS_MAX);
    }
}

#[test]
fn act_after_the_end_is_a_new_incident() {
    let mut target = Scenario::in_sync();
    let first = edited(&mut target).alerts()[0].incident.clone();
    target.runs(601);
    let second = edited(&mut target);
    assert_eq!(second.kinds(), ["edit_reverted"]);
    assert_ne!(second.alerts()[0].incident, first);
}

#[test]
fn end_of_a_persistent_drift_is_notified() {
    let mut target = Scenario::in_sync();
    let call = target.writes(BREAK_GLASS, &run_as_off());
    let reconciliation = target.hears(&[call]);
    assert_eq!(reconciliation.kinds(), ["break_glass"]);
    assert!(reconciliation.record().incident.as_ref().unwrap().notify_on_close);
    assert_eq!(kinds(&target.runs(2 * 3_600)), ["incident_resolved"]);
}

#[test]
fn new_principal_in_a_war_is_notified_and_the_known_one_counted() {
    let mut target = Scenario::in_sync();
    for _ in 0..6 {
        edited(&mut target);
        target.runs(11);
    }
    assert!(target.record.incident.as_ref().unwrap().escalated);
    assert_eq!(edited(&mut target).kinds(), [""; 0]);
    target.runs(11);
    let other = target.writes(EVE, &right_but("shellProfile", serde_json::json!({ "linux": "sh", "windows": "" })));
    assert!(target.hears(&[other]).alert("edit_reverted").subject.contains("eve"));
}

#[test]
fn name_that_becomes_known_in_a_war_that_names_it_already_is_no_mail() {
    let mut target = Scenario::in_sync();
    edited(&mut target);
    target.wait(30);
    let call = target.writes(MALLORY, &run_as_off());
    target.sweeps();
    let mut reconciliations = target.runs(90);
    reconciliations.push(target.hears(&[call]));
    let mails: Vec<&str> = kinds(&reconciliations);
    assert!(mails.iter().filter(|kind| **kind == "author_known").count() <= 1, "{mails:?}");
    assert_eq!(target.record.incident.as_ref().unwrap().opponents, ["Developer (mallory)"]);
}

#[test]
fn nameless_act_is_an_opponent_until_its_name_is_known() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    target.sweeps();
    target.runs(60);
    assert_eq!(target.record.incident.as_ref().unwrap().opponents, ["unknown principal"]);
    target.hears(&[call]);
    assert_eq!(target.record.incident.as_ref().unwrap().opponents, ["Developer (mallory)"]);
}

#[test]
fn pipelines_bulk_run_is_no_page() {
    for inputs in [right_but("idleSessionTimeout", "20"), run_as_off()] {
        for version_before_event in [false, true] {
            let mut target = Scenario::in_sync();
            let mut reconciliations = Vec::new();
            for run in 0..4 {
                let mut inputs = inputs.clone();
                inputs["maxSessionDuration"] = run.to_string().into();
                let call = target.writes(PIPELINE, &inputs);
                if version_before_event {
                    reconciliations.push(target.sweeps());
                    target.wait(10);
                }
                reconciliations.push(target.hears(&[call]));
                reconciliations.extend(target.runs(120));
            }
            reconciliations.extend(target.runs(7_200));
            assert_eq!(kinds(&reconciliations), [""; 0], "{inputs}, version first: {version_before_event}");
            assert_eq!(target.in_force().input("maxSessionDuration").unwrap(), "3");
        }
    }
}

#[test]
fn edit_war_of_a_pipeline_is_alerted_once_with_the_way_to_end_it() {
    let mut target = Scenario::in_sync();
    let mut reconciliations = Vec::new();
    for run in 0..8 {
        let mut inputs = run_as_off();
        inputs["maxSessionDuration"] = run.to_string().into();
        let call = target.writes(PIPELINE, &inputs);
        reconciliations.push(target.hears(&[call]));
        reconciliations.extend(target.runs(20));
    }
    reconciliations.extend(target.runs(7_200));
    let raised = kinds(&reconciliations);
    assert_eq!(raised, ["edit_war", "incident_resolved"]);
    let war = reconciliations.iter().find_map(|reconciliation| reconciliation.alerts().first()).unwrap();
    assert!(war.subject.starts_with("Edit war: Accelerator (pipeline)"), "{}", war.subject);
    assert!(war.text.contains("What to do: Stop the other writer"), "{}", war.text);
    let end = reconciliations
        .iter()
        .find(|reconciliation| reconciliation.kinds() == ["incident_resolved"])
        .unwrap()
        .alert("incident_resolved");
    assert!(
        end.subject.starts_with("Over: 8 edits, the last: Accelerator (pipeline) wrote version"),
        "{}",
        end.subject
    );
}

#[test]
fn incident_is_measured_by_the_policys_window() {
    let mut target = Scenario::in_sync();
    target.limits.breaker.within_minutes = 30;
    edited(&mut target);
    let last = target.record.incident.as_ref().unwrap().last;
    target.runs(1_799);
    assert!(target.record.incident.is_some());
    target.runs(1);
    assert!(target.record.incident.is_none());
    assert_eq!(target.now.since(last), 30 * MINUTE_MS);
}

#[test]
fn same_act_is_alerted_again_after_the_policys_window_except_in_an_edit_war() {
    let mut target = Scenario::in_sync();
    let mut raised = Vec::new();
    for _ in 0..4 {
        raised.push(edited(&mut target).kinds().len());
        target.wait(300);
    }
    assert_eq!(raised, [1, 0, 1, 0]);
    let mut target = Scenario::in_sync();
    let mut reconciliations = Vec::new();
    for _ in 0..20 {
        reconciliations.push(edited(&mut target));
        target.wait(60);
    }
    assert_eq!(kinds(&reconciliations), ["edit_reverted", "edit_war"]);
}

#[test]
fn observation_during_a_war_does_not_prolong_the_incident() {
    for sweep in [false, true] {
        let mut target = Scenario::in_sync();
        for _ in 0..6 {
            target.wait(11);
            edited(&mut target);
        }
        assert!(target.record.incident.as_ref().unwrap().escalated);
        target.runs(300);
        if sweep {
            target.sweeps();
        }
        target.runs(300);
        assert!(target.record.incident.is_none(), "sweep: {sweep}");
    }
}

#[test]
fn pipeline_whose_version_is_older_than_the_window_is_no_party_to_a_war() {
    let (one, both) = (vec!["Developer (mallory)"], vec!["Developer (mallory)", "Accelerator (pipeline)"]);
    for (seconds, mut opponents) in [(199, one), (198, both)] {
        let mut target = Scenario::in_sync();
        let trusted = target.writes(PIPELINE, &run_as_off());
        target.wait(1);
        let foreign = target.writes(MALLORY, &right_but("runAsDefaultUser", "mallory"));
        target.hears(&[trusted, foreign]);
        for _ in 0..4 {
            target.wait(100);
            edited(&mut target);
        }
        target.wait(seconds);
        edited(&mut target);
        let mut named = target.record.incident.unwrap().opponents;
        named.sort();
        opponents.sort_unstable();
        assert_eq!(named, opponents, "{seconds} seconds after the edit before");
    }
}

#[test]
fn act_of_another_principal_while_the_reactor_pauses_is_worded_as_not_reverted_yet() {
    let mut target = Scenario::in_sync();
    for _ in 0..7 {
        edited(&mut target);
        target.wait(1);
    }
    let call = target.writes(EVE, &right_but("runAsDefaultUser", "root"));
    let reconciliation = target.hears(&[call]);
    assert!(reconciliation.decision.write.is_none(), "{:?}", reconciliation.decision);
    assert_eq!(reconciliation.alert("edit_noticed").data["done"], "not reverted yet");
}

#[test]
fn incident_stays_open_for_the_window_after_an_act_with_a_late_event() {
    let mut target = Scenario::in_sync();
    edited(&mut target);
    let call = target.writes(MALLORY, &run_as_off());
    target.wait(300);
    target.hears(&[call]);
    target.runs(599);
    assert!(target.record.incident.is_some());
    target.runs(1);
    assert!(target.record.incident.is_none());
}

#[test]
fn incident_stays_open_while_a_name_is_waited_for() {
    let mut target = Scenario::in_sync();
    edited(&mut target);
    target.wait(590);
    target.writes(PIPELINE, &right_but("idleSessionTimeout", "20"));
    target.sweeps();
    target.wait(20);
    target.sweeps();
    assert_eq!(target.record.status, Status::Waiting);
    assert!(target.record.incident.is_some());
}

#[test]
fn act_of_each_of_many_principals_is_alerted_once() {
    let mut target = Scenario::in_sync();
    for raised in [1, 0] {
        let sessions = (0..2 * OPPONENTS_MAX).map(|n| &*Box::leak(format!("session-{n}").into_boxed_str()));
        let acts = Action::VersionDeleted { version: Some(7) };
        let calls: Vec<_> = sessions.map(|session| target.call(Who { session, ..MALLORY }, acts)).collect();
        assert_eq!(target.hears(&calls).kinds().len(), raised);
        target.wait(60);
    }
}

#[test]
fn incident_without_an_act_lasts_from_the_change_of_status_on() {
    let mut target = Scenario::in_sync();
    target.obstacle = Some(Obstacle::Denied);
    target.sweeps();
    let incident = target.record.incident.as_ref().unwrap();
    assert_eq!((incident.opened, incident.last), (target.now, target.now));
}
