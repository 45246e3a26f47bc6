//! The hub's account as its operator leaves it: `infra/hub.yaml`, made into a stack by an emulator's CloudFormation, under
//! the roles and policies of that stack, with the function's real binary fed from its real queue.
//!
//! Everything in the hub is `tests/hub/server.py`; documents, member accounts and the organisation are the other emulator's.

use std::collections::BTreeMap;
use std::path::Path;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::{Value, json};

use crate::deploy::cloud::{Cloud, PACKAGE, Place, Stack};
use crate::support::emulator::Emulator;
use crate::support::lambda;

const REGION: &str = "eu-west-1";
const STACK: &str = "runas-reactor";
/// By this name the emulator tells what the function asks of member accounts.
pub(crate) const VIA: &str = "deployed";

/// A stack of the template, in an account of its own.
pub(crate) struct Hub {
    pub(crate) cloud: Cloud,
    account: String,
    stack: Stack,
    pub(crate) outputs: BTreeMap<String, String>,
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

    fn beside(account: &str, members: &str) -> Self {
        let (cloud, place) = (Cloud::start(account, members), Place { account, region: REGION });
        let bucket = cloud.upload(place, Path::new(&lambda::binary()));
        let parameters = [("OrganizationId", "o-exampleorgid"), ("CodeBucket", &bucket), ("CodeKey", PACKAGE)];
        let stack = cloud.deploy(place, STACK, "hub.yaml", &parameters);
        Self { cloud, account: account.to_owned(), outputs: stack.outputs.clone(), stack }
    }

    /// The stack as `infra/install` has made it.
    pub(crate) fn installed(cloud: Cloud, account: &str) -> Self {
        let stack = cloud.stack(Place { account, region: REGION }, STACK);
        Self { cloud, account: account.to_owned(), outputs: stack.outputs.clone(), stack }
    }

    fn place(&self) -> Place<'_> {
        Place { account: &self.account, region: REGION }
    }

    /// The endpoint of every service.
    pub(crate) fn url(&self) -> String {
        self.cloud.url()
    }

    /// The physical id of a resource.
    pub(crate) fn id(&self, resource: &str) -> &str {
        self.stack.id(resource)
    }

    /// A call by the account's root that succeeds.
    #[track_caller]
    pub(crate) fn aws(&self, service: &str, operation: &str, parameters: &Value) -> Value {
        self.cloud.aws_in(self.place(), service, operation, parameters)
    }

    /// A call by a role of the stack: the answer, or the error's code.
    pub(crate) fn aws_as(
        &self,
        role: &str,
        service: &str,
        operation: &str,
        parameters: &Value,
    ) -> Result<Value, String> {
        self.cloud.aws_as(role, service, operation, parameters)
    }

    /// An event as AWS puts it onto a bus.
    pub(crate) fn event(&self, bus: &str, event: &Value) {
        self.cloud.event(self.place(), bus, event);
    }

    /// What the Scheduler sends when the time of a schedule has come.
    pub(crate) fn run_schedule(&self, resource: &str) -> String {
        let (status, answer) = self.cloud.ask(&format!("schedule?name={}", self.id(resource)), &Value::Null);
        assert_eq!(status, 200, "{answer}");
        answer.as_str().unwrap_or_default().to_owned()
    }

    /// The rules that an event matches, by their buses.
    pub(crate) fn matches(&self, event: &Value) -> Value {
        self.cloud.matches_in(self.place(), event)
    }

    /// What roles have been allowed and denied so far.
    pub(crate) fn checks(&self) -> Vec<Check> {
        self.checked("checks")
    }

    /// The same of one role and action.
    pub(crate) fn checks_of(&self, role: &str, action: &str) -> Vec<Check> {
        self.checked(&format!("checks?role={role}&action={action}"))
    }

    /// Whether a function runs at the moment.
    pub(crate) fn is_busy(&self) -> bool {
        self.cloud.ask("running", &Value::Null).1 != 0
    }

    fn checked(&self, path: &str) -> Vec<Check> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (_, answer) = self.cloud.ask(path, &Value::Null);
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
    pub(crate) fn wait_until(&self, what: &str, is_so: impl FnMut() -> bool) {
        Cloud::wait_and_explain(what, is_so, || self.logs());
    }

    /// What the function wrote.
    pub(crate) fn logs(&self) -> String {
        let group = self.id("Logs");
        let found = self.aws("logs", "filter_log_events", &json!({"logGroupName": group}))["events"].take();
        let lines = found.as_array().into_iter().flatten().filter_map(|event| event["message"].as_str());
        lines.collect::<Vec<_>>().join("\n")
    }
}
