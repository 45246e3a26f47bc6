//! What the rules let through, for every sample event there is.

use std::collections::BTreeSet;

use runas_reactor::domain::decode::{Decoded, decode};
use serde_json::Value;

use super::BUS;
use crate::decode::fixtures::{all_files, name_of, text};
use crate::deploy::hub::Hub;
use crate::e2e::stage::HUB;

/// What is let through and then ignored: a pattern would have to say it at every depth that decoding finds it at.
const FOR_NOTHING: [&str; 14] = [
    // How CloudTrail spells the attributes is not documented.
    "bypass/attributes-created-without-the-tag.json",
    // A pattern that distinguishes these would be longer than it is worth: a blank value, a bus of an account's own.
    "bypass/create-role-with-blank-tag.json",
    "bypass/disable-rule-of-another-bus.json",
    // Work that is not over, or ended badly.
    "control-tower/create-managed-account-in-progress.json",
    "control-tower/enable-baseline-account-under-change.json",
    "control-tower/enable-baseline-ou-failed.json",
    "control-tower/register-ou-failed.json",
    "organizations/close-account-result-failed.json",
    "organizations/create-account-result-in-progress.json",
    // The document of another account or region, named in this one; or named by nothing but its ARN beside the request.
    "ssm/update-document-by-arn-of-another-account.json",
    "ssm/update-document-by-arn-of-another-region.json",
    "ssm/update-document-resources-name-another.json",
    // Not possible: what AWS sends agrees with its `source`.
    "control-tower/create-managed-account-forged-source.json",
    "ssm/forged-event-source.json",
];
/// What is for us, and does not say what it is.
const UNNAMED: &str = "ssm/no-event-name.json";

/// A sample that EventBridge could carry: it is from AWS and has a detail. No rule matches a schedule.
fn event(text: &str) -> Option<Value> {
    let event: Value = serde_json::from_str(text).ok()?;
    let of_aws = event["source"].as_str().is_some_and(|source| source.starts_with("aws."));
    let kind = event["detail-type"].as_str()?;
    (of_aws && event["detail"].is_object() && kind != "Scheduled Event").then_some(event)
}

#[test]
fn the_rules_let_through_what_is_understood_and_nothing_else() {
    let hub = Hub::deploy_alone(HUB);
    let (mut seen, mut missed, mut for_nothing) = (0, Vec::new(), BTreeSet::new());
    for file in all_files() {
        let (name, text) = (name_of(&file), text(&file));
        let Some(event) = event(&text) else { continue };
        seen += 1;
        let rules = hub.matches(&event)[BUS].as_array().map_or(0, Vec::len);
        // Undecodable has to come as far as the dead-letter queue; what is not trusted need not come at all.
        let understood = matches!(decode(&text), Decoded::Signal(_) | Decoded::Undecodable { .. });
        match (understood, rules) {
            (true, 1) | (false, 0) => {}
            (true, _) => missed.push(name),
            (false, _) => drop(for_nothing.insert(name)),
        }
    }
    assert!(seen > 150, "only {seen} samples");
    assert_eq!(missed, [UNNAMED], "understood, and let through by no rule or by more than one");
    assert_eq!(
        for_nothing,
        FOR_NOTHING.map(str::to_owned).into(),
        "let through and ignored; left: what is; right: what is known"
    );
}
