//! The templates: what a linter finds, and what has to hold between their parts.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::hub;
use crate::support::table::{INDEX, INDEX_KEYS, INDEX_SHOWS};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The template as JSON, with CloudFormation's short forms written out.
fn template(name: &str) -> Value {
    let read =
        "import json, sys\nfrom cfnlint.decode import cfn_yaml\njson.dump(cfn_yaml.load(sys.argv[1]), sys.stdout)";
    let output = Command::new(hub::python()).args(["-c", read]).arg(root().join("infra").join(name)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn resources(template: &Value) -> impl Iterator<Item = (&String, &Value)> {
    template["Resources"].as_object().unwrap().iter()
}

/// The resources of a type, each with its name and its properties.
fn of_type<'a>(template: &'a Value, kind: &str) -> Vec<(&'a String, &'a Value)> {
    let found: Vec<_> = resources(template).filter(|(_, it)| it["Type"] == kind).collect();
    assert!(!found.is_empty(), "there is no {kind}");
    found.into_iter().map(|(name, it)| (name, &it["Properties"])).collect()
}

/// All statements of a policy anywhere below.
fn statements(value: &Value) -> Vec<&Value> {
    let inner: Vec<&Value> = match value {
        Value::Object(members) => members.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    let own = value.get("Statement").and_then(Value::as_array).into_iter().flatten();
    own.chain(inner.into_iter().flat_map(statements)).collect()
}

#[test]
fn the_linter_finds_nothing() {
    let linter = hub::python().with_file_name("cfn-lint");
    let output = Command::new(linter).arg(root().join("infra/hub.yaml")).output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn a_message_stays_hidden_for_six_times_as_long_as_the_function_may_take() {
    let hub = template("hub.yaml");
    let seconds = |resource: &str, name: &str| hub["Resources"][resource]["Properties"][name].as_u64().unwrap();
    assert!(seconds("Queue", "VisibilityTimeout") >= 6 * seconds("Function", "Timeout"));
    assert!(seconds("DeadLetters", "MessageRetentionPeriod") > seconds("Queue", "MessageRetentionPeriod"));
}

#[test]
fn everything_that_is_kept_is_encrypted_and_the_ledger_outlives_its_stack() {
    let hub = template("hub.yaml");
    for (name, queue) in of_type(&hub, "AWS::SQS::Queue") {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "{name}");
    }
    for (name, topic) in of_type(&hub, "AWS::SNS::Topic") {
        assert_eq!(topic["KmsMasterKeyId"], json!({"Fn::GetAtt": ["TopicKey", "Arn"]}), "{name}");
    }
    for (name, table) in of_type(&hub, "AWS::DynamoDB::Table") {
        assert_eq!(table["SSESpecification"]["SSEEnabled"], true, "{name}");
        assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true, "{name}");
        assert_eq!(table["TimeToLiveSpecification"], json!({"AttributeName": "ttl", "Enabled": true}), "{name}");
        assert_eq!(table["DeletionProtectionEnabled"], true, "{name}");
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(hub["Resources"][name][policy], "Retain", "{name}: {policy}");
        }
    }
}

#[test]
fn the_ledger_has_the_index_that_the_tests_work_with() {
    let hub = template("hub.yaml");
    let [(_, table)] = of_type(&hub, "AWS::DynamoDB::Table")[..] else { panic!("one table") };
    let [index] = &table["GlobalSecondaryIndexes"].as_array().unwrap()[..] else { panic!("one index") };
    assert_eq!(index["IndexName"], INDEX);
    let keys: Vec<&Value> = index["KeySchema"].as_array().unwrap().iter().map(|key| &key["AttributeName"]).collect();
    assert_eq!(keys, INDEX_KEYS);
    assert_eq!(index["Projection"]["NonKeyAttributes"], json!(INDEX_SHOWS));
}

#[test]
fn no_role_reaches_everything_and_no_queue_or_bus_is_open() {
    let hub = template("hub.yaml");
    for (name, role) in of_type(&hub, "AWS::IAM::Role") {
        for statement in statements(&role["Policies"]) {
            let text = statement.to_string();
            assert!(!text.contains(r#""Resource":"*""#) && !text.contains(r#":*""#), "{name}: {statement:#}");
        }
        for statement in statements(&role["AssumeRolePolicyDocument"]) {
            let account = json!({"Ref": "AWS::AccountId"});
            assert_eq!(statement["Condition"]["StringEquals"]["aws:SourceAccount"], account, "{name}");
        }
    }
    for kind in ["AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::Events::EventBus"] {
        for (name, policy) in of_type(&hub, kind) {
            for statement in statements(policy).into_iter().filter(|statement| statement["Effect"] == "Allow") {
                assert!(statement["Condition"].is_object(), "{name}: {statement:#}");
            }
        }
    }
}

#[test]
fn every_rule_sends_to_the_queue_may_do_so_and_loses_nothing() {
    let hub = template("hub.yaml");
    let mut arns: Vec<Value> = Vec::new();
    for (name, rule) in of_type(&hub, "AWS::Events::Rule") {
        let target = json!({"Id": "queue", "Arn": {"Fn::GetAtt": ["Queue", "Arn"]},
            "SqsParameters": {"MessageGroupId": "$.account"},
            "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}},
            "RetryPolicy": {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}});
        assert_eq!(rule["Targets"], json!([target]), "{name}");
        assert_eq!(rule["EventPattern"]["replay-name"], json!([{"exists": false}]), "{name}");
        // What EventBridge takes at most [docs: eb-quota].
        assert!(rule["EventPattern"].to_string().len() <= 2_048, "{name}");
        arns.push(json!({"Fn::GetAtt": [name, "Arn"]}));
    }
    for (name, policy) in of_type(&hub, "AWS::SQS::QueuePolicy") {
        let mut may = policy["PolicyDocument"]["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"].clone();
        let may = may.as_array_mut().unwrap();
        may.sort_by_key(Value::to_string);
        arns.sort_by_key(Value::to_string);
        assert_eq!(*may, arns, "{name}");
    }
}

#[test]
fn the_hubs_own_account_is_heard_by_the_same_patterns_as_all_others() {
    let hub = template("hub.yaml");
    let pattern = |rule: &str| &hub["Resources"][rule]["Properties"]["EventPattern"];
    assert_eq!(pattern("OwnDocumentsRule"), pattern("DocumentsRule"));
    assert_eq!(pattern("OwnRegionsRule"), pattern("RegionsRule"));
}
