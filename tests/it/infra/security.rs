//! Rules of security that a linter of syntax does not know, and those of a public linter, held against every template. Each
//! finding is either mended or stands in [`ACCEPTED`] or [`ACCEPTED_OF_PUBLIC_LINTER`] with its reason.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::template::{HUB, MANAGEMENT, MEMBER, PREFLIGHT, TEMPLATES, folder, listed, resources, statements, template};
use crate::deploy::cloud;

/// A statement, and the rules that are about statements.
type Check = fn(&Value) -> bool;

const WILDCARD_ACTION: &str = "allows actions by a wildcard";
const ANY_RESOURCE: &str = "allows something on every resource";
const ANY_PRINCIPAL: &str = "allows everybody something";
const WHOLE_ACCOUNT: &str = "allows every principal of an account something";
const SERVICE_FOR_ALL: &str = "allows a service something on behalf of any account";
const EXCEPT: &str = "allows all but what it lists";
const ANY_ROLE: &str = "passes roles, or assumes them by a wildcard in the name";
const AT_REST: &str = "keeps messages without a key";
const RETENTION: &str = "keeps logs for ever";

const STATEMENTS: [(&str, Check); 7] = [
    (WILDCARD_ACTION, |it| texts(&it["Action"]).any(|action| action.contains('*'))),
    (ANY_RESOURCE, |it| listed(&it["Resource"]).iter().any(|resource| *resource == "*")),
    (ANY_PRINCIPAL, |it| is_anyone(&it["Principal"]) && !is_limited(it, &["aws:PrincipalOrgID"])),
    (WHOLE_ACCOUNT, |it| {
        it["Principal"]["AWS"].to_string().contains(":root") && !is_limited(it, &["aws:PrincipalArn"])
    }),
    (SERVICE_FOR_ALL, |it| {
        !it["Principal"]["Service"].is_null() && !is_limited(it, &["aws:SourceAccount", "aws:SourceArn"])
    }),
    (EXCEPT, |it| ["NotAction", "NotPrincipal", "NotResource"].iter().any(|name| !it[name].is_null())),
    (ANY_ROLE, |it| {
        let resource = it["Resource"].to_string();
        let assumes = texts(&it["Action"]).any(|action| action == "sts:AssumeRole") && !it["Resource"].is_null();
        texts(&it["Action"]).any(|action| action == "iam:PassRole")
            || (assumes && resource.split_once("role/").is_none_or(|(_, name)| name.contains('*')))
    }),
];

/// Template, resource, rule, and why it is so.
const ACCEPTED: [(&str, &str, &str, &str); 13] = [
    (
        HUB,
        "TopicKey",
        WILDCARD_ACTION,
        "a key that its account may not administer is lost; CloudWatch asks as AWS documents it",
    ),
    (HUB, "TopicKey", ANY_RESOURCE, "in the policy of a key, every resource is that key"),
    (HUB, "TopicKey", WHOLE_ACCOUNT, "the account's own policies say who uses the key"),
    (HUB, "Role", SERVICE_FOR_ALL, "Lambda promises no aws:SourceAccount; iam:PassRole guards the role"),
    (MANAGEMENT, "BrokerRole", SERVICE_FOR_ALL, "Lambda promises no aws:SourceAccount; iam:PassRole guards the role"),
    (
        MEMBER,
        "Forwarder",
        SERVICE_FOR_ALL,
        "EventBridge promises it for resource policies only; iam:PassRole guards the role",
    ),
    (
        MEMBER,
        "Watcher",
        SERVICE_FOR_ALL,
        "EventBridge promises it for resource policies only; iam:PassRole guards the role",
    ),
    (
        MANAGEMENT,
        "Forwarder",
        SERVICE_FOR_ALL,
        "EventBridge promises it for resource policies only; iam:PassRole guards the role",
    ),
    (HUB, "AlarmTopic", AT_REST, "a disabled key would silence both topics; an alarm says names and numbers"),
    (MEMBER, "MemberRole", ANY_RESOURCE, "cloudtrail:LookupEvents knows no resources"),
    (
        PREFLIGHT,
        "Role",
        ANY_RESOURCE,
        "listing nodes and reading what came of commands know no resources; running them does",
    ),
    (MANAGEMENT, "Delegation", ANY_RESOURCE, "in a delegation policy, every resource is the organisation"),
    (MANAGEMENT, "Delegation", WHOLE_ACCOUNT, "the hub account's own policies say who reads the organisation"),
];

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    listed(value).into_iter().filter_map(Value::as_str)
}

fn is_anyone(principal: &Value) -> bool {
    *principal == "*" || texts(&principal["AWS"]).any(|one| one == "*")
}

/// Whether one of the keys has to have a value that the statement names.
fn is_limited(statement: &Value, keys: &[&str]) -> bool {
    let operators = statement["Condition"].as_object().into_iter().flatten();
    let strict = operators.filter(|(name, _)| ["StringEquals", "ArnEquals", "ArnLike"].contains(&name.as_str()));
    strict.flat_map(|(_, block)| keys.iter().map(|key| &block[*key])).any(|value| !value.is_null())
}

/// The rules that a resource breaks.
fn breaches(resource: &Value) -> BTreeSet<&'static str> {
    let properties = &resource["Properties"];
    let statements = statements(properties).into_iter().filter(|statement| statement["Effect"] == "Allow");
    let mut broken: BTreeSet<&str> =
        statements.flat_map(|it| STATEMENTS.iter().filter(|(_, check)| check(it)).map(|(rule, _)| *rule)).collect();
    let bare = match resource["Type"].as_str().unwrap() {
        "AWS::SNS::Topic" => properties["KmsMasterKeyId"].is_null(),
        "AWS::SQS::Queue" => properties["SqsManagedSseEnabled"] != true && properties["KmsMasterKeyId"].is_null(),
        _ => false,
    };
    broken.extend(bare.then_some(AT_REST));
    let open = resource["Type"] == "AWS::Lambda::Permission" && properties["Principal"] == "*";
    broken.extend((open && properties["PrincipalOrgID"].is_null()).then_some(ANY_PRINCIPAL));
    let endless = resource["Type"] == "AWS::Logs::LogGroup" && properties["RetentionInDays"].is_null();
    broken.extend(endless.then_some(RETENTION));
    broken
}

fn allow(statement: Value) -> Value {
    let Value::Object(mut statement) = statement else { panic!("a statement is an object") };
    statement.insert("Effect".to_owned(), json!("Allow"));
    json!({"Type": "AWS::Example", "Properties": {"Policy": {"Statement": [statement]}}})
}

#[test]
fn each_rule_of_security_sees_what_breaks_it() {
    let service = json!({"Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"});
    let mut loose = service.clone();
    loose["Condition"] = json!({"StringEqualsIfExists": {"aws:SourceAccount": "1"}});
    let examples = [
        (WILDCARD_ACTION, allow(json!({"Action": ["s3:GetObject", "s3:Put*"], "Resource": "arn"}))),
        (WILDCARD_ACTION, allow(json!({"Action": "*", "Resource": "arn"}))),
        (ANY_RESOURCE, allow(json!({"Action": "s3:GetObject", "Resource": ["arn", "*"]}))),
        (
            ANY_PRINCIPAL,
            allow(json!({"Principal": "*", "Action": "events:PutEvents", "Condition": {"Null": {"a": "b"}}})),
        ),
        (ANY_PRINCIPAL, allow(json!({"Principal": {"AWS": ["*"]}, "Action": "events:PutEvents"}))),
        (ANY_PRINCIPAL, json!({"Type": "AWS::Lambda::Permission", "Properties": {"Principal": "*"}})),
        (
            WHOLE_ACCOUNT,
            allow(json!({"Principal": {"AWS": {"Fn::Sub": "arn:x:iam::1:root"}}, "Action": "sts:AssumeRole"})),
        ),
        (SERVICE_FOR_ALL, allow(service)),
        (SERVICE_FOR_ALL, allow(loose)),
        (EXCEPT, allow(json!({"NotAction": "iam:CreateUser", "Resource": "arn"}))),
        (ANY_ROLE, allow(json!({"Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/Admin*"}))),
        (ANY_ROLE, allow(json!({"Action": ["iam:PassRole"], "Resource": "arn:aws:iam::1:role/One"}))),
        (AT_REST, json!({"Type": "AWS::SNS::Topic", "Properties": {}})),
        (AT_REST, json!({"Type": "AWS::SQS::Queue", "Properties": {"SqsManagedSseEnabled": false}})),
        (RETENTION, json!({"Type": "AWS::Logs::LogGroup", "Properties": {}})),
    ];
    for (rule, resource) in examples {
        assert_eq!(breaches(&resource), BTreeSet::from([rule]), "{resource}");
    }
}

#[test]
fn each_finding_of_security_is_accepted_for_a_reason() {
    let found: BTreeSet<(&str, &str, &str)> = TEMPLATES
        .into_iter()
        .flat_map(|name| resources(template(name)).map(move |(resource, it)| (name, resource.as_str(), it)))
        .flat_map(|(name, resource, it)| breaches(it).into_iter().map(move |rule| (name, resource, rule)))
        .collect();
    let accepted = ACCEPTED.map(|(name, resource, rule, _)| (name, resource, rule)).into();
    assert_eq!(found, accepted, "left: what is found; right: what is accepted");
    assert!(ACCEPTED.iter().all(|(.., reason)| !reason.is_empty()), "each has a reason");
}

/// A rule of the public linter, and why a resource breaks it.
const ACCEPTED_OF_PUBLIC_LINTER: [(&str, &str, &str); 1] =
    [(HUB, "GenericResourceWildcardPolicyRule: TopicKey", "a key that its account may not administer is lost")];

/// What cfripper finds in a template: each rule with the resources that break it.
fn found_by_public_linter(path: &Path) -> Vec<String> {
    let mut linter = Command::new(cloud::python().with_file_name("cfripper"));
    // The account is the one that it takes for `AWS::AccountId`.
    linter.args(["--resolve", "--format", "json", "--logging", "ERROR", "--aws-account-id", "123456789012"]);
    let output = linter.arg(path).output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&output.stderr)));
    let one = |failure: &Value| {
        let resources: Vec<&str> = texts(&failure["resource_ids"]).collect();
        format!("{}: {}", failure["rule"].as_str().unwrap(), resources.join(", "))
    };
    found["failures"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn each_finding_of_the_public_linter_is_accepted_for_a_reason() {
    let in_template = |name: &'static str| {
        found_by_public_linter(&folder().join(name)).into_iter().map(move |finding| (name, finding))
    };
    let found: Vec<(&str, String)> = TEMPLATES.into_iter().flat_map(in_template).collect();
    let accepted = ACCEPTED_OF_PUBLIC_LINTER.map(|(name, finding, _)| (name, finding.to_owned()));
    assert_eq!(found, accepted, "left: what is found; right: what is accepted");
}

#[test]
fn public_linter_sees_a_role_that_any_principal_may_assume() {
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"});
    let trust = json!({"Version": "2012-10-17", "Statement": [statement]});
    let role = json!({"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}});
    let files = TempDir::new().unwrap();
    let path = files.path().join("open.json");
    let template = json!({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Open": role}});
    std::fs::write(&path, template.to_string()).unwrap();
    assert!(!found_by_public_linter(&path).is_empty());
}
