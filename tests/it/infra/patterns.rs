//! What the forwarding rules send is what the hub's rules let through.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::deployed::{Organization, management, member};
use super::places::{MANAGEMENT as ROOT, PAYMENTS, US_EAST_1};
use super::template::{HUB, MANAGEMENT, MEMBER, of_type, template};
use crate::decode::fixtures::{all_files, name_of, sample, text};
use crate::deploy::cloud::Place;

const BUS: &str = "runas-reactor";

fn patterns(name: &str) -> Vec<(&'static str, &'static Value)> {
    let rules = of_type(template(name), "AWS::Events::Rule").into_iter();
    rules.map(|(_, rule)| (rule["Name"].as_str().unwrap(), &rule["EventPattern"])).collect()
}

#[test]
fn a_rule_has_the_same_pattern_wherever_it_is() {
    let hub = patterns(HUB);
    let others = [MEMBER, MANAGEMENT].map(patterns).concat();
    let mut seen = BTreeSet::new();
    for (name, pattern) in others {
        let original = hub.iter().find(|(known, _)| *known == name);
        let (_, original) = original.unwrap_or_else(|| panic!("the hub has no rule {name}"));
        assert_eq!(pattern, *original, "{name}");
        seen.insert(name);
    }
    let on_the_bus: BTreeSet<&str> = hub.iter().map(|(name, _)| *name).collect();
    assert_eq!(seen, on_the_bus, "left: rules that send; right: rules that the hub's bus has");
}

fn names(matches: &Value, bus: &str) -> Vec<String> {
    matches[bus].as_array().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_sample_is_forwarded_by_the_rule_that_the_hub_lets_it_through_by() {
    let organization = Organization::deploy_hub(&[]);
    let [account, root] = [PAYMENTS, ROOT].map(|account| Place { account, region: US_EAST_1 });
    member(&organization, account, &[]);
    management(&organization, root, &[("ControlTowerRegion", US_EAST_1)]);
    let (mut seen, mut forwarded) = (0, 0);
    for file in all_files() {
        let Ok(event) = serde_json::from_str::<Value>(&text(&file)) else { continue };
        if !(event["source"].is_string() && event["detail-type"].is_string() && event["detail"].is_object()) {
            continue;
        }
        let cloud = &organization.cloud;
        let sent = [account, root].map(|place| names(&cloud.matches_in(place, &event), "default")).concat();
        let taken = names(&cloud.matches_in(organization.hub, &event), BUS);
        assert_eq!(sent, taken, "{}: left: rules that send it; right: rules that the hub takes it by", name_of(&file));
        assert!(sent.len() <= 1, "{}: {sent:?}", name_of(&file));
        seen += 1;
        forwarded += sent.len();
    }
    assert!(seen > 150 && forwarded > 100, "only {seen} samples, of which {forwarded} are forwarded");
}

#[test]
fn each_rule_of_the_templates_is_watched_by_another_one() {
    let organization = Organization::deploy_hub(&[]);
    let place = Place { account: PAYMENTS, region: US_EAST_1 };
    member(&organization, place, &[]);
    let rules = [HUB, MEMBER, MANAGEMENT].map(patterns).concat();
    let rules: BTreeSet<&str> = rules.into_iter().map(|(name, _)| name).collect();
    for rule in rules {
        for (call, key) in [
            ("DisableRule", "name"),
            ("DeleteRule", "name"),
            ("PutRule", "name"),
            ("PutTargets", "rule"),
            ("RemoveTargets", "rule"),
        ] {
            let mut event: Value = serde_json::from_str(&sample("bypass/disable-rule.json")).unwrap();
            event["detail"]["eventName"] = call.into();
            event["detail"]["requestParameters"] = json!({ key: rule });
            let watching = names(&organization.cloud.matches_in(place, &event), "default");
            assert!(watching.len() == 1 && watching[0] != rule, "{call} of {rule}: {watching:?}");
        }
    }
}

#[test]
fn each_role_that_a_rule_sends_by_is_watched_by_a_rule_that_sends_by_another() {
    let organization = Organization::deploy_hub(&[]);
    let place = Place { account: PAYMENTS, region: US_EAST_1 };
    let stack = member(&organization, place, &[]);
    let rules = of_type(template(MEMBER), "AWS::Events::Rule");
    let sender = |name: &str| {
        let rule = rules.iter().find(|(_, rule)| rule["Name"] == name).map(|(_, rule)| rule);
        rule.unwrap()["Targets"][0]["RoleArn"]["Fn::GetAtt"][0].as_str().unwrap()
    };
    let watching = |role: &str, call: &str| {
        let mut event: Value = serde_json::from_str(&sample("bypass/delete-role.json")).unwrap();
        event["detail"]["eventName"] = call.into();
        event["detail"]["requestParameters"] = json!({ "roleName": role });
        names(&organization.cloud.matches_in(place, &event), "default")
    };
    for call in ["DeleteRole", "DeleteRolePolicy", "PutRolePolicy", "PutRolePermissionsBoundary"] {
        for role in ["Forwarder", "Watcher"] {
            let rules = watching(stack.id(role), call);
            assert!(rules.len() == 1 && sender(&rules[0]) != role, "{call} of {role}: {rules:?}");
        }
        for role in ["RunasReactor", "RunasReactorSchedule", "RunasBroker", "RunasReactorManagementForwarder-us-east-1"]
        {
            assert_eq!(watching(role, call), ["runas-reactor-tampering"], "{call} of {role}");
        }
    }
}
