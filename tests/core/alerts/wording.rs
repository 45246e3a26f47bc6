//! What an alert says was done, and how loud it is.

use runas_reactor::domain::case::Refusal;
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::fact::CallFact;
use runas_reactor::domain::finding::Severity;
use runas_reactor::domain::observation::Obstacle;
use runas_reactor::domain::policy::Mode;
use serde_json::json;

use crate::support::case::*;

/// The alert about version 2, which `who` writes with these inputs.
fn worded(mode: Mode, who: Who, inputs: &serde_json::Value) -> Option<(String, Severity, String)> {
    let mut target = Scenario::in_sync();
    target.resolution.mode = mode;
    let call = target.writes(who, inputs);
    let reconciliation = target.hears(&[call]);
    let alert = reconciliation.alerts().iter().find(|alert| alert.id.starts_with("edit:"))?;
    Some((alert.kind.clone(), alert.severity, alert.data["done"].as_str().unwrap().to_owned()))
}

fn expected(kind: &str, severity: Severity, done: &str) -> (String, Severity, String) {
    (kind.to_owned(), severity, done.to_owned())
}

#[test]
fn alert_is_as_loud_as_the_act_is_bad_and_as_the_mode_is() {
    let wrong = run_as_off();
    assert_eq!(worded(Mode::Enforce, MALLORY, &wrong), Some(expected("edit_reverted", Severity::High, "reverted")));
    assert_eq!(
        worded(Mode::Observe, MALLORY, &wrong),
        Some(expected("edit_noticed", Severity::Warning, "observed, not touched"))
    );
    assert_eq!(
        worded(Mode::Exempt, MALLORY, &wrong),
        Some(expected("exempt_touched", Severity::Info, "exempt, not touched"))
    );
    assert_eq!(worded(Mode::Enforce, BREAK_GLASS, &wrong), Some(expected("break_glass", Severity::High, "held")));
}

#[test]
fn sharing_that_leaves_the_content_as_it_is_is_a_warning() {
    let mut target = Scenario::in_sync();
    let call = target.call(MALLORY, Action::SharingChanged);
    let reconciliation = target.hears(&[call]);
    assert_eq!(reconciliation.alert("edit_noticed").severity, Severity::Warning);
}

#[test]
fn kept_change_that_can_run_code_or_redirect_sessions_is_worded_as_kept() {
    let kept = right_but("kmsKeyId", "alias/theirs");
    assert_eq!(
        worded(Mode::Enforce, PIPELINE, &kept).map(|worded| (worded.0, worded.1)),
        Some(("edit_kept".to_owned(), Severity::Info))
    );
    let mut put_right = run_as_off();
    put_right["kmsKeyId"] = json!("alias/theirs");
    assert_eq!(
        worded(Mode::Enforce, PIPELINE, &put_right),
        Some(expected("edit_kept", Severity::Info, "kept, owned fields put right"))
    );
    assert_eq!(worded(Mode::Enforce, PIPELINE, &right_but("idleSessionTimeout", "20")), None, "history has it");
}

#[test]
fn kept_version_that_only_becomes_the_default_is_worded_as_kept() {
    let mut target = Scenario::in_sync();
    let call = target.writes(PIPELINE, &right_but("kmsKeyId", "alias/theirs"));
    target.doc().default = 1;
    let reconciliation = target.hears(&[call]);
    let alert = reconciliation.alert("edit_kept");
    assert!(alert.text.contains("The change is kept as it is; version 2 was made the default"), "{}", alert.text);
    assert_eq!(target.doc().default, 2);
}

#[test]
fn pipelines_change_is_worded_as_kept_however_far_an_earlier_attempt_got() {
    for default in [2, 3] {
        let mut target = Scenario::in_sync();
        let mut theirs = run_as_off();
        theirs["kmsKeyId"] = json!("alias/theirs");
        let call = target.writes(PIPELINE, &theirs);
        target.wait(1);
        let commit = target.record.clone();
        target.hears(std::slice::from_ref(&call));
        // The invocation stopped after its write: the intent is logged, and nothing else of that reconciliation.
        let intents = target.record.facts.intents.clone();
        target.record = commit;
        target.record.facts.intents = intents;
        target.doc().default = default;
        target.wait(20);
        let reconciliation = target.hears(&[call]);
        assert_eq!(reconciliation.decision.write.is_some(), default == 2, "{:?}", reconciliation.decision);
        assert_eq!(reconciliation.kinds(), ["edit_kept"], "default {default}");
    }
}

#[test]
fn earlier_correction_is_worded_like_a_correction_now() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    let before = target.record.clone();
    target.hears(std::slice::from_ref(&call));
    let intents = target.record.facts.intents.clone();
    target.record = before;
    target.record.facts.intents = intents;
    target.wait(5);
    let reconciliation = target.hears(&[call]);
    assert!(reconciliation.decision.write.is_none());
    let alert = reconciliation.alert("edit_reverted");
    assert_eq!(alert.severity, Severity::High);
    assert!(alert.text.contains("It is right again: the reactor had at once written version 3"), "{}", alert.text);
}

/// Mallory's version is corrected or not, and an hour later she writes what is right.
fn right_again_after(refusal: Option<Refusal>) -> Reconciliation {
    let mut target = Scenario::in_sync();
    target.refusal = refusal;
    let call = target.writes(MALLORY, &run_as_off());
    target.hears(&[call]);
    if refusal.is_none() {
        target.wait(3_600);
    }
    let call = target.writes(MALLORY, &right());
    target.hears(&[call])
}

#[test]
fn write_before_the_act_or_one_that_was_refused_is_no_correction_of_it() {
    for refusal in [None, Some(Refusal::Denied)] {
        let reconciliation = right_again_after(refusal);
        assert_eq!(reconciliation.decision.write, None);
        let [alert] = reconciliation.alerts() else { panic!("{refusal:?}: {:?}", reconciliation.alerts()) };
        assert!(!alert.text.contains("had at once written"), "{refusal:?}: {}", alert.text);
    }
}

#[test]
fn document_that_was_accepted_is_restored_and_a_new_one_created() {
    let mut target = Scenario::in_sync();
    let call = target.deletes(MALLORY);
    let reconciliation = target.hears(&[call]);
    assert_eq!(reconciliation.alert("edit_reverted").data["done"], "restored");
    // In a new account there is none to restore.
    let mut target = Scenario::blank();
    target.sweeps();
    assert_eq!(target.record.why, "");
    let mut target = Scenario::blank();
    let mut gone = target.call(MALLORY, Action::Deleted);
    gone.edit.at = at(-1);
    let reconciliation = target.hears(&[gone]);
    assert!(
        reconciliation.alerts().iter().all(|alert| alert.data["done"] != "restored"),
        "{:?}",
        reconciliation.alerts()
    );
}

#[test]
fn refused_write_is_worded_as_not_reverted() {
    let mut target = Scenario::in_sync();
    target.refusal = Some(Refusal::Denied);
    let call = target.writes(MALLORY, &run_as_off());
    let reconciliation = target.hears(&[call]);
    let alert = reconciliation.alert("edit_noticed");
    assert_eq!(alert.data["done"], "NOT reverted");
    assert!(alert.text.contains("It is NOT right: AWS denies the reactor the write"), "{}", alert.text);
    assert!(alert.text.contains("Allow the reactor's role in the account to write the document"), "{}", alert.text);
}

#[test]
fn alert_names_the_event_that_made_the_version() {
    let mut target = Scenario::in_sync();
    let failed = target.fails(MALLORY, Action::Updated { version: Some(2) }, "AccessDenied");
    let shared = target.call(EVE, Action::SharingChanged);
    target.wait(1);
    let call = target.writes(MALLORY, &run_as_off());
    let reconciliation = target.hears(&[failed, shared, call.clone()]);
    let edits = reconciliation.alert("edit_reverted").data["edits"].as_array().unwrap().clone();
    let wrote = edits.iter().find(|edit| edit["what"] == "wrote version 2").unwrap();
    assert_eq!(wrote["event_id"], call.edit.id);
}

#[test]
fn trusted_change_that_is_withheld_is_notified_with_the_reason() {
    let mut target = Scenario::in_sync();
    let hostile = target.writes(MALLORY, &right_but("idleSessionTimeout", "60"));
    target.hears(&[hostile]);
    target.wait(60);
    let same = target.writes(PIPELINE, &right_but("idleSessionTimeout", "60"));
    let reconciliation = target.hears(&[same]);
    assert!(reconciliation.decision.write.is_some());
    let alert = reconciliation.alert("edit_reverted");
    let note = "not taken over, because a foreign version set the same value first: idleSessionTimeout";
    assert!(alert.text.contains(note), "{}", alert.text);
    assert!(
        alert.text.contains("If the pipeline means the value that was not taken over, accept it"),
        "{}",
        alert.text
    );
    let reason =
        "a trusted version is not taken over, because a foreign version set the same value first: idleSessionTimeout";
    assert!(reconciliation.decision.reasons.iter().any(|said| said == reason), "{:?}", reconciliation.decision.reasons);
}

#[test]
fn alert_fits_into_a_row_whatever_was_written() {
    let mut target = Scenario::in_sync();
    let mut calls = Vec::new();
    for version in 0..10_usize {
        target.wait(1);
        let mut inputs = right();
        for field in 0..200 {
            inputs[format!("\"\"\"\"{field:04}")] = json!(format!("{version}{}", "\"\\".repeat(70)));
        }
        calls.push(target.writes(MALLORY, &inputs));
    }
    let reconciliation = target.hears(&calls);
    let alert = reconciliation.alert("edit_reverted");
    let bytes = serde_json::to_string(alert).unwrap().len();
    assert!(bytes <= 64 * 1_024, "{bytes} bytes");
    assert!(alert.text.contains("wrote version 2") && alert.text.contains("\nWhat to do: "), "{}", alert.text);
}

#[test]
fn acts_of_one_message_lead_with_the_least_trusted_principal_in_any_order() {
    let (code, redirected) = (right_but("shellProfile", "date"), right_but("s3BucketName", "theirs"));
    for (first, second, leads) in [
        (MALLORY, BREAK_GLASS, "mallory"),
        (BREAK_GLASS, MALLORY, "mallory"),
        (PIPELINE, BREAK_GLASS, "oncall"),
        (PIPELINE, MALLORY, "mallory"),
    ] {
        let mut target = Scenario::in_sync();
        let one = target.writes(first, &code);
        target.wait(2);
        let other = target.writes(second, &redirected);
        let reconciliation = target.hears(&[one, other]);
        let subject = &reconciliation.alerts()[0].subject;
        assert!(subject.contains(leads), "{first:?} {second:?}: {subject}");
    }
    // A principal that nobody knows is trusted less than a break-glass one.
    let mut target = Scenario::in_sync();
    let emergency = target.writes(BREAK_GLASS, &code);
    target.wait(2);
    target.writes(MALLORY, &redirected);
    target.hears(&[emergency]);
    let reconciliations = target.runs(60);
    let subject = &reconciliations.iter().flat_map(Reconciliation::alerts).next().unwrap().subject;
    assert!(subject.contains("unknown principal"), "{subject}");
}

#[test]
fn sentence_says_what_changed_run_as_first_and_no_more_than_four_things() {
    let (off, user) = (("runAsEnabled", json!(false)), ("runAsDefaultUser", json!("mallory")));
    let (profile, key) = (("shellProfile", json!({ "linux": "date" })), ("kmsKeyId", json!("alias/hers")));
    let (bucket, plain) = (("s3BucketName", json!("hers")), ("s3EncryptionEnabled", json!(false)));
    let (idle, longest) = (("idleSessionTimeout", json!("60")), ("maxSessionDuration", json!("60")));
    let prefix = ("s3KeyPrefix", json!("hers"));
    let (a, b, c) = (("a", json!("1")), ("b", json!("1")), ("c", json!("1")));
    let is_off = "Run As was switched off";
    let is_other = "the OS user of sessions was changed";
    let runs_code = "the shell profile that runs in every session was changed";
    for (changed, sentence) in [
        (vec![&off], is_off.to_owned()),
        (vec![&key, &user, &off], format!("{is_off}, {is_other} and the key that encrypts sessions was changed")),
        (
            vec![&key, &profile, &user, &off],
            format!("{is_off}, {is_other}, {runs_code} and the key that encrypts sessions was changed"),
        ),
        (vec![&key, &bucket, &profile, &user, &off], format!("{is_off}, {is_other}, {runs_code} and more was changed")),
        (vec![&bucket], "where session logs go was changed".to_owned()),
        (vec![&bucket, &prefix], "where session logs go was changed".to_owned()),
        (vec![&plain], "the encryption of session logs was changed".to_owned()),
        (vec![&idle], "idleSessionTimeout was changed".to_owned()),
        (vec![&idle, &longest], "idleSessionTimeout and maxSessionDuration were changed".to_owned()),
        (vec![&a, &b, &c, &idle], "a, b, c and idleSessionTimeout were changed".to_owned()),
        (vec![&a, &b, &c, &idle, &longest], "a, b, c, idleSessionTimeout and 1 more fields were changed".to_owned()),
    ] {
        let mut inputs = right();
        for (field, value) in changed {
            inputs[*field] = value.clone();
        }
        let mut target = Scenario::in_sync();
        let call = target.writes(MALLORY, &inputs);
        let text = target.hears(&[call]).alert("edit_reverted").text.clone();
        assert!(text.contains(&format!("In search (444455556666), eu-west-1, {sentence}.")), "{sentence}: {text}");
    }
}

#[test]
fn advice_says_what_is_left_to_do() {
    let by_hand = "Put the document right by hand, or set the account to `enforce`";
    let meant = "whether this was meant.";
    let stolen = "treat the credentials as stolen";
    let advice = |mode, who: Who, act: fn(&mut Scenario, Who) -> CallFact| {
        let mut target = Scenario::in_sync();
        target.resolution.mode = mode;
        let call = act(&mut target, who);
        target.hears(&[call]).alerts()[0].text.clone()
    };
    let writes = |target: &mut Scenario, who| target.writes(who, &run_as_off());
    let deletes = Scenario::deletes;
    let prunes = |target: &mut Scenario, who| target.call(who, Action::VersionDeleted { version: Some(1) });
    for (worded, says, says_not) in [
        (advice(Mode::Enforce, MALLORY, writes), stolen, by_hand),
        (advice(Mode::Enforce, MALLORY, deletes), meant, stolen),
        (advice(Mode::Observe, MALLORY, writes), by_hand, stolen),
        (advice(Mode::Observe, MALLORY, writes), meant, stolen),
        (advice(Mode::Observe, MALLORY, prunes), meant, by_hand),
        (
            advice(Mode::Observe, PIPELINE, |target, who| target.writes(who, &right_but("kmsKeyId", "k"))),
            "Nothing to do.",
            meant,
        ),
    ] {
        assert!(worded.contains(says) && !worded.contains(says_not), "{says}, not {says_not}: {worded}");
    }
}

#[test]
fn act_on_a_document_that_cannot_be_read_says_how_to_make_it_readable() {
    let mut target = Scenario::in_sync();
    let call = target.deletes(MALLORY);
    target.obstacle = Some(Obstacle::Denied);
    let reconciliations = [target.hears(&[call])];
    let text = &reconciliations[0].alert("edit_noticed").text;
    assert!(text.contains("Check that the account has the member role, and that it trusts the hub."), "{text}");
}

#[test]
fn caller_is_named_by_what_kind_of_identity_it_is() {
    for (kind, label) in [("AssumedRole", "Role"), ("IAMUser", "User"), ("Root", "Caller")] {
        let mut target = Scenario::in_sync();
        let mut call = target.writes(MALLORY, &run_as_off());
        call.edit.principal.kind = kind.to_owned();
        let text = target.hears(&[call]).alert("edit_reverted").text.clone();
        let row = text.lines().find(|line| line.contains(" (not trusted)")).unwrap();
        assert_eq!(row.split_whitespace().next(), Some(label), "{text}");
    }
}

#[test]
fn act_that_leaves_the_fields_as_they_were_is_as_loud_as_what_it_does_to_the_document() {
    let mut target = Scenario::in_sync();
    let call = target.deletes(MALLORY);
    assert_eq!(target.hears(&[call]).alert("edit_reverted").severity, Severity::High, "sessions had the wrong user");
    // What she wrote she took back: nothing is wrong, and it may have run.
    let mut target = Scenario::in_sync();
    let wrote = target.writes(MALLORY, &run_as_off());
    let took_back = target.writes(MALLORY, &right());
    let reconciliation = target.hears(&[wrote, took_back]);
    assert_eq!((reconciliation.kinds(), reconciliation.alerts()[0].severity), (vec!["edit_noticed"], Severity::High));
}

#[test]
fn old_write_of_the_reactor_answers_no_later_act() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    target.hears(&[call]);
    target.runs(3_600);
    let shared = target.call(MALLORY, Action::SharingChanged);
    let alert = target.hears(&[shared]).alert("edit_noticed").clone();
    assert_eq!((alert.severity, alert.data["done"].as_str()), (Severity::Warning, Some("in sync")));
}

#[test]
fn default_that_is_moved_back_is_worded_as_corrected() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &run_as_off());
    target.hears(&[call]);
    target.runs(3_600);
    let moved = target.moves_default(EVE, 2);
    let text = target.hears(&[moved]).alert("edit_reverted").text.clone();
    assert!(text.contains("It is right again: the reactor made version 3 the default."), "{text}");
}

#[test]
fn run_as_that_is_switched_on_is_worded_as_switched_on() {
    let mut target = Scenario::in_sync().exempt();
    target.writes(PIPELINE, &run_as_off());
    target.sweeps();
    target.runs(3_600);
    let call = target.writes(MALLORY, &right());
    let text = target.hears(&[call]).alert("exempt_touched").text.clone();
    assert!(text.contains("eu-west-1, Run As was switched on."), "{text}");
}

#[test]
fn version_that_changes_no_field_is_worded_as_a_version() {
    let mut target = Scenario::in_sync();
    let call = target.writes(MALLORY, &right());
    let text = target.hears(&[call]).alert("edit_noticed").text.clone();
    assert!(text.contains("eu-west-1, a version of the document was written."), "{text}");
}
