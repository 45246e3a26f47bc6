//! What an emulator's CloudFormation makes of the templates, in the accounts and regions that they are for.

use std::collections::BTreeSet;
use std::path::PathBuf;

use runas_reactor::config;
use serde_json::{Value, json};

use super::places::{HOME, HUB, MANAGEMENT, PAYMENTS, US_EAST_1};
use super::template::{IDENTITY_CENTER, MANAGEMENT as MANAGEMENT_TEMPLATE, MEMBER as MEMBER_TEMPLATE, folder};
use crate::deploy::cloud::{Cloud, PACKAGE, Place, Stack};

const ORGANIZATION: &str = "o-exampleorgid";
const DOCUMENT: &str = "SSM-SessionManagerRunShell";
/// The emulator counts it to no organisation.
const STRANGER: &str = "999999999999";
const CONTROL_TOWER: &str = "eu-central-1";
const BROKER: &str = "arn:aws:lambda:eu-west-1:111122223333:function:runas-broker";
const GAP_ROLE: &str = "arn:aws:iam::444455556666:role/AWSControlTowerExecution";

/// The hub's stack, and its outputs as the other templates want them.
pub(super) struct Organization {
    pub(super) cloud: Cloud,
    pub(super) hub: Place<'static>,
    pub(super) stack: Stack,
}

/// No function runs in these stacks.
pub(super) fn any_package() -> PathBuf {
    folder().join(MEMBER_TEMPLATE)
}

impl Organization {
    pub(super) fn deploy_hub(parameters: &[(&str, &str)]) -> Self {
        let hub = Place { account: HUB, region: HOME };
        let cloud = Cloud::start(HUB, "http://127.0.0.1:9");
        let bucket = cloud.upload(hub, &any_package());
        let own = [("OrganizationId", ORGANIZATION), ("CodeBucket", &bucket), ("CodeKey", PACKAGE)];
        let stack = cloud.deploy(hub, "runas-reactor", "hub.yaml", &[&own, parameters].concat());
        Self { cloud, hub, stack }
    }

    fn outputs(&self) -> [(&str, &str); 3] {
        let outputs = &self.stack.outputs;
        [("OrganizationId", ORGANIZATION), ("HubRoleArn", &outputs["RoleArn"]), ("HubBusArn", &outputs["BusArn"])]
    }

    fn bus(&self) -> &str {
        &self.stack.outputs["BusArn"]
    }
}

pub(super) fn member(organization: &Organization, place: Place<'_>, parameters: &[(&str, &str)]) -> Stack {
    let parameters = [&organization.outputs(), parameters].concat();
    organization.cloud.deploy(place, "runas-reactor-member", MEMBER_TEMPLATE, &parameters)
}

pub(super) fn management(organization: &Organization, place: Place<'_>, parameters: &[(&str, &str)]) -> Stack {
    let parameters = [&organization.outputs(), parameters].concat();
    organization.cloud.deploy(place, "runas-reactor-management", MANAGEMENT_TEMPLATE, &parameters)
}

fn names(stack: &Stack) -> BTreeSet<&str> {
    stack.resources.keys().map(String::as_str).collect()
}

/// The rule sends to the hub's bus, by a role that may do that and nothing else.
fn assert_forwards(organization: &Organization, place: Place<'_>, stack: &Stack, name: &str) {
    let (cloud, bus) = (&organization.cloud, organization.bus());
    let targets = cloud.aws_in(place, "events", "list_targets_by_rule", &json!({"Rule": stack.id(name)}));
    let sender = if name == "TamperingRule" { "Watcher" } else { "Forwarder" };
    let role = format!("arn:aws:iam::{}:role/{}", place.account, stack.id(sender));
    let target = json!({"Id": "hub", "Arn": bus, "RoleArn": role,
        "RetryPolicy": {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}});
    assert_eq!(targets["Targets"], json!([target]), "{place:?} {name}");
    assert_eq!(cloud.decide(&role, "events:PutEvents", bus, None), "Allow");
    let elsewhere = format!("arn:aws:events:{HOME}:{HUB}:event-bus/default");
    assert_eq!(cloud.decide(&role, "events:PutEvents", &elsewhere, None), "ImplicitDeny");
}

#[test]
fn an_account_gets_one_role_and_each_region_the_rules_that_belong_there() {
    let organization = Organization::deploy_hub(&[]);
    let everywhere = ["BypassesRule", "DocumentsRule", "Forwarder", "TamperingRule", "Watcher"];
    let cases: [(Place<'_>, &[&str]); 6] = [
        (Place { account: PAYMENTS, region: HOME }, &["MemberRole"]),
        (Place { account: PAYMENTS, region: US_EAST_1 }, &["RegionsRule"]),
        (Place { account: PAYMENTS, region: CONTROL_TOWER }, &[]),
        (Place { account: MANAGEMENT, region: HOME }, &["MemberRole"]),
        (Place { account: HUB, region: US_EAST_1 }, &["RegionsRule"]),
        (Place { account: HUB, region: HOME }, &["MemberRole"]),
    ];
    for (place, more) in cases {
        let stack = member(&organization, place, &[]);
        assert_eq!(names(&stack), everywhere.iter().chain(more).copied().collect(), "{place:?}");
        for rule in ["BypassesRule", "DocumentsRule", "TamperingRule"] {
            assert_forwards(&organization, place, &stack, rule);
        }
        if more.contains(&"RegionsRule") {
            assert_forwards(&organization, place, &stack, "RegionsRule");
        }
    }
}

fn member_role() -> String {
    format!("arn:aws:iam::{PAYMENTS}:role/RunasReactorMember")
}

/// Whether a role of the hub, which may assume every role by its own policy, gets a session of the member role.
fn gets_in(organization: &Organization, account: &str, name: &str) -> bool {
    let (cloud, place) = (&organization.cloud, Place { account, region: HOME });
    let trust = json!({"Version": "2012-10-17", "Statement": []});
    let all = json!({"Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]});
    let path = format!("/{}", name.rsplit_once('/').map_or(String::new(), |(path, _)| format!("{path}/")));
    let short = name.rsplit('/').next().unwrap_or(name);
    if (account, name) != (HUB, "RunasReactor") {
        let role = json!({"RoleName": short, "Path": path, "AssumeRolePolicyDocument": trust.to_string()});
        cloud.aws_in(place, "iam", "create_role", &role);
        let policy = json!({"RoleName": short, "PolicyName": "all", "PolicyDocument": all.to_string()});
        cloud.aws_in(place, "iam", "put_role_policy", &policy);
    }
    let session = json!({"RoleArn": member_role(), "RoleSessionName": "tests"});
    match cloud.aws_as(&format!("arn:aws:iam::{account}:role/{name}"), "sts", "assume_role", &session) {
        Ok(_) => true,
        Err(code) => {
            assert_eq!(code, "AccessDenied");
            false
        }
    }
}

#[test]
fn only_the_function_of_the_hub_gets_into_a_member_account() {
    let organization = Organization::deploy_hub(&[]);
    member(&organization, Place { account: PAYMENTS, region: HOME }, &[]);
    assert!(gets_in(&organization, HUB, "RunasReactor"));
    for (account, name) in
        [(HUB, "RunasReactor2"), (HUB, "Admin"), (MANAGEMENT, "RunasReactor"), (STRANGER, "RunasReactor")]
    {
        assert!(!gets_in(&organization, account, name), "{name} of {account}");
    }
}

#[test]
fn an_operator_gets_in_where_the_template_names_the_role() {
    let organization = Organization::deploy_hub(&[]);
    let operator = [("OperatorRole", "RunasOperator*")];
    member(&organization, Place { account: PAYMENTS, region: HOME }, &operator);
    assert!(gets_in(&organization, HUB, "RunasReactor"));
    assert!(gets_in(&organization, HUB, "RunasOperators"));
    for (account, name) in [(HUB, "Admin"), (PAYMENTS, "RunasOperators")] {
        assert!(!gets_in(&organization, account, name), "{name} of {account}");
    }
}

#[test]
fn the_member_role_reaches_one_document_and_no_other() {
    let organization = Organization::deploy_hub(&[]);
    member(&organization, Place { account: PAYMENTS, region: HOME }, &[]);
    let decide = |action: &str, resource: &str| organization.cloud.decide(&member_role(), action, resource, None);
    let document = |account: &str, name: &str| format!("arn:aws:ssm:ap-south-1:{account}:document/{name}");
    let governed = document(PAYMENTS, DOCUMENT);
    for action in ["GetDocument", "UpdateDocument", "DeleteDocument", "ModifyDocumentPermission"] {
        let action = format!("ssm:{action}");
        assert_eq!(decide(&action, &governed), "Allow", "{action}");
        for other in [document(PAYMENTS, "Other"), document(PAYMENTS, &format!("{DOCUMENT}2")), document(HUB, DOCUMENT)]
        {
            assert_eq!(decide(&action, &other), "ImplicitDeny", "{action} {other}");
        }
    }
    assert_eq!(decide("account:ListRegions", &format!("arn:aws:account::{PAYMENTS}:account")), "Allow");
    assert_eq!(decide("cloudtrail:LookupEvents", "*"), "Allow");
    for action in ["ssm:SendCommand", "ssm:StartSession", "ssm:AddTagsToResource", "ssm:PutResourcePolicy"] {
        assert_eq!(decide(action, &governed), "ImplicitDeny", "{action}");
    }
    for action in
        ["iam:PutRolePolicy", "sts:AssumeRole", "events:DeleteRule", "account:EnableRegion", "cloudtrail:StopLogging"]
    {
        assert_eq!(decide(action, "*"), "ImplicitDeny", "{action}");
    }
}

#[test]
fn the_management_account_gets_each_part_in_its_region() {
    let organization = Organization::deploy_hub(&[]);
    let here = |region| Place { account: MANAGEMENT, region };
    let bucket = organization.cloud.upload(here(HOME), &any_package());
    let parameters = [("CodeBucket", bucket.as_str()), ("CodeKey", PACKAGE), ("ControlTowerRegion", CONTROL_TOWER)];
    let deploy = |region| management(&organization, here(region), &parameters);

    let home = deploy(HOME);
    let broker = ["Broker", "BrokerLogs", "BrokerPermission", "BrokerRole", "Delegation"];
    assert_eq!(names(&home), BTreeSet::from(broker));
    assert_eq!(home.outputs["BrokerArn"], BROKER);
    let (us, tower) = (deploy(US_EAST_1), deploy(CONTROL_TOWER));
    assert_eq!(names(&us), BTreeSet::from(["Forwarder", "OrganizationRule"]));
    assert_forwards(&organization, here(US_EAST_1), &us, "OrganizationRule");
    assert_eq!(names(&tower), BTreeSet::from(["ControlTowerRule", "Forwarder"]));
    assert_forwards(&organization, here(CONTROL_TOWER), &tower, "ControlTowerRule");
}

#[test]
fn the_parts_that_an_organisation_does_without_are_left_out() {
    let organization = Organization::deploy_hub(&[]);
    let none = management(&organization, Place { account: MANAGEMENT, region: CONTROL_TOWER }, &[]);
    assert_eq!(names(&none), BTreeSet::new(), "neither a broker's package nor Control Tower");
    let exists = [("DelegationPolicy", "exists")];
    let home = management(&organization, Place { account: MANAGEMENT, region: HOME }, &exists);
    assert_eq!(names(&home), BTreeSet::new(), "the organisation has a delegation policy already");
    let own = management(&organization, Place { account: HUB, region: HOME }, &[]);
    assert_eq!(names(&own), BTreeSet::new(), "a hub in the management account needs none");
}

#[test]
fn the_broker_has_its_settings_and_its_rights_and_the_hub_alone_may_ask_it() {
    let organization = Organization::deploy_hub(&[]);
    let (cloud, place) = (&organization.cloud, Place { account: MANAGEMENT, region: HOME });
    let bucket = cloud.upload(place, &any_package());
    let stack =
        management(&organization, place, &[("CodeBucket", &bucket), ("CodeKey", PACKAGE), ("MaxAgeHours", "48")]);

    let name = json!({"FunctionName": "runas-broker"});
    let function = cloud.aws_in(place, "lambda", "get_function_configuration", &name);
    let settings =
        json!({"GAP_ROLE": "AWSControlTowerExecution", "MEMBER_ROLE": "RunasReactorMember", "MAX_AGE_HOURS": "48"});
    assert_eq!(function["Environment"]["Variables"], settings);
    let policy = cloud.aws_in(place, "lambda", "get_policy", &name)["Policy"].take();
    let policy: Value = serde_json::from_str(policy.as_str().unwrap()).unwrap();
    let [statement] = &policy["Statement"].as_array().unwrap()[..] else { panic!("one statement: {policy:#}") };
    assert_eq!(statement["Principal"], json!({"AWS": format!("arn:aws:iam::{HUB}:role/RunasReactor")}));
    assert_eq!((&statement["Action"], &statement["Resource"]), (&json!("lambda:InvokeFunction"), &json!(BROKER)));

    let role = format!("arn:aws:iam::{MANAGEMENT}:role/{}", stack.id("BrokerRole"));
    let account = format!("arn:aws:organizations::{MANAGEMENT}:account/{ORGANIZATION}/{PAYMENTS}");
    for (action, resource, decision) in [
        ("sts:AssumeRole", GAP_ROLE, "Allow"),
        ("sts:AssumeRole", &format!("{GAP_ROLE}2"), "ImplicitDeny"),
        ("sts:AssumeRole", &member_role(), "ImplicitDeny"),
        ("organizations:DescribeAccount", &account, "Allow"),
        ("organizations:CloseAccount", &account, "ImplicitDeny"),
        ("organizations:ListAccounts", "*", "ImplicitDeny"),
        ("iam:GetRole", &member_role(), "ImplicitDeny"),
    ] {
        assert_eq!(cloud.decide(&role, action, resource, None), decision, "{action} {resource}");
    }
}

#[test]
fn the_hub_reads_the_organisation_by_a_valid_delegation_policy() {
    let organization = Organization::deploy_hub(&[]);
    management(&organization, Place { account: MANAGEMENT, region: HOME }, &[]);
    let call = organization.cloud.recorded("Delegation");
    let policy: Value = serde_json::from_str(call["Content"].as_str().unwrap()).unwrap();
    assert_eq!(policy["Statement"][0]["Principal"], json!({"AWS": format!("arn:aws:iam::{HUB}:root")}));
}

#[test]
fn a_hub_with_a_broker_may_invoke_that_and_one_without_nothing() {
    let function = |organization: &Organization| {
        let name = json!({"FunctionName": "runas-reactor"});
        let found = organization.cloud.aws_in(organization.hub, "lambda", "get_function_configuration", &name);
        found["Environment"]["Variables"].clone()
    };
    let role = format!("arn:aws:iam::{HUB}:role/RunasReactor");
    let invoke =
        |organization: &Organization, arn: &str| organization.cloud.decide(&role, "lambda:InvokeFunction", arn, None);

    let with = Organization::deploy_hub(&[("BrokerArn", BROKER), ("AlarmEmail", "on-call@example.com")]);
    assert_eq!(function(&with)["BROKER"], BROKER);
    assert_eq!(invoke(&with, BROKER), "Allow");
    assert_eq!(invoke(&with, &format!("{BROKER}-2")), "ImplicitDeny");
    assert_eq!(with.cloud.decide(&role, "sts:AssumeRole", GAP_ROLE, None), "ImplicitDeny");
    assert_eq!(with.cloud.decide(&role, "sts:AssumeRole", &member_role(), None), "Allow");
    let alarm = json!({"AlarmNamePrefix": "runas-reactor-PutAside"});
    let alarm = with.cloud.aws_in(with.hub, "cloudwatch", "describe_alarms", &alarm);
    assert_eq!(alarm["MetricAlarms"][0]["AlarmActions"], json!([with.stack.id("AlarmTopic")]), "alarms have a topic");

    let without = Organization::deploy_hub(&[]);
    assert_eq!(function(&without)["BROKER"], Value::Null);
    assert_eq!(function(&without)[config::TABLE], without.stack.id("Table"));
    assert_eq!(invoke(&without, BROKER), "ImplicitDeny");
    assert!(!without.stack.resources.contains_key("AlarmTopic"));
}

#[test]
fn a_hub_with_chat_may_publish_there_and_one_without_has_no_such_topic() {
    let role = format!("arn:aws:iam::{HUB}:role/RunasReactor");
    let publish = |hub: &Organization, topic: &str| hub.cloud.decide(&role, "sns:Publish", topic, None);
    let variables = |hub: &Organization| {
        let name = json!({"FunctionName": "runas-reactor"});
        let mut found = hub.cloud.aws_in(hub.hub, "lambda", "get_function_configuration", &name);
        found["Environment"]["Variables"].take()
    };
    let with = Organization::deploy_hub(&[("ChatTopic", "yes")]);
    let chat = &with.stack.outputs["ChatTopicArn"];
    assert_eq!(variables(&with)[config::CHAT_TOPIC_ARN], **chat);
    assert_eq!(publish(&with, chat), "Allow");
    assert_eq!(publish(&with, &with.stack.outputs["TopicArn"]), "Allow");
    assert_eq!(publish(&with, &format!("{chat}-2")), "ImplicitDeny");

    let without = Organization::deploy_hub(&[]);
    assert!(!without.stack.resources.contains_key("Chat"));
    assert_eq!(variables(&without)[config::CHAT_TOPIC_ARN], Value::Null);
    assert_eq!(publish(&without, &without.stack.outputs["TopicArn"]), "Allow");
    assert_eq!(publish(&without, chat), "ImplicitDeny");
}

#[test]
fn the_directory_user_becomes_the_session_tag_that_session_manager_reads() {
    let cloud = Cloud::start(MANAGEMENT, "http://127.0.0.1:9");
    let instance = "arn:aws:sso:::instance/ssoins-1234567890abcdef";
    let place = Place { account: MANAGEMENT, region: HOME };
    cloud.deploy(place, "runas-reactor-identity", IDENTITY_CENTER, &[("InstanceArn", instance)]);
    let attribute = json!({"Key": "SSMSessionRunAs", "Value": {"Source": ["${path:userName}"]}});
    let call = json!({"InstanceArn": instance,
        "InstanceAccessControlAttributeConfiguration": {"AccessControlAttributes": [attribute]}});
    assert_eq!(cloud.recorded("Attributes"), call);
}
