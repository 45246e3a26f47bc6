//! Publishes alerts to the topic, in a form per protocol: JSON for programs, the text for mail, the subject for SMS; and to the
//! topic for chat, where one is configured.

use aws_sdk_sns::Client;
use aws_sdk_sns::operation::publish::builders::PublishFluentBuilder;
use aws_sdk_sns::types::MessageAttributeValue;
use serde_json::{Value, json};

use super::client::{Clients, Lazy};
use super::fault::Call;
use crate::config::Config;
use crate::domain::finding::Alert;
use crate::domain::text::{ID_CHARS_MAX, clean};
use crate::ports::{Fault, FaultClass, Notifier};

#[cfg(test)]
mod tests;

const PUBLISH: Call = Call::write("Publish");
/// Limit of a whole message: a quarter of the 256 KB that SNS accepts by default [docs: gr/sns].
const MESSAGE_BYTES_MAX: usize = 64 * 1_024;
/// Limit of the text in a message that was too large.
const SHORT_TEXT_BYTES: usize = 8 * 1_024;

/// The topic that alerts are published to, and the one for chat, where there is one.
pub struct SnsNotifier {
    client: Lazy<Client>,
    topic: String,
    chat: Option<String>,
}

impl SnsNotifier {
    pub(super) fn new(config: &Config, clients: &Clients) -> Self {
        Self { client: clients.sns(), topic: config.topic_arn.clone(), chat: config.chat_topic_arn.clone() }
    }

    async fn send(&self, alert: &Alert, message: &str) -> Result<(), Fault> {
        let request = self.client.publish().topic_arn(&self.topic).message_structure("json");
        let request = request.subject(alert.subject_line()).message(message);
        sent(with_attributes(request, alert)?).await
    }

    /// Sends a custom notification, where a topic for chat is configured. A fault that passes is the whole alert's, so that
    /// it is published again: twice on the first topic rather than never in chat. One that stays, such as a topic that is
    /// gone, is logged: the first topic has the alert, and would have it again and again.
    async fn send_chat(&self, alert: &Alert) -> Result<(), Fault> {
        let Some(topic) = &self.chat else { return Ok(()) };
        let request = self.client.publish().topic_arn(topic).message(alert.chat().to_string());
        match sent(with_attributes(request, alert)?).await {
            Err(fault) if !fault.retryable() => {
                let fix = "see that RUNAS_CHAT_TOPIC_ARN names a topic that the function may publish to";
                tracing::error!(alert = alert.id, topic, error = %fault, fix, "alert not sent to chat");
                Ok(())
            }
            outcome => outcome,
        }
    }
}

impl Notifier for SnsNotifier {
    async fn publish(&self, alert: &Alert) -> Result<(), Fault> {
        match self.send(alert, &message(alert)).await {
            // The same message would fail again; a minimal alert is better than none.
            Err(fault) if fault.class == FaultClass::Invalid => self.send(alert, &minimal(alert, &fault)).await?,
            outcome => outcome?,
        }
        self.send_chat(alert).await
    }
}

async fn sent(request: PublishFluentBuilder) -> Result<(), Fault> {
    request.send().await.map(drop).map_err(|error| PUBLISH.failed(&error))
}

fn with_attributes(mut request: PublishFluentBuilder, alert: &Alert) -> Result<PublishFluentBuilder, Fault> {
    for (name, value) in attributes(alert) {
        let value = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(value)
            .build()
            .map_err(|error| PUBLISH.fault(FaultClass::Invalid, "Build", &error.to_string()))?;
        request = request.message_attributes(name, value);
    }
    Ok(request)
}

/// Attributes for subscription filters. SNS refuses an attribute without a value [docs: sns-message-attributes].
fn attributes(alert: &Alert) -> Vec<(&'static str, String)> {
    let region = alert.region.as_ref().map(|region| region.as_str().to_owned());
    [
        ("severity", Some(alert.severity.as_str().to_owned())),
        ("kind", Some(clean(&alert.kind, ID_CHARS_MAX))),
        ("account", Some(alert.account.as_str().to_owned())),
        ("region", region),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)))
    .collect()
}

/// The message for all protocols, within its size limit.
fn message(alert: &Alert) -> String {
    let full = rendered(alert, &alert.text, &alert.data);
    if full.len() <= MESSAGE_BYTES_MAX {
        return full;
    }
    let text: String = cut(&alert.text, SHORT_TEXT_BYTES);
    rendered(alert, &text, &json!({ "left_out": "too large for a message; the ledger has it", "bytes": full.len() }))
}

/// The subject, the target and a pointer to the ledger, with only short pieces of foreign text.
fn minimal(alert: &Alert, fault: &Fault) -> String {
    let region = alert.region.as_ref().map_or("all regions", |region| region.as_str());
    let text = format!(
        "{}\n\nThis alert could not be sent in full ({}). It is in the ledger: account {}, {region}, alert {}.",
        alert.subject_line(),
        fault.code,
        alert.account,
        clean(&alert.id, ID_CHARS_MAX)
    );
    rendered(alert, &text, &json!({ "left_out": fault.code }))
}

fn rendered(alert: &Alert, text: &str, data: &Value) -> String {
    let body = alert.message(text, data);
    // With MessageStructure=json, `default` is required and every value is a string [bc sns].
    json!({ "default": body.to_string(), "email": text, "sms": alert.subject_line() }).to_string()
}

/// Cuts a text to a number of bytes and keeps its line breaks, which mail needs.
fn cut(text: &str, bytes: usize) -> String {
    let fits = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= bytes).last();
    let head = fits.and_then(|end| text.get(..end)).unwrap_or_default();
    format!("{head}\n[cut]")
}
