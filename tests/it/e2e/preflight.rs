//! `runasctl preflight`: which nodes lack the OS user, asked of several accounts by the document of `infra/preflight.yaml`.

use std::collections::BTreeSet;

use aws_sdk_ssm::types::DocumentType;
use runas_reactor::config;
use runas_reactor::domain::target::PREFLIGHT;
use serde_json::{Value, json};

use super::operator::Ran;
use super::stage::{APPLIANCE, FRANKFURT, HOME, PAYMENTS, PILOT, SANDBOX, SEARCH, Stage, text_of};
use crate::infra::template::{self, grants, policies};

/// Everything that the command may call, beside what it finds accounts with.
const CALLS: [&str; 4] = ["AssumeRole", "DescribeInstanceInformation", "ListCommandInvocations", "SendCommand"];

/// A node that is online and has these users.
fn node(account: &str, region: &str, number: usize, users: &[&str]) -> Value {
    json!({"account": account, "region": region, "id": format!("i-{number:017x}"), "users": users})
}

fn with(mut node: Value, key: &str, value: &str) -> Value {
    node[key] = json!(value);
    node
}

impl Stage {
    /// An organisation with the template's document in these places.
    fn asked_in(places: &[(&str, &str)]) -> Self {
        let stage = Self::set();
        let content = &template::template(template::PREFLIGHT)["Resources"]["Document"]["Properties"]["Content"];
        for (account, region) in places {
            let client = stage.administrator(account, "alice").ssm(region);
            let request = client.create_document().name(PREFLIGHT).document_type(DocumentType::Command);
            stage.run(request.content(content.to_string()).send()).expect("the document is not there yet");
        }
        stage.aws.clear_log();
        stage
    }

    fn nodes(&self, nodes: &[Value]) {
        self.aws.switches(&json!({ "nodes": nodes }));
    }

    /// By the policy's file, without a ledger.
    fn preflight(&self, arguments: &[&str]) -> Ran {
        let policy = self.policy_file(&self.yaml);
        let arguments: Vec<&str> = ["preflight", "--policy", &policy].iter().chain(arguments).copied().collect();
        self.runasctl(&[(config::TABLE, "")], &arguments)
    }

    fn data(&self, arguments: &[&str], code: i32) -> Value {
        self.preflight(&[arguments, &["-o", "json"]].concat()).ends(code).data()
    }
}

/// The outcome of each node of a target, by its id.
#[track_caller]
fn outcomes(data: &Value, account: &str, region: &str) -> Vec<(String, String)> {
    let nodes = target(data, account, region)["nodes"].as_array().expect("nodes").iter();
    nodes.map(|node| (text_of(&node["id"]), text_of(&node["outcome"]))).collect()
}

#[track_caller]
fn target<'a>(data: &'a Value, account: &str, region: &str) -> &'a Value {
    let mut targets = data["targets"].as_array().expect("targets").iter();
    let found = targets.find(|target| target["account"] == account && target["region"] == region);
    found.unwrap_or_else(|| panic!("no {account}/{region} in {data:#}"))
}

/// What there is to be done about a target, or about its first node.
#[track_caller]
fn problem(data: &Value, account: &str, region: &str) -> (String, String) {
    let target = target(data, account, region);
    let problem = if target["problem"].is_null() { &target["nodes"][0]["problem"] } else { &target["problem"] };
    assert!(!text_of(&problem["cause"]).is_empty(), "{target:#}");
    (text_of(&problem["what"]), text_of(&problem["fix"]))
}

#[test]
fn each_target_is_asked_for_the_user_of_the_policy_and_the_nodes_that_lack_it_are_named() {
    let stage = Stage::asked_in(&[(PAYMENTS, HOME), (SEARCH, HOME), (SANDBOX, FRANKFURT), (PILOT, HOME)]);
    stage.nodes(&[
        node(PAYMENTS, HOME, 1, &["prodops", "ec2-user"]),
        node(PAYMENTS, HOME, 2, &["ops"]),
        with(node(PAYMENTS, HOME, 3, &["prodops"]), "platform", "Windows"),
        with(node(SEARCH, HOME, 4, &["prodops"]), "id", "mi-00000000000000004"),
        node(SANDBOX, FRANKFURT, 5, &["ops"]),
        node(PILOT, HOME, 6, &["ops"]),
        node(APPLIANCE, HOME, 7, &[]),
    ]);
    let ran = stage.preflight(&[]).ends(2);
    let seen = stage.redacted(&format!("{}\n-- stderr\n{}", ran.out, ran.err));
    insta::assert_snapshot!("nodes", seen);

    let data = stage.data(&[], 2);
    let pair = |id: &str, outcome: &str| (id.to_owned(), outcome.to_owned());
    let payments = ["present", "absent", "not_asked"];
    let payments: Vec<_> = payments.iter().zip(1..).map(|(outcome, n)| pair(&format!("i-{n:017x}"), outcome)).collect();
    assert_eq!(outcomes(&data, PAYMENTS, HOME), payments);
    assert_eq!(outcomes(&data, SEARCH, HOME), [pair("mi-00000000000000004", "present")]);
    assert_eq!(target(&data, SANDBOX, FRANKFURT)["user"], "ops");
    let summary = json!({"present": 4, "absent": 1, "not_known": 0, "not_asked": {"windows": 1}, "targets": 18,
        "unreachable_targets": 0});
    assert_eq!(data["summary"], summary);
    assert_eq!(data["exempt_accounts"], 1);

    let some = ["--account", PAYMENTS, "--account", SEARCH, "--region", HOME];
    assert_eq!(stage.data(&some, 2)["targets"].as_array().map(Vec::len), Some(2));
    let everybody_has_it = ["--account", SEARCH, "--account", PILOT, "--region", HOME];
    stage.preflight(&everybody_has_it).ends(0);
    let other = stage.data(&["--user", "deploy", "--account", APPLIANCE, "--account", PILOT, "--region", HOME], 3);
    assert_eq!(outcomes(&other, PILOT, HOME)[0].1, "absent");
    assert_eq!(problem(&other, APPLIANCE, HOME).0, "the document is missing", "exempt, and asked for by name");
    assert!(stage.actions("ssm").iter().all(|action| CALLS.contains(&action.as_str())), "nothing is written");
}

#[test]
fn it_calls_nothing_but_what_its_role_allows() {
    let stage = Stage::asked_in(&[(SEARCH, HOME)]);
    stage.nodes(&[node(SEARCH, HOME, 1, &["prodops"])]);
    stage.preflight(&["--account", SEARCH, "--region", HOME]).ends(0);
    let called: BTreeSet<String> =
        stage.aws.log().iter().filter(|call| call["account"] == SEARCH).map(|call| text_of(&call["action"])).collect();
    assert_eq!(called, CALLS[1..].iter().map(|call| (*call).to_owned()).collect());
    let assumed = stage.aws.assumed();
    let [session] = &assumed[..] else { panic!("one session, and not {assumed:#?}") };
    assert_eq!((&session["role"], &session["session_name"]), (&json!(PREFLIGHT), &json!("runas-reactor-preflight")));
    let role = grants(policies(template::PREFLIGHT, "Role"));
    assert_eq!(grants(&session["policy"]), role, "left: the session's policy; right: the template's role");
}

#[test]
fn more_nodes_than_one_command_takes_are_asked_in_batches_or_by_a_sample() {
    let stage = Stage::asked_in(&[(SANDBOX, HOME)]);
    let all: Vec<Value> = (1..=120).map(|number| node(SANDBOX, HOME, number, &["ops"])).collect();
    stage.nodes(&all);
    let home = ["--account", SANDBOX, "--region", HOME];
    let commands = || stage.actions("ssm").iter().filter(|action| *action == "SendCommand").count();
    let whole = stage.data(&home, 0);
    assert_eq!((&whole["summary"]["present"], commands()), (&json!(120), 3));

    stage.aws.clear_log();
    let sample = [&home[..], &["--nodes", "20"]].concat();
    let data = stage.data(&sample, 0);
    assert_eq!((&data["summary"]["present"], &data["summary"]["not_asked"]), (&json!(20), &json!({"sample": 100})));
    assert_eq!((&data["sample"], commands()), (&json!(20), 1));
    let text = stage.preflight(&sample).ends(0).out;
    assert!(
        text.contains("100 not asked: 100 left out by the sample. This is a sample of at most 20 nodes a target."),
        "{text}"
    );

    // One that went offline since it was listed spoils no other's answer.
    let mut gone = all.clone();
    gone[70]["gone"] = json!(true);
    stage.nodes(&gone);
    let data = stage.data(&home, 3);
    assert_eq!((&data["summary"]["present"], &data["summary"]["not_known"]), (&json!(119), &json!(1)));
    let lost = outcomes(&data, SANDBOX, HOME).into_iter().find(|(_, outcome)| outcome == "not_known");
    assert_eq!(lost.map(|(id, _)| id), Some(text_of(&all[70]["id"])));
}

#[test]
fn what_is_not_known_is_never_green_and_says_why() {
    let stage = Stage::asked_in(&[(SANDBOX, HOME)]);
    let asked = ["--account", SANDBOX, "--region", HOME, "--wait", "2"];
    let good = node(SANDBOX, HOME, 9, &["ops"]);
    for (key, value, outcome, what, fix) in [
        ("ping", "ConnectionLost", "not_asked", "offline", "mend their agents"),
        ("platform", "MacOS", "not_asked", "neither Linux nor Windows", "run `id USER`"),
        ("agent", "2.3.662.0", "not_known", "the agent is too old", "AWS-UpdateSSMAgent"),
        ("ends", "never", "not_known", "no answer", "a longer --wait"),
        ("ends", "Undeliverable", "not_known", "the command did not reach the node", "agent is running"),
        ("ends", "Delivery Timed Out", "not_known", "the command did not reach the node", "agent is running"),
        ("ends", "Execution Timed Out", "not_known", "`id` took too long", "SSSD"),
        ("ends", "Terminated", "not_known", "the command failed on the node", "under Run Command"),
    ] {
        stage.nodes(&[with(node(SANDBOX, HOME, 1, &["ops"]), key, value), good.clone()]);
        let data = stage.data(&asked, 3);
        let found = outcomes(&data, SANDBOX, HOME);
        assert_eq!([&*found[0].1, &*found[1].1], [outcome, "present"], "{value}: {data:#}");
        let problem = problem(&data, SANDBOX, HOME);
        assert_eq!(problem.0, what, "{value}");
        assert!(problem.1.contains(fix), "{value}: {problem:?}");
    }
}

#[test]
fn accounts_that_cannot_be_asked_say_what_to_deploy() {
    let stage = Stage::asked_in(&[(PAYMENTS, HOME), (SEARCH, HOME), (SANDBOX, HOME)]);
    stage.nodes(&[PAYMENTS, SEARCH, SANDBOX, PILOT].map(|account| node(account, HOME, 1, &["ops", "prodops"])));
    stage.aws.switches(&json!({"denied_roles": [{"account": PAYMENTS, "role": PREFLIGHT}]}));
    let denied = "User is not authorized with an explicit deny in a service control policy";
    let scp = json!({"service": "ssm", "action": "SendCommand", "account": SEARCH, "code": "AccessDeniedException",
        "message": denied, "times": 9});
    let busy = json!({"service": "ssm", "action": "SendCommand", "account": SANDBOX, "code": "ThrottlingException",
        "message": "Rate exceeded", "times": 2});
    stage.aws.faults(&json!([scp, busy]));
    let accounts = ["--account", PAYMENTS, "--account", SEARCH, "--account", SANDBOX, "--account", PILOT];
    let data = stage.data(&[&accounts[..], &["--region", HOME]].concat(), 3);
    let says = |account: &str, what: &str, fix: &str| {
        let problem = problem(&data, account, HOME);
        assert_eq!(problem.0, what);
        assert!(problem.1.contains(fix), "{problem:?}");
    };
    says(PAYMENTS, "the role RunasReactorPreflight cannot be assumed", "OperatorRoleArn");
    says(SEARCH, "a service control policy denies it", "exempt the role RunasReactorPreflight");
    says(PILOT, "the document is missing", "deploy infra/preflight.yaml");
    assert_eq!(outcomes(&data, SANDBOX, HOME)[0].1, "present", "what is throttled is asked again");
    assert_eq!(data["summary"]["unreachable_targets"], 1);
}

#[test]
fn a_name_that_no_shell_should_see_goes_nowhere() {
    let stage = Stage::asked_in(&[(SANDBOX, HOME)]);
    for name in ["ops;id", "$(id)", "root", "-n", ""] {
        let ran = stage.preflight(&["--account", SANDBOX, &format!("--user={name}")]).ends(64);
        ran.complains_of(&["--user"]);
    }
    assert_eq!(stage.aws.log(), [Value::Null; 0]);
    // Should the command ever let one through, SSM holds it against the document.
    let client = stage.administrator(SANDBOX, "alice").ssm(HOME);
    stage.nodes(&[node(SANDBOX, HOME, 1, &["ops"])]);
    let request = client.send_command().document_name(PREFLIGHT).instance_ids("i-00000000000000001");
    let refused = stage.run(request.parameters("user", vec!["ops'; id #".to_owned()]).send());
    assert!(refused.expect_err("it holds shell syntax").into_service_error().is_invalid_parameters());
}

#[test]
fn where_the_policy_names_no_user_there_is_nothing_to_ask() {
    let stage = Stage::asked_in(&[]);
    let policy = stage.policy_file(&stage.yaml.replace("runAsEnabled: true", "runAsEnabled: false"));
    let ran = stage.runasctl(&[(config::TABLE, "")], &["preflight", "--policy", &policy, "--account", SANDBOX]).ends(1);
    ran.complains_of(&["the policy names no OS user", "--user"]);
    let ran = stage.preflight(&["--account", APPLIANCE]).ends(1);
    ran.complains_of(&["closed, exempt or unknown"]);
    stage.runasctl(&[(config::TABLE, "")], &["preflight"]).ends(64).complains_of(&["--policy", "RUNAS_TABLE"]);
}
