//! Identity and Access Management: one endpoint in each partition, AWS's query protocol, answers in XML [bc iam].

use std::borrow::Cow;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use serde_json::Value;

use super::client::Clients;
use super::fault::Call;
use super::http_call::{Endpoint, HttpCall, Read, encoded};
use crate::domain::target::{Region, partition};
use crate::ports::Fault;

/// How to reach IAM.
pub(super) struct Iam {
    endpoint: Endpoint,
    region: &'static str,
}

impl Iam {
    pub(super) fn new(home: &Region, clients: &Clients) -> Self {
        let Endpoint { sdk, url: given } = clients.iam();
        let fips = sdk.use_fips().unwrap_or_default();
        // [bc iam: endpoint rule set].
        let (region, endpoint) = match partition(home) {
            "aws-cn" => ("cn-north-1", "https://iam.cn-north-1.amazonaws.com.cn"),
            "aws-us-gov" => ("us-gov-west-1", "https://iam.us-gov.amazonaws.com"),
            _ if fips => ("us-east-1", "https://iam-fips.amazonaws.com"),
            _ => ("us-east-1", "https://iam.amazonaws.com"),
        };
        Self { endpoint: Endpoint { sdk, url: given.or_else(|| Some(endpoint.to_owned())) }, region }
    }

    /// Makes a call with one parameter, in the account that the credentials belong to.
    pub(super) async fn ask(
        &self,
        call: Call,
        (name, value): (&str, &str),
        read: Read,
        credentials: SharedCredentialsProvider,
    ) -> Result<Value, Fault> {
        let shape = HttpCall {
            service: "iam",
            call,
            method: "POST",
            path: Cow::Borrowed("/"),
            target: None,
            content_type: "application/x-www-form-urlencoded",
            read,
        };
        let question = format!("Action={}&Version=2010-05-08&{name}={}", call.name(), encoded(value));
        shape.prepare(&self.endpoint, self.region, credentials).ask(question).await
    }

    /// The credentials of the clients, where these belong to the account that is asked about.
    #[cfg(feature = "cli")]
    pub(super) fn own_credentials(&self) -> Option<SharedCredentialsProvider> {
        self.endpoint.sdk.credentials_provider()
    }
}

/// What `read` finds in an answer, or the error that IAM answers with.
pub(super) fn answered(
    response: &HttpResponse,
    read: impl FnOnce(&str) -> Result<Value, XmlDecodeError>,
) -> Result<Value, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    let text = std::str::from_utf8(body).map_err(OrchestratorError::other)?;
    if response.status().is_success() {
        return read(text).map_err(OrchestratorError::other);
    }
    let at = |path: &[&str]| text_at(text, path).map_err(OrchestratorError::other);
    let mut error = ErrorMetadata::builder();
    if let Some(code) = at(&["Error", "Code"])? {
        error = error.code(code);
    }
    if let Some(message) = at(&["Error", "Message"])? {
        error = error.message(message);
    }
    Err(OrchestratorError::operation(error.build()))
}

/// The text of the first element on a path below the root; `None` where there is none.
pub(super) fn text_at(document: &str, path: &[&str]) -> Result<Option<String>, XmlDecodeError> {
    below(&mut Document::new(document).root_element()?, path)
}

fn below(element: &mut ScopedDecoder<'_, '_>, path: &[&str]) -> Result<Option<String>, XmlDecodeError> {
    let Some((name, rest)) = path.split_first() else {
        return try_data(element).map(|text| Some(text.trim().to_owned()));
    };
    while let Some(mut next) = element.next_tag() {
        if next.start_el().matches(name) {
            return below(&mut next, rest);
        }
    }
    Ok(None)
}

/// The keys and values of the list at a path, such as a role's tags.
#[cfg(feature = "cli")]
pub(super) fn pairs_at(document: &str, path: &[&str]) -> Result<Vec<(String, String)>, XmlDecodeError> {
    pairs_below(&mut Document::new(document).root_element()?, path)
}

#[cfg(feature = "cli")]
fn pairs_below(element: &mut ScopedDecoder<'_, '_>, path: &[&str]) -> Result<Vec<(String, String)>, XmlDecodeError> {
    if let Some((name, rest)) = path.split_first() {
        while let Some(mut next) = element.next_tag() {
            if next.start_el().matches(name) {
                return pairs_below(&mut next, rest);
            }
        }
        return Ok(Vec::new());
    }
    let mut pairs = Vec::new();
    while let Some(mut member) = element.next_tag() {
        let (mut key, mut value) = (String::new(), String::new());
        while let Some(mut field) = member.next_tag() {
            match field.start_el().local() {
                "Key" => key = try_data(&mut field)?.into_owned(),
                "Value" => value = try_data(&mut field)?.into_owned(),
                _ => {}
            }
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}
