//! The reactor's own account on the emulator.

use aws_sdk_ssm::types::DocumentType;
use runas_reactor::aws::{AwsWorld, lambda};
use runas_reactor::config::{self, Config};
use runas_reactor::domain::target::{AccountFacts, AccountState, Target};
use runas_reactor::ports::{Ledger as _, World as _};
use runas_reactor::reactor::Message;
use serde_json::json;

use super::emulator::{Credentials, Emulator};
use super::table::ledger;

const NAME: &str = "SSM-SessionManagerRunShell";
const HUB_ROLE: &str = "arn:aws:iam::222233334444:role/RunasReactor";
const ADMIN_ROLE: &str = "arn:aws:iam::444455556666:role/Admin";
const HOME: &str = "eu-west-1";
pub(crate) const TABLE: &str = "runas-ledger";

/// The reactor's own account with what is deployed there, and the world as the function sees it.
pub(crate) struct Hub {
    pub(crate) aws: Emulator,
    pub(crate) keys: Credentials,
    pub(crate) topic: String,
    pub(crate) queue: String,
    pub(crate) dlq: String,
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

    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.aws.sdk(&self.keys, HOME))
    }

    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.aws.sdk(&self.keys, HOME))
    }

    /// Tries each call as often as the function does.
    pub(crate) fn world(&self) -> AwsWorld {
        self.world_with(&self.keys, &[])
    }

    /// Tries each call once, so that a test sees its failure.
    pub(crate) fn impatient(&self) -> AwsWorld {
        self.world_with(&self.keys, &[(config::MAX_ATTEMPTS, "1")])
    }

    pub(crate) fn world_with(&self, keys: &Credentials, vars: &[(&str, &str)]) -> AwsWorld {
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
    pub(crate) fn calls(&self, service: &str) -> Vec<String> {
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
