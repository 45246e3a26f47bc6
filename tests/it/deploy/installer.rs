//! `infra/install` by the AWS CLI, as the operator of an organisation runs it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::cli::AwsCli;
use crate::deploy::cloud::{self, Cloud, Place};

const HOME: &str = "eu-west-1";
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
/// How the calls begin that write nothing.
const READS: [&str; 4] = ["describe-", "get-", "head-", "list-"];

/// Puts a file into a zip as it is.
const STORE: &str = "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').write(sys.argv[2])";

/// An organisation without the reactor, and the operator's folder.
pub(crate) struct Installer {
    pub(crate) cloud: Cloud,
    cli: AwsCli,
    files: TempDir,
    hub: String,
}

/// How the installer ended.
#[derive(Debug)]
pub(crate) struct Ended {
    code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self
    }

    /// What the table says of each thing and region, in its order: its account is left out.
    pub(crate) fn rows(&self) -> Vec<(String, String, String)> {
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
    pub(crate) fn changes(&self) -> Vec<(String, String, String)> {
        self.rows().into_iter().filter(|(_, _, result)| !result.starts_with("unchanged")).collect()
    }

    #[track_caller]
    pub(crate) fn complains_of(&self, words: &[&str]) {
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {}{}", self.out, self.err);
        }
    }
}

impl Installer {
    /// For an organisation that there is nothing in; packages are the caller's.
    pub(crate) fn of(cloud: Cloud, hub: &str, management: &str, policy: &str) -> Self {
        Self::by(AwsCli::version_1(), cloud, hub, management, policy)
    }

    pub(crate) fn by(cli: AwsCli, cloud: Cloud, hub: &str, management: &str, policy: &str) -> Self {
        for (account, name) in [(hub, "hub-code"), (management, "management-code")] {
            let place = Place { account, region: HOME };
            let bucket = json!({"Bucket": name, "CreateBucketConfiguration": {"LocationConstraint": HOME}});
            cloud.aws_in(place, "s3", "create_bucket", &bucket);
        }
        let installer = Self { cloud, cli, files: TempDir::new().unwrap(), hub: hub.to_owned() };
        installer.write("policy.yaml", policy);
        let keys = |account| format!("aws_access_key_id = {account}\naws_secret_access_key = test\n");
        let profiles = format!("[profile hub]\n{}[profile management]\n{}", keys(hub), keys(management));
        installer.write("profiles", &profiles);
        installer.settings("");
        fs::create_dir(installer.path("packages")).unwrap();
        installer
    }

    /// A release of a function that never runs.
    pub(crate) fn package(&self, name: &str, release: &str) {
        self.write("bootstrap", release);
        self.zip(name);
    }

    /// A binary without its symbols, as the profile of the packages builds it.
    pub(crate) fn package_binary(&self, name: &str, binary: &Path) {
        let mut strip = Command::new("strip");
        strip.arg("-o").arg(self.path("bootstrap")).arg(binary);
        assert!(strip.status().unwrap().success(), "{strip:?}");
        self.zip(name);
    }

    fn zip(&self, name: &str) {
        let zip = self.path("packages").join(format!("{name}.zip"));
        let mut command = Command::new(cloud::python());
        command.args(["-c", STORE]).arg(zip).arg("bootstrap").current_dir(self.files.path());
        assert!(command.status().unwrap().success());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The settings, with more lines.
    pub(crate) fn settings(&self, more: &str) {
        let runasctl = env!("CARGO_BIN_EXE_runasctl");
        self.write("install.settings", &format!("{SETTINGS}runasctl={runasctl}\n{more}"));
    }

    /// The installer, called from some other folder.
    pub(crate) fn install(&self, arguments: &[&str]) -> Ended {
        self.install_with(&[], arguments)
    }

    pub(crate) fn install_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("infra/install"));
        command.args(arguments).arg("--settings").arg(self.path("install.settings")).current_dir("/");
        self.ended(command, variables)
    }

    /// A script, run in a folder as a clone with its packages is.
    pub(crate) fn bash(&self, script: &str) -> Ended {
        let linked = self.path("infra");
        if !linked.exists() {
            symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("infra"), linked).unwrap();
            fs::create_dir(self.path("target")).unwrap();
            symlink(self.path("packages"), self.path("target/package")).unwrap();
        }
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(self.files.path());
        let beside = Path::new(env!("CARGO_BIN_EXE_runasctl")).parent().unwrap();
        let [(name, path), ..] = self.cli.variables();
        self.ended(command, &[(name, &format!("{path}:{}", beside.display()))])
    }

    fn ended(&self, mut command: Command, variables: &[(&str, &str)]) -> Ended {
        command.env_clear().envs(self.cli.variables()).stdin(Stdio::null());
        command.env("AWS_ENDPOINT_URL", self.cloud.url()).env("AWS_CONFIG_FILE", self.path("profiles"));
        command.env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null").env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_MAX_ATTEMPTS", "1").envs(variables.iter().copied());
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The operations since the last time that this was asked, which are not reads.
    pub(crate) fn writes(&self) -> Vec<String> {
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
    pub(crate) fn stacks(&self, place: Place<'_>) -> BTreeSet<(String, String)> {
        let found = self.cloud.aws_in(place, "cloudformation", "describe_stacks", &json!({}));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let stacks = found["Stacks"].as_array().into_iter().flatten();
        stacks.map(|stack| (text(&stack["StackName"]), text(&stack["StackStatus"]))).collect()
    }

    /// A list of a stack of the hub, by its names: parameters or outputs.
    pub(crate) fn of_hub(&self, list: &str, name: &str) -> String {
        let (query, hub) = (json!({"StackName": "runas-reactor"}), Place { account: &self.hub, region: HOME });
        let stack = self.cloud.aws_in(hub, "cloudformation", "describe_stacks", &query)["Stacks"][0].take();
        let [key, value] = [format!("{list}Key"), format!("{list}Value")];
        let mut items = stack[format!("{list}s")].as_array().into_iter().flatten();
        let item = items.find(|item| item[&key] == name).unwrap_or_else(|| panic!("there is no {name} in {stack:#}"));
        item[&value].as_str().unwrap_or_default().to_owned()
    }
}
