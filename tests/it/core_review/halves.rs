//! What an attempt before has left half done, or done and not told.

use runas_reactor::domain::case::{Applied, Refusal};
use runas_reactor::domain::decide::decide;
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::finding::Severity;
use runas_reactor::domain::observation::Observation;
use runas_reactor::domain::principal::Attribution::{Trusted, Untrusted};
use runas_reactor::domain::settle::{HOPS_MAX, settle};
use runas_reactor::domain::signal::Cause;
use serde_json::json;

use super::cases::*;

#[test]
fn a_rollback_that_was_undone_before_we_looked_is_told_like_one_that_we_undo_now() {
    let mut case = case();
    case.record = in_sync(6, 0);
    case.observation = document(&[(5, -60, body(&right_but("runAsEnabled", false))), (6, 0, body(&right()))], 6);
    case.edits = vec![promoted("a", 98, 5, Untrusted)];
    // So much later that it is visible if it ever was.
    case.now = at(200);
    let (decision, settlement) = settled(&case);
    assert_eq!(decision.write, None);
    let told = alerts(&settlement);
    assert_eq!(kinds(&settlement), ["edit_reverted"]);
    assert_eq!(told[0].severity, Severity::High);
    assert!(told[0].text.contains("put right as version 6 before this look"), "{}", told[0].text);
}

#[test]
fn what_an_attempt_before_put_right_counts_towards_an_edit_war() {
    let mut case = case();
    case.record = in_sync(4, 0);
    let evil = right_but("runAsEnabled", false);
    case.observation = document(&[(4, 0, body(&right())), (5, 97, body(&evil)), (6, 98, body(&right()))], 6);
    case.edits = vec![wrote("a", 97, 5, Untrusted)];
    let (decision, settlement) = settled(&case);
    assert_eq!(decision.write, None);
    assert_eq!(kinds(&settlement), ["edit_reverted"]);
    assert_eq!(settlement.commit.unwrap().record.heat.milli, 1_000);
}

#[test]
fn a_pipelines_edit_is_told_as_kept_however_far_an_attempt_before_had_come() {
    let theirs = json!({ "runAsEnabled": false, "runAsDefaultUser": "ops", "cloudWatchLogGroupName": "new" });
    let ours = right_but("cloudWatchLogGroupName", "new");
    for default in [4, 6] {
        let mut case = case();
        case.record = in_sync(4, 0);
        case.observation = document(&[(4, 0, body(&right())), (5, 97, body(&theirs)), (6, 98, body(&ours))], default);
        case.edits = vec![wrote("a", 97, 5, Trusted)];
        let (decision, settlement) = settled(&case);
        assert_eq!(decision.write.is_some(), default == 4, "only the default is left to move");
        assert_eq!(kinds(&settlement), ["edit_kept"]);
        assert!(alerts(&settlement)[0].subject.contains("kept"), "{:?}", alerts(&settlement));
    }
}

#[test]
fn what_we_deleted_on_the_way_to_making_it_anew_is_nobodys_deletion() {
    let mut case = case();
    case.record = in_sync(6, 0);
    case.cause = Cause::Swept;
    case.observation = Observation::Absent;
    case.refused = vec![Refusal::Replacing];
    let (_, settlement) = settled(&case);
    assert_eq!(kinds(&settlement), Vec::<String>::new());
    // The event of it comes after that.
    let mut ours = edit("a", 99, Action::Deleted, Untrusted);
    ours.by_our_role = true;
    case.record = settlement.commit.unwrap().record;
    case.refused = Vec::new();
    case.observation = document(&[(1, 100, body(&right()))], 1);
    case.edits = vec![ours];
    assert_eq!(kinds(&settled(&case).1), Vec::<String>::new());
}

#[test]
fn a_write_that_is_not_allowed_waits_like_a_look_that_is_not() {
    let mut case = case();
    case.record = in_sync(4, 0);
    case.observation = document(&[(4, 0, body(&right())), (5, 97, body(&right_but("runAsEnabled", false)))], 4);
    case.edits = vec![wrote("a", 97, 5, Untrusted)];
    let delay = |case: &runas_reactor::domain::case::Case| {
        let next = settle(case, &decide(case), &Applied::Refused(Refusal::Denied)).next;
        next.map(|(work, delay)| (work.hop, work.edits.len(), delay))
    };
    assert_eq!(delay(&case), Some((1, 0, 5)), "the edit was told");
    case.hop = 9;
    assert_eq!(delay(&case), Some((10, 0, 60)));
    case.hop = HOPS_MAX;
    assert_eq!(delay(&case), None);
    case.hop = 0;
    case.since = at(-86_400);
    assert_eq!(delay(&case), None, "patience has an end");
    case.since = case.now;
    case.cause = Cause::Swept;
    assert_eq!(delay(&case), None, "the next sweep looks again");
}

#[test]
fn the_last_message_of_a_chain_tells_the_edits_that_it_carries() {
    let mut case = case();
    case.record = in_sync(4, 0);
    case.observation = unknown();
    case.edits = vec![wrote("a", 97, 5, Untrusted)];
    case.hop = HOPS_MAX - 1;
    assert_eq!(settled(&case).1.next.map(|(work, _)| work.edits.len()), Some(1), "they travel on");
    case.hop = HOPS_MAX;
    let (_, settlement) = settled(&case);
    assert_eq!(settlement.next, None);
    assert!(kinds(&settlement).contains(&"edit_noticed".to_owned()), "{:?}", kinds(&settlement));
    assert_eq!(settlement.commit.unwrap().seen, ["a"]);
}
