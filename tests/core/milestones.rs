//! How far a target of a new account has come.

use runas_reactor::domain::edit::Action;
use runas_reactor::domain::milestones::Milestones;
use runas_reactor::domain::observation::Obstacle;
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::time::SECOND_MS;

use crate::support::case::*;

#[test]
fn account_counts_as_new_from_its_vending_until_it_is_configured() {
    let mut target = Scenario::blank();
    target.wait(100);
    target.reconcile(Cause::AccountLifecycle, &[]);
    assert_eq!(target.record.milestones.vended, Some(at(0)));
    for cause in [Cause::DocumentEvent, Cause::Sweep] {
        let mut target = Scenario::blank();
        target.reconcile(cause, &[]);
        assert_eq!(target.record.milestones.vended, None, "{cause:?}");
    }
    target.since = target.now.plus_ms(50 * SECOND_MS);
    target.reconcile(Cause::AccountLifecycle, &[]);
    assert_eq!(target.record.milestones.vended, Some(at(0)), "enrolled anew is not new");
}

#[test]
fn new_account_passes_its_milestones_one_by_one_and_each_once() {
    let mut target = Scenario::blank();
    target.by_member_role = false;
    target.obstacle = Some(Obstacle::NotReady);
    target.reconcile(Cause::AccountLifecycle, &[]);
    let vended = Milestones { vended: Some(at(0)), ..Milestones::default() };
    assert_eq!(target.record.milestones, vended);
    target.wait(20);
    target.obstacle = None;
    target.reconcile(Cause::AccountLifecycle, &[]);
    let configured = Milestones { reached: Some(at(20)), configured: Some(at(20)), ..vended };
    assert_eq!(target.record.milestones, configured, "through a gap role");
    let echo = target.echo();
    target.wait(10);
    target.hears(&[echo]);
    assert_eq!(target.record.milestones, Milestones { newest_call: Some(at(20)), ..configured });
    target.wait(600);
    target.by_member_role = true;
    target.sweeps();
    let all = Milestones { member_role: Some(at(630)), newest_call: Some(at(20)), ..configured };
    assert_eq!(target.record.milestones, all);
    target.wait(600);
    target.sweeps();
    assert_eq!(target.record.milestones, all, "nothing more");
}

#[test]
fn account_that_cannot_be_read_was_not_reached_by_whatever_role() {
    let mut target = Scenario::blank();
    target.obstacle = Some(Obstacle::Denied);
    target.reconcile(Cause::AccountLifecycle, &[]);
    let Milestones { reached, member_role, configured, .. } = target.record.milestones;
    assert_eq!((reached, member_role, configured), (None, None, None));
}

#[test]
fn event_that_arrives_is_kept_by_when_its_call_was_made_and_is_no_news() {
    let mut target = Scenario::in_sync();
    let probe = target.fails(REACTOR, Action::DefaultMoved { version: Some(999_999) }, "InvalidDocumentVersion");
    target.wait(40);
    let first = target.hears(std::slice::from_ref(&probe)).settlement.commit.unwrap();
    assert_eq!((first.record.milestones.newest_call, first.history, first.alerts), (Some(at(7_200)), None, vec![]));
    target.wait(40);
    assert!(probe.edit.is_probe());
    assert_eq!(target.hears(&[probe]).settlement.commit, None, "a copy says nothing new");
}

#[test]
fn milestones_have_the_names_that_a_row_is_read_by() {
    let milestones =
        Milestones { vended: Some(at(1)), configured: Some(at(3)), newest_call: Some(at(2)), ..Milestones::default() };
    let passed: Vec<_> = milestones.reached_by_name().collect();
    assert_eq!(passed, [("vended", at(1)), ("configured", at(3)), ("newest_call", at(2))]);
    let row: serde_json::Value = passed.into_iter().map(|(name, at)| (name.to_owned(), at.to_string())).collect();
    assert_eq!(serde_json::from_value::<Milestones>(row).unwrap(), milestones);
}
