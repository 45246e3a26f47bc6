//! `infra/install`, run by the AWS CLI against an emulator's accounts.
//!
//! Stacks, buckets, roles and the policy's table are the emulator's. It has no StackSets: those of `tests/hub/organisation.py`
//! deploy into the emulator's accounts, and take of their API what the installer uses. That AWS retries the failed instances of
//! an operation with the next update, and when a new account is deployed to, no test here can show.

mod refused;
mod sources;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::deployed::{HOME, HUB, MANAGEMENT, PAYMENTS, US_EAST_1};
use super::template::folder;
use crate::support::cli::AwsCli;
use crate::support::cloud::{self, Cloud, Place};

const HUB_BUCKET: &str = "hub-code";
const MANAGEMENT_BUCKET: &str = "management-code";
const POLICY: &str = r#"
version: 1
organization: { id: o-exampleorgid, management_account: "111122223333", hub_account: "222233334444", home_region: eu-west-1 }
regions: [eu-west-1]
access: { roles: [RunasReactorMember], gap_roles: [AWSControlTowerExecution] }
unplaced: observe
defaults: { mode: observe, preferences: { runAsEnabled: true, runAsDefaultUser: ops } }
"#;
const SETTINGS: &str = "
policy=policy.yaml
hub_profile=hub
management_profile=management
hub_bucket=hub-code
management_bucket=management-code
packages=packages
poll_seconds=0.1
hub.AlertEmail=on-call@example.com
management.ControlTowerRegion=eu-west-1
";
const PROFILES: &str = "
[profile hub]
aws_access_key_id = 222233334444
aws_secret_access_key = test
[profile management]
aws_access_key_id = 111122223333
aws_secret_access_key = test
";
/// How the calls begin that write nothing.
const READS: [&str; 4] = ["describe-", "get-", "head-", "list-"];

/// An organisation without the reactor, and the operator's folder.
struct Operator {
    cloud: Cloud,
    cli: AwsCli,
    files: TempDir,
}

/// How the installer ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    #[track_caller]
    fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self
    }

    /// What the table says of each thing and region, in its order: its account is left out.
    fn rows(&self) -> Vec<(String, String, String)> {
        let mut lines = self.out.lines().take_while(|line| !line.is_empty());
        let head = lines.next().unwrap_or_default();
        let columns = ["ACCOUNT", "REGION"].map(|name| head.find(name).unwrap_or_else(|| panic!("{self:?}")));
        let row = |line: &str| {
            let (what, (region, result)) = (line.split_at(columns[0]).0, {
                let rest = line.split_at(columns[1]).1;
                rest.split_once(' ').unwrap_or((rest, ""))
            });
            [what, region, result].map(|text| text.trim().to_owned()).into()
        };
        lines.map(row).collect()
    }

    /// The rows that say something else than that nothing changes.
    fn changes(&self) -> Vec<(String, String, String)> {
        self.rows().into_iter().filter(|(_, _, result)| !result.starts_with("unchanged")).collect()
    }

    #[track_caller]
    fn complains_of(&self, words: &[&str]) {
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {}{}", self.out, self.err);
        }
    }
}

fn hub() -> Place<'static> {
    Place { account: HUB, region: HOME }
}

fn management(region: &str) -> Place<'_> {
    Place { account: MANAGEMENT, region }
}

impl Operator {
    fn set() -> Self {
        let cloud = Cloud::start(HUB, "http://127.0.0.1:9");
        for (place, name) in [(hub(), HUB_BUCKET), (management(HOME), MANAGEMENT_BUCKET)] {
            let bucket = json!({"Bucket": name, "CreateBucketConfiguration": {"LocationConstraint": HOME}});
            cloud.aws_in(place, "s3", "create_bucket", &bucket);
        }
        let operator = Self { cloud, cli: AwsCli::start(), files: TempDir::new().unwrap() };
        operator.write("policy.yaml", POLICY);
        operator.write("profiles", PROFILES);
        operator.settings("");
        fs::create_dir(operator.path("packages")).unwrap();
        operator.package("runas-reactor", "first");
        operator.package("runas-broker", "first");
        operator
    }

    /// A release of a function, which never runs here.
    fn package(&self, name: &str, release: &str) {
        self.write("bootstrap", release);
        let zip = self.path("packages").join(format!("{name}.zip"));
        let mut command = Command::new(cloud::python());
        command.args(["-m", "zipfile", "-c"]).arg(zip).arg("bootstrap").current_dir(self.files.path());
        assert!(command.status().unwrap().success());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The settings, with more lines.
    fn settings(&self, more: &str) {
        let runasctl = env!("CARGO_BIN_EXE_runasctl");
        self.write("install.settings", &format!("{SETTINGS}runasctl={runasctl}\n{more}"));
    }

    /// The installer, called from some other folder.
    fn install(&self, arguments: &[&str]) -> Ended {
        self.install_with(&[], arguments)
    }

    fn install_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
        let mut command = Command::new(folder().join("install"));
        command.args(arguments).arg("--settings").arg(self.path("install.settings")).current_dir("/");
        command.env_clear().envs(self.cli.variables()).stdin(Stdio::null());
        command.env("AWS_ENDPOINT_URL", self.cloud.url()).env("AWS_CONFIG_FILE", self.path("profiles"));
        command.env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null").env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_MAX_ATTEMPTS", "1").envs(variables.iter().copied());
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The operations since the last time that this was asked, which are not reads.
    fn writes(&self) -> Vec<String> {
        let options = ["--profile", "--region", "--output"];
        let operation = |call: Vec<String>| {
            let mut words = call.into_iter();
            while let Some(word) = words.next() {
                if !options.contains(&word.as_str()) {
                    return words.next().unwrap_or_default();
                }
                words.next();
            }
            String::new()
        };
        let operations: Vec<String> = self.cli.calls().into_iter().map(operation).collect();
        assert!(!operations.is_empty(), "the AWS CLI was not called");
        operations.into_iter().filter(|it| !READS.iter().any(|read| it.starts_with(read))).collect()
    }

    /// Names of the stacks in a place, with their status.
    fn stacks(&self, place: Place<'_>) -> BTreeSet<(String, String)> {
        let found = self.cloud.aws_in(place, "cloudformation", "describe_stacks", &json!({}));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let stacks = found["Stacks"].as_array().into_iter().flatten();
        stacks.map(|stack| (text(&stack["StackName"]), text(&stack["StackStatus"]))).collect()
    }

    /// A list of a stack of the hub, by its names: parameters or outputs.
    fn of_hub(&self, list: &str, name: &str) -> String {
        let query = json!({"StackName": "runas-reactor"});
        let stack = self.cloud.aws_in(hub(), "cloudformation", "describe_stacks", &query)["Stacks"][0].take();
        let [key, value] = [format!("{list}Key"), format!("{list}Value")];
        let mut items = stack[format!("{list}s")].as_array().into_iter().flatten();
        let item = items.find(|item| item[&key] == name).unwrap_or_else(|| panic!("there is no {name} in {stack:#}"));
        item[&value].as_str().unwrap_or_default().to_owned()
    }

    fn make_role(&self, account: &str, name: &str) {
        let trust = json!({"Version": "2012-10-17", "Statement": []});
        let role = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
        self.cloud.aws_in(Place { account, region: HOME }, "iam", "create_role", &role);
    }

    fn delete_role(&self, account: &str, name: &str) {
        self.cloud.aws_in(Place { account, region: HOME }, "iam", "delete_role", &json!({"RoleName": name}));
    }
}

fn completed(names: &[&str]) -> BTreeSet<(String, String)> {
    names.iter().map(|name| ((*name).to_owned(), "CREATE_COMPLETE".to_owned())).collect()
}

const INSTALLED: [(&str, &str); 7] = [
    ("stack runas-reactor", HOME),
    ("policy policy.yaml", HOME),
    ("stack runas-reactor-management", HOME),
    ("stack runas-reactor-management", US_EAST_1),
    ("stack runas-reactor-member", HOME),
    ("stack runas-reactor-member", US_EAST_1),
    ("stack set runas-reactor-member in r-ab12", HOME),
];

/// Thing and region of the rows, without the packages, whose names are digests.
fn places(rows: &[(String, String, String)]) -> Vec<(&str, &str)> {
    let rows = rows.iter().filter(|(what, ..)| !what.starts_with("package "));
    rows.map(|(what, region, _)| (what.as_str(), region.as_str())).collect()
}

#[test]
fn an_organisation_is_planned_installed_once_and_kept() {
    let operator = Operator::set();
    let plan = operator.install(&["--plan"]).with(0);
    assert_eq!(places(&plan.changes()), INSTALLED);
    assert_eq!(plan.rows().len(), INSTALLED.len() + 2, "and the packages: {}", plan.out);
    assert!(
        plan.out.contains("5.57 USD a month, by the list prices of infra/README.md: 4 accounts, regions: 1\n"),
        "{}",
        plan.out
    );
    assert_eq!(operator.writes(), [""; 0], "a plan writes nothing");
    assert_eq!(operator.stacks(hub()), BTreeSet::new());

    let installed = operator.install(&[]).with(0);
    assert_eq!(places(&installed.changes()), INSTALLED);
    assert_eq!(operator.stacks(hub()), completed(&["runas-reactor", "StackSet-runas-reactor-member"]));
    for region in [HOME, US_EAST_1] {
        let both = ["runas-reactor-management", "runas-reactor-member"];
        assert_eq!(operator.stacks(management(region)), completed(&both), "StackSets leave this account out");
        let member = Place { account: PAYMENTS, region };
        assert_eq!(operator.stacks(member), completed(&["StackSet-runas-reactor-member"]));
    }
    // What the other templates were told before there was a hub.
    let role = operator.cloud.aws_in(
        Place { account: PAYMENTS, region: HOME },
        "iam",
        "get_role",
        &json!({"RoleName": "RunasReactorMember"}),
    );
    assert!(role["Role"].to_string().contains(&operator.of_hub("Output", "RoleArn")), "{role:#}");
    let targets = json!({"Rule": "runas-reactor-documents"});
    let targets = operator.cloud.aws_in(management(US_EAST_1), "events", "list_targets_by_rule", &targets);
    assert_eq!(targets["Targets"][0]["Arn"], operator.of_hub("Output", "BusArn"));
    let broker = operator.cloud.aws_in(
        management(HOME),
        "cloudformation",
        "describe_stacks",
        &json!({"StackName": "runas-reactor-management"}),
    );
    assert_eq!(broker["Stacks"][0]["Outputs"][0]["OutputValue"], operator.of_hub("Parameter", "BrokerArn"));
    assert!(installed.out.contains(&operator.of_hub("Output", "TableName")), "{}", installed.out);

    operator.writes();
    for arguments in [&["--plan"][..], &[]] {
        let again = operator.install(arguments).with(0);
        assert_eq!((again.changes(), again.rows().len()), (Vec::new(), INSTALLED.len() + 2), "{arguments:?}");
        assert_eq!(operator.writes(), [""; 0], "{arguments:?}: what is installed is left as it is");
    }

    // A parameter with all that could be taken for something else, and a new release of one function.
    let twice_a_day = "cron(0 0,12 * * ? *)";
    operator.settings(&format!("hub.SweepSchedule={twice_a_day}\n"));
    operator.package("runas-broker", "second");
    let changed = operator.install(&["--plan"]).with(0).changes();
    let results: Vec<&str> = changed.iter().map(|(.., result)| result.as_str()).collect();
    let broker = ["updated: SweepSchedule", "uploaded to management-code", "updated: CodeKey", "updated: CodeKey"];
    assert_eq!(results, broker);
    operator.writes();
    assert_eq!(operator.install(&[]).with(0).changes().len(), broker.len());
    assert_eq!(operator.writes(), ["update-stack", "cp", "update-stack", "update-stack"]);
    assert_eq!(operator.of_hub("Parameter", "SweepSchedule"), twice_a_day);

    operator.settings("");
    assert_eq!(operator.install(&[]).with(0).changes(), []);
    assert_eq!(operator.of_hub("Parameter", "SweepSchedule"), twice_a_day, "what nobody names stays");
    operator.settings("hub.AlarmEmail=platform@example.com\n");
    operator.install(&[]).with(0);
    assert_eq!(operator.of_hub("Parameter", "SweepSchedule"), twice_a_day, "also where something else is updated");
}

#[test]
fn a_step_that_fails_says_why_and_the_next_run_goes_on_there() {
    let operator = Operator::set();
    let forwarder = "RunasReactorForwarder-us-east-1";
    operator.make_role(MANAGEMENT, forwarder);
    let failed = operator.install(&[]).with(1);
    failed
        .complains_of(&["runas-reactor-member failed in us-east-1 of 111122223333", "fix: delete what is left there"]);
    failed.complains_of(&["run infra/install again"]);
    let (_, _, result) = failed.rows().pop().unwrap();
    assert!(result.contains("Forwarder (AWS::IAM::Role)") && result.contains(forwarder), "the cause: {}", failed.out);

    operator.delete_role(MANAGEMENT, forwarder);
    let plan = operator.install(&["--plan"]).with(0);
    let rest = [("stack runas-reactor-member", US_EAST_1), ("stack set runas-reactor-member in r-ab12", HOME)];
    assert_eq!(places(&plan.changes()), rest, "{}", plan.out);
    assert!(plan.out.contains("deleted and created: what is there is ROLLBACK_COMPLETE"), "{}", plan.out);
    operator.writes();
    assert_eq!(places(&operator.install(&[]).with(0).changes()), rest);
    let writes = ["delete-stack", "create-stack", "create-stack-set", "create-stack-instances"];
    assert_eq!(operator.writes(), writes, "what was done before is not done again");
}

#[test]
fn an_account_in_which_the_stack_set_fails_is_named_and_tried_again() {
    let operator = Operator::set();
    operator.make_role(PAYMENTS, "RunasReactorMember");
    let failed = operator.install(&[]).with(1);
    failed.complains_of(&["444455556666 eu-west-1", "RunasReactorMember", "fix: delete what is left there"]);

    operator.delete_role(PAYMENTS, "RunasReactorMember");
    let again = operator.install(&["--plan"]).with(0).changes();
    let [(_, _, result)] = &again[..] else { panic!("{again:?}") };
    assert!(result.starts_with("updated: again, since its last operation is FAILED"), "{result}");
    operator.writes();
    operator.install(&[]).with(0);
    assert_eq!(operator.writes(), ["update-stack-set"]);
    let member = operator.stacks(Place { account: PAYMENTS, region: HOME });
    assert_eq!(member, completed(&["StackSet-runas-reactor-member"]));
}
