//! The ports over the AWS SDK, each method against the emulator: what a call does there, and what its failures mean here.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers are parts of tests"
)]

mod broker;
mod cloudtrail;
mod directory;
mod documents;
mod ledger;
mod notifier;
mod session;

use std::collections::BTreeSet;

use aws_sdk_ssm::types::DocumentType;
use runas_reactor::aws::{AwsWorld, lambda};
use runas_reactor::config::{self, Config};
use runas_reactor::domain::document::{Body, Content};
use runas_reactor::domain::finding::{Alert, Severity};
use runas_reactor::domain::observation::{Observation, Seen};
use runas_reactor::domain::target::{AccountFacts, AccountState, Target};
use runas_reactor::domain::time::Time;
use runas_reactor::ports::{Access, Documents as _, Fault, Ledger as _, World as _};
use runas_reactor::reactor::Message;
use serde_json::{Value, json};

use crate::support::emulator::{Credentials, Emulator};
use crate::support::table::ledger;

const NAME: &str = "SSM-SessionManagerRunShell";
const MEMBER: &str = "444455556666";
const ROLE: &str = "RunasReactorMember";
const HUB_ROLE: &str = "arn:aws:iam::222233334444:role/RunasReactor";
const ADMIN_ROLE: &str = "arn:aws:iam::444455556666:role/Admin";
const HOME: &str = "eu-west-1";
const TABLE: &str = "runas-ledger";

/// The reactor's own account with what is deployed there, and the world as the function sees it.
pub(crate) struct Hub {
    aws: Emulator,
    keys: Credentials,
    topic: String,
    queue: String,
    dlq: String,
}

impl Hub {
    pub(crate) async fn new() -> Self {
        let aws = Emulator::start();
        let keys = aws.credentials(HUB_ROLE, "hub");
        let sqs = aws_sdk_sqs::Client::new(&aws.sdk(&keys, HOME));
        let sns = aws_sdk_sns::Client::new(&aws.sdk(&keys, HOME));
        let queue = |name: &'static str| {
            let request = sqs.create_queue().queue_name(name).send();
            async { request.await.expect("a queue can be made").queue_url.expect("it has a URL") }
        };
        let (queue, dlq) = (queue("runas").await, queue("runas-dlq").await);
        let topic = sns.create_topic().name("runas-alerts").send().await.expect("a topic can be made");
        let hub = Self { topic: topic.topic_arn.expect("it has an ARN"), queue, dlq, keys, aws };
        hub.make_table().await;
        hub.aws.clear_log();
        hub
    }

    async fn make_table(&self) {
        ledger(self.dynamodb().create_table().table_name(TABLE)).send().await.expect("a table can be made");
    }

    fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.aws.sdk(&self.keys, HOME))
    }

    fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.aws.sdk(&self.keys, HOME))
    }

    pub(crate) fn emulator(&self) -> &Emulator {
        &self.aws
    }

    /// Tries each call as often as the function does.
    pub(crate) fn world(&self) -> AwsWorld {
        self.world_with(&self.keys, &[])
    }

    /// Tries each call once, so that a test sees its failure.
    fn impatient(&self) -> AwsWorld {
        self.world_with(&self.keys, &[(config::MAX_ATTEMPTS, "1")])
    }

    fn world_with(&self, keys: &Credentials, vars: &[(&str, &str)]) -> AwsWorld {
        let url = self.aws.url();
        let config = Config::from_vars(|name| {
            let given = vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            given.or_else(|| {
                Some(match name {
                    config::REGION => HOME.to_owned(),
                    config::TABLE => TABLE.to_owned(),
                    config::TOPIC_ARN => self.topic.clone(),
                    config::QUEUE_URL => self.queue.clone(),
                    config::DLQ_URL => self.dlq.clone(),
                    // The endpoint of a service beats the one of all.
                    config::ENDPOINT => "http://127.0.0.1:1".to_owned(),
                    name if name.starts_with(config::ENDPOINT) => url.clone(),
                    _ => return None,
                })
            })
        });
        let Credentials { access_key, secret_key, token } = keys.clone();
        let keys = aws_credential_types::Credentials::new(access_key, secret_key, Some(token), None, "tests");
        lambda::connect_as(&config.expect("the settings are complete"), keys).unwrap()
    }

    /// The actions that a service was asked for since the log was cleared.
    fn calls(&self, service: &str) -> Vec<String> {
        let calls = self.aws.log();
        let of_service = calls.iter().filter(|call| call["service"] == service);
        of_service.map(|call| call["action"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// As if the account had been looked up before.
    pub(crate) async fn remember_account(&self, account: &str) {
        let facts = AccountFacts {
            account: account.parse().expect("an account"),
            name: "workload".to_owned(),
            ou_path: vec!["r-root".parse().expect("a root"), "ou-root-workloads".parse().expect("an OU")],
            state: AccountState::Active,
        };
        self.world().ledger().save_facts(&facts).await.expect("facts can be saved");
    }

    /// The administrator makes the document; the event of it, as a message.
    pub(crate) async fn admin_creates(&self, target: &Target) -> Message {
        let document =
            json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": { "runAsEnabled": false } });
        let request = self.admin().create_document().name(NAME).document_type(DocumentType::Session);
        request.content(document.to_string()).send().await.expect("the administrator may");
        self.event(target)
    }

    /// The administrator turns Run As off; the event of it, as a message.
    pub(crate) async fn admin_updates(&self, target: &Target) -> Message {
        let document = json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": { "runAsEnabled": false, "kmsKeyId": "k" } });
        let request = self.admin().update_document().name(NAME).document_version("$LATEST");
        request.content(document.to_string()).send().await.expect("the administrator may");
        self.event(target)
    }

    /// The newest event of another principal's call.
    fn event(&self, target: &Target) -> Message {
        let events = self.aws.trail(&mut 0);
        let event = events.last().expect("CloudTrail has seen it");
        assert_eq!(event["account"], target.account.as_str());
        Message { id: "m-1".to_owned(), body: event.to_string(), receipt: None, receives: 1 }
    }

    /// A principal with all rights in the member account.
    pub(crate) fn admin(&self) -> aws_sdk_ssm::Client {
        aws_sdk_ssm::Client::new(&self.aws.sdk(&self.aws.credentials(ADMIN_ROLE, "alice"), HOME))
    }
}

fn target_in(region: &str) -> Target {
    Target::new(MEMBER.parse().expect("an account"), region.parse().expect("a region"))
}

fn target() -> Target {
    target_in(HOME)
}

fn access_by(roles: &[&str]) -> Access {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    Access { roles, gap_roles: Vec::new(), correlation: "c/1".to_owned() }
}

fn access() -> Access {
    access_by(&[ROLE])
}

fn content(user: &str) -> Content {
    Content::minimal().overlaid(&[("runAsDefaultUser".to_owned(), json!(user))].into())
}

fn text(user: &str) -> String {
    content(user).render(0)
}

async fn observe(world: &AwsWorld) -> Result<Observation, Fault> {
    world.documents().observe(&target(), &access(), &BTreeSet::new()).await
}

async fn seen(world: &AwsWorld) -> Seen {
    match observe(world).await.expect("the document can be read") {
        Observation::Present(seen) => *seen,
        other => panic!("the document is there, and not {other:?}"),
    }
}

/// The Run As user that a body names.
fn user(body: &Body) -> String {
    let input = body.content().and_then(|content| content.input("runAsDefaultUser"));
    input.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn alert(id: &str) -> Alert {
    Alert {
        id: id.to_owned(),
        account: MEMBER.parse().expect("an account"),
        region: Some(HOME.parse().expect("a region")),
        severity: Severity::High,
        kind: "edit_reverted".to_owned(),
        incident: None,
        subject: "Run As was switched off".to_owned(),
        text: "Somebody switched it off.\nIt is on again.".to_owned(),
        data: json!({ "versions": [1, 2] }),
        at: Time::from_ms(1_790_000_000_000),
    }
}
