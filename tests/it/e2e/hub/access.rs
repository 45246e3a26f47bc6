//! Who may do what in the hub: the function what it does and no more, others nothing to its messages, and it nothing to the
//! policy.

use std::collections::BTreeSet;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use serde_json::{Value, json};

use super::roles::{REACTOR, actions_of};
use super::{BUS, Deployed};
use crate::decode::fixtures::sample;
use crate::deploy::hub::{Hub, VIA};
use crate::e2e::stage::{FRANKFURT, HOME, HUB, PAYMENTS, runtime};

const FUNCTION: &str = REACTOR.name;
/// What Lambda's event source mapping does with the function's rights, which is asked for and not counted.
const POLLER: [&str; 3] = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];

impl Deployed {
    /// What the function's role was allowed, or denied, so far.
    fn checked(&self, allowed: bool) -> BTreeSet<String> {
        let checks = self.hub.checks().into_iter().filter(|check| check.role == FUNCTION && check.allowed == allowed);
        checks.map(|check| check.action).collect()
    }

    fn role_policy(&self) -> Value {
        self.policy_of(&REACTOR)
    }

    /// What the role allows in some services.
    fn granted(&self, services: &[&str]) -> BTreeSet<String> {
        let actions = actions_of(&self.role_policy()).into_iter();
        actions.filter(|action| services.contains(&action.split(':').next().unwrap_or_default())).collect()
    }

    fn is_alerted_of_an_undecodable_message(&self) {
        self.hub.event(BUS, &serde_json::from_str(&sample("ssm/event-version-2.json")).expect("JSON"));
    }

    /// A principal writes a document that is not there yet.
    fn hears_of_a_new_document(&self, account: &str, region: &str) {
        self.stage.administrator(account, "alice").creates(region, &json!({"runAsEnabled": false}));
        self.forward();
    }

    /// The same where Systems Manager throttles the reactor.
    fn hears_of_a_busy_region(&self, account: &str, region: &str) {
        let busy =
            json!([{"service": "ssm", "times": 1_000, "code": "ThrottlingException", "message": "Rate exceeded"}]);
        self.stage.administrator(account, "alice").creates(region, &json!({"runAsEnabled": false}));
        self.stage.aws.faults_via(VIA, &busy);
        self.forward();
    }
}

#[test]
fn the_function_is_allowed_what_it_does_and_nothing_else() {
    let deployed = Deployed::set();
    deployed.is_alerted_of_an_undecodable_message();
    deployed.hears_of_a_new_document(PAYMENTS, HOME);
    deployed.come_to_rest();
    deployed.hears_of_a_busy_region(PAYMENTS, FRANKFURT);
    let used = |action: &str| deployed.checked(true).contains(action);
    deployed.hub.wait_until("a throttled message is handed back", || used("sqs:ChangeMessageVisibility"));
    assert_eq!(deployed.checked(false), BTreeSet::new(), "denied");
    let used: BTreeSet<String> = deployed.checked(true).into_iter().chain(POLLER.map(str::to_owned)).collect();
    assert_eq!(used, deployed.granted(&["dynamodb", "sns", "sqs"]), "left: what was used; right: what the role allows");
}

#[test]
fn the_function_reads_the_policy_and_cannot_write_it() {
    let hub = Hub::deploy_alone(HUB);
    let table = hub.id("Table");
    let row = |partition: &str| json!({"PK": {"S": partition}, "SK": {"S": "CURRENT"}});
    let key = |partition: &str| json!({"TableName": table, "Key": row(partition)});
    let put = |partition: &str| json!({"TableName": table, "Item": row(partition)});
    let call = |operation: &str, parameters: Value| {
        let answer = hub.aws_as(FUNCTION, "dynamodb", operation, &parameters);
        answer.err().unwrap_or_else(|| "allowed".to_owned())
    };
    let denied = "AccessDeniedException";
    let read = json!({"RequestItems": {table: {"Keys": [row("POLICY")]}}});
    assert_eq!(call("batch_get_item", read), "allowed");
    assert_eq!(call("put_item", put("POLICY")), denied);
    assert_eq!(call("delete_item", key("POLICY")), denied);
    let transaction = json!({"TransactItems": [{"Put": put("SWEEP")}, {"Put": put("POLICY")}]});
    assert_eq!(call("transact_write_items", transaction), denied);
    assert_eq!(call("put_item", put("SWEEP")), "allowed");
}

#[test]
fn nobody_but_rules_and_our_roles_writes_messages_and_nobody_without_tls() {
    let hub = Hub::deploy_alone(HUB);
    let runtime = runtime();
    let (client, plain) = (Client::new(&hub.sdk()), Client::new(&hub.sdk_in_plain_text()));
    for queue in ["QueueUrl", "DeadLetterUrl"].map(|name| &hub.outputs[name]) {
        let refused = runtime.block_on(client.send_message().queue_url(queue).message_body("{}").send());
        assert_eq!(refused.expect_err("an administrator of the account").code(), Some("AccessDenied"));
        runtime.block_on(client.receive_message().queue_url(queue).send()).expect("but they may look");
        let refused = runtime.block_on(plain.receive_message().queue_url(queue).send());
        assert_eq!(refused.expect_err("in plain text").code(), Some("AccessDenied"));
        for role in [FUNCTION, hub.id("ScheduleRole")] {
            let message = json!({"QueueUrl": queue, "MessageBody": "{}"});
            hub.aws_as(role, "sqs", "send_message", &message).expect("a role of ours");
        }
    }
}
