//! Fragments of Landing Zone Accelerator's configuration.

use serde_json::{Value, json};

use super::policy_file::{PolicyFile, example};

const LZA: [&str; 5] = ["lza", "--hub-deployer", "Deployer", "--hub-account-name", "SecurityTooling"];

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn the_fragments_of_the_example() {
    insta::assert_snapshot!("lza", PolicyFile::new(&example()).render(&LZA).ends(0).out);
}

#[test]
fn the_files_are_those_that_the_fragments_name() {
    let file = PolicyFile::new(&example());
    let out = file.path("out");
    let ran = file.render(&[&LZA[..], &["--out", &out.display().to_string()]].concat()).ends(0);
    assert!(ran.out.is_empty() && ran.err.contains("wrote 5 files"), "{}", ran.err);
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let organization = yaml(&read("runas-reactor.organization-config.yaml"));
    let scp = PolicyFile::new(&example()).scp(&[
        "--member-deployer",
        "cdk-accel*",
        "--member-deployer",
        "AWSCloudFormationStackSetExecutionRole",
    ]);
    let rendered = scp.ends(0).policies();
    let entries = organization["serviceControlPolicies"].as_array().unwrap();
    assert_eq!(entries.len(), rendered.len());
    for (entry, (name, policy)) in entries.iter().zip(rendered) {
        assert_eq!(entry["name"], name);
        let text = read(entry["policy"].as_str().unwrap());
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), policy);
    }
    let targets: Vec<&Value> = entries.iter().map(|entry| &entry["deploymentTargets"]).collect();
    let root = json!({ "organizationalUnits": ["Root"] });
    assert_eq!(targets, [&root, &root, &json!({ "accounts": ["SecurityTooling"] })]);
    let customizations = yaml(&read("runas-reactor.customizations-config.yaml"));
    let stack_set = &customizations["customizations"]["cloudFormationStackSets"][0];
    assert_eq!(stack_set["regions"], json!(["eu-west-1", "eu-central-1", "us-east-1"]));
}

#[test]
fn names_are_text_whatever_is_in_them_and_regions_are_each_there_once() {
    let text = example().replace("regions: [eu-west-1, eu-central-1, us-east-1]", "regions: enabled");
    let arguments = ["--ou", "Workloads/Prod: \"eu\" #1", "--ou", "yes", "--stack-region", "eu-north-1"];
    let ran = PolicyFile::new(&text).render(&[&LZA[..], &arguments].concat()).ends(0);
    let (organization, customizations) = ran.out.split_once("---\n").unwrap();
    let ous = json!(["Workloads/Prod: \"eu\" #1", "yes"]);
    assert_eq!(yaml(organization)["serviceControlPolicies"][0]["deploymentTargets"]["organizationalUnits"], ous);
    let stack_set = &yaml(customizations)["customizations"]["cloudFormationStackSets"][0];
    assert_eq!(stack_set["deploymentTargets"]["organizationalUnits"], ous);
    assert_eq!(stack_set["regions"], json!(["eu-west-1", "eu-north-1", "us-east-1"]));
}

#[test]
fn more_policies_than_are_allowed_for_one_ou_are_reported() {
    let mut text = example();
    for index in 0..50 {
        let name = format!("trusted: [\"arn:aws:iam::*:role/Pipeline{index:03}{}\", ", "x".repeat(29));
        text = text.replace("trusted: [", &name);
    }
    let ran = PolicyFile::new(&text).render(&LZA).ends(0);
    assert!(ran.err.contains("Landing Zone Accelerator allows 5 with your own; fix: join patterns"), "{}", ran.err);
}
