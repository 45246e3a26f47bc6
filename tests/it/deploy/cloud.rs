//! Accounts in which templates are deployed: an emulator of CloudFormation and of what the stacks consist of.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::emulator::Emulator;
use crate::support::{http, python};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hub");
const PATIENCE: Duration = Duration::from_mins(3);
/// The organisation of an emulator that has no other configuration.
const MANAGEMENT: &str = "111122223333";
const OTHERS: [&str; 2] = ["444455556666", "555566667777"];
/// The key at which [`Cloud::upload`] puts the function's package.
pub(crate) const PACKAGE: &str = "function.zip";

static ENVIRONMENT: LazyLock<PathBuf> = LazyLock::new(|| python::environment("hub"));

/// An account and a region of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
}

/// The emulator: all accounts, in all regions.
pub(crate) struct Cloud {
    child: Child,
    address: SocketAddr,
    /// Where the emulator keeps the packages of functions.
    _files: TempDir,
}

/// What a template has made.
pub(crate) struct Stack {
    /// Physical ids, by the names in the template.
    pub(crate) resources: BTreeMap<String, String>,
    pub(crate) outputs: BTreeMap<String, String>,
}

impl Stack {
    /// The physical id of a resource.
    pub(crate) fn id(&self, resource: &str) -> &str {
        self.resources.get(resource).unwrap_or_else(|| panic!("there is no {resource} in {:#?}", self.resources))
    }
}

impl Cloud {
    /// Starts the emulator; functions reach member accounts and the organisation at `members`. The account is the one that
    /// calls mean which name none.
    pub(crate) fn start(account: &str, members: &str) -> Self {
        let elsewhere =
            ["SSM", "STS", "ORGANIZATIONS", "CLOUDTRAIL"].map(|service| format!("AWS_ENDPOINT_URL_{service}"));
        let variables: Vec<(&str, &str)> = elsewhere.iter().map(|name| (name.as_str(), members)).collect();
        Self::serve(&[account, MANAGEMENT, &OTHERS.join(",")], &variables)
    }

    /// Starts the emulator for these accounts, by the clock of `members`. What functions ask of members and of the organisation
    /// has to be allowed by the roles that stacks have made, before `members` is asked.
    #[allow(dead_code, reason = "the long tests need it")]
    pub(crate) fn start_for(hub: &str, management: &str, others: &[&str], members: &Emulator) -> Self {
        let clock = members.clock().variables();
        let variables = clock.each_ref().map(|(name, value)| (*name, value.as_str()));
        Self::serve(&[hub, management, &others.join(","), &members.url()], &variables)
    }

    fn serve(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let files = TempDir::new().unwrap_or_else(|why| panic!("cannot make a directory: {why}"));
        let directory = files.path().display().to_string();
        let variables = [variables, &[("TMPDIR", &directory)]].concat();
        let (child, address) = python::serve(&ENVIRONMENT, SOURCES, arguments, &variables);
        Self { child, address, _files: files }
    }

    /// Puts a function's binary, packaged, into a new bucket of an account and region, whose name is the answer.
    pub(crate) fn upload(&self, place: Place<'_>, binary: &Path) -> String {
        let name = format!("code-{}", place.account);
        let bucket = json!({"Bucket": name, "CreateBucketConfiguration": {"LocationConstraint": place.region}});
        self.aws_in(place, "s3", "create_bucket", &bucket);
        let binary = json!({"Bucket": name, "Key": PACKAGE, "Body": {"package": binary}});
        self.aws_in(place, "s3", "put_object", &binary);
        name
    }

    /// Deploys a template as it lies in `infra/`.
    pub(crate) fn deploy(&self, place: Place<'_>, name: &str, template: &str, parameters: &[(&str, &str)]) -> Stack {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("infra").join(template);
        let template = fs::read_to_string(&file).unwrap_or_else(|why| panic!("cannot read {}: {why}", file.display()));
        let parameter = |(key, value): &(&str, &str)| json!({"ParameterKey": key, "ParameterValue": value});
        let parameters: Vec<Value> = parameters.iter().map(parameter).collect();
        let stack = json!({"StackName": name, "TemplateBody": template, "Parameters": parameters,
            "Capabilities": ["CAPABILITY_NAMED_IAM"]});
        self.aws_in(place, "cloudformation", "create_stack", &stack);
        self.stack(place, name)
    }

    /// What a stack has made, once it is complete.
    pub(crate) fn stack(&self, place: Place<'_>, name: &str) -> Stack {
        let name = json!({"StackName": name});
        let mut stack = Value::Null;
        let is_made = || {
            stack = self.aws_in(place, "cloudformation", "describe_stacks", &name)["Stacks"][0].take();
            stack["StackStatus"] != "CREATE_IN_PROGRESS"
        };
        Self::wait_and_explain("the stack is made", is_made, String::new);
        let made = self.aws_in(place, "cloudformation", "describe_stack_resources", &name)["StackResources"].take();
        assert_eq!(stack["StackStatus"], "CREATE_COMPLETE", "{made:#}");
        Stack {
            resources: pairs(&made, "LogicalResourceId", "PhysicalResourceId"),
            outputs: pairs(&stack["Outputs"], "OutputKey", "OutputValue"),
        }
    }

    /// The endpoint of every service.
    #[allow(dead_code, reason = "the long tests need it")]
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A call by the root of an account that succeeds.
    #[track_caller]
    pub(crate) fn aws_in(&self, place: Place<'_>, service: &str, operation: &str, parameters: &Value) -> Value {
        let Place { account, region } = place;
        let path = format!("aws?service={service}&operation={operation}&account={account}&region={region}");
        let (status, answer) = self.ask(&path, parameters);
        assert_eq!(status, 200, "{service} {operation}: {answer}");
        answer
    }

    /// A call by a role, by name or ARN: the answer, or the error's code.
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
    #[allow(dead_code, reason = "the long tests need it")]
    pub(crate) fn event(&self, place: Place<'_>, bus: &str, event: &Value) {
        let path = format!("event?bus={bus}&account={}&region={}", place.account, place.region);
        let (status, answer) = self.ask(&path, event);
        assert_eq!(status, 200, "{answer}");
    }

    /// The rules that an event matches in a place, by their buses.
    pub(crate) fn matches_in(&self, place: Place<'_>, event: &Value) -> Value {
        let (status, answer) = self.ask(&format!("match?account={}&region={}", place.account, place.region), event);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// What IAM says of a call by a role that a stack has made: `Allow`, `Deny` or `ImplicitDeny`.
    pub(crate) fn decide(&self, role: &str, action: &str, resource: &str, session_policy: Option<&Value>) -> String {
        let question = json!({"role": role, "action": action, "resource": resource, "session_policy": session_policy});
        let (status, answer) = self.ask("decide", &question);
        assert_eq!(status, 200, "{question}: {answer}");
        answer.as_str().unwrap_or_default().to_owned()
    }

    /// The call that makes a resource of a type which the emulator does not know.
    pub(crate) fn recorded(&self, resource: &str) -> Value {
        let (status, mut answer) = self.ask("recorded", &Value::Null);
        assert_eq!(status, 200, "{answer}");
        answer[resource].take()
    }

    /// Asks again and again, until it is so; `explain` says more where it does not come to that.
    #[track_caller]
    pub(crate) fn wait_and_explain(what: &str, mut is_so: impl FnMut() -> bool, explain: impl Fn() -> String) {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < end, "it did not come to this: {what}; {}", explain());
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn ask(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = http::call(self.address, "POST", &format!("/x/{path}"), body.to_string().as_bytes());
        let (status, answer) = answer.unwrap_or_else(|why| panic!("{path}: the emulator does not answer: {why}"));
        (status, serde_json::from_slice(&answer).unwrap_or_default())
    }
}

impl Drop for Cloud {
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
