//! What on-call sees in CloudWatch: the dashboard and the alarms of the hub, held against what is really emitted.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use runas_reactor::metrics::{METRICS, NAMESPACE};
use serde_json::{Map, Value, json};

use super::deployed::Organization;
use super::template::{HUB, folder, of_type, template};

/// What AWS's services emit, by their dimensions [docs: sqs-available-cloudwatch-metrics, monitoring-metrics-types,
/// eb-monitoring, sns-monitoring-using-cloudwatch].
const OF_AWS: [(&str, &[&str], &[&str]); 4] = [
    (
        "AWS/SQS",
        &["QueueName"],
        &[
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesVisible",
        ],
    ),
    ("AWS/Lambda", &["FunctionName"], &["Duration", "Errors", "Invocations", "Throttles"]),
    ("AWS/Events", &["EventBusName", "RuleName"], &["FailedInvocations", "InvocationsFailedToBeSentToDlq"]),
    (
        "AWS/SNS",
        &["TopicName"],
        &["NumberOfMessagesPublished", "NumberOfNotificationsDelivered", "NumberOfNotificationsFailed"],
    ),
];
/// CloudWatch's grid.
const COLUMNS: u64 = 24;

/// A metric with the names of its dimensions.
type Metric = (String, String, Vec<String>);

fn metric(namespace: &str, name: &str, dimensions: &[&str]) -> Metric {
    (namespace.to_owned(), name.to_owned(), dimensions.iter().map(|name| (*name).to_owned()).collect())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

/// Everything that is emitted: by the function, by filters of its log, and by AWS.
fn emitted() -> BTreeSet<Metric> {
    let filters = of_type(template(HUB), "AWS::Logs::MetricFilter").into_iter();
    let filters = filters.flat_map(|(_, filter)| filter["MetricTransformations"].as_array().unwrap());
    let filtered = filters.map(|it| metric(text(&it["MetricNamespace"]), text(&it["MetricName"]), &[]));
    let own = METRICS.iter().map(|(name, ..)| metric(NAMESPACE, name, &[]));
    let aws = OF_AWS.iter().flat_map(|(space, keys, names)| names.iter().map(|name| metric(space, name, keys)));
    filtered.chain(own).chain(aws).collect()
}

/// The dashboard as it is with chat, with references as they are written.
fn widgets() -> Vec<Value> {
    let [(_, dashboard)] = of_type(template(HUB), "AWS::CloudWatch::Dashboard")[..] else { panic!("one dashboard") };
    let [body, variables] = &dashboard["DashboardBody"]["Fn::Sub"].as_array().unwrap()[..] else { panic!("two") };
    let chat = &variables["ChatAlarm"]["Fn::If"][1]["Fn::Sub"];
    let body: Value = serde_json::from_str(&text(body).replace("${ChatAlarm}", text(chat))).unwrap();
    body["widgets"].as_array().unwrap().clone()
}

fn shown() -> BTreeSet<Metric> {
    let widgets = widgets();
    let lines = widgets.iter().flat_map(|widget| widget["properties"]["metrics"].as_array().into_iter().flatten());
    let texts = lines.map(|line| line.as_array().unwrap().iter().filter_map(Value::as_str).collect::<Vec<_>>());
    let metrics = texts.filter(|texts| !texts.is_empty());
    metrics
        .map(|texts| metric(texts[0], texts[1], &texts[2..].iter().step_by(2).copied().collect::<Vec<_>>()))
        .collect()
}

fn watched() -> BTreeSet<Metric> {
    let one = |it: &Value| {
        let dimensions = it["Dimensions"].as_array().into_iter().flatten().map(|dimension| text(&dimension["Name"]));
        metric(text(&it["Namespace"]), text(&it["MetricName"]), &dimensions.collect::<Vec<_>>())
    };
    let of_alarm = |alarm: &Value| match alarm["Metrics"].as_array() {
        Some(metrics) => {
            metrics.iter().map(|it| &it["MetricStat"]["Metric"]).filter(|it| !it.is_null()).map(one).collect()
        }
        None => vec![one(alarm)],
    };
    of_type(template(HUB), "AWS::CloudWatch::Alarm").into_iter().flat_map(|(_, alarm)| of_alarm(alarm)).collect()
}

#[test]
fn dashboard_and_alarms_name_only_metrics_that_are_emitted() {
    let emitted = emitted();
    for (what, named) in [("the dashboard", shown()), ("an alarm", watched())] {
        let unknown: Vec<&Metric> = named.difference(&emitted).collect();
        assert!(unknown.is_empty() && named.len() > 7, "{what} names {unknown:?}; fix: src/metrics.rs, or AWS's pages");
    }
}

#[test]
fn each_metric_of_the_function_is_on_the_dashboard_or_behind_an_alarm() {
    let named: BTreeSet<Metric> = shown().union(&watched()).cloned().collect();
    let own = |it: &&Metric| it.0 == NAMESPACE;
    let emitted = emitted();
    let unseen: Vec<&Metric> = emitted.iter().filter(own).filter(|it| !named.contains(*it)).collect();
    assert!(unseen.is_empty(), "{unseen:?}; fix: give each a place on the dashboard");
}

#[test]
fn the_dashboard_shows_every_alarm_and_titles_that_are_no_names_of_metrics() {
    let widgets = widgets();
    let alarms: BTreeSet<String> = of_type(template(HUB), "AWS::CloudWatch::Alarm")
        .into_iter()
        .map(|(name, _)| format!("${{{name}.Arn}}"))
        .collect();
    let states = widgets.iter().find(|widget| widget["type"] == "alarm").expect("a widget of alarms");
    let listed = states["properties"]["alarms"].as_array().unwrap().iter().map(|arn| text(arn).to_owned());
    assert_eq!(listed.collect::<BTreeSet<_>>(), alarms, "left: the widget; right: the alarms there are");

    let mut taken = BTreeMap::new();
    for widget in &widgets {
        let side = |name: &str| widget[name].as_u64().unwrap();
        assert!(side("x") + side("width") <= COLUMNS, "{widget}");
        for cell in (side("x")..side("x") + side("width"))
            .flat_map(|x| (side("y")..side("y") + side("height")).map(move |y| (x, y)))
        {
            let other = taken.insert(cell, widget);
            assert!(other.is_none(), "{widget} lies on {other:?}");
        }
        if widget["type"] == "metric" {
            let title = text(&widget["properties"]["title"]);
            let names = METRICS
                .iter()
                .map(|(name, ..)| *name)
                .chain(OF_AWS.iter().flat_map(|(.., names)| names.iter().copied()));
            let technical: Vec<&str> =
                names.filter(|name| title.split_whitespace().any(|word| word == *name)).collect();
            assert!(
                title.contains(' ') && title.len() < 90 && (technical.is_empty() || technical == ["Targets"]),
                "{title}"
            );
        }
    }
}

/// The command's own account of what it takes.
fn is_a_command(words: &[&str]) -> bool {
    let output = Command::new(env!("CARGO_BIN_EXE_runasctl")).args(words).arg("--help").output().unwrap();
    output.status.success()
}

#[test]
fn each_alarm_says_what_happened_and_what_to_do_with_a_command_or_a_page_that_is_there() {
    for (name, alarm) in of_type(template(HUB), "AWS::CloudWatch::Alarm") {
        let description = text(&alarm["AlarmDescription"]);
        let (happened, to_do) = description.split_once(" Do: ").unwrap_or_else(|| panic!("{name}: {description}"));
        assert!(happened.len() > 30 && description.len() <= 1_024, "{name}: {description}");
        let pages = description.split([' ', ',', ';', ')', '(']).filter_map(|word| word.strip_prefix("infra/"));
        let pages: Vec<&str> = pages.collect();
        assert!(pages.iter().all(|page| folder().join(page).exists()), "{name}: {pages:?}");
        let commands: Vec<&str> = to_do.split("runasctl ").skip(1).collect();
        for command in &commands {
            let words: Vec<&str> = command.split([' ', ',', ';']).take(2).collect();
            let depth = if ["redrive", "policy"].contains(&words[0]) { 2 } else { 1 };
            assert!(is_a_command(&words[..depth]), "{name}: runasctl {command}");
        }
        assert!(pages.len() + commands.len() > 0, "{name}: {description}");
    }
}

#[test]
fn the_deployed_dashboard_is_json_with_the_names_that_the_stack_gave() {
    for (chat, alarms) in [("yes", 9), ("no", 8)] {
        let organization = Organization::deploy_hub(&[("ChatTopic", chat)]);
        let aws = |operation: &str, parameters: Value| {
            organization.cloud.aws_in(organization.hub, "cloudwatch", operation, &parameters)
        };
        let made = aws("get_dashboard", json!({"DashboardName": "runas-reactor"}));
        let body = text(&made["DashboardBody"]);
        assert!(!body.contains("${"), "{body}");
        let body: Map<String, Value> = serde_json::from_str(body).unwrap();
        let states = &body["widgets"][1]["properties"]["alarms"];
        assert_eq!(states.as_array().map(Vec::len), Some(alarms), "{states}");
        let queue = &body["widgets"][2]["properties"]["metrics"][0][3];
        let url = &organization.stack.outputs["QueueUrl"];
        assert_eq!(url.rsplit('/').next(), queue.as_str());
        assert_eq!(organization.stack.resources.contains_key("ChatAlertsLost"), chat == "yes");
    }
}
