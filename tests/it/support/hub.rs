//! The hub's account as its operator leaves it: `infra/hub.yaml`, made into a stack by an emulator's CloudFormation, under
//! the roles and policies of that stack, with the function's real binary fed from its real queue.
//!
//! Everything in the hub is `tests/hub/server.py`; documents, member accounts and the organisation are the other emulator's.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Child;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::emulator::Emulator;
use super::{http, lambda, python};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hub");
const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/infra/hub.yaml");
const STACK: &str = "runas-reactor";
/// By this name the emulator tells what the function asks of member accounts.
pub(crate) const VIA: &str = "deployed";
const PATIENCE: Duration = Duration::from_mins(1);

static ENVIRONMENT: LazyLock<PathBuf> = LazyLock::new(|| python::environment("hub"));

/// A stack of the template, in an account of its own.
pub(crate) struct Hub {
    child: Child,
    address: SocketAddr,
    account: String,
    /// By the names in the template.
    resources: BTreeMap<String, String>,
    pub(crate) outputs: BTreeMap<String, String>,
    /// Where the emulator keeps the function's package.
    _files: TempDir,
}

/// What a role was allowed or denied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Check {
    pub(crate) role: String,
    pub(crate) action: String,
    pub(crate) allowed: bool,
}

impl Hub {
    /// Deploys the template as it lies in the repository; `members` is the rest of the organisation.
    pub(crate) fn deploy(account: &str, members: &Emulator) -> Self {
        Self::beside(account, &members.url_via(VIA))
    }

    /// The same without an organisation, for what the function has no part in.
    pub(crate) fn deploy_alone(account: &str) -> Self {
        Self::beside(account, "http://127.0.0.1:9")
    }

    fn beside(account: &str, url: &str) -> Self {
        let files = TempDir::new().unwrap_or_else(|why| panic!("cannot make a directory: {why}"));
        let directory = files.path().display().to_string();
        let elsewhere =
            ["SSM", "STS", "ORGANIZATIONS", "CLOUDTRAIL"].map(|service| format!("AWS_ENDPOINT_URL_{service}"));
        let mut variables: Vec<(&str, &str)> = elsewhere.iter().map(|name| (name.as_str(), url)).collect();
        variables.push(("TMPDIR", &directory));
        let (child, address) = python::serve(&ENVIRONMENT, SOURCES, &[account], &variables);
        let (resources, outputs) = Default::default();
        let mut hub = Self { child, address, account: account.to_owned(), resources, outputs, _files: files };
        hub.create_stack();
        hub
    }

    fn create_stack(&mut self) {
        let bucket = json!({"Bucket": "code", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}});
        self.aws("s3", "create_bucket", &bucket);
        let binary = json!({"Bucket": "code", "Key": "function.zip", "Body": {"package": lambda::binary()}});
        self.aws("s3", "put_object", &binary);
        let parameters = [("OrganizationId", "o-exampleorgid"), ("CodeBucket", "code"), ("CodeKey", "function.zip")];
        let parameters = parameters.map(|(name, value)| json!({"ParameterKey": name, "ParameterValue": value}));
        let template = fs::read_to_string(TEMPLATE).unwrap_or_else(|why| panic!("cannot read {TEMPLATE}: {why}"));
        let stack = json!({"StackName": STACK, "TemplateBody": template, "Parameters": parameters,
            "Capabilities": ["CAPABILITY_NAMED_IAM"]});
        self.aws("cloudformation", "create_stack", &stack);
        let name = json!({"StackName": STACK});
        let mut stack = Value::Null;
        self.wait_until("the stack is made", || {
            stack = self.aws("cloudformation", "describe_stacks", &name)["Stacks"][0].take();
            stack["StackStatus"] != "CREATE_IN_PROGRESS"
        });
        let made = self.aws("cloudformation", "describe_stack_resources", &name)["StackResources"].take();
        assert_eq!(stack["StackStatus"], "CREATE_COMPLETE", "{made:#}");
        self.resources = pairs(&made, "LogicalResourceId", "PhysicalResourceId");
        self.outputs = pairs(&stack["Outputs"], "OutputKey", "OutputValue");
    }

    /// The endpoint of every service.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The physical id of a resource.
    pub(crate) fn id(&self, resource: &str) -> &str {
        self.resources.get(resource).unwrap_or_else(|| panic!("there is no {resource} in {:#?}", self.resources))
    }

    /// A call by the account's root that succeeds.
    #[track_caller]
    pub(crate) fn aws(&self, service: &str, operation: &str, parameters: &Value) -> Value {
        let (status, answer) = self.ask(&format!("aws?service={service}&operation={operation}"), parameters);
        assert_eq!(status, 200, "{service} {operation}: {answer}");
        answer
    }

    /// A call by a role of the stack: the answer, or the error's code.
    pub(crate) fn aws_as(
        &self,
        role: &str,
        service: &str,
        operation: &str,
        parameters: &Value,
    ) -> Result<Value, String> {
        match self.ask(&format!("aws?service={service}&operation={operation}&role={role}"), parameters) {
            (200, answer) => Ok(answer),
            (_, error) => Err(error["code"].as_str().unwrap_or_default().to_owned()),
        }
    }

    /// An event as AWS puts it onto a bus.
    pub(crate) fn event(&self, bus: &str, event: &Value) {
        let (status, answer) = self.ask(&format!("event?bus={bus}"), event);
        assert_eq!(status, 200, "{answer}");
    }

    /// What the Scheduler sends when the time of a schedule has come.
    pub(crate) fn run_schedule(&self, resource: &str) -> String {
        let (status, answer) = self.ask(&format!("schedule?name={}", self.id(resource)), &Value::Null);
        assert_eq!(status, 200, "{answer}");
        answer.as_str().unwrap_or_default().to_owned()
    }

    /// The rules that an event matches, by their buses.
    pub(crate) fn matches(&self, event: &Value) -> Value {
        let (status, answer) = self.ask("match", event);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// What roles have been allowed and denied so far.
    pub(crate) fn checks(&self) -> Vec<Check> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (_, answer) = self.ask("checks", &Value::Null);
        let checks = answer.as_array().map(Vec::as_slice).unwrap_or_default().iter();
        let check =
            |c: &Value| Check { role: text(&c["role"]), action: text(&c["action"]), allowed: c["allowed"] == true };
        checks.map(check).collect()
    }

    /// What SDK clients of the account's root are made of. They try once.
    pub(crate) fn sdk(&self) -> SdkConfig {
        self.sdk_at(&self.url())
    }

    /// The same for one who does without TLS.
    pub(crate) fn sdk_in_plain_text(&self) -> SdkConfig {
        self.sdk_at(&format!("{}/plain", self.url()))
    }

    fn sdk_at(&self, url: &str) -> SdkConfig {
        let root = Credentials::new(self.account.clone(), "test", None, None, "tests");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(url)
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(root))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config(RetryConfig::disabled())
            .build()
    }

    /// Asks again and again, until it is so.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < end, "it did not come to this: {what}; {}", self.logs());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the function wrote.
    pub(crate) fn logs(&self) -> String {
        let Some(group) = self.resources.get("Logs") else { return String::new() };
        let found = self.aws("logs", "filter_log_events", &json!({"logGroupName": group}))["events"].take();
        let lines = found.as_array().into_iter().flatten().filter_map(|event| event["message"].as_str());
        lines.collect::<Vec<_>>().join("\n")
    }

    fn ask(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = http::call(self.address, "POST", &format!("/x/{path}"), body.to_string().as_bytes());
        let (status, answer) = answer.unwrap_or_else(|why| panic!("{path}: the emulator does not answer: {why}"));
        (status, serde_json::from_slice(&answer).unwrap_or_default())
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The interpreter in which the emulator and the linter of templates are installed.
pub(crate) fn python() -> PathBuf {
    python::of(&ENVIRONMENT)
}

fn pairs(list: &Value, key: &str, value: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list.as_array().into_iter().flatten().map(|item| (text(&item[key]), text(&item[value]))).collect()
}
