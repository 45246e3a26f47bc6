//! What `infra/preflight.yaml` makes: a role that can do nothing but this check, and a document that is nothing but this check.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use runas_reactor::domain::os_user::OsUser;
use serde_json::{Value, json};

use super::permissions::calls_of;
use super::places::{HOME, HUB, MANAGEMENT, PAYMENTS, US_EAST_1};
use super::privilege::{all, beyond, policies_of, role, trust_of};
use super::template::{PREFLIGHT, allowed, policies, template};
use crate::deploy::cloud::{self, Cloud, Place, Stack};
use crate::programs::iam::Call;

const NAME: &str = "RunasReactorPreflight";
const NODES: [&str; 2] = [
    "arn:aws:ec2:eu-central-1:444455556666:instance/i-0123456789abcdef0",
    "arn:aws:ssm:eu-central-1:444455556666:managed-instance/mi-0123456789abcdef0",
];

fn deploy(cloud: &Cloud, place: Place<'_>) -> Stack {
    let operator = "arn:aws:iam::222233334444:role/RunasOperator*";
    let parameters = [("OrganizationId", "o-exampleorgid"), ("OperatorRoleArn", operator), ("HomeRegion", HOME)];
    cloud.deploy(place, "runas-reactor-preflight", PREFLIGHT, &parameters)
}

fn document(account: &str, name: &str) -> String {
    format!("arn:aws:ssm:eu-central-1:{account}:document/{name}")
}

#[test]
fn each_region_gets_the_document_and_one_of_them_the_role() {
    let cloud = Cloud::start(HUB, "http://127.0.0.1:9");
    for (region, resources) in [(HOME, vec!["Document", "Role"]), (US_EAST_1, vec!["Document"])] {
        let stack = deploy(&cloud, Place { account: PAYMENTS, region });
        assert_eq!(stack.resources.keys().collect::<Vec<_>>(), resources, "{region}");
    }
    let made = cloud.recorded("Document");
    assert_eq!((&made["Name"], &made["DocumentType"]), (&json!(NAME), &json!("Command")));
}

#[test]
fn the_role_allows_each_call_that_preflight_makes_and_no_other() {
    let made = calls_of(Path::new("src/aws/nodes.rs")).into_iter().map(|call| format!("ssm:{}", call.name));
    let allowed = allowed(policies(PREFLIGHT, "Role")).into_iter().map(str::to_owned);
    assert_eq!(allowed.collect::<BTreeSet<_>>(), made.collect(), "left: the role; right: src/aws/nodes.rs");
}

#[test]
fn the_role_runs_one_document_on_nodes_of_its_account_and_does_nothing_else() {
    let cloud = Cloud::start(HUB, "http://127.0.0.1:9");
    deploy(&cloud, Place { account: PAYMENTS, region: HOME });
    let (principal, policies) = (role(PAYMENTS, NAME), policies_of(&cloud, PAYMENTS, NAME));
    let call = |action: &str, resource: &str| Call::new(&principal, action, resource).having(&policies);
    let own = document(PAYMENTS, NAME);
    let asks = [own.as_str(), NODES[0], NODES[1]].map(|resource| call("ssm:SendCommand", resource));
    let reads = ["ssm:DescribeInstanceInformation", "ssm:ListCommandInvocations"].map(|action| call(action, "*"));
    all(&[&asks[..], &reads].concat(), &[], "Allowed");

    let others = [
        document(PAYMENTS, "AWS-RunShellScript"),
        document(PAYMENTS, "RunasReactorPreflight2"),
        document(PAYMENTS, "SSM-SessionManagerRunShell"),
        document("555566667777", NAME),
        NODES[0].replace(PAYMENTS, "555566667777"),
    ];
    all(&others.map(|resource| call("ssm:SendCommand", &resource)), &[], "ImplicitlyDenied");
    // AWS's own documents have no account, which the simulator takes for no ARN.
    let shell = "arn:aws:ssm:eu-central-1::document/AWS-RunShellScript";
    assert_eq!(cloud.decide(&principal, "ssm:SendCommand", shell, None), "ImplicitDeny");
    let on_the_document = [
        "CreateDocument",
        "UpdateDocument",
        "UpdateDocumentDefaultVersion",
        "DeleteDocument",
        "ModifyDocumentPermission",
    ];
    all(&on_the_document.map(|action| call(&format!("ssm:{action}"), &own)), &[], "ImplicitlyDenied");
    let on_nodes = ["StartSession", "DeregisterManagedInstance", "UpdateManagedInstanceRole", "CancelCommand"];
    let resource = |action: &str| if action == "CancelCommand" { "*" } else { NODES[1] };
    all(&on_nodes.map(|action| call(&format!("ssm:{action}"), resource(action))), &[], "ImplicitlyDenied");
    // Running a document of its own on a node is among them, which this role may do, with its own document only.
    let beyond = beyond(&principal, &policies).into_iter().filter(|call| !call.words().contains("ssm:SendCommand"));
    all(&beyond.collect::<Vec<_>>(), &[], "ImplicitlyDenied");
}

#[test]
fn the_operator_of_the_hub_assumes_the_role_and_the_function_does_not() {
    let cloud = Cloud::start(HUB, "http://127.0.0.1:9");
    deploy(&cloud, Place { account: PAYMENTS, region: HOME });
    let trust = trust_of(&cloud, PAYMENTS, NAME);
    let assume = |principal: &str, organization: &str| {
        Call::new(principal, "sts:AssumeRole", &role(PAYMENTS, NAME))
            .with("aws:PrincipalOrgID", organization)
            .on(PAYMENTS, &trust)
    };
    let operator = role(HUB, "RunasOperators");
    all(&[assume(&operator, "o-exampleorgid")], &[], "Allowed");
    let foreign = [
        assume(&operator, "o-anotherorgid"),
        assume(&role(HUB, "RunasReactor"), "o-exampleorgid"),
        assume(&role(HUB, "Admin"), "o-exampleorgid"),
        assume(&role(MANAGEMENT, "RunasOperators"), "o-exampleorgid"),
        // The account's own administrator, who could only change the trust, which a service control policy denies.
        assume(&role(PAYMENTS, "Admin"), "o-exampleorgid"),
        assume(&role(PAYMENTS, "RunasOperators"), "o-exampleorgid"),
    ];
    all(&foreign, &[], "ImplicitlyDenied");
}

fn content() -> &'static Value {
    &template(PREFLIGHT)["Resources"]["Document"]["Properties"]["Content"]
}

#[test]
fn the_document_takes_the_names_that_the_command_takes_and_no_shell_syntax() {
    let pattern = content()["parameters"]["user"]["allowedPattern"].as_str().unwrap();
    let names = [
        ("ops", true),
        ("_svc", true),
        ("ops-1_x", true),
        (&"a".repeat(32), true),
        ("ops@corp.example.com", true),
        ("First.Last@CORP", true),
        (&"a".repeat(33), false),
        ("", false),
        ("Ops", false),
        ("1000", false),
        ("-n", false),
        ("-n@corp", false),
        ("ops ", false),
        ("ops\n", false),
        ("ops;id", false),
        ("ops'; id #", false),
        ("$(id)", false),
        ("`id`", false),
        ("ops@corp;id", false),
        ("a@b@c", false),
        ("ops@corp..com", false),
        ("CORP\\ops", false),
        ("{{ user }}", false),
        ("öps", false),
    ];
    let code =
        "import json, re, sys\nprint(json.dumps([re.fullmatch(sys.argv[1], n) is not None for n in sys.argv[2:]]))";
    let mut python = Command::new(cloud::python());
    let output = python.args(["-c", code, pattern]).args(names.map(|(name, _)| name)).output().unwrap();
    let matches: Vec<bool> = serde_json::from_slice(&output.stdout).unwrap();
    for ((name, good), matches) in names.into_iter().zip(matches) {
        assert_eq!(name.parse::<OsUser>().is_ok(), good, "the command: {name:?}");
        assert_eq!(matches, good, "the document: {name:?}");
    }
    assert!("root".parse::<OsUser>().is_err() && "root@corp".parse::<OsUser>().is_err());
    assert!(content()["parameters"]["user"].get("default").is_none(), "each call names its user");
}

#[test]
fn the_script_says_whether_a_user_exists_and_admits_that_it_cannot_say() {
    let [step] = &content()["mainSteps"].as_array().unwrap()[..] else { panic!("one step") };
    let [script] = &step["inputs"]["runCommand"].as_array().unwrap()[..] else { panic!("one line") };
    let says = |user: &str, path: &str| {
        let script = script.as_str().unwrap().replace("{{ user }}", user);
        let output = Command::new("/bin/sh").args(["-c", &script]).env_clear().env("PATH", path).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(says("root", "/usr/bin:/bin"), "present\n");
    assert_eq!(says("not-there-at-all", "/usr/bin:/bin"), "absent\n");
    assert_eq!(says("root", "/nonexistent"), "no id\n");
}
