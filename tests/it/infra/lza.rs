//! What `runasctl render lza` writes for Landing Zone Accelerator's stack set, held against the template that it deploys, against
//! what the hub's stack answers with, and against the page.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::deployed::Organization;
use super::template::{HUB, MEMBER, folder, template};
use crate::deploy::cloud;

const PAGE: &str = include_str!("../../../infra/README.md");
/// Whether each text matches its pattern, as CloudFormation has it: the whole of it.
const MATCH: &str =
    "import json, re, sys\nprint(json.dumps([bool(re.fullmatch(p, t)) for p, t in json.load(sys.stdin)]))";

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// The stack sets that are rendered from the example policy.
fn rendered() -> Value {
    let mut runasctl = Command::new(env!("CARGO_BIN_EXE_runasctl"));
    runasctl.args(["render", "lza", "--hub-deployer", "ci/Deploy", "--hub-account-name", "Security", "--policy"]);
    let output = runasctl.arg(folder().join("policy.example.yaml")).env_clear().output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    yaml(text.split_once("---\n").unwrap().1)
}

fn parameters(customizations: &Value) -> BTreeMap<String, String> {
    let [set] = &customizations["customizations"]["cloudFormationStackSets"].as_array().unwrap()[..] else {
        panic!("one stack set: {customizations}")
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = set["parameters"].as_array().unwrap().iter();
    all.map(|parameter| (text(&parameter["name"]), text(&parameter["value"]))).collect()
}

fn all_match(pairs: &[(&str, &str)]) -> Vec<bool> {
    let file = tempfile::NamedTempFile::new().unwrap();
    serde_json::to_writer(file.as_file(), pairs).unwrap();
    let mut python = Command::new(cloud::python());
    let output = python.args(["-c", MATCH]).stdin(file.reopen().unwrap()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_stack_set_gives_the_member_template_each_parameter_that_it_has_no_default_for_and_each_in_its_form() {
    let given = parameters(&rendered());
    let declared = template(MEMBER)["Parameters"].as_object().unwrap();
    let known: BTreeSet<&String> = declared.keys().collect();
    let names: BTreeSet<&String> = given.keys().collect();
    assert!(names.is_subset(&known), "unknown: {:?}", names.difference(&known));
    let needed: BTreeSet<&String> =
        declared.iter().filter(|(_, it)| it.get("Default").is_none()).map(|(name, _)| name).collect();
    assert!(needed.is_subset(&names), "left out: {:?}", needed.difference(&names));
    let pattern = |name: &String| declared[name]["AllowedPattern"].as_str().unwrap();
    let pairs: Vec<(&str, &str)> = given.iter().map(|(name, value)| (pattern(name), value.as_str())).collect();
    assert_eq!(all_match(&pairs), vec![true; pairs.len()], "{pairs:#?}");
    // The pattern of the broken value tells that the engine is one.
    assert_eq!(all_match(&[(pattern(&"HubBusArn".to_owned()), "arn:aws:events:eu-west-1:1:event-bus/x")]), [false]);
}

#[test]
fn the_stack_set_names_the_role_and_the_bus_that_the_hubs_stack_makes() {
    let given = parameters(&rendered());
    let hub = Organization::deploy_hub(&[]);
    assert_eq!(given["HubRoleArn"], hub.stack.outputs["RoleArn"]);
    assert_eq!(given["HubBusArn"], hub.stack.outputs["BusArn"]);
    for name in [HUB, MEMBER] {
        assert_eq!(template(name)["Parameters"]["MemberRoleName"]["Default"], given["MemberRoleName"], "{name}");
    }
}

#[test]
fn the_page_shows_what_is_rendered() {
    let (_, block) = PAGE.split_once("```yaml\ncustomizations:").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    assert_eq!(yaml(&format!("customizations:{block}")), rendered(), "left: the page; right: runasctl render lza");
}
