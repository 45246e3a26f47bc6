//! The commands of `infra/README.md`, run by bash as they are written there: install, upgrade and uninstall by hand.
//!
//! `runasctl doctor` is left out: `e2e::hub::doctor` plays it with functions that run.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::places::{HOME, HUB, MANAGEMENT, PAYMENTS, US_EAST_1};
use super::{completed, hub, management, operator};
use crate::deploy::cloud::Place;
use crate::deploy::installer::Installer;

const PAGE: &str = include_str!("../../../../infra/README.md");
const FRANKFURT: &str = "eu-central-1";
/// What a reader fills in: the buckets' names.
const FILLED_IN: [(&str, &str); 2] = [("HUB-BUCKET", "hub-code"), ("MANAGEMENT-BUCKET", "management-code")];
/// Bash ends at the first command that fails; emulated operations are over at once.
const PRELUDE: &str = "set -euo pipefail\nsleep() { :; }\n";

/// The commands of a section, with the profile that its comments name.
fn commands_of(heading: &str) -> String {
    let section = PAGE.split("\n## ").find(|section| section.starts_with(heading)).expect(heading);
    let blocks = section.split("```console\n").skip(1).map(|rest| rest.split("\n```").next().unwrap_or_default());
    let line = |line: &str| match line.strip_prefix("# With credentials of the ") {
        Some(account) => format!("export AWS_PROFILE={}", account.split(' ').next().unwrap_or_default()),
        None => line.strip_prefix("$ ").unwrap_or(line).to_owned(),
    };
    let lines = blocks.flat_map(str::lines).filter(|line| !line.starts_with("$ runasctl doctor")).map(line);
    FILLED_IN.iter().fold(lines.collect::<Vec<_>>().join("\n"), |text, (place, name)| text.replace(place, name))
}

/// Variables that a section's commands find set by the sections before it.
fn variables() -> String {
    let section = commands_of("Step by step");
    let sets = |line: &&str| ["HUB=", "REGIONS=", "ROLE="].iter().any(|name| line.starts_with(name));
    section.lines().filter(sets).collect::<Vec<_>>().join("\n") + "\n"
}

fn run(operator: &Installer, heading: &str) {
    let script = format!("{PRELUDE}{}{}", variables(), commands_of(heading));
    operator.bash(&script).with(0);
}

fn members(operator: &Installer, region: &str) -> BTreeSet<(String, String)> {
    operator.stacks(Place { account: PAYMENTS, region })
}

#[test]
fn organisation_is_installed_upgraded_and_uninstalled_by_the_commands_of_the_page() {
    let operator = operator();
    run(&operator, "Step by step");
    assert_eq!(operator.stacks(hub()), completed(&["runas-reactor", "StackSet-runas-reactor-member"]));
    for region in [HOME, US_EAST_1] {
        let both = ["runas-reactor-management", "runas-reactor-member"];
        assert_eq!(operator.stacks(management(region)), completed(&both), "{region}");
    }
    assert_eq!(operator.stacks(management(FRANKFURT)), completed(&["runas-reactor-member"]));
    for region in [HOME, FRANKFURT, US_EAST_1] {
        assert_eq!(members(&operator, region), completed(&["StackSet-runas-reactor-member"]), "{region}");
    }

    run(&operator, "Asking the nodes");
    let both = ["StackSet-runas-reactor-member", "StackSet-runas-reactor-preflight"];
    assert_eq!(members(&operator, HOME), completed(&both));

    run(&operator, "Upgrade");
    let set = json!({"StackSetName": "runas-reactor-member"});
    let operations = operator.cloud.aws_in(management(HOME), "cloudformation", "list_stack_set_operations", &set);
    let last = &operations["Summaries"][0];
    assert_eq!((&last["Action"], &last["Status"]), (&json!("UPDATE"), &json!("SUCCEEDED")));

    run(&operator, "Uninstall");
    let gone = |place| operator.stacks(place).into_iter().filter(|(_, status)| status != "DELETE_COMPLETE").collect();
    let left: [Vec<(String, String)>; 3] = [hub(), management(HOME), management(US_EAST_1)].map(gone);
    let preflight = |name: &str| vec![(name.to_owned(), "CREATE_COMPLETE".to_owned())];
    assert_eq!(left, [preflight("StackSet-runas-reactor-preflight"), preflight("runas-reactor-preflight"), Vec::new()]);
    let tables = operator.cloud.aws_in(hub(), "dynamodb", "list_tables", &json!({}));
    assert_eq!(tables["TableNames"].as_array().map(Vec::len), Some(1), "the ledger outlives its stack: {tables}");
    assert_eq!((HUB, MANAGEMENT), ("222233334444", "111122223333"), "the page's own numbers");
}
