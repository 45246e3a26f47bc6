//! `runasctl doctor` on the stack and its organisation: with nothing but the documented rights it finds all of it right, and
//! what is taken away it names.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use runas_reactor::config;
use runas_reactor::domain::signal::Signal;
use serde_json::{Value, json};

use super::{BUS, Deployed};
use crate::decode::fixtures::{sample, signal};
use crate::e2e::operator::Ran;
use crate::e2e::stage::{FRANKFURT, MANAGEMENT, PAYMENTS, PILOT, SANDBOX, SEARCH, text_of};

const PAGE: &str = include_str!("../../../../infra/OPERATING.md");
/// What the command's operator needs in the hub account.
const RIGHTS: [&str; 10] = [
    "dynamodb:BatchGetItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "events:ListRules",
    "lambda:ListEventSourceMappings",
    "scheduler:ListSchedules",
    "sns:GetTopicAttributes",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
];
const OPERATOR: &str = "Doctor";

/// An event that does not come.
type Lost = fn(&Value) -> bool;

impl Deployed {
    /// A stack that has swept the organisation once.
    fn swept() -> Self {
        let deployed = Self::set();
        deployed.sweep();
        deployed
    }

    fn sweep(&self) {
        let event = signal(&self.hub.run_schedule("Sweep"));
        assert_eq!((&event.signal, event.id.as_str()), (&Signal::Sweep, "d32c5kddcf5bb8c3"));
        self.hub.wait_until("the sweep has ended", || {
            self.forward();
            let sweep = self.runasctl(&["status", "-o", "json"]).data()["sweep"].take();
            !sweep["ended"].is_null()
        });
        self.come_to_rest();
        self.alerts();
    }

    /// The command by an operator with these rights, while events come but the lost ones.
    fn doctor(&self, rights: &[&str], arguments: &[&str], lost: Lost) -> Ran {
        let mut variables = self.variables();
        // The rest of the organisation is another emulator's.
        let members = self.stage.aws.url();
        let elsewhere = [config::ENDPOINT_SSM, config::ENDPOINT_STS].map(|name| (name, members.clone()));
        variables.extend(
            self.session_of(OPERATOR, rights)
                .into_iter()
                .chain(elsewhere)
                .map(|(name, value)| (name.to_owned(), value)),
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_runasctl"));
        command.args(["doctor", "-o", "json"]).args(arguments).env_clear().envs(&variables).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        while child.try_wait().expect("it can be waited for").is_none() {
            for event in self.stage.events().into_iter().filter(|event| !lost(event)) {
                self.put_onto_its_bus(&event);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ran::new(child.wait_with_output().expect("it has ended"))
    }

    /// Rows of incidents and of alerts in the table.
    fn incidents_and_alerts(&self) -> Vec<String> {
        let rows = self.hub.aws("dynamodb", "scan", &json!({"TableName": self.hub.id("Table")}))["Items"].take();
        let keys = rows.as_array().expect("rows").iter().map(|row| text_of(&row["SK"]["S"]));
        keys.filter(|key| ["INCIDENT#", "OUTBOX#", "SENT#"].iter().any(|start| key.starts_with(start))).collect()
    }
}

fn none(_: &Value) -> bool {
    false
}

/// The checks of that name.
fn checks<'a>(data: &'a Value, name: &str) -> Vec<&'a Value> {
    let all = data["checks"].as_array().expect("a list");
    all.iter().filter(|check| check["check"] == name).collect()
}

/// The one check of that name with that outcome.
#[track_caller]
fn check<'a>(data: &'a Value, name: &str, outcome: &str) -> &'a Value {
    let found: Vec<_> = checks(data, name).into_iter().filter(|check| check["outcome"] == outcome).collect();
    let [check] = found[..] else { panic!("{name}, {outcome}: {data:#}") };
    check
}

/// The accounts that a check is about, each with its regions.
fn places(check: &Value) -> Vec<(String, Value)> {
    let places = check["accounts"].as_array().expect("a list").iter();
    places.map(|place| (text_of(&place["account"]), place["regions"].clone())).collect()
}

#[test]
fn an_installation_is_proved_with_the_documented_rights_and_nothing_is_left_behind() {
    for right in RIGHTS.iter().filter_map(|right| right.split_once(':')) {
        assert!(PAGE.contains(right.1), "infra/OPERATING.md does not say that doctor needs {right:?}");
    }
    let deployed = Deployed::swept();
    let (documents, rows) = (deployed.stage.aws.documents(), deployed.incidents_and_alerts());
    deployed.stage.aws.clear_log();
    let ran = deployed.doctor(&RIGHTS, &["--wait", "60"], none).ends(0);
    let data = ran.data();
    assert_eq!(data["summary"], json!({"ok": 11, "wrong": 0, "not_known": 0}), "{data:#}");
    assert_eq!(data["exempt_accounts"], 1);
    let events = check(&data, "events", "ok");
    assert!(
        text_of(&events["what"]).starts_with("18 targets of 6 accounts: the event of a call came back"),
        "{events}"
    );
    ran.complains_of(&["as arn:aws:", "probing 18 targets by a call that cannot succeed"]);

    let calls = deployed.stage.calls("ssm");
    let probes: Vec<&Value> = calls.iter().filter(|call| text_of(&call["session"]) == "runas-reactor-doctor").collect();
    assert_eq!(probes.len(), 18);
    for probe in probes {
        assert_eq!(probe["action"], "UpdateDocumentDefaultVersion");
        // The pilot is observed only, and has no document.
        let refused = if probe["account"] == PILOT { "InvalidDocument" } else { "InvalidDocumentVersion" };
        assert_eq!(probe["outcome"], refused, "{probe}");
    }
    deployed.come_to_rest();
    assert_eq!(deployed.stage.aws.documents(), documents, "no document has changed");
    assert_eq!(deployed.incidents_and_alerts(), rows, "no incident, no alert");
    assert_eq!(deployed.alerts(), [Value::Null; 0]);
    assert_eq!(deployed.messages_in(&deployed.hub.outputs["DeadLetterUrl"]), 0);

    let one = deployed.doctor(&RIGHTS, &["--account", PAYMENTS, "--wait", "60"], none).ends(0).data();
    assert!(text_of(&check(&one, "events", "ok")["what"]).starts_with("3 targets of 1 account"), "{one:#}");
    let without = deployed.doctor(&RIGHTS, &["--account", PAYMENTS, "--no-probe"], none).ends(0);
    assert!(checks(&without.data(), "events").is_empty());
    without.complains_of(&["were not examined (--no-probe)"]);
}

#[test]
fn what_is_missing_is_named_with_cause_and_fix() {
    let deployed = Deployed::set();
    let denied = |account: &str| json!({"account": account, "role": "RunasReactorMember"});
    deployed.stage.aws.switches(&json!({"denied_roles": [denied(SANDBOX)]}));
    deployed.sweep();
    // The function has a session there.
    deployed.stage.aws.switches(&json!({"denied_roles": [denied(SANDBOX), denied(PILOT)]}));
    let event: Value = serde_json::from_str(&sample("ssm/event-version-2.json")).expect("JSON");
    deployed.hub.event(BUS, &event);
    let dead = &deployed.hub.outputs["DeadLetterUrl"];
    deployed.hub.wait_until("it is put aside", || deployed.messages_in(dead) == 1);

    let lost: Lost = |event| event["account"] == SEARCH && event["region"] == FRANKFURT;
    let data = deployed.doctor(&RIGHTS, &["--wait", "30"], lost).ends(3).data();
    let forwarder = check(&data, "events", "wrong");
    assert_eq!(places(forwarder), [(SEARCH.to_owned(), json!([FRANKFURT]))]);
    assert!(text_of(&forwarder["cause"]).contains("the rule runas-reactor-documents is missing"), "{forwarder}");
    assert!(text_of(&forwarder["fix"]).contains("deploy infra/member.yaml"), "{forwarder}");
    assert!(text_of(&check(&data, "events", "ok")["what"]).starts_with("11 targets of 4 accounts"), "{data:#}");

    let role = check(&data, "member_role", "wrong");
    assert_eq!(places(role), [(SANDBOX.to_owned(), json!([]))]);
    assert!(text_of(&role["fix"]).starts_with("deploy infra/member.yaml there"), "{role}");
    let yours = check(&data, "member_role", "not_known");
    assert_eq!(places(yours), [(PILOT.to_owned(), json!([]))]);
    assert!(text_of(&yours["fix"]).contains("OperatorRole"), "{yours}");
    assert_eq!(places(check(&data, "function", "wrong")).len(), 1, "{data:#}");

    let letters = check(&data, "dead_letters", "wrong");
    assert!(text_of(&letters["what"]).starts_with("1 message put aside, the oldest "), "{letters}");
    assert!(text_of(&letters["cause"]).contains("eventVersion"), "{letters}");
    assert!(text_of(&letters["fix"]).contains("runasctl redrive list"), "{letters}");
    deployed.hub.wait_until("the message was given back", || {
        !deployed.runasctl(&["redrive", "list", "-o", "json"]).data()["messages"].as_array().expect("a list").is_empty()
    });
}

#[test]
fn what_is_switched_off_in_the_hub_is_wrong() {
    let deployed = Deployed::swept();
    let feeds = deployed.hub.aws("lambda", "list_event_source_mappings", &json!({}))["EventSourceMappings"].take();
    deployed.hub.aws("lambda", "update_event_source_mapping", &json!({"UUID": feeds[0]["UUID"], "Enabled": false}));
    let name = json!({"Name": deployed.hub.id("Sweep")});
    let schedule = deployed.hub.aws("scheduler", "get_schedule", &name);
    let mut off = json!({"State": "DISABLED"});
    for member in ["Name", "ScheduleExpression", "FlexibleTimeWindow", "Target"] {
        off[member] = schedule[member].clone();
    }
    deployed.hub.aws("scheduler", "update_schedule", &off);
    let topic = json!({"TopicArn": deployed.hub.outputs["TopicArn"]});
    let subscriptions = deployed.hub.aws("sns", "list_subscriptions_by_topic", &topic)["Subscriptions"].take();
    deployed.hub.aws("sns", "unsubscribe", &json!({"SubscriptionArn": subscriptions[0]["SubscriptionArn"]}));

    deployed.hub.aws("events", "disable_rule", &json!({"Name": "runas-reactor-tampering", "EventBusName": BUS}));

    let data = deployed.doctor(&RIGHTS, &["--account", MANAGEMENT, "--wait", "4"], none).ends(2).data();
    assert_eq!(check(&data, "rules", "wrong")["cause"], "disabled: runas-reactor-tampering");
    let feed = check(&data, "feed", "wrong");
    assert_eq!(
        feed["fix"],
        format!("`aws lambda update-event-source-mapping --uuid {} --enabled`", text_of(&feeds[0]["UUID"]))
    );
    assert!(text_of(&check(&data, "schedule", "wrong")["cause"]).contains("is switched off"), "{data:#}");
    assert!(text_of(&check(&data, "alerts", "wrong")["cause"]).contains("nothing subscribes"), "{data:#}");
    let events = check(&data, "events", "wrong");
    assert!(text_of(&events["cause"]).starts_with("none came back from anywhere"), "{events}");
}

#[test]
fn what_the_operator_may_not_ask_is_not_known_and_names_the_right() {
    let deployed = Deployed::swept();
    let about = [
        ("dynamodb:BatchGetItem", "policy"),
        ("dynamodb:Query", "function"),
        ("events:ListRules", "rules"),
        ("lambda:ListEventSourceMappings", "feed"),
        ("scheduler:ListSchedules", "schedule"),
        ("sns:GetTopicAttributes", "alerts"),
        ("sqs:GetQueueAttributes", "dead_letters"),
    ];
    for (right, name) in about {
        let rights: Vec<&str> = RIGHTS.into_iter().filter(|one| *one != right).collect();
        let data = deployed.doctor(&rights, &["--account", PAYMENTS, "--no-probe"], none).ends(3).data();
        let unknown = check(&data, name, "not_known");
        assert!(text_of(&unknown["fix"]).starts_with(&format!("allow {right} to the role that you use")), "{unknown}");
    }
    let mut variables = deployed.variables();
    variables.remove(config::DLQ_URL);
    Ran::of(&variables, &["doctor"]).ends(64).complains_of(&["--dead-letter-url", "RUNAS_DLQ_URL"]);
    deployed.stage.aws.faults(&json!([{"service": "organizations", "times": 100, "code": "AccessDeniedException"}]));
    let data = deployed.doctor(&RIGHTS, &["--wait", "4"], none).ends(3).data();
    let organization = check(&data, "organization", "not_known");
    assert!(text_of(&organization["fix"]).starts_with("allow organizations:ListAccounts"), "{organization}");
    assert!(text_of(&check(&data, "policy", "ok")["what"]).starts_with("v1 of "), "{data:#}");
}
