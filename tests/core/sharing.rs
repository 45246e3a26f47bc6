//! Sharing by a principal that is not trusted, where the policy wants it undone.

use runas_reactor::domain::case::{Verdict, WaitsOn, Write};
use runas_reactor::domain::observation::{Observation, Obstacle, Shares};
use runas_reactor::domain::principal::Attribution;
use runas_reactor::domain::record::Status;
use runas_reactor::domain::sharing::is_open;
use runas_reactor::domain::time::{MINUTE_MS, SECOND_MS};

use crate::support::case::*;

const ONE: &str = "999900001111";
const TWO: &str = "999900002222";

fn undoing() -> Scenario {
    Scenario::in_sync().undoing_sharing()
}

/// The accounts that a reconciliation takes out.
fn taken_out(reconciliation: &Reconciliation) -> Option<Vec<&str>> {
    match &reconciliation.decision.write {
        Some(Write::Unshare { accounts }) => Some(accounts.iter().map(String::as_str).collect()),
        _ => None,
    }
}

/// With whom the document was shared, where the reconciliation asked.
fn asked(reconciliation: &Reconciliation) -> Option<&Shares> {
    match &reconciliation.case.observation {
        Observation::Present(seen) => seen.shares.as_ref(),
        Observation::Absent | Observation::Unknown(_) => None,
    }
}

#[test]
fn foreign_sharing_is_undone_and_alerted_and_its_own_event_is_the_reactors() {
    let mut target = undoing();
    let call = target.shares(MALLORY, &[ONE, TWO], &[]);
    target.wait(3);
    let reconciliation = target.hears(&[call]);
    assert_eq!(taken_out(&reconciliation), Some(vec![ONE, TWO]));
    assert_eq!((target.shared_with(), target.record.status), (vec![], Status::InSync));
    let alert = reconciliation.alert("edit_reverted");
    assert!(
        alert.text.contains("Its sharing is undone: the reactor took 999900001111, 999900002222 out again."),
        "{}",
        alert.text
    );
    let echo = target.echo();
    target.wait(3);
    let reconciliation = target.hears(&[echo]);
    assert_eq!((reconciliation.kinds(), reconciliation.decision.write.as_ref()), (vec![], None));
    assert_eq!(target.record.facts.calls.len(), 1, "its own event is no call of another");
}

#[test]
fn shares_are_asked_for_until_it_is_certain_that_the_sharing_is_over() {
    let mut target = undoing();
    let call = target.shares(MALLORY, &[ONE], &[]);
    let made = target.now;
    target.wait(3);
    target.hears(&[call]);
    let echo = target.echo();
    target.wait(3);
    let reconciliation = target.hears(&[echo]);
    let wait = reconciliation.decision.wait.as_ref().unwrap();
    assert_eq!((wait.until.since(made), &wait.on), (MINUTE_MS, &WaitsOn::Visibility), "a read may be stale");
    assert_eq!(target.runs(600).iter().filter(|reconciliation| asked(reconciliation).is_some()).count(), 1);
    assert!(!is_open(&target.record.facts));
    assert_eq!(target.record.status, Status::InSync);
    assert_eq!(asked(&target.sweeps()), None);
}

#[test]
fn share_that_a_stale_read_did_not_show_is_undone_when_it_is_seen() {
    let mut target = undoing();
    let call = target.shares(MALLORY, &[ONE], &[]);
    let shares = std::mem::take(&mut target.doc().shares);
    target.wait(3);
    let reconciliation = target.hears(&[call]);
    assert!(matches!(reconciliation.decision.verdict, Verdict::Unsettled { .. }), "{:?}", reconciliation.decision);
    assert_eq!(
        (reconciliation.kinds(), target.record.status),
        (vec![], Status::Waiting),
        "no alert says what is not certain"
    );
    target.doc().shares = shares;
    let reconciliations = target.runs(90);
    assert_eq!(kinds(&reconciliations), ["edit_reverted"]);
    assert_eq!(target.shared_with(), Vec::<&str>::new());
}

#[test]
fn sharing_that_is_over_is_alerted_and_nothing_is_written() {
    let mut target = undoing();
    let shared = target.shares(MALLORY, &[ONE], &[]);
    let ended = target.shares(MALLORY, &[], &[ONE]);
    target.wait(61);
    let reconciliation = target.hears(&[shared, ended]);
    assert_eq!((reconciliation.decision.write.as_ref(), &reconciliation.decision.verdict), (None, &Verdict::InSync));
    let only = undoing();
    let mut target = only;
    let shared = target.shares(MALLORY, &[ONE], &[]);
    target.doc().shares.clear();
    target.wait(61);
    let reconciliation = target.hears(&[shared]);
    let text = &reconciliation.alert("edit_noticed").text;
    assert!(text.contains("It is shared with none of these accounts any more."), "{text}");
}

#[test]
fn event_that_comes_a_day_late_leads_to_the_same() {
    let mut target = undoing();
    let late = target.shares(MALLORY, &[ONE], &[]);
    let prompt = target.shares(MALLORY, &[TWO], &[]);
    target.wait(70);
    target.hears(&[prompt]);
    target.runs(600);
    assert_eq!(target.shared_with(), [ONE], "an event has to say who added it");
    target.wait(86_400);
    assert_eq!(taken_out(&target.hears(&[late])), Some(vec![ONE]));
}

#[test]
fn nothing_is_asked_or_undone_where_the_policy_alerts_or_observes() {
    for mut target in [Scenario::in_sync(), undoing().observing(), undoing().exempt()] {
        let call = target.shares(MALLORY, &[ONE], &[]);
        target.wait(3);
        let reconciliation = target.hears(&[call]);
        assert_eq!((asked(&reconciliation), reconciliation.decision.write.as_ref()), (None, None));
        let alert = &reconciliation.alerts()[0];
        assert!(
            alert.text.contains("Its sharing stays as it was made: the reactor does not undo that."),
            "{}",
            alert.text
        );
        assert_eq!(target.shared_with(), [ONE]);
    }
}

#[test]
fn share_right_after_a_correction_is_not_worded_as_reverted() {
    let mut target = Scenario::in_sync();
    let wrote = target.writes(MALLORY, &run_as_off());
    target.wait(3);
    assert_eq!(target.hears(&[wrote]).kinds(), ["edit_reverted"]);
    let shared = target.shares(MALLORY, &[ONE], &[]);
    let reconciliation = target.hears(&[shared]);
    let alert = reconciliation.alert("edit_noticed");
    for sentence in
        ["The content of the document is right; nothing had to be written.", "Its sharing stays as it was made"]
    {
        assert!(alert.text.contains(sentence), "{}", alert.text);
    }
}

#[test]
fn what_a_trusted_principal_shares_stays_also_if_another_shares_it_again() {
    let mut target = undoing();
    let trusted = target.shares(PIPELINE, &[ONE], &[]);
    target.wait(3);
    let reconciliation = target.hears(&[trusted]);
    assert_eq!((asked(&reconciliation), reconciliation.kinds()), (None, vec![]));
    let again = target.shares(MALLORY, &[ONE, TWO], &[]);
    target.wait(3);
    assert_eq!(taken_out(&target.hears(&[again])), Some(vec![TWO]));
    target.runs(600);
    assert_eq!(target.shared_with(), [ONE]);
    let taken = target.shares(PIPELINE, &[], &[ONE]);
    let back = target.shares(MALLORY, &[ONE], &[]);
    target.wait(3);
    assert_eq!(taken_out(&target.hears(&[taken, back])), Some(vec![ONE]), "the pipeline gave it up");
}

#[test]
fn another_principals_claim_that_sharing_ended_is_not_trusted() {
    let mut target = undoing();
    let shared = target.shares(MALLORY, &[ONE], &[]);
    let claimed = target.shares(MALLORY, &[], &[ONE]);
    target.doc().shares.insert(ONE.to_owned());
    target.wait(3);
    assert_eq!(taken_out(&target.hears(&[shared, claimed])), Some(vec![ONE]));
}

#[test]
fn drifted_content_is_corrected_first_and_one_alert_names_both() {
    let mut target = undoing();
    let wrote = target.writes(MALLORY, &run_as_off());
    let shared = target.shares(MALLORY, &[ONE], &[]);
    target.wait(3);
    let reconciliation = target.hears(&[wrote, shared]);
    assert!(matches!(reconciliation.decision.write, Some(Write::Put { .. })), "{:?}", reconciliation.decision);
    assert_eq!(
        (reconciliation.kinds(), reconciliation.delay(), target.record.status),
        (vec![], Some(5), Status::BackingOff)
    );
    let reconciliations = target.runs(10);
    assert_eq!(kinds(&reconciliations), ["edit_reverted"]);
    let text = &reconciliations[0].alert("edit_reverted").text;
    for sentence in [
        "It is right again: the reactor had at once written version 3.",
        "Its sharing is undone: the reactor took 999900001111 out again.",
    ] {
        assert!(text.contains(sentence), "{text}");
    }
    assert_eq!((target.in_force(), target.shared_with()), (&content(&right()), vec![]));
    assert_eq!(target.record.status, Status::InSync);
}

#[test]
fn shares_that_cannot_be_read_are_never_green_and_do_not_keep_the_content_wrong() {
    let mut target = undoing();
    target.shares_obstacle = Some(Obstacle::Denied);
    let wrote = target.writes(MALLORY, &run_as_off());
    let shared = target.shares(MALLORY, &[ONE], &[]);
    target.wait(3);
    target.hears(&[wrote, shared]);
    assert_eq!(target.in_force(), &content(&right()));
    let reconciliations = target.runs(10);
    assert!(matches!(reconciliations.last().unwrap().decision.verdict, Verdict::Unknown { .. }));
    assert_eq!(target.record.status, Status::Unreachable);
    assert!(kinds(&reconciliations).contains(&"unreachable"), "{:?}", kinds(&reconciliations));
    let raised: String =
        reconciliations.iter().flat_map(Reconciliation::alerts).map(|alert| alert.text.as_str()).collect();
    assert!(raised.contains("With whom it is shared is not known for certain yet"), "{raised}");
    target.shares_obstacle = None;
    target.sweeps();
    target.runs(600);
    assert_eq!((target.shared_with(), target.record.status), (vec![], Status::InSync));
}

#[test]
fn refused_end_of_sharing_is_worded_as_not_right() {
    let mut target = undoing();
    target.refusal = Some(runas_reactor::domain::case::Refusal::Denied);
    let shared = target.shares(MALLORY, &[ONE], &[]);
    target.wait(3);
    let reconciliation = target.hears(&[shared]);
    let text = &reconciliation.alert("edit_noticed").text;
    assert!(text.contains("It is NOT right: AWS denies the reactor the write"), "{text}");
    assert!(text.contains("It is still shared with 999900001111."), "{text}");
    assert_eq!(target.record.status, Status::Unreachable);
}

#[test]
fn break_glass_shares_for_the_policys_minutes() {
    let mut target = undoing();
    let shared = target.shares(BREAK_GLASS, &[ONE], &[]);
    let made = target.now;
    target.wait(3);
    let reconciliation = target.hears(&[shared]);
    let wait = reconciliation.decision.wait.as_ref().unwrap();
    assert!(matches!(wait.on, WaitsOn::Hold(_)), "{wait:?}");
    assert_eq!((reconciliation.decision.write.as_ref(), wait.until.since(made)), (None, 60 * MINUTE_MS));
    let text = &reconciliation.alert("break_glass").text;
    assert!(text.contains("It is still shared with 999900001111."), "{text}");
    assert_eq!(target.record.status, Status::Held);
    target.runs(3_590);
    assert_eq!(target.shared_with(), [ONE]);
    target.runs(20);
    assert_eq!((target.shared_with(), target.record.status), (vec![], Status::InSync));
}

#[test]
fn sharing_does_not_wait_for_the_name_of_a_version() {
    let mut target = undoing();
    target.writes(MALLORY, &right_but("idleSessionTimeout", "60"));
    let shared = target.shares(MALLORY, &[ONE], &[]);
    target.wait(3);
    let reconciliation = target.hears(&[shared]);
    assert_eq!(taken_out(&reconciliation), Some(vec![ONE]));
    assert_eq!(reconciliation.decision.wait.as_ref().map(|wait| wait.on.clone()), Some(WaitsOn::Name));
}

#[test]
fn reactors_role_never_shares_also_while_it_writes() {
    let mut target = undoing();
    let first = target.shares(MALLORY, &[ONE], &[]);
    target.wait(3);
    target.hears(&[first]);
    let stolen = target.shares(REACTOR, &[TWO], &[]);
    target.wait(3);
    let reconciliation = target.hears(&[stolen]);
    assert_eq!(taken_out(&reconciliation), Some(vec![TWO]));
    assert_eq!(reconciliation.kinds(), ["edit_reverted"]);
}

#[test]
fn war_about_sharing_slows_the_reactor_down() {
    let mut target = undoing();
    let mut waits = Vec::new();
    for _ in 0..8 {
        let call = target.shares(MALLORY, &[ONE], &[]);
        target.wait(3);
        waits.push(target.hears(&[call]).decision.wait.map(|wait| wait.on));
        target.wait(1);
    }
    assert!(waits.contains(&Some(WaitsOn::EditWar)), "{waits:?}");
    target.runs(600);
    assert_eq!(target.shared_with(), Vec::<&str>::new());
}

#[test]
fn trusted_sharing_that_the_event_history_does_not_know_is_foreign() {
    let mut target = undoing();
    let forged = target.shares(PIPELINE, &[ONE], &[]);
    let id = forged.edit.id.clone();
    target.wait(3);
    target.hears(&[forged]);
    assert_eq!(target.shared_with(), [ONE]);
    target.wait(600);
    let due = runas_reactor::domain::confirmation::due(&target.record.facts, target.now);
    assert_eq!(due.len(), 1, "the history is asked");
    let other = runas_reactor::domain::edit::Edit { sharing: None, ..due[0].edit.clone() };
    let answer = runas_reactor::domain::confirmation::answered(&due[0], &[other], target.now).unwrap();
    assert_eq!(answer.attribution, Attribution::Untrusted, "it knows a call about other accounts");
    target.record.facts.calls.insert(id, answer);
    assert_eq!(taken_out(&target.sweeps()), Some(vec![ONE]));
}

#[test]
fn unanswered_sharing_stays_in_a_record_that_many_calls_fill() {
    let mut target = undoing();
    let held = target.shares(BREAK_GLASS, &[ONE], &[]);
    target.hears(&[held]);
    for _ in 0..120 {
        target.now = target.now.plus_ms(SECOND_MS);
        let call = target.moves_default(BREAK_GLASS, 1);
        target.hears(&[call]);
    }
    assert!(is_open(&target.record.facts));
    target.queue.clear();
    target.wait(3_700);
    assert_eq!(taken_out(&target.sweeps()), Some(vec![ONE]));
}

/// Calls that make versions are needed to judge the content, and do not take the place of what is still to be undone.
#[test]
fn unanswered_sharing_stays_in_a_record_that_a_flood_of_versions_fills() {
    let mut target = undoing();
    let held = target.shares(BREAK_GLASS, &[ONE], &[]);
    target.hears(&[held]);
    let calls: Vec<_> = (0..120)
        .map(|minutes: u32| {
            target.now = target.now.plus_ms(SECOND_MS);
            target.writes(BREAK_GLASS, &right_but("idleSessionTimeout", minutes.to_string()))
        })
        .collect();
    for calls in calls.chunks(10) {
        target.hears(calls);
    }
    assert!(is_open(&target.record.facts));
    target.runs(3_700);
    assert_eq!(target.shared_with(), [] as [&str; 0]);
}

#[test]
fn alert_that_waited_for_a_name_says_that_the_sharing_is_undone() {
    let mut target = undoing();
    let wrote = target.writes(MALLORY, &run_as_off());
    let shared = target.shares(MALLORY, &[ONE], &[]);
    target.wait(3);
    target.hears(&[shared]);
    assert_eq!(kinds(&target.runs(10)), Vec::<&str>::new(), "the version has no name yet");
    assert_eq!(target.shared_with(), Vec::<&str>::new());
    target.hears(&[wrote]);
    let reconciliations = target.runs(60);
    assert_eq!(kinds(&reconciliations), ["edit_reverted"], "a minute after the call it is certain");
    let text = &reconciliations
        .iter()
        .find(|reconciliation| !reconciliation.alerts().is_empty())
        .unwrap()
        .alert("edit_reverted")
        .text;
    assert!(text.contains("Its sharing is undone: the reactor had at once taken these accounts out again."), "{text}");
}

#[test]
fn sharing_that_failed_is_nothing_to_undo() {
    let mut target = undoing();
    let mut call = target.shares(MALLORY, &[ONE], &[]);
    target.doc().shares.clear();
    call.edit.failed = Some("AccessDenied".to_owned());
    let reconciliation = target.hears(&[call]);
    assert_eq!((asked(&reconciliation), &reconciliation.decision.verdict), (None, &Verdict::InSync));
    assert!(!is_open(&target.record.facts));
}

#[test]
fn default_version_is_corrected_before_sharing_is_undone() {
    let mut target = undoing();
    let call = target.writes(MALLORY, &run_as_off());
    target.hears(&[call]);
    target.runs(3_600);
    let shared = target.shares(MALLORY, &[ONE], &[]);
    let moved = target.moves_default(MALLORY, 2);
    let reconciliation = target.hears(&[shared, moved]);
    assert_eq!(reconciliation.decision.write, Some(Write::Promote { version: 3 }));
    target.runs(60);
    assert_eq!(target.shared_with(), Vec::<&str>::new());
    assert_eq!(target.doc().default, 3);
}

#[test]
fn foreign_call_that_only_ends_sharing_is_worded_as_standing() {
    let mut target = undoing();
    let shared = target.shares(PIPELINE, &[ONE], &[]);
    target.wait(3);
    target.hears(&[shared]);
    let ended = target.shares(MALLORY, &[], &[ONE]);
    target.wait(3);
    let text = target.hears(&[ended]).alert("edit_noticed").text.clone();
    assert!(text.contains("Its sharing stays as it was made: the reactor does not undo that."), "{text}");
}

#[test]
fn sharing_that_ended_by_itself_is_not_worded_as_undone_by_a_write_of_the_content() {
    let mut target = undoing();
    let wrote = target.writes(MALLORY, &run_as_off());
    let shared = target.shares(MALLORY, &[ONE], &[]);
    target.doc().shares.clear();
    target.wait(3);
    let mut reconciliations = vec![target.hears(&[wrote, shared])];
    reconciliations.extend(target.runs(120));
    let text = &reconciliations
        .iter()
        .find(|reconciliation| !reconciliation.alerts().is_empty())
        .unwrap()
        .alert("edit_reverted")
        .text;
    assert!(text.contains("It is shared with none of these accounts any more."), "{text}");
}

#[test]
fn of_two_calls_in_one_second_the_trusted_one_counts_first() {
    let mut target = undoing();
    let trusted = target.shares(PIPELINE, &[ONE], &[]);
    let ended = target.shares(MALLORY, &[], &[ONE]);
    target.wait(3);
    target.hears(&[trusted, ended]);
    let again = target.shares(MALLORY, &[ONE], &[]);
    target.wait(3);
    assert_eq!(taken_out(&target.hears(&[again])), Some(vec![ONE]));
}
