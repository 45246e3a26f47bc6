//! An organisation with the reactor deployed in its hub account.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_organizations::Client as Organizations;
use runas_reactor::config;
use runas_reactor::domain::policy::Policy;
use runas_reactor::domain::target::DOCUMENT_NAME;
use runas_reactor::domain::time::SECOND_MS;
use runas_reactor::policy_file;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::queue::created;
use crate::support::emulator::{Credentials, Emulator};
use crate::support::lambda::Lambda;
use crate::support::table::ledger;

/// Longer than anything here takes, and shorter than a person wants to wait.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// moto's own account, which is where organisations begin.
pub(super) const MANAGEMENT: &str = "123456789012";
pub(super) const HUB: &str = "222233334444";
pub(super) const PAYMENTS: &str = "333344445555";
pub(super) const SEARCH: &str = "444455556666";
pub(super) const APPLIANCE: &str = "555566667777";
pub(super) const PILOT: &str = "666677778888";
pub(super) const SANDBOX: &str = "777788889999";
pub(super) const MEMBERS: [&str; 6] = [HUB, PAYMENTS, SEARCH, APPLIANCE, PILOT, SANDBOX];
pub(super) const HOME: &str = "eu-west-1";
pub(super) const FRANKFURT: &str = "eu-central-1";
pub(super) const VIRGINIA: &str = "us-east-1";
pub(super) const REGIONS: [&str; 3] = [HOME, FRANKFURT, VIRGINIA];
pub(super) const TABLE: &str = "runas-ledger";
const COMPILED: &str = "policy.json";

const POLICY: &str = r#"
version: 1
organization: { id: o-exampleorgid, management_account: "123456789012", hub_account: "222233334444", home_region: eu-west-1 }
regions: [eu-west-1, eu-central-1, us-east-1]
access:
  roles: [RunasReactorMember]
unplaced: enforce
defaults:
  mode: enforce
  preferences: { runAsEnabled: true, runAsDefaultUser: ops }
scopes:
  - name: production
    ous: [OU_OF_PRODUCTION]
    preferences: { runAsDefaultUser: prodops, idleSessionTimeout: "15" }
  - name: pilot
    accounts: ["666677778888"]
    mode: observe
exemptions:
  - { accounts: ["555566667777"], reason: "appliance with its own users", owner: team-net, expires: 2099-06-30 }
principals:
  trusted: ["arn:aws:iam::*:role/AWSAccelerator-*"]
  break_glass: ["arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_BreakGlass_*"]
break_glass: { hold_minutes: 60 }
breaker: { reverts: 5, within_minutes: 10 }
readiness: { retry_for_minutes: 120 }
alerts: { configuration_lag_minutes: 5 }
"#;

/// The organisation, and what is deployed in the hub. Everything here waits until it is done.
pub(super) struct Stage {
    pub(super) aws: Arc<Emulator>,
    pub(super) hub: Hub,
    pub(super) yaml: String,
    files: Arc<TempDir>,
    runtime: Runtime,
    /// How much of the trail was already taken.
    pub(super) trail_read: Mutex<u64>,
    /// The only account that is played here.
    pub(super) account: Option<String>,
}

/// What the operator deployed.
pub(super) struct Hub {
    /// Follows the names of everything that is deployed, so that there can be more than one of it.
    pub(super) suffix: String,
    pub(super) keys: Credentials,
    dynamodb: aws_sdk_dynamodb::Client,
    pub(super) sqs: aws_sdk_sqs::Client,
    pub(super) topic: String,
    pub(super) queue: String,
    pub(super) dlq: String,
    /// A queue that subscribes to the topic.
    pub(super) on_call: String,
}

impl Stage {
    /// Seven accounts; those of the workloads stand in OUs of OUs.
    pub(super) fn set() -> Self {
        let aws = Arc::new(Emulator::start());
        let runtime = runtime();
        let (production, hub) = runtime.block_on(async { (organize(&aws).await, Hub::deploy(&aws, "").await) });
        let yaml = POLICY.replace("OU_OF_PRODUCTION", &production);
        let files = Arc::new(TempDir::new().expect("a directory"));
        let stage = Self { aws, hub, yaml, files, runtime, trail_read: Mutex::default(), account: None };
        stage.file(COMPILED, &stage.policy().compiled());
        stage.aws.clear_log();
        stage
    }

    /// Another deployment in the same organisation, with a table, queues and a topic of its own, for one account alone. Any
    /// number of them can be played at the same time.
    #[allow(dead_code, reason = "the long tests need it")]
    pub(super) fn annex(&self, account: &str) -> Self {
        let runtime = runtime();
        let hub = runtime.block_on(Hub::deploy(&self.aws, &format!("-{account}")));
        let (aws, files) = (Arc::clone(&self.aws), Arc::clone(&self.files));
        let account = Some(account.to_owned());
        Self { aws, hub, yaml: self.yaml.clone(), files, runtime, trail_read: Mutex::default(), account }
    }

    /// Makes accounts directly under the root, and hears of it nowhere.
    #[allow(dead_code, reason = "the long tests need it")]
    pub(super) fn open_accounts(&self, accounts: &[String]) {
        self.aws.switches(&json!({"next_accounts": accounts}));
        let client = Organizations::new(&self.sdk(&manager(&self.aws), VIRGINIA));
        for account in accounts {
            let request = client.create_account().account_name("workload").email(format!("{account}@example.com"));
            self.run(request.send()).expect("an account can be made");
        }
    }

    /// Time passes, for AWS and for the function.
    pub(super) fn pass(&self, seconds: i64) {
        self.aws.clock().advance(seconds * SECOND_MS);
    }

    /// The policy as the function reads it.
    pub(super) fn policy(&self) -> Policy {
        compiled(&self.yaml)
    }

    pub(super) fn run<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    pub(super) fn sdk(&self, keys: &Credentials, region: &str) -> SdkConfig {
        self.aws.sdk(keys, region)
    }

    /// The function with a compiled policy beside it.
    pub(super) fn lambda(&self) -> Lambda {
        self.lambda_with(&[])
    }

    pub(super) fn lambda_with(&self, variables: &[(&str, &str)]) -> Lambda {
        let policy = format!("file:{}", self.files.path().join(COMPILED).display());
        let url = self.aws.url_via(&self.hub.via());
        let table = self.hub.table();
        let mut all = vec![
            (config::TABLE, table.as_str()),
            (config::TOPIC_ARN, &self.hub.topic),
            (config::QUEUE_URL, &self.hub.queue),
            (config::DLQ_URL, &self.hub.dlq),
            (config::ENDPOINT, &url),
            (config::POLICY, &policy),
            ("AWS_ACCESS_KEY_ID", &self.hub.keys.access_key),
            ("AWS_SECRET_ACCESS_KEY", &self.hub.keys.secret_key),
            ("AWS_SESSION_TOKEN", &self.hub.keys.token),
        ];
        all.extend_from_slice(variables);
        Lambda::start_by(&self.aws.clock(), &all)
    }

    /// Organizations makes an account, directly under the root, and tells about it.
    pub(super) fn vend(&self, account: &str) -> Value {
        self.aws.switches(&json!({"next_accounts": [account]}));
        let client = Organizations::new(&self.sdk(&manager(&self.aws), VIRGINIA));
        let request = client.create_account().account_name("newcomer").email(format!("{account}@example.com"));
        self.run(request.send()).expect("an account can be made");
        created(account, MANAGEMENT, &format!("vend-{account}"))
    }

    /// A file for `RUNAS_POLICY`.
    pub(super) fn file(&self, name: &str, text: &str) -> String {
        let path = self.files.path().join(name);
        fs::write(&path, text).expect("a file can be written");
        format!("file:{}", path.display())
    }

    /// Puts the policy where `policy push` puts it.
    pub(super) fn push_policy(&self) {
        self.put_policy(&self.yaml, None);
    }

    /// Writes any policy under any number, without `runasctl`.
    pub(super) fn put_policy(&self, yaml: &str, version: Option<u64>) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let row = [("PK", "POLICY"), ("SK", "CURRENT"), ("compiled", &compiled(yaml).compiled())];
        let mut row: std::collections::HashMap<String, AttributeValue> =
            row.map(|(name, value)| (name.to_owned(), text(value))).into();
        if let Some(version) = version {
            let line = [("at", "2026-11-01T00:00:00Z"), ("by", "somebody"), ("why", "x"), ("digest", "x")];
            row.extend(line.map(|(name, value)| (name.to_owned(), text(value))));
            row.insert("version".to_owned(), AttributeValue::N(version.to_string()));
        }
        let put = self.hub.dynamodb.put_item().table_name(self.hub.table()).set_item(Some(row)).send();
        self.run(put).expect("a row can be written");
    }

    /// The whole table by its keys, each row as plain JSON.
    pub(super) fn rows(&self) -> BTreeMap<String, Value> {
        let pages = self.hub.dynamodb.scan().table_name(self.hub.table()).into_paginator().items().send();
        let rows = self.run(pages.collect::<Result<Vec<_>, _>>()).expect("the table can be read");
        let plain = |row: std::collections::HashMap<String, AttributeValue>| -> Value {
            row.into_iter().map(|(name, value)| (name, plain(&value))).collect()
        };
        let key = |row: &Value| format!("{} {}", text_of(&row["PK"]), text_of(&row["SK"]));
        rows.into_iter().map(plain).map(|row| (key(&row), row)).collect()
    }

    /// The rows of one account by their sort keys, those that begin with `prefix`.
    pub(super) fn rows_of(&self, account: &str, prefix: &str) -> BTreeMap<String, Value> {
        let partition = format!("ACCOUNT#{account} ");
        let rows = self.rows().into_iter();
        rows.filter_map(|(key, row)| Some((key.strip_prefix(&partition)?.to_owned(), row)))
            .filter(|(key, _)| key.starts_with(prefix))
            .collect()
    }

    /// The document of a target, looked at without a trace.
    pub(super) fn find(&self, account: &str, region: &str) -> Option<Document> {
        let found = self.aws.documents_of(account)[region][DOCUMENT_NAME].take();
        (!found.is_null()).then_some(Document(found))
    }

    pub(super) fn document(&self, account: &str, region: &str) -> Document {
        self.find(account, region).unwrap_or_else(|| panic!("there is no document in {account}/{region}"))
    }

    /// The document is what the policy wants in `account`: one version for everybody, with the owned fields right.
    #[track_caller]
    pub(super) fn assert_right(&self, account: &str, region: &str) {
        let document = self.document(account, region);
        let (user, timeout) = user_of(account);
        let inputs = document.inputs();
        assert_eq!(document.default(), document.latest(), "{account}/{region}: default and latest version");
        assert_eq!(inputs["runAsEnabled"], json!(true), "{account}/{region}: {inputs}");
        assert_eq!(inputs["runAsDefaultUser"], json!(user), "{account}/{region}: {inputs}");
        if !timeout.is_null() {
            assert_eq!(inputs["idleSessionTimeout"], timeout, "{account}/{region}: {inputs}");
        }
        assert_eq!(document.0["type"], "Session", "{account}/{region}");
    }

    /// Whether there is such a document, and what everybody reads is what the policy wants.
    pub(super) fn is_right(&self, account: &str, region: &str) -> bool {
        self.find(account, region).is_some_and(|document| {
            let inputs = document.inputs();
            document.default() == document.latest()
                && (&inputs["runAsEnabled"], &inputs["runAsDefaultUser"]) == (&json!(true), &json!(user_of(account).0))
        })
    }

    /// The calls that the function made to a service since the log was cleared, in the order of their arrival.
    pub(super) fn calls(&self, service: &str) -> Vec<Value> {
        self.aws.log().into_iter().filter(|call| call["service"] == service).collect()
    }

    /// The actions among [`Stage::calls`].
    pub(super) fn actions(&self, service: &str) -> Vec<String> {
        self.calls(service).iter().map(|call| text_of(&call["action"])).collect()
    }
}

impl Hub {
    /// What the function's endpoint is named by.
    pub(super) fn via(&self) -> String {
        format!("function{}", self.suffix)
    }

    pub(super) fn table(&self) -> String {
        format!("{TABLE}{}", self.suffix)
    }

    async fn deploy(aws: &Emulator, suffix: &str) -> Self {
        let keys = aws.credentials(&format!("arn:aws:iam::{HUB}:role/RunasReactor"), "runas-reactor");
        let sdk = aws.sdk(&keys, HOME);
        let (sqs, sns) = (aws_sdk_sqs::Client::new(&sdk), aws_sdk_sns::Client::new(&sdk));
        let queue = async |name: &str| {
            let made =
                sqs.create_queue().queue_name(format!("{name}{suffix}")).send().await.expect("a queue can be made");
            made.queue_url.expect("it has a URL")
        };
        let (work, dlq, on_call) = (queue("runas").await, queue("runas-dlq").await, queue("on-call").await);
        let topic = sns.create_topic().name(format!("runas-alerts{suffix}")).send().await.expect("a topic can be made");
        let topic = topic.topic_arn.expect("it has an ARN");
        let endpoint = format!("arn:aws:sqs:{HOME}:{HUB}:on-call{suffix}");
        sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(endpoint).send().await.expect("a queue can listen");
        let dynamodb = aws_sdk_dynamodb::Client::new(&sdk);
        let table = ledger(dynamodb.create_table().table_name(format!("{TABLE}{suffix}")));
        table.send().await.expect("a table can be made");
        Self { suffix: suffix.to_owned(), keys, dynamodb, sqs, topic, queue: work, dlq, on_call }
    }
}

/// Makes the organisation and answers with the OU of production.
///
/// ```text
/// root ─ management
///   ├─ infrastructure ─ hub
///   └─ workloads ─┬─ production ─┬─ search
///                 │              └─ payments team ─ payments
///                 └─ development ─ appliance, pilot, sandbox
/// ```
async fn organize(aws: &Emulator) -> String {
    aws.switches(&json!({"next_accounts": MEMBERS}));
    let client = Organizations::new(&aws.sdk(&manager(aws), VIRGINIA));
    client.create_organization().send().await.expect("there is none yet");
    let root = client.list_roots().send().await.expect("there is a root").roots.expect("a list").remove(0);
    let root = root.id.expect("it has an id");
    let unit = async |parent: &str, name: &str| {
        let request = client.create_organizational_unit().parent_id(parent).name(name).send();
        let made = request.await.expect("an OU can be made").organizational_unit;
        made.and_then(|made| made.id).expect("it has an id")
    };
    let infrastructure = unit(&root, "infrastructure").await;
    let workloads = unit(&root, "workloads").await;
    let production = unit(&workloads, "production").await;
    let team = unit(&production, "payments-team").await;
    let development = unit(&workloads, "development").await;
    let members = [
        ("hub", &infrastructure),
        ("payments", &team),
        ("search", &production),
        ("appliance", &development),
        ("pilot", &development),
        ("sandbox", &development),
    ];
    for ((name, parent), id) in members.into_iter().zip(MEMBERS) {
        let email = format!("{name}@example.com");
        client.create_account().account_name(name).email(email).send().await.expect("an account can be made");
        let moved = client.move_account().account_id(id).source_parent_id(&root).destination_parent_id(parent);
        moved.send().await.expect("an account can be moved");
    }
    let delegate = client.register_delegated_administrator().account_id(HUB).service_principal("ssm.amazonaws.com");
    delegate.send().await.expect("the hub may read the organisation");
    production
}

/// The user and the timeout that the policy wants in an account.
fn user_of(account: &str) -> (&'static str, Value) {
    if [PAYMENTS, SEARCH].contains(&account) { ("prodops", json!("15")) } else { ("ops", json!(null)) }
}

fn compiled(yaml: &str) -> Policy {
    let now = "2026-11-01T00:00:00Z".parse().expect("a time");
    policy_file::parse("policy.yaml", yaml, now).unwrap_or_else(|problems| panic!("{problems}")).0
}

pub(super) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

pub(super) fn manager(aws: &Emulator) -> Credentials {
    aws.credentials(&format!("arn:aws:iam::{MANAGEMENT}:role/Admin"), "root")
}

/// A document with all its versions.
pub(super) struct Document(Value);

impl Document {
    pub(super) fn default(&self) -> u64 {
        number_of(&self.0["default"])
    }

    pub(super) fn latest(&self) -> u64 {
        number_of(&self.0["latest"])
    }

    /// The inputs of the latest version.
    pub(super) fn inputs(&self) -> Value {
        self.0["versions"][0]["json"]["inputs"].clone()
    }

    /// The latest version, to be edited.
    pub(super) fn content(&self) -> Value {
        self.0["versions"][0]["json"].clone()
    }
}

fn number_of(text: &Value) -> u64 {
    text.as_str().and_then(|text| text.parse().ok()).expect("a version")
}

pub(super) fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(number) => json!(number.parse::<i64>().expect("whole numbers only")),
        AttributeValue::Bool(is) => json!(is),
        AttributeValue::L(values) => values.iter().map(plain).collect(),
        other => panic!("no row holds such a thing: {other:?}"),
    }
}
