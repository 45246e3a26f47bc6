//! Configuration shared by all clients. Each client is built on first use, because most starts need only a few.

use std::sync::LazyLock;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{HttpClient as _, SharedHttpClient, http_client_fn};

use super::http_call::Endpoint;
use crate::config::{Connection, Endpoints, Trust};

/// Amazon Root CA 1 to 4 and Starfield Services Root G2: the roots of Amazon Trust Services, from Mozilla's list.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// Limit of a TCP and TLS handshake; a slower one is unlikely to complete.
const CONNECT: Duration = Duration::from_secs(2);
/// Limit of one attempt. No call is long: the largest is a transaction of 4 MB.
const ATTEMPT: Duration = Duration::from_secs(5);
/// Limit of a call with all its attempts.
const OPERATION: Duration = Duration::from_secs(12);

/// A client that is built on first use.
pub(super) type Lazy<C> = LazyLock<C, Box<dyn FnOnce() -> C + Send>>;

/// Builds the clients.
pub(super) struct Clients {
    base: SdkConfig,
    endpoints: Endpoints,
}

macro_rules! lazy_client {
    ($(#[$doc:meta])* $name:ident, $sdk:ident) => {
        $(#[$doc])*
        pub(super) fn $name(&self) -> Lazy<$sdk::Client> {
            let base = self.base.clone();
            // A hand-built configuration does not read AWS_ENDPOINT_URL_<SERVICE>.
            let endpoint = self.endpoints.$name.clone().or_else(|| self.endpoints.default.clone());
            Lazy::new(Box::new(move || {
                let mut config = $sdk::config::Builder::from(&base);
                if endpoint.is_some() {
                    config.set_endpoint_url(endpoint);
                }
                $sdk::Client::from_conf(config.build())
            }))
        }
    };
}

impl Clients {
    /// # Errors
    /// The TLS context cannot be built.
    pub(super) fn new(connection: &Connection, credentials: SharedCredentialsProvider) -> Result<Self, String> {
        let mut base = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(aws_config::Region::new(connection.region.as_str().to_owned()))
            .credentials_provider(credentials)
            .retry_config(RetryConfig::standard().with_max_attempts(connection.max_attempts))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT)
                    .operation_attempt_timeout(ATTEMPT)
                    .operation_timeout(OPERATION)
                    .build(),
            )
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(SharedTimeSource::new(SystemTimeSource::new()))
            .http_client(http_client(connection.trust)?)
            .use_fips(connection.fips)
            .use_dual_stack(connection.dual_stack);
        base.set_app_name(app_name("runas-reactor"));
        let base = base.build();
        Ok(Self { base, endpoints: connection.endpoints.clone() })
    }

    /// Clients over a configuration from the default chain, which resolves endpoints itself.
    #[cfg(feature = "cli")]
    pub(super) fn over(base: SdkConfig) -> Self {
        Self { base, endpoints: Endpoints::default() }
    }

    /// How to reach Lambda, which has no SDK client here.
    pub(super) fn lambda(&self) -> Endpoint {
        self.endpoint(self.endpoints.lambda.as_ref())
    }

    /// How to reach Identity and Access Management, which has no SDK client here.
    pub(super) fn iam(&self) -> Endpoint {
        self.endpoint(self.endpoints.iam.as_ref())
    }

    /// How to reach a service that only operators' commands call; their configuration knows its endpoint.
    #[cfg(feature = "cli")]
    pub(super) fn of_operators(&self) -> Endpoint {
        self.endpoint(None)
    }

    fn endpoint(&self, endpoint: Option<&String>) -> Endpoint {
        let endpoint = endpoint.or(self.endpoints.default.as_ref()).map(String::as_str);
        Endpoint { sdk: self.base.clone(), url: endpoint.or_else(|| self.base.endpoint_url()).map(str::to_owned) }
    }

    lazy_client!(ssm, aws_sdk_ssm);
    lazy_client!(sts, aws_sdk_sts);
    lazy_client!(dynamodb, aws_sdk_dynamodb);
    lazy_client!(sns, aws_sdk_sns);
    lazy_client!(sqs, aws_sdk_sqs);
    lazy_client!(organizations, aws_sdk_organizations);
    lazy_client!(cloudtrail, aws_sdk_cloudtrail);
    lazy_client!(account, aws_sdk_account);
}

/// One HTTP client for all services: certificate roots are parsed once and connections are shared.
///
/// To validate the roots early, the SDK's own client builds a connector for every service client and discards it.
/// `http_client_fn` skips this: the first request builds the connector, and later ones with the same timeouts reuse it.
///
/// # Errors
/// The TLS context cannot be built. The default context would trust the system's roots, so it replaces nothing.
pub(super) fn http_client(trust: Trust) -> Result<SharedHttpClient, String> {
    let store = match trust {
        Trust::Amazon => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
        Trust::Native => TrustStore::default(),
    };
    let context = TlsContext::builder().with_trust_store(store).build();
    let context = context.map_err(|error| format!("the TLS context cannot be built: {error}"))?;
    let builder = aws_smithy_http_client::Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring));
    let inner = builder.tls_context(context).build_https();
    Ok(http_client_fn(move |settings, components| inner.http_connector(settings, components)))
}

/// The name of the caller in the user agent of each call, and so in CloudTrail. The names given here are valid.
pub(super) fn app_name(name: &'static str) -> Option<AppName> {
    AppName::new(name).ok()
}

#[cfg(test)]
mod tests {
    use super::{AMAZON_ROOTS, Clients};
    use crate::aws::scripted::{connection, keys};

    #[test]
    fn calls_name_the_reactor() {
        let clients = Clients::new(&connection(), keys()).unwrap();
        assert_eq!(clients.base.app_name().map(AsRef::as_ref), Some("runas-reactor"));
    }

    #[test]
    fn five_roots_are_embedded() {
        let pem = std::str::from_utf8(AMAZON_ROOTS).unwrap();
        assert_eq!(pem.matches("-----BEGIN CERTIFICATE-----").count(), 5);
    }
}
