//! Who may send messages in the hub. What the function may do: `infra::privilege`, and `without` takes each right away.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use serde_json::json;

use super::roles::REACTOR;
use crate::deploy::hub::Hub;
use crate::e2e::stage::{HUB, runtime};

const FUNCTION: &str = REACTOR.name;

#[test]
fn only_the_rules_and_the_reactors_roles_send_messages_and_none_without_tls() {
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
            hub.aws_as(role, "sqs", "send_message", &message).expect("a role of the reactor");
        }
    }
}
