//! The templates: what linters find, what has to hold between their parts and with the code, and what an emulator's
//! CloudFormation makes of them.

mod dashboard;
mod deployed;
mod install;
mod lza;
mod page;
mod patterns;
pub(crate) mod permissions;
mod places;
mod preflight;
mod privilege;
mod security;
pub(crate) mod template;

use std::process::Command;

use runas_reactor::domain::decode::BODY_BYTES_MAX;
use serde_json::{Value, json};

use crate::deploy::cloud;
use crate::support::table::{INDEX, INDEX_KEYS, INDEX_SHOWS};
use template::{ALERT_EVENTS, HUB, TEMPLATES, folder, of_type, resources, statements, template};

/// What CloudFormation takes of a template in a request [docs: cloudformation-limits].
const TEMPLATE_BYTES_MAX: u64 = 51_200;
/// One region of each kind: where the hub may be, where global services are, and the other partitions.
const REGIONS: [&str; 5] = ["eu-west-1", "us-east-1", "ap-southeast-3", "us-gov-west-1", "cn-northwest-1"];

#[test]
fn the_linter_finds_nothing() {
    let lint = |templates: &[&str], regions: &[&str]| {
        let mut linter = Command::new(cloud::python().with_file_name("cfn-lint"));
        linter.args(templates).arg("--regions").args(regions);
        let output = linter.current_dir(folder()).output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success() && said.is_empty(), "{said}");
    };
    let (with_pipes, everywhere): (Vec<&str>, Vec<&str>) =
        TEMPLATES.into_iter().partition(|name| *name == ALERT_EVENTS);
    lint(&everywhere, &REGIONS);
    // The linter knows of no EventBridge Pipes in GovCloud.
    let regions: Vec<&str> = REGIONS.into_iter().filter(|region| !region.starts_with("us-gov-")).collect();
    lint(&with_pipes, &regions);
}

#[test]
fn each_template_is_small_enough_to_be_deployed_without_a_bucket() {
    for name in TEMPLATES {
        let bytes = std::fs::metadata(folder().join(name)).unwrap().len();
        assert!(bytes <= TEMPLATE_BYTES_MAX, "{name} has {bytes} bytes");
    }
}

#[test]
fn a_message_stays_hidden_for_six_times_as_long_as_the_function_may_take() {
    let hub = template(HUB);
    let seconds = |resource: &str, name: &str| hub["Resources"][resource]["Properties"][name].as_u64().unwrap();
    assert!(seconds("Queue", "VisibilityTimeout") >= 6 * seconds("Function", "Timeout"));
    assert!(seconds("DeadLetters", "MessageRetentionPeriod") > seconds("Queue", "MessageRetentionPeriod"));
}

#[test]
fn everything_that_is_kept_is_encrypted_and_the_ledger_outlives_its_stack() {
    let hub = template(HUB);
    for (name, queue) in of_type(hub, "AWS::SQS::Queue") {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "{name}");
        assert_eq!(queue["MaximumMessageSize"], BODY_BYTES_MAX, "{name}");
    }
    assert_eq!(hub["Resources"]["Topic"]["Properties"]["KmsMasterKeyId"], json!({"Fn::GetAtt": ["TopicKey", "Arn"]}));
    for (name, table) in of_type(hub, "AWS::DynamoDB::Table") {
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
    let hub = template(HUB);
    let [(_, table)] = of_type(hub, "AWS::DynamoDB::Table")[..] else { panic!("one table") };
    let [index] = &table["GlobalSecondaryIndexes"].as_array().unwrap()[..] else { panic!("one index") };
    assert_eq!(index["IndexName"], INDEX);
    let keys: Vec<&Value> = index["KeySchema"].as_array().unwrap().iter().map(|key| &key["AttributeName"]).collect();
    assert_eq!(keys, INDEX_KEYS);
    assert_eq!(index["Projection"]["NonKeyAttributes"], json!(INDEX_SHOWS));
}

#[test]
fn every_rule_sends_to_the_queue_may_do_so_and_loses_nothing() {
    let hub = template(HUB);
    let mut arns: Vec<Value> = Vec::new();
    for (name, rule) in of_type(hub, "AWS::Events::Rule") {
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
    for (name, policy) in of_type(hub, "AWS::SQS::QueuePolicy") {
        let mut may = policy["PolicyDocument"]["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"].clone();
        let may = may.as_array_mut().unwrap();
        may.sort_by_key(Value::to_string);
        arns.sort_by_key(Value::to_string);
        assert_eq!(*may, arns, "{name}");
    }
}

#[test]
fn alerts_reach_the_operators_bus_through_a_pipe_that_can_do_nothing_else() {
    let part = |name: &str| &template(ALERT_EVENTS)["Resources"][name]["Properties"];
    let queue = json!({"Fn::GetAtt": ["Queue", "Arn"]});
    let (topic, bus) = (json!({"Ref": "TopicArn"}), json!({"Ref": "EventBusArn"}));
    let subscription = part("Subscription");
    assert_eq!((&subscription["TopicArn"], &subscription["Endpoint"]), (&topic, &queue));
    assert_eq!(subscription["RawMessageDelivery"], true, "the body is the alert, and not SNS's envelope of it");
    let [send, _] = statements(&part("QueuePolicy")["PolicyDocument"])[..] else { panic!("two statements") };
    assert_eq!(send["Condition"], json!({"ArnEquals": {"aws:SourceArn": topic}}));

    let pipe = part("Pipe");
    assert_eq!((&pipe["Source"], &pipe["Target"]), (&queue, &bus));
    let event = json!({"Source": "runas-reactor", "DetailType": "$.body.kind"});
    assert_eq!(pipe["TargetParameters"], json!({"EventBridgeEventBusParameters": event, "InputTemplate": "<$.body>"}));
    let [receive, put] = statements(&part("PipeRole")["Policies"])[..] else { panic!("two statements") };
    assert_eq!((&receive["Resource"], &put["Action"], &put["Resource"]), (&queue, &json!("events:PutEvents"), &bus));
}

#[test]
fn an_event_that_no_rule_can_deliver_raises_an_alarm() {
    let hub = template(HUB);
    let rules: Vec<Value> = of_type(hub, "AWS::Events::Rule").into_iter().map(|(_, rule)| metric_of(rule)).collect();
    for (alarm, metric) in [("NotInvoked", "FailedInvocations"), ("Lost", "InvocationsFailedToBeSentToDlq")] {
        let metrics = hub["Resources"][alarm]["Properties"]["Metrics"].as_array().unwrap();
        assert_eq!(metrics[0]["Expression"], "SUM(METRICS())", "{alarm}");
        let watched: Vec<&Value> = metrics[1..].iter().map(|one| &one["MetricStat"]["Metric"]).collect();
        assert!(watched.iter().all(|one| one["Namespace"] == "AWS/Events" && one["MetricName"] == metric), "{alarm}");
        let mut watched: Vec<&Value> = watched.into_iter().map(|one| &one["Dimensions"]).collect();
        let mut rules: Vec<&Value> = rules.iter().collect();
        watched.sort_by_key(ToString::to_string);
        rules.sort_by_key(ToString::to_string);
        assert_eq!(watched, rules, "{alarm}: left: the rules that it watches; right: the rules that there are");
    }
}

/// The dimensions of a rule's metrics [docs: eb-monitoring].
fn metric_of(rule: &Value) -> Value {
    json!([{"Name": "EventBusName", "Value": rule["EventBusName"]}, {"Name": "RuleName", "Value": rule["Name"]}])
}

#[test]
fn every_alarm_goes_where_the_operator_wants() {
    let hub = template(HUB);
    let topic = json!({"Fn::If": ["HasAlarmTopic", {"Ref": "AlarmTopicArn"},
        {"Fn::If": ["HasAlarmEmail", {"Ref": "AlarmTopic"}, {"Ref": "Topic"}]}]});
    for (name, alarm) in of_type(hub, "AWS::CloudWatch::Alarm") {
        assert_eq!((&alarm["AlarmActions"], &alarm["OKActions"]), (&json!([topic]), &json!([topic])), "{name}");
    }
}

#[test]
fn a_bus_takes_only_what_aws_says_in_the_organisation() {
    let (_, bus) = of_type(template(HUB), "AWS::Events::EventBus")[0];
    let [statement] = statements(&bus["Policy"])[..] else { panic!("one statement") };
    let sources =
        json!(["aws.ssm", "aws.organizations", "aws.controltower", "aws.account", "aws.iam", "aws.sso", "aws.events"]);
    // The key has a value for each entry of a request, and ForAllValues holds for none at all.
    let condition = json!({"StringEquals": {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}},
        "ForAllValues:StringEquals": {"events:source": sources}, "Null": {"events:source": "false"}});
    assert_eq!(statement["Condition"], condition);
}

#[test]
fn a_parameter_of_the_same_name_is_the_same_in_every_template() {
    let mut known = std::collections::BTreeMap::new();
    for (name, parameters) in TEMPLATES.map(|name| (name, template(name)["Parameters"].as_object().unwrap())) {
        for (parameter, it) in parameters {
            let (first, default) = known.entry(parameter).or_insert((name, &it["Default"]));
            let differs = *default != &it["Default"] && !DIFFERENT.contains(&parameter.as_str());
            assert!(!differs, "{parameter} has another default in {name} than in {first}");
        }
        assert!(resources(template(name)).count() > 0, "{name} makes nothing");
    }
}

/// Packages of different functions, logs of different worth, and a role that gets into queues but not into accounts unless it
/// is named.
const DIFFERENT: [&str; 4] = ["CodeBucket", "CodeKey", "LogRetentionDays", "OperatorRole"];
