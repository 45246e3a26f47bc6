//! Calls to services of which one or two operations are needed: Lambda, IAM, Scheduler, EventBridge, Identity Center. Their
//! crates have some four hundred operations, which every build would compile. The requests are built here; signing,
//! retries, timeouts and connections are the SDK's.

use std::borrow::Cow;
use std::fmt::Write as _;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
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
use serde_json::Value;

use super::fault::Call;
use crate::ports::{Fault, FaultClass};

/// A call whose answer can be read as JSON.
pub(super) struct HttpCall {
    /// The service's name in endpoints and signatures.
    pub(super) service: &'static str,
    pub(super) call: Call,
    pub(super) method: &'static str,
    /// With the query, and percent-encoded.
    pub(super) path: Cow<'static, str>,
    /// `X-Amz-Target`, for services that select the operation by this header.
    pub(super) target: Option<&'static str>,
    pub(super) content_type: &'static str,
    /// Reads an answer or an error; [`json`] for services that answer in JSON.
    pub(super) read: Read,
}

/// Parses an answer.
pub(super) type Read = fn(&HttpResponse) -> Result<Value, OrchestratorError<ErrorMetadata>>;

/// How to reach a service: the shared configuration, and an endpoint that replaces AWS's own.
pub(super) struct Endpoint {
    pub(super) sdk: SdkConfig,
    pub(super) url: Option<String>,
}

/// A call bound to a region and credentials.
pub(super) struct Prepared {
    operation: Operation<String, Value, ErrorMetadata>,
    call: Call,
}

impl HttpCall {
    pub(super) fn prepare(
        &self,
        Endpoint { sdk, url }: &Endpoint,
        region: &str,
        credentials: SharedCredentialsProvider,
    ) -> Prepared {
        let mut builder = Operation::builder()
            .service_name(self.service)
            .operation_name(self.call.name())
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&url.clone().unwrap_or_else(|| self.endpoint(sdk, region)))
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .runtime_plugin(self.signed(sdk, region, credentials))
            .interceptor(UserAgentInterceptor::new());
        if let Some(client) = sdk.http_client() {
            builder = builder.http_client(client);
        }
        if let Some(retry) = sdk.retry_config() {
            builder = builder.standard_retry(retry);
        }
        if let Some(timeout) = sdk.timeout_config() {
            builder = builder.timeout_config(timeout.clone());
        }
        if let (Some(sleep), Some(time)) = (sdk.sleep_impl(), sdk.time_source()) {
            builder = builder.sleep_impl(sleep).time_source(time);
        }
        let (method, path, target, content_type) = (self.method, self.path.clone(), self.target, self.content_type);
        let request = move |question| request(question, method, &path, target, content_type);
        Prepared { operation: builder.serializer(request).deserializer(self.read).build(), call: self.call }
    }

    /// [bc: endpoint rule sets].
    fn endpoint(&self, sdk: &SdkConfig, region: &str) -> String {
        let suffix = match (region.starts_with("cn-"), sdk.use_dual_stack().unwrap_or_default()) {
            (false, false) => "amazonaws.com",
            (false, true) => "api.aws",
            (true, false) => "amazonaws.com.cn",
            (true, true) => "api.amazonwebservices.com.cn",
        };
        let fips = if sdk.use_fips().unwrap_or_default() { "-fips" } else { "" };
        format!("https://{}{fips}.{region}.{suffix}", self.service)
    }

    /// Signs with Signature Version 4 and names the caller, as the SDK's clients do.
    fn signed(&self, sdk: &SdkConfig, region: &str, credentials: SharedCredentialsProvider) -> StaticRuntimePlugin {
        let mut layer = Layer::new(self.call.name());
        layer.store_put(ApiMetadata::new(self.service, env!("CARGO_PKG_VERSION")));
        if let Some(name) = sdk.app_name() {
            layer.store_put(name.clone());
        }
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(Region::new(region.to_owned()).into()),
            name: Some(self.service.into()),
            ..SigV4OperationSigningConfig::default()
        });
        let components = RuntimeComponentsBuilder::new(self.call.name())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
            .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
            .with_identity_cache(Some(IdentityCache::no_cache()))
            .with_identity_resolver(SCHEME_ID, credentials);
        StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
    }
}

fn request(
    question: String,
    method: &str,
    path: &str,
    target: Option<&'static str>,
    content_type: &'static str,
) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(question));
    request.set_method(method)?;
    request.set_uri(path)?;
    let headers = request.headers_mut();
    headers.insert("content-type", content_type);
    if let Some(target) = target {
        headers.insert("x-amz-target", target);
    }
    Ok(request)
}

impl Prepared {
    /// Sends one request and returns its answer.
    pub(super) async fn ask(&self, question: String) -> Result<Value, Fault> {
        self.operation.invoke(question).await.map_err(|error| self.call.failed(&error))
    }

    /// The items of a list from all its pages, and whether the list is complete.
    #[cfg(feature = "cli")]
    pub(super) async fn list(
        &self,
        question: &Value,
        list: &str,
        pages_max: usize,
    ) -> Result<(Vec<Value>, bool), Fault> {
        let (mut items, mut question) = (Vec::new(), question.clone());
        for _ in 0..pages_max {
            let mut page = self.ask(question.to_string()).await?;
            let Some(Value::Array(more)) = page.get_mut(list).map(Value::take) else {
                return Err(self.unread(&format!("the answer has no {list}")));
            };
            items.extend(more);
            match (page.get_mut("NextToken").map(Value::take), question.as_object_mut()) {
                (None | Some(Value::Null), _) => return Ok((items, true)),
                (Some(token), Some(question)) => question.insert("NextToken".to_owned(), token),
                (Some(_), None) => break,
            };
        }
        Ok((items, false))
    }

    /// The fault for an incomplete answer.
    pub(super) fn unread(&self, what: &str) -> Fault {
        self.call.fault(FaultClass::Transient, "ResponseError", what)
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters, for a part of a path or form.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

/// Reads a JSON answer or error.
pub(super) fn json(response: &HttpResponse) -> Result<Value, OrchestratorError<ErrorMetadata>> {
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_config::AppName;
    use aws_credential_types::Credentials;
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use serde_json::json;

    use super::*;
    use crate::aws::scripted::{self, Scripted};

    /// Answers each request with an empty object, and keeps its address and user agent.
    #[derive(Clone, Debug, Default)]
    struct Seen(Arc<Mutex<Vec<(String, String)>>>);

    impl HttpConnector for Seen {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let agent = request.headers().get("user-agent").unwrap_or_default().to_owned();
            self.0.lock().unwrap().push((request.uri().to_owned(), agent));
            HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from("{}"))))
        }
    }

    /// The address and user agent of a call with these switches.
    async fn request_with(region: &str, fips: bool, dual_stack: bool) -> (String, String) {
        let seen = Seen::default();
        let client = seen.clone();
        let sdk = SdkConfig::builder()
            .app_name(AppName::new("runas-reactor").unwrap())
            .use_fips(fips)
            .use_dual_stack(dual_stack)
            .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(client.clone())))
            .build();
        let shape = HttpCall {
            service: "scheduler",
            call: Call::read("ListSchedules"),
            method: "POST",
            path: "/".into(),
            target: None,
            content_type: "application/x-amz-json-1.1",
            read: super::json,
        };
        let keys = SharedCredentialsProvider::new(Credentials::new("id", "secret", None, None, "test"));
        shape.prepare(&Endpoint { sdk, url: None }, region, keys).ask("{}".to_owned()).await.unwrap();
        let requests = seen.0.lock().unwrap();
        requests[0].clone()
    }

    #[tokio::test]
    async fn call_goes_to_the_endpoint_of_the_switches_and_names_the_caller() {
        for (region, fips, dual_stack, address) in [
            ("eu-west-1", false, false, "https://scheduler.eu-west-1.amazonaws.com/"),
            ("us-gov-west-1", true, false, "https://scheduler-fips.us-gov-west-1.amazonaws.com/"),
            ("eu-west-1", false, true, "https://scheduler.eu-west-1.api.aws/"),
            ("us-east-1", true, true, "https://scheduler-fips.us-east-1.api.aws/"),
            ("cn-north-1", false, false, "https://scheduler.cn-north-1.amazonaws.com.cn/"),
            ("cn-north-1", false, true, "https://scheduler.cn-north-1.api.amazonwebservices.com.cn/"),
        ] {
            let (asked, agent) = request_with(region, fips, dual_stack).await;
            assert_eq!(asked, address);
            assert!(agent.starts_with("aws-sdk-rust/") && agent.contains("app/runas-reactor"), "{agent}");
        }
    }

    #[test]
    fn what_means_something_in_a_path_or_form_is_encoded() {
        assert_eq!(encoded("a-Z_0.9~"), "a-Z_0.9~");
        assert_eq!(encoded("arn:aws:x/y +=,@&"), "arn%3Aaws%3Ax%2Fy%20%2B%3D%2C%40%26");
    }

    #[tokio::test]
    async fn list_has_the_items_of_all_pages_or_says_that_it_is_shorter() {
        let page = |item: u32, token: Value| json!({ "Users": [item], "NextToken": token });
        let list = async |answers: Vec<Value>, pages_max| {
            let aws = Scripted::new(answers);
            let call = Call::read("ListUsers");
            let (path, content_type) = ("/".into(), "application/x-amz-json-1.1");
            let shape = HttpCall {
                service: "identitystore",
                call,
                method: "POST",
                path,
                target: None,
                content_type,
                read: super::json,
            };
            let prepared = shape.prepare(&Endpoint { sdk: aws.sdk(), url: None }, "eu-west-1", scripted::keys());
            let found = prepared.list(&json!({ "Store": "d-1" }), "Users", pages_max).await;
            (found.map_err(|fault| fault.class), aws.asked())
        };
        let (found, asked) = list(vec![page(1, "t".into()), page(2, Value::Null)], 9).await;
        assert_eq!(found, Ok((vec![json!(1), json!(2)], true)));
        assert_eq!(asked, [json!({ "Store": "d-1" }), json!({ "Store": "d-1", "NextToken": "t" })]);
        assert_eq!(list(vec![page(1, "t".into())], 1).await.0, Ok((vec![json!(1)], false)));
        assert_eq!(list(vec![json!({})], 9).await.0, Err(FaultClass::Transient));
    }

    #[test]
    fn code_of_an_error_stands_in_the_header_or_the_body() {
        let failed = |header: Option<&'static str>, body: &'static str| {
            let mut response = HttpResponse::new(400.try_into().unwrap(), SdkBody::from(body));
            if let Some(header) = header {
                response.headers_mut().insert("x-amzn-errortype", header);
            }
            let error = super::json(&response).unwrap_err();
            let said = error.as_operation_error().unwrap();
            (said.code().map(str::to_owned), said.message().map(str::to_owned))
        };
        let gone = (Some("ResourceNotFoundException".to_owned()), Some("gone".to_owned()));
        assert_eq!(failed(Some("ResourceNotFoundException:http://x/"), r#"{"Message":"gone"}"#), gone);
        assert_eq!(failed(None, r#"{"__type":"com.amazonaws#ResourceNotFoundException","message":"gone"}"#), gone);
        assert_eq!(failed(None, "<html>"), (None, None));
    }
}
