//! One act, one alert: calls, versions and absences that belong together, whichever is known first.

use runas_reactor::domain::case::{Refusal, Write};
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::fact::Notified;
use runas_reactor::domain::finding::Severity;
use runas_reactor::domain::observation::Obstacle;
use serde_json::json;

use crate::support::case::*;

fn wrote(version: u64) -> Action {
    Action::Updated { version: Some(version) }
}

#[test]
fn one_act_is_one_alert() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    let first = target.hears(std::slice::from_ref(&call));
    assert_eq!(first.kinds(), ["edit_reverted"]);
    // Its event is delivered again, the reactor's own comes back, and a sweep comes by.
    let echo = target.echo();
    let reconciliations = [target.hears(&[call]), target.hears(&[echo]), target.sweeps()];
    assert_eq!(kinds(&reconciliations), [""; 0]);
    assert_eq!(kinds(&target.runs(7_200)), [""; 0]);
}

#[test]
fn acts_of_one_message_are_one_alert_that_leads_with_the_least_trusted_principal() {
    let mut target = Scenario::in_sync();
    let hostile = target.writes(MALLORY, &right_but("s3BucketName", "hers"));
    target.wait(2);
    let mut theirs = right_but("s3BucketName", "hers");
    theirs["kmsKeyId"] = json!("alias/theirs");
    let trusted = target.writes(PIPELINE, &theirs);
    let reconciliation = target.hears(&[trusted, hostile]);
    let alert = reconciliation.alert("edit_reverted");
    assert!(alert.subject.starts_with("Reverted: Developer (mallory) wrote version 2 in "), "{}", alert.subject);
    let who: Vec<_> = (0..2).map(|at| alert.data["edits"][at]["principal"]["name"].as_str().unwrap()).collect();
    assert_eq!((reconciliation.kinds().len(), who), (1, vec!["mallory", "pipeline"]));
}

#[test]
fn role_comes_before_the_session_name_that_its_caller_chooses() {
    let mut target = Scenario::in_sync();
    let impostor = Who { role: "Deployer", session: "AWSAccelerator-Pipeline", ..MALLORY };
    let call = target.writes(impostor, &run_as_off());
    let subject = target.hears(&[call]).alert("edit_reverted").subject.clone();
    assert!(subject.contains("Deployer (AWSAccelerator-Pipeline) wrote"), "{subject}");
}

#[test]
fn hostile_edit_before_a_trusted_one_is_one_alert_whichever_event_comes_first() {
    for hostile_first in [true, false] {
        let mut target = Scenario::in_sync();
        let hostile = target.writes(MALLORY, &run_as_off());
        target.wait(3);
        let trusted = target.writes(PIPELINE, &run_as_off());
        let (first, second) = if hostile_first { (hostile, trusted) } else { (trusted, hostile) };
        target.wait(1);
        let mut reconciliations = vec![target.hears(&[first])];
        target.wait(10);
        reconciliations.push(target.hears(&[second]));
        reconciliations.extend(target.runs(3_600));
        assert_eq!(kinds(&reconciliations), ["edit_reverted"], "hostile first: {hostile_first}");
        let subject =
            &reconciliations.iter().find_map(|reconciliation| reconciliation.alerts().first()).unwrap().subject;
        assert!(subject.contains("Developer (mallory)"), "{subject}");
        assert_eq!(target.in_force(), &content(&right()));
    }
}

#[test]
fn hostile_edit_is_notified_a_minute_later_where_the_other_event_never_comes() {
    let mut target = Scenario::in_sync();
    let hostile = target.writes(MALLORY, &run_as_off());
    target.wait(3);
    target.writes(PIPELINE, &run_as_off());
    let reconciliation = target.hears(&[hostile]);
    assert!(reconciliation.decision.write.is_some(), "what is wrong is put right at once");
    assert_eq!((reconciliation.kinds(), reconciliation.delay()), (vec![], Some(60)));
    let reconciliations = target.runs(60);
    assert_eq!(kinds(&reconciliations), ["edit_reverted"]);
    assert!(reconciliations[0].alerts()[0].subject.contains("mallory"), "{}", reconciliations[0].alerts()[0].subject);
}

#[test]
fn version_without_a_call_waits_a_minute_for_its_name() {
    let mut target = Scenario::in_sync();
    target.writes(MALLORY, &run_as_off());
    let reconciliation = target.sweeps();
    assert!(reconciliation.decision.write.is_some(), "what is wrong is put right at once");
    assert_eq!((reconciliation.kinds(), reconciliation.delay()), (vec![], Some(60)));
    assert_eq!(kinds(&target.runs(59)), [""; 0]);
    let reconciliations = target.runs(1);
    assert_eq!(kinds(&reconciliations), ["edit_reverted"]);
    let alert = reconciliations[0].alert("edit_reverted");
    assert!(alert.subject.starts_with("Reverted: unknown principal wrote version 2 in "), "{}", alert.subject);
    assert!(alert.text.contains("It is right again: the reactor had at once written version 3"), "{}", alert.text);
    assert_eq!(alert.severity, Severity::High);
}

/// Or the second would be taken for a copy of the first, and never sent.
#[test]
fn alerts_about_two_versions_without_a_call_have_ids_of_their_own() {
    let mut target = Scenario::in_sync();
    let mut ids = Vec::new();
    for user in ["root", "admin"] {
        target.writes(MALLORY, &right_but("runAsDefaultUser", user));
        target.sweeps();
        let reconciliations = target.runs(3_600);
        ids.extend(reconciliations.iter().flat_map(Reconciliation::alerts).map(|alert| alert.id.clone()));
    }
    assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
}

#[test]
fn name_that_arrives_within_the_minute_is_the_only_alert() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    target.sweeps();
    target.wait(20);
    let named = target.hears(&[call]);
    assert!(named.alert("edit_reverted").subject.contains("mallory"));
    assert_eq!(kinds(&target.runs(7_200)), [""; 0]);
}

#[test]
fn pipeline_whose_event_is_seconds_behind_its_version_is_no_page() {
    let mut target = Scenario::in_sync();
    let call = target.writes(PIPELINE, &right_but("idleSessionTimeout", "20"));
    let mut reconciliations = vec![target.sweeps()];
    target.wait(20);
    reconciliations.push(target.hears(&[call]));
    reconciliations.extend(target.runs(7_200));
    assert_eq!(kinds(&reconciliations), [""; 0]);
    assert_eq!(target.latest(), 2, "its version stays");
}

#[test]
fn late_name_is_mailed_only_where_the_nameless_alert_was_high() {
    for (observing, expected) in [(false, vec!["edit_reverted", "author_known"]), (true, vec!["edit_noticed"])] {
        let mut target = Scenario::in_sync();
        target = if observing { target.observing() } else { target };
        let call = target.writes(MALLORY, &run_as_off());
        let mut reconciliations = vec![target.sweeps()];
        reconciliations.extend(target.runs(100));
        reconciliations.push(target.hears(&[call]));
        assert_eq!(kinds(&reconciliations), expected, "observing: {observing}");
        let incident = target.record.incident.clone().unwrap();
        assert_eq!(incident.opponents, ["Developer (mallory)"], "the incident is enriched either way");
    }
}

#[test]
fn late_name_says_what_becomes_of_the_change() {
    for (who, outcome) in [(PIPELINE, "its change is taken over now"), (MALLORY, "What it changed stays reverted")] {
        let mut target = Scenario::in_sync();
        let mut inputs = right_but("runAsEnabled", false);
        inputs["idleSessionTimeout"] = json!("20");
        let call = target.writes(who, &inputs);
        target.sweeps();
        target.runs(700);
        let reconciliation = target.hears(&[call]);
        let alert = reconciliation.alert("author_known");
        assert!(alert.text.contains(outcome) && alert.text.contains("reported this without a name"), "{}", alert.text);
        assert_eq!(alert.severity, Severity::Info);
        let kept = target.in_force().input("idleSessionTimeout").is_some();
        assert_eq!(kept, who == PIPELINE, "the alert says what is so");
    }
}

#[test]
fn late_name_is_mailed_once() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    target.sweeps();
    target.runs(100);
    let reconciliations = [target.hears(std::slice::from_ref(&call)), target.hears(&[call])];
    assert_eq!(kinds(&reconciliations), ["author_known"]);
}

#[test]
fn move_of_the_default_by_the_versions_own_author_within_a_minute_is_part_of_its_alert() {
    for (mover, seconds, expected) in [(MALLORY, 60, 1), (MALLORY, 61, 2), (EVE, 5, 2)] {
        let mut target = Scenario::in_sync();
        let wrote = target.writes(MALLORY, &run_as_off());
        let mut reconciliations = vec![target.hears(&[wrote])];
        target.wait(seconds);
        let moved = target.moves_default(mover, 2);
        reconciliations.push(target.hears(&[moved]));
        assert_eq!(
            kinds(&reconciliations).len(),
            expected,
            "{mover:?} after {seconds} s: {:?}",
            kinds(&reconciliations)
        );
    }
}

#[test]
fn going_back_to_a_version_of_yesterday_is_an_act_of_its_own() {
    let mut target = Scenario::in_sync();
    let wrote = target.writes(MALLORY, &run_as_off());
    target.hears(&[wrote]);
    target.runs(86_400);
    let back = target.moves_default(MALLORY, 2);
    let reconciliation = target.hears(&[back]);
    let alert = reconciliation.alert("edit_reverted");
    assert!(alert.subject.contains("Developer (mallory) made version 2 the default in "), "{}", alert.subject);
    assert_eq!(target.doc().default, 3);
}

#[test]
fn mover_of_a_nameless_version_is_presumed_to_have_written_it_unless_trusted() {
    for (mover, named) in [(MALLORY, true), (PIPELINE, false)] {
        let mut target = Scenario::in_sync();
        target.writes(MALLORY, &run_as_off());
        target.wait(1);
        let moved = target.moves_default(mover, 2);
        let mut reconciliations = vec![target.hears(&[moved])];
        reconciliations.extend(target.runs(120));
        assert_eq!(kinds(&reconciliations), ["edit_reverted"], "{mover:?}");
        let alert = reconciliations.iter().find_map(|reconciliation| reconciliation.alerts().first()).unwrap();
        assert_eq!(alert.subject.contains("mallory"), named, "{}", alert.subject);
        assert_eq!(alert.text.contains("presumed: going by who made it the default"), named, "{}", alert.text);
    }
}

#[test]
fn presumed_mover_changes_nothing_in_what_is_accepted() {
    let mut target = Scenario::in_sync();
    target.writes(MALLORY, &right_but("s3BucketName", "hers"));
    target.wait(1);
    let moved = target.moves_default(PIPELINE, 2);
    target.hears(&[moved]);
    target.runs(3_600);
    assert_eq!(target.in_force(), &content(&right()));
}

#[test]
fn call_that_no_version_fits_is_notified_by_name_with_the_reason_after_a_minute() {
    let mut target = Scenario::in_sync();
    let call = target.call(MALLORY, wrote(2));
    let reconciliation = target.hears(&[call]);
    assert_eq!(reconciliation.kinds(), [""; 0]);
    assert_eq!(kinds(&target.runs(59)), [""; 0]);
    let reconciliations = target.runs(1);
    assert_eq!(kinds(&reconciliations), ["edit_noticed"]);
    let alert = reconciliations.last().unwrap().alert("edit_noticed");
    assert!(alert.subject.contains("Developer (mallory) wrote version 2"), "{}", alert.subject);
    assert!(alert.text.contains("Note  no version that was observed fits this call"), "{}", alert.text);
}

#[test]
fn call_on_a_document_that_cannot_be_read_is_notified_by_name_after_a_minute_and_not_again_later() {
    let mut target = Scenario::in_sync();
    target.obstacle = Some(Obstacle::Denied);
    let call = target.writes(MALLORY, &run_as_off());
    let mut reconciliations = vec![target.hears(&[call])];
    reconciliations.extend(target.runs(120));
    let raised: Vec<_> =
        reconciliations.iter().flat_map(Reconciliation::alerts).filter(|alert| alert.id.starts_with("edit")).collect();
    assert_eq!(raised.len(), 1);
    assert!(raised[0].text.contains("the document cannot be read"), "{}", raised[0].text);
    assert!(raised[0].subject.contains("NOT readable: Developer (mallory)"), "{}", raised[0].subject);
    target.obstacle = None;
    let reconciliation = target.sweeps();
    assert!(reconciliation.decision.write.is_some());
    let again: Vec<_> =
        reconciliation.kinds().into_iter().filter(|kind| kind.starts_with("edit")).map(str::to_owned).collect();
    assert_eq!((again, kinds(&target.runs(120)).len()), (vec![], 0), "one act, one alert");
}

#[test]
fn call_older_than_the_base_is_named_with_that_reason_and_a_trusted_one_is_no_news() {
    // CloudTrail's time is that of the call's end: the call that made the first version may be younger than it.
    let first = Scenario::in_sync().record.facts.base.map(|base| base.until).unwrap();
    for made in [at(-86_400), first.plus_ms(1_540)] {
        for (who, expected) in [(MALLORY, vec!["edit_noticed"]), (PIPELINE, vec![])] {
            let mut target = Scenario::in_sync();
            let mut call = target.call(who, Action::Created);
            call.edit.at = made;
            let reconciliation = target.hears(&[call]);
            assert_eq!(reconciliation.kinds(), expected, "{who:?} at {made}");
            if let Some(alert) = reconciliation.alerts().first() {
                assert!(alert.text.contains("older than the versions that the reactor follows"), "{}", alert.text);
            }
            assert_eq!(kinds(&target.runs(120)).len(), 0, "{who:?} at {made}");
        }
    }
}

#[test]
fn flood_without_names_leads_the_alert_before_a_pipeline_whose_alert_waited() {
    let mut target = Scenario::in_sync();
    target.refusal = Some(Refusal::Conflict);
    let mut inputs = right_but("kmsKeyId", "alias/k");
    inputs["runAsEnabled"] = json!(false);
    let call = target.writes(PIPELINE, &inputs);
    assert_eq!(target.hears(&[call]).kinds(), [""; 0], "another write is about to follow");
    target.refusal = None;
    target.wait(61);
    for minute in 0..70 {
        target.writes(MALLORY, &right_but("idleSessionTimeout", minute.to_string()));
    }
    let reconciliation = target.sweeps();
    let subject = &reconciliation.alert("edit_reverted").subject;
    assert!(subject.contains("unknown principal wrote version"), "{subject}");
}

#[test]
fn default_moved_without_a_number_is_no_part_of_a_version_without_one() {
    let mut target = Scenario::in_sync();
    let mut written = target.writes(MALLORY, &run_as_off());
    written.edit.action = Action::Updated { version: None };
    let moved = target.call(MALLORY, Action::DefaultMoved { version: None });
    let mut reconciliations = vec![target.hears(&[written, moved])];
    reconciliations.extend(target.runs(120));
    let text: String =
        reconciliations.iter().flat_map(Reconciliation::alerts).map(|alert| alert.text.as_str()).collect();
    assert!(text.contains("(mallory) moved the default version at"), "{text}");
}

#[test]
fn deletion_that_no_call_explains_is_notified_after_a_minute_and_its_late_call_names_it() {
    let mut target = Scenario::in_sync();
    let call = target.deletes(MALLORY);
    let reconciliation = target.sweeps();
    assert!(reconciliation.decision.write.is_some(), "restored at once");
    assert_eq!((reconciliation.kinds(), reconciliation.delay()), (vec![], Some(60)));
    let reconciliations = target.runs(60);
    assert_eq!(kinds(&reconciliations), ["edit_reverted"]);
    assert!(reconciliations[0].alerts()[0].subject.contains("unknown principal deleted the document"));
    target.wait(60);
    let late = target.hears(&[call]);
    assert_eq!(late.kinds(), ["author_known"]);
    assert!(late.alerts()[0].subject.starts_with("Author known: Developer (mallory) deleted the document in "));
}

#[test]
fn deletion_whose_call_arrives_within_the_minute_is_one_alert_by_name() {
    let mut target = Scenario::in_sync();
    let call = target.deletes(MALLORY);
    let mut reconciliations = vec![target.sweeps()];
    target.wait(10);
    reconciliations.push(target.hears(&[call]));
    reconciliations.extend(target.runs(3_600));
    assert_eq!(kinds(&reconciliations), ["edit_reverted"]);
}

/// The clocks of CloudTrail and SSM may differ by as much as a change takes to become visible.
#[test]
fn deletion_dated_up_to_a_minute_before_the_last_sight_of_the_document_explains_its_absence() {
    let mut target = Scenario::in_sync();
    let seen = target.record.facts.last.unwrap().at;
    let mut call = target.deletes(MALLORY);
    call.edit.at = seen.plus_ms(-61_000);
    let mut reconciliations = vec![target.sweeps()];
    target.wait(10);
    reconciliations.push(target.hears(&[call]));
    reconciliations.extend(target.runs(3_600));
    assert_eq!(kinds(&reconciliations), ["edit_reverted"]);
}

#[test]
fn second_deletion_is_not_the_late_event_of_the_first() {
    let mut target = Scenario::in_sync();
    target.deletes(MALLORY);
    target.sweeps();
    target.runs(600);
    let second = target.deletes(EVE);
    let reconciliation = target.hears(&[second]);
    assert_eq!(reconciliation.kinds(), ["edit_reverted"]);
    assert!(reconciliation.alerts()[0].subject.contains("Intern (eve)"), "{}", reconciliation.alerts()[0].subject);
}

#[test]
fn default_that_moved_unreported_is_notified_a_minute_after_it_was_found() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    target.hears(&[call]);
    target.runs(86_400);
    target.moves_default(MALLORY, 2);
    let reconciliation = target.sweeps();
    assert!(reconciliation.decision.write.is_some());
    assert_eq!(reconciliation.kinds(), [""; 0]);
    let reconciliations = target.runs(60);
    assert_eq!(kinds(&reconciliations), ["edit_reverted"]);
    assert!(reconciliations[0].alerts()[0].subject.contains("unknown principal made version 2 the default"));
}

#[test]
fn recreation_explains_its_own_deletion() {
    let mut target = Scenario::in_sync();
    target.document = None;
    target.wait(1);
    let call = target.writes(MALLORY, &right());
    target.doc().kind = "Command";
    target.wait(1);
    let reconciliation = target.hears(&[call]);
    assert!(
        reconciliation.decision.reasons.contains(&"delete it and create it anew".to_owned()),
        "{:?}",
        reconciliation.decision.reasons
    );
    let deletion = target.call(REACTOR, Action::Deleted);
    let sharing = target.call(REACTOR, Action::SharingChanged);
    let echo = target.echo();
    target.wait(5);
    let mut reconciliations = vec![target.hears(&[deletion, sharing, echo])];
    reconciliations.extend(target.runs(120));
    let words =
        reconciliations.iter().flat_map(Reconciliation::alerts).map(|alert| alert.text.as_str()).collect::<String>();
    // What mallory deleted before has no call: that alone is notified.
    assert_eq!(words.matches("deleted the document").count(), 1, "{words}");
    assert!(!words.contains("RunAsMember"), "{words}");
}

#[test]
fn recreation_of_today_explains_no_deletion_of_tomorrow() {
    let mut target = Scenario::in_sync();
    target.doc().kind = "Command";
    target.sweeps();
    target.runs(86_400);
    let mut gone = target.deletes(MALLORY);
    gone.via_reactor_role = true;
    let reconciliation = target.hears(&[gone]);
    assert!(reconciliation.alert("edit_reverted").subject.contains("deleted the document"));
}

#[test]
fn echo_is_recorded_without_an_alert() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    target.hears(&[call]);
    assert!(target.record.facts.echoes.is_empty());
    let echo = target.echo();
    let reconciliation = target.hears(std::slice::from_ref(&echo));
    assert_eq!(reconciliation.kinds(), [""; 0]);
    assert_eq!(target.record.facts.echoes[&echo.edit.id].at, echo.edit.at);
    assert!(!target.record.facts.calls.contains_key(&echo.edit.id), "it is no act of another");
}

#[test]
fn call_through_the_reactors_role_without_an_intent_is_notified_under_the_roles_name() {
    let mut target = Scenario::in_sync();
    let stolen = target.writes(REACTOR, &right_but("s3BucketName", "hers"));
    let reconciliation = target.hears(&[stolen]);
    let alert = reconciliation.alert("edit_reverted");
    assert!(alert.subject.contains("RunAsMember (reactor) wrote version 2"), "{}", alert.subject);
    assert_eq!(target.in_force(), &content(&right()));
}

#[test]
fn several_calls_that_fit_one_version_are_each_notified() {
    let mut target = Scenario::in_sync();
    let one = target.writes(MALLORY, &run_as_off());
    let other = target.call(EVE, wrote(2));
    let reconciliations = [target.hears(&[one]), target.hears(&[other])];
    assert_eq!(kinds(&reconciliations), ["edit_reverted", "edit_reverted"]);
}

#[test]
fn failed_call_of_a_race_is_no_attempt_and_a_denial_is() {
    let raised = |who, code: &str| {
        let mut target = Scenario::in_sync();
        let call = target.fails(who, Action::Updated { version: None }, code);
        target.hears(&[call]).kinds().contains(&"attempt_denied")
    };
    assert!(!raised(PIPELINE, "DuplicateDocumentContent"));
    assert!(!raised(REACTOR, "InvalidDocumentVersion"));
    assert!(raised(PIPELINE, "AccessDeniedException") && raised(PIPELINE, "UnauthorizedOperation"));
    assert!(raised(MALLORY, "DuplicateDocumentContent") && raised(MALLORY, "ThrottlingException"));
}

#[test]
fn failed_calls_of_one_hour_share_an_alert_and_say_what_was_attempted() {
    let mut target = Scenario::in_sync();
    let update = target.fails(MALLORY, Action::Updated { version: None }, "AccessDenied");
    let delete = target.fails(MALLORY, Action::Deleted, "AccessDenied");
    let reconciliation = target.hears(&[update, delete]);
    let texts: Vec<&str> = reconciliation.alerts().iter().map(|alert| alert.text.as_str()).collect();
    assert!(texts[0].contains("tried to write a version in ") && texts[0].contains("(AccessDenied"), "{}", texts[0]);
    assert!(
        texts[1].contains("tried to delete the document in ") && texts[1].contains("(AccessDenied"),
        "{}",
        texts[1]
    );
    assert_eq!(reconciliation.alerts()[0].id, reconciliation.alerts()[1].id, "the ledger counts them under one key");
    assert_eq!((reconciliation.decision.write.is_some(), target.record.incident.is_some()), (false, false));
}

#[test]
fn failed_move_does_not_hide_that_the_default_has_moved() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    target.hears(&[call]);
    target.runs(86_400);
    target.moves_default(MALLORY, 2);
    let failed = target.fails(EVE, Action::DefaultMoved { version: Some(2) }, "AccessDenied");
    let mut reconciliations = vec![target.hears(&[failed])];
    reconciliations.extend(target.runs(120));
    assert_eq!(kinds(&reconciliations), ["attempt_denied", "edit_reverted"]);
}

#[test]
fn what_is_younger_than_the_first_observation_is_taken_back_when_its_call_names_a_foreign_author() {
    let mut target = Scenario::blank();
    target.writes(PIPELINE, &right());
    target.wait(86_400);
    let call = target.writes(MALLORY, &right_but("s3BucketName", "hers"));
    target.wait(5);
    let first = target.sweeps();
    assert!(first.decision.write.is_none(), "adopted");
    target.wait(20);
    let reconciliation = target.hears(&[call]);
    assert_eq!(reconciliation.kinds(), ["edit_reverted"]);
    assert_eq!(target.in_force(), &content(&right()));
}

#[test]
fn notified_marks_stand_with_the_facts_that_they_are_about() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    target.sweeps();
    let marks = |target: &Scenario| target.record.facts.versions.values().map(|v| v.notified).max();
    assert_eq!(marks(&target), Some(Notified::No));
    target.runs(60);
    assert_eq!(marks(&target), Some(Notified::Alarmed));
    target.hears(&[call]);
    assert_eq!(marks(&target), Some(Notified::Named));
}

#[test]
fn name_that_was_waited_for_a_minute_holds_up_no_other_alert() {
    let mut target = Scenario::in_sync();
    target.writes(PIPELINE, &run_as_off());
    target.sweeps();
    target.wait(60);
    let call = target.writes(MALLORY, &run_as_off());
    let reconciliation = target.hears(&[call]);
    assert!(reconciliation.alert("edit_reverted").text.contains("mallory"), "{:?}", reconciliation.alerts());
}

#[test]
fn document_that_the_reactor_replaces_is_not_alerted_as_deleted() {
    let mut target = Scenario::in_sync();
    target.doc().kind = "Command";
    let mut reconciliations = vec![target.sweeps()];
    assert!(
        matches!(reconciliations[0].decision.write, Some(Write::Recreate { .. })),
        "{:?}",
        reconciliations[0].decision
    );
    target.doc().kind = "Session";
    reconciliations.extend(target.runs(300));
    reconciliations.push(target.sweeps());
    reconciliations.extend(target.runs(7_200));
    let raised: Vec<_> = reconciliations
        .iter()
        .flat_map(Reconciliation::alerts)
        .filter(|alert| alert.text.contains("deleted the document"))
        .collect();
    assert!(raised.is_empty(), "{raised:?}");
}

#[test]
fn deletion_after_a_refused_write_is_alerted() {
    let mut target = Scenario::in_sync();
    target.refusal = Some(Refusal::Conflict);
    let call = target.writes(MALLORY, &run_as_off());
    let mut reconciliations = vec![target.hears(&[call])];
    target.wait(120);
    target.refusal = None;
    target.deletes(EVE);
    reconciliations.push(target.sweeps());
    reconciliations.extend(target.runs(60));
    let subjects: Vec<&str> =
        reconciliations.iter().flat_map(Reconciliation::alerts).map(|alert| alert.subject.as_str()).collect();
    assert!(subjects.iter().any(|subject| subject.contains("unknown principal deleted the document")), "{subjects:?}");
}

#[test]
fn default_that_was_found_moved_is_one_act_with_the_call_that_moved_it() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    target.hears(&[call]);
    target.runs(7_200);
    let moved = target.moves_default(EVE, 2);
    let mut reconciliations = vec![target.sweeps()];
    reconciliations.extend(target.runs(100));
    assert_eq!(kinds(&reconciliations), ["edit_reverted"]);
    let reconciliation = target.hears(&[moved]);
    assert_eq!(reconciliation.kinds(), ["author_known"]);
    assert!(
        reconciliation.alerts()[0].subject.contains("Intern (eve) made version 2 the default"),
        "{}",
        reconciliation.alerts()[0].subject
    );
}

#[test]
fn call_up_to_the_first_observations_newest_version_is_older_than_what_was_there() {
    // A call takes up to three seconds.
    for (second, raised) in [(3, vec!["edit_noticed"]), (4, vec![])] {
        let mut target = Scenario::in_sync();
        let mut call = target.call(MALLORY, wrote(9));
        call.edit.at = at(second);
        assert_eq!(target.hears(&[call]).kinds(), raised, "{second}");
    }
}
