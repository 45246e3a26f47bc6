//! CloudTrail's event history of an account: who called what in the last 90 days, whether or not an event came.
//!
//! `LookupEvents` is the only call to CloudTrail, made where a sweep finds what no event told of, and the package has no room
//! for the crate of a whole service. So its shape is ours; signing, retries, timeouts and connections are the SDK's.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthScheme};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Clients;
use super::fault::Call;
use super::session::{Lent, Scope, Sessions};
use crate::config::Config;
use crate::domain::decode::from_history;
use crate::domain::edit::Edit;
use crate::domain::target::{self, Target, partition};
use crate::domain::time::Time;
use crate::ports::{Access, Fault};

const CALL: Call = Call::read("LookupEvents").in_member();
/// The calls that change what an engineer gets. They are rare in any account, whatever the document, so that asking by name
/// finds them; whether CloudTrail knows documents by their names is not documented.
const NAMES: [&str; 4] = ["CreateDocument", "UpdateDocument", "UpdateDocumentDefaultVersion", "DeleteDocument"];
/// Pages of fifty events that are read for a name, the newest first. Two may be asked for in a second [bc cloudtrail]; what
/// is throttled is tried again.
const PAGES_MAX: usize = 3;

/// The event histories of all accounts.
pub(super) struct EventHistory {
    sessions: Sessions,
    sdk: SdkConfig,
    endpoint: Option<String>,
}

/// One page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    events: Vec<Event>,
    next_token: Option<String>,
}

/// What is of interest in an event: its record as CloudTrail wrote it, which is JSON in a string.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "CloudTrailEvent", default)]
    record: String,
}

type Lookup = Operation<String, Page, ErrorMetadata>;

impl EventHistory {
    pub(super) fn new(config: &Config, clients: &Clients) -> Self {
        let (sdk, endpoint) = clients.cloudtrail();
        Self { sessions: Sessions::new(config, clients, Scope::History), sdk, endpoint }
    }

    pub(super) async fn called(&self, target: &Target, access: &Access, since: Time) -> Result<Vec<Edit>, Fault> {
        let Lent { session, .. } = self.sessions.get(&target.account, access).await?;
        let lookup = self.lookup(&target.region, session.credentials.clone());
        let mut edits = Vec::new();
        for name in NAMES {
            let mut token = None;
            for _ in 0..PAGES_MAX {
                let page = lookup.invoke(question(name, since, token.as_deref())).await;
                let page = page.map_err(|error| CALL.failed(&error))?;
                edits.extend(page.events.iter().filter_map(|event| from_history(&event.record, target)));
                token = page.next_token;
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(edits)
    }

    fn lookup(&self, region: &target::Region, credentials: Credentials) -> Lookup {
        let mut builder = Operation::builder()
            .service_name("cloudtrail")
            .operation_name("LookupEvents")
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&self.endpoint.clone().unwrap_or_else(|| endpoint(region)))
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .runtime_plugin(signed(region, credentials));
        if let Some(client) = self.sdk.http_client() {
            builder = builder.http_client(client);
        }
        if let Some(retry) = self.sdk.retry_config() {
            builder = builder.standard_retry(retry);
        }
        if let Some(timeout) = self.sdk.timeout_config() {
            builder = builder.timeout_config(timeout.clone());
        }
        if let (Some(sleep), Some(time)) = (self.sdk.sleep_impl(), self.sdk.time_source()) {
            builder = builder.sleep_impl(sleep).time_source(time);
        }
        builder.serializer(request).deserializer(answer).build()
    }
}

/// [docs: gr/ct].
fn endpoint(region: &target::Region) -> String {
    let suffix = if partition(region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://cloudtrail.{region}.{suffix}")
}

fn question(name: &str, since: Time, token: Option<&str>) -> String {
    let by_name = json!([{ "AttributeKey": "EventName", "AttributeValue": name }]);
    let mut question = json!({ "LookupAttributes": by_name, "StartTime": since.ms() / 1_000 });
    if let (Some(token), Some(map)) = (token, question.as_object_mut()) {
        map.insert("NextToken".to_owned(), token.into());
    }
    question.to_string()
}

/// Signature version 4 with these credentials, as the SDK's own clients sign.
fn signed(region: &target::Region, credentials: Credentials) -> StaticRuntimePlugin {
    let mut layer = Layer::new("LookupEvents");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig {
        region: Some(Region::new(region.as_str().to_owned()).into()),
        name: Some("cloudtrail".into()),
        ..SigV4OperationSigningConfig::default()
    });
    let components = RuntimeComponentsBuilder::new("LookupEvents")
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_identity_cache(Some(IdentityCache::no_cache()))
        .with_identity_resolver(SCHEME_ID, SharedCredentialsProvider::new(credentials));
    StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
}

fn request(question: String) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(question));
    request.set_method("POST")?;
    request.set_uri("/")?;
    let headers = request.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.1");
    headers.insert("x-amz-target", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents");
    Ok(request)
}

fn answer(response: &HttpResponse) -> Result<Page, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return serde_json::from_slice(body).map_err(OrchestratorError::other);
    }
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| said.get(key).and_then(Value::as_str);
    let code = response.headers().get("x-amzn-errortype").or_else(|| text("__type"));
    let mut error = ErrorMetadata::builder();
    // `prefix#Code:http://…`: only the word in between is the code [smithy: AWS JSON protocols, error shapes].
    if let Some(code) = code.and_then(|code| code.split(':').next()?.rsplit('#').next()) {
        error = error.code(code);
    }
    if let Some(message) = text("message").or_else(|| text("Message")) {
        error = error.message(message);
    }
    Err(OrchestratorError::operation(error.build()))
}
