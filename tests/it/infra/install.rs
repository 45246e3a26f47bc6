//! `infra/install`, run by the AWS CLI against an emulator's accounts.
//!
//! Stacks, buckets, roles and the policy's table are the emulator's. It has no StackSets: those of `tests/hub/organisation.py`
//! deploy into the emulator's accounts, and take of their API what the installer uses. That AWS retries the failed instances of
//! an operation with the next update, and when a new account is deployed to, no test here can show.

mod by_hand;
mod refused;
mod sources;
mod version_2;

use std::collections::BTreeSet;

use serde_json::json;

use super::places::{HOME, HUB, MANAGEMENT, PAYMENTS, US_EAST_1};
use crate::deploy::cloud::{Cloud, Place};
use crate::deploy::installer::Installer;

const POLICY: &str = r#"
version: 1
organization: { id: o-exampleorgid, management_account: "111122223333", hub_account: "222233334444", home_region: eu-west-1 }
regions: [eu-west-1]
access: { roles: [RunasReactorMember], gap_roles: [AWSControlTowerExecution] }
unplaced: observe
defaults: { mode: observe, preferences: { runAsEnabled: true, runAsDefaultUser: ops } }
"#;

fn hub() -> Place<'static> {
    Place { account: HUB, region: HOME }
}

fn management(region: &str) -> Place<'_> {
    Place { account: MANAGEMENT, region }
}

/// The installer of an organisation that there is nothing in, with packages that never run.
fn operator() -> Installer {
    let operator = Installer::of(Cloud::start(HUB, "http://127.0.0.1:9"), HUB, MANAGEMENT, POLICY);
    operator.package("runas-reactor", "first");
    operator.package("runas-broker", "first");
    operator
}

fn make_role(operator: &Installer, account: &str, name: &str) {
    let trust = json!({"Version": "2012-10-17", "Statement": []});
    let role = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
    operator.cloud.aws_in(Place { account, region: HOME }, "iam", "create_role", &role);
}

fn delete_role(operator: &Installer, account: &str, name: &str) {
    operator.cloud.aws_in(Place { account, region: HOME }, "iam", "delete_role", &json!({"RoleName": name}));
}

fn completed(names: &[&str]) -> BTreeSet<(String, String)> {
    names.iter().map(|name| ((*name).to_owned(), "CREATE_COMPLETE".to_owned())).collect()
}

const INSTALLED: [(&str, &str); 7] = [
    ("stack runas-reactor", HOME),
    ("policy policy.yaml", HOME),
    ("stack runas-reactor-management", HOME),
    ("stack runas-reactor-management", US_EAST_1),
    ("stack runas-reactor-member", HOME),
    ("stack runas-reactor-member", US_EAST_1),
    ("stack set runas-reactor-member in r-ab12", HOME),
];

/// Thing and region of the rows, without the packages, whose names are digests.
fn places(rows: &[(String, String, String)]) -> Vec<(&str, &str)> {
    let rows = rows.iter().filter(|(what, ..)| !what.starts_with("package "));
    rows.map(|(what, region, _)| (what.as_str(), region.as_str())).collect()
}

#[test]
fn an_organisation_is_planned_installed_once_and_kept() {
    let operator = operator();
    let plan = operator.install(&["--plan"]).with(0);
    assert_eq!(places(&plan.changes()), INSTALLED);
    assert_eq!(plan.rows().len(), INSTALLED.len() + 2, "and the packages: {}", plan.out);
    assert!(
        plan.out.contains("7.07 USD a month, by the list prices of infra/README.md: 4 accounts, regions: 1\n"),
        "{}",
        plan.out
    );
    assert_eq!(operator.writes(), [""; 0], "a plan writes nothing");
    assert_eq!(operator.stacks(hub()), BTreeSet::new());

    let installed = operator.install(&[]).with(0);
    assert_eq!(places(&installed.changes()), INSTALLED);
    assert_eq!(operator.stacks(hub()), completed(&["runas-reactor", "StackSet-runas-reactor-member"]));
    for region in [HOME, US_EAST_1] {
        let both = ["runas-reactor-management", "runas-reactor-member"];
        assert_eq!(operator.stacks(management(region)), completed(&both), "StackSets leave this account out");
        let member = Place { account: PAYMENTS, region };
        assert_eq!(operator.stacks(member), completed(&["StackSet-runas-reactor-member"]));
    }
    // What the other templates get before there was a hub.
    let role = operator.cloud.aws_in(
        Place { account: PAYMENTS, region: HOME },
        "iam",
        "get_role",
        &json!({"RoleName": "RunasReactorMember"}),
    );
    assert!(role["Role"].to_string().contains(&operator.of_hub("Output", "RoleArn")), "{role:#}");
    let targets = json!({"Rule": "runas-reactor-documents"});
    let targets = operator.cloud.aws_in(management(US_EAST_1), "events", "list_targets_by_rule", &targets);
    assert_eq!(targets["Targets"][0]["Arn"], operator.of_hub("Output", "BusArn"));
    let broker = operator.cloud.aws_in(
        management(HOME),
        "cloudformation",
        "describe_stacks",
        &json!({"StackName": "runas-reactor-management"}),
    );
    assert_eq!(broker["Stacks"][0]["Outputs"][0]["OutputValue"], operator.of_hub("Parameter", "BrokerArn"));
    assert!(installed.out.contains(&operator.of_hub("Output", "TableName")), "{}", installed.out);

    operator.writes();
    for arguments in [&["--plan"][..], &[]] {
        let again = operator.install(arguments).with(0);
        assert_eq!((again.changes(), again.rows().len()), (Vec::new(), INSTALLED.len() + 2), "{arguments:?}");
        assert_eq!(operator.writes(), [""; 0], "{arguments:?}: what is installed is left as it is");
    }

    // A parameter with all that could be taken for something else, and a new release of one function.
    let twice_a_day = "cron(0 0,12 * * ? *)";
    operator.settings(&format!("hub.SweepSchedule={twice_a_day}\n"));
    operator.package("runas-broker", "second");
    let changed = operator.install(&["--plan"]).with(0).changes();
    let results: Vec<&str> = changed.iter().map(|(.., result)| result.as_str()).collect();
    let broker = ["updated: SweepSchedule", "uploaded to management-code", "updated: CodeKey", "updated: CodeKey"];
    assert_eq!(results, broker);
    operator.writes();
    assert_eq!(operator.install(&[]).with(0).changes().len(), broker.len());
    assert_eq!(operator.writes(), ["update-stack", "cp", "update-stack", "update-stack"]);
    assert_eq!(operator.of_hub("Parameter", "SweepSchedule"), twice_a_day);

    operator.settings("");
    assert_eq!(operator.install(&[]).with(0).changes(), []);
    assert_eq!(operator.of_hub("Parameter", "SweepSchedule"), twice_a_day, "what nobody names stays");
    operator.settings("hub.AlarmEmail=platform@example.com\n");
    operator.install(&[]).with(0);
    assert_eq!(operator.of_hub("Parameter", "SweepSchedule"), twice_a_day, "also where something else is updated");
}

#[test]
fn a_step_that_fails_says_why_and_the_next_run_goes_on_there() {
    let operator = operator();
    let forwarder = "RunasReactorForwarder-us-east-1";
    make_role(&operator, MANAGEMENT, forwarder);
    let failed = operator.install(&[]).with(1);
    failed
        .complains_of(&["runas-reactor-member failed in us-east-1 of 111122223333", "fix: delete what is left there"]);
    failed.complains_of(&["run infra/install again"]);
    let (_, _, result) = failed.rows().pop().unwrap();
    assert!(result.contains("Forwarder (AWS::IAM::Role)") && result.contains(forwarder), "the cause: {}", failed.out);

    delete_role(&operator, MANAGEMENT, forwarder);
    let plan = operator.install(&["--plan"]).with(0);
    let rest = [("stack runas-reactor-member", US_EAST_1), ("stack set runas-reactor-member in r-ab12", HOME)];
    assert_eq!(places(&plan.changes()), rest, "{}", plan.out);
    assert!(plan.out.contains("deleted and created: what is there is ROLLBACK_COMPLETE"), "{}", plan.out);
    operator.writes();
    assert_eq!(places(&operator.install(&[]).with(0).changes()), rest);
    let writes = ["delete-stack", "create-stack", "create-stack-set", "create-stack-instances"];
    assert_eq!(operator.writes(), writes, "what was done before is not done again");
}

#[test]
fn an_account_in_which_the_stack_set_fails_is_named_and_tried_again() {
    let operator = operator();
    make_role(&operator, PAYMENTS, "RunasReactorMember");
    let failed = operator.install(&[]).with(1);
    failed.complains_of(&["444455556666 eu-west-1", "RunasReactorMember", "fix: delete what is left there"]);

    delete_role(&operator, PAYMENTS, "RunasReactorMember");
    let again = operator.install(&["--plan"]).with(0).changes();
    let [(_, _, result)] = &again[..] else { panic!("{again:?}") };
    assert!(result.starts_with("updated: again, since its last operation is FAILED"), "{result}");
    operator.writes();
    operator.install(&[]).with(0);
    assert_eq!(operator.writes(), ["update-stack-set"]);
    let member = operator.stacks(Place { account: PAYMENTS, region: HOME });
    assert_eq!(member, completed(&["StackSet-runas-reactor-member"]));
}

#[test]
fn regions_of_the_settings_are_added_to_those_of_the_policy() {
    let operator = operator();
    operator.settings("regions=eu-west-1 ap-southeast-2\n");
    let plan = operator.install(&["--plan"]).with(0);
    let places = plan.changes().into_iter().filter(|(what, ..)| what == "stack runas-reactor-member");
    let regions: Vec<String> = places.map(|(_, region, _)| region).collect();
    assert_eq!(regions, [HOME, "ap-southeast-2", US_EAST_1]);
    assert!(plan.out.contains("created: in eu-west-1 ap-southeast-2 us-east-1"), "{}", plan.out);
    assert!(plan.out.contains("regions: 1\n"), "the policy governs one: {}", plan.out);
}

#[test]
fn hub_outside_of_the_targets_is_warned_about() {
    let operator = operator();
    for (targets, warned) in [("ou-ab12-11111111", true), ("ou-ab12-11111111 r-ab12", false)] {
        operator.settings(&format!("targets={targets}\n"));
        let plan = operator.install(&["--plan"]).with(0);
        let words = "the hub account 222233334444 is in none of the targets";
        assert_eq!(plan.err.contains(words), warned, "{targets}: {}", plan.err);
    }
}
