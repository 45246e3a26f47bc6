//! The templates as data, with CloudFormation's short forms written out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use super::places::PAYMENTS;
use crate::deploy::cloud;

pub(crate) const HUB: &str = "hub.yaml";
pub(crate) const MEMBER: &str = "member.yaml";
pub(crate) const MANAGEMENT: &str = "management.yaml";
pub(super) const IDENTITY_CENTER: &str = "identity-center.yaml";
pub(crate) const PREFLIGHT: &str = "preflight.yaml";
pub(super) const ALERT_EVENTS: &str = "alert-events.yaml";
pub(super) const TEMPLATES: [&str; 6] = [HUB, MEMBER, MANAGEMENT, IDENTITY_CENTER, PREFLIGHT, ALERT_EVENTS];

static LOADED: LazyLock<BTreeMap<String, Value>> = LazyLock::new(load);

pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("infra")
}

fn load() -> BTreeMap<String, Value> {
    let read = "import json, sys\nfrom cfnlint.decode import cfn_yaml\n\
        json.dump({name: cfn_yaml.load(name) for name in sys.argv[1:]}, sys.stdout)";
    let output =
        Command::new(cloud::python()).current_dir(folder()).args(["-c", read]).args(TEMPLATES).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) fn template(name: &str) -> &'static Value {
    &LOADED[name]
}

pub(super) fn resources(template: &Value) -> impl Iterator<Item = (&String, &Value)> {
    template["Resources"].as_object().unwrap().iter()
}

/// The resources of a type, each with its name and its properties.
pub(crate) fn of_type<'a>(template: &'a Value, kind: &str) -> Vec<(&'a String, &'a Value)> {
    let found: Vec<_> = resources(template).filter(|(_, it)| it["Type"] == kind).collect();
    assert!(!found.is_empty(), "there is no {kind}");
    found.into_iter().map(|(name, it)| (name, &it["Properties"])).collect()
}

/// All statements of a policy anywhere below, those under a condition too.
pub(super) fn statements(value: &Value) -> Vec<&Value> {
    let inner: Vec<&Value> = match value {
        Value::Object(members) => members.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    let own = value.get("Effect").is_some().then_some(value);
    own.into_iter().chain(inner.into_iter().flat_map(statements)).collect()
}

/// IAM lets every list of one be written as the one.
pub(super) fn listed(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// The actions of a policy's statements that allow.
pub(crate) fn allowed(policy: &Value) -> Vec<&str> {
    let allows = statements(policy).into_iter().filter(|statement| statement["Effect"] == "Allow");
    allows.flat_map(|statement| listed(&statement["Action"])).map(|action| action.as_str().unwrap()).collect()
}

pub(crate) fn policies(name: &str, role: &str) -> &'static Value {
    &template(name)["Resources"][role]["Properties"]["Policies"]
}

/// The template's text with the partition and the account that it stands in.
pub(super) fn filled(value: &Value) -> String {
    let text = value["Fn::Sub"].as_str().or(value.as_str()).unwrap();
    text.replace("${AWS::Partition}", "aws").replace("${AWS::AccountId}", PAYMENTS)
}

/// Each action with each resource that a policy allows it on.
pub(crate) fn grants(policy: &Value) -> BTreeSet<(String, String)> {
    let pairs = statements(policy).into_iter().flat_map(|it| {
        let resources = listed(&it["Resource"]).into_iter().map(filled).collect::<Vec<_>>();
        let actions = listed(&it["Action"]).into_iter().map(|action| action.as_str().unwrap().to_owned());
        actions.flat_map(move |action| resources.clone().into_iter().map(move |resource| (action.clone(), resource)))
    });
    pairs.collect()
}
