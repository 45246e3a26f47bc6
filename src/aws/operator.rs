//! How an operator reaches AWS: through the default chain of environment, profiles, SSO, `credential_process` and
//! roles, with the regions and endpoints that they configure.

use std::error::Error;
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::AwsWorld;
use super::client::{Clients, Lazy, app_name, http_client};
use super::dead_letters::DeadLetters;
use super::directory::Organizations;
use super::fault::Call;
use super::hub_view::HubView;
use super::ledger::discarded_messages::DiscardedMessages;
use super::ledger::policy_store::PolicyStore;
use super::ledger::view::LedgerView;
use super::nodes::Nodes;
use super::principals::Principals;
use super::session::{Scope, Sessions};
use crate::clock;
use crate::config::{Config, Connection, Endpoints, PolicyLocation, Trust};
use crate::domain::target::{AccountFacts, IdError, Region as RegionCode};
use crate::domain::text::{MESSAGE_CHARS_MAX, NAME_CHARS_MAX, clean, quote};
use crate::domain::time::{MINUTE_MS, Time};
use crate::ports::{Directory as _, Fault};

const WHO_AM_I: Call = Call::read("GetCallerIdentity");

/// Limit of a handshake over an operator's line.
const CONNECT: Duration = Duration::from_secs(5);
/// Limit of one attempt: long enough for an answer of a megabyte over a slow line.
const ATTEMPT: Duration = Duration::from_secs(30);
/// Limit of a call with all its attempts.
const OPERATION: Duration = Duration::from_secs(90);

/// Credentials that expire sooner than this are renewed by the chain.
const MARGIN_MS: i64 = 5 * MINUTE_MS;

/// Concurrent requests to Organizations; the SDK retries what it throttles.
const PARALLEL: usize = 4;

/// The credentials and the region to use.
#[derive(Clone, Debug)]
pub struct Login {
    /// A profile other than `AWS_PROFILE` or the default one.
    pub profile: Option<String>,
    /// A region other than that of the environment or the profile.
    pub region: Option<String>,
    /// Which certificate authorities to trust.
    pub trust: Trust,
}

/// Why the command cannot reach AWS.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoginProblem {
    /// Neither flag nor variable nor profile names a region.
    #[error("no region is known; fix: give --region, set AWS_REGION, or write `region` into the profile")]
    NoRegion,
    /// The configured region is not a valid region code.
    #[error("{0}; fix: give --region, set AWS_REGION, or mend `region` in the profile")]
    BadRegion(#[from] IdError),
    /// No provider of the chain has credentials, or one of them failed.
    #[error(
        "there are no credentials{whence}: {cause}; fix: `aws sso login`, name a profile that works with --profile or \
         AWS_PROFILE, or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
    )]
    NoCredentials {
        /// The profile, where one was given.
        whence: String,
        /// The errors of the providers.
        cause: String,
    },
    /// The certificate authorities cannot be loaded.
    #[error("{0}; fix: report this, with the version of runasctl")]
    NoTls(String),
}

/// Where the reactor is deployed, as far as a command needs it. An unnamed part is not used.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    /// The ledger's table.
    pub table: Option<String>,
    /// The topic that alerts go to.
    pub topic_arn: Option<String>,
    /// The reactor's work queue.
    pub queue_url: Option<String>,
}

/// AWS as an operator reaches it.
pub struct Operator {
    clients: Clients,
    region: RegionCode,
    trust: Trust,
    sts: Lazy<aws_sdk_sts::Client>,
}

/// The caller's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: String,
    /// The user or the role session.
    pub arn: String,
}

/// Logs in. Fetches credentials at once, so that missing ones are reported before anything else.
///
/// # Errors
/// There is no region, or no credentials; or the TLS context cannot be built.
pub async fn connect(login: &Login) -> Result<Operator, LoginProblem> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION);
    let http = http_client(login.trust).map_err(LoginProblem::NoTls)?;
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).http_client(http.clone()).timeout_config(timeouts.build());
    if let Some(name) = app_name("runasctl") {
        loader = loader.app_name(name);
    }
    if let Some(profile) = &login.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &login.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let base = loader.load().await;
    let chain = match &login.profile {
        Some(profile) => Some(SharedCredentialsProvider::new(of_profile(profile, &base, http))),
        None => base.credentials_provider(),
    };
    let whence =
        login.profile.as_ref().map(|profile| format!(" in the profile {}", quote(profile))).unwrap_or_default();
    let none = |cause: String| LoginProblem::NoCredentials { whence, cause };
    let Some(chain) = chain else { return Err(none("they are switched off".to_owned())) };
    let first = match chain.provide_credentials().await {
        Ok(first) => first,
        Err(error) => return Err(none(causes(&error))),
    };
    // The region is checked after the credentials: a missing profile has no region either.
    let Some(region) = base.region() else { return Err(LoginProblem::NoRegion) };
    let region = region.as_ref().parse()?;
    let asked = LoginCredentials { first, chain };
    let base = base.into_builder().credentials_provider(SharedCredentialsProvider::new(asked)).build();
    let clients = Clients::over(base);
    Ok(Operator { sts: clients.sts(), clients, region, trust: login.trust })
}

/// Only the named profile: the default chain would prefer another login's environment variables.
fn of_profile(profile: &str, base: &SdkConfig, http: SharedHttpClient) -> ProfileFileCredentialsProvider {
    let config = ProviderConfig::without_region()
        .with_region(base.region().cloned())
        .with_behavior_version(base.behavior_version())
        .with_http_client(http);
    ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build()
}

/// An error with all its sources, each text once.
fn causes(error: &CredentialsError) -> String {
    let first: &(dyn Error + 'static) = error;
    let chain = std::iter::successors(Some(first), |error| (*error).source());
    let mut text = String::new();
    for cause in chain.map(|error| clean(&error.to_string(), MESSAGE_CHARS_MAX)) {
        if !text.contains(&cause) {
            text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
        }
    }
    clean(&text, MESSAGE_CHARS_MAX)
}

impl Operator {
    /// The identity behind the credentials. This call needs no permissions.
    ///
    /// # Errors
    /// STS does not answer, or rejects the credentials.
    pub async fn who_am_i(&self) -> Result<Identity, Fault> {
        let answer = self.sts.get_caller_identity().send().await.map_err(|error| WHO_AM_I.failed(&error))?;
        let text = |text: Option<&str>| clean(text.unwrap_or_default(), NAME_CHARS_MAX);
        Ok(Identity { account: text(answer.account()), arn: text(answer.arn()) })
    }

    /// The world that the function acts on, reached with the operator's credentials.
    pub fn world(&self, deployment: &Deployment) -> AwsWorld {
        let named = |name: &Option<String>| name.clone().unwrap_or_default();
        let config = Config {
            connection: self.connection(),
            table: named(&deployment.table),
            topic_arn: named(&deployment.topic_arn),
            chat_topic_arn: None,
            queue_url: named(&deployment.queue_url),
            dlq_url: String::new(),
            policy: PolicyLocation::Table,
            // The broker serves only the function's role.
            broker: None,
        };
        AwsWorld::new(&config, &self.clients)
    }

    /// Endpoints and retries are defaults here: the clients are already configured.
    fn connection(&self) -> Connection {
        let (region, trust) = (self.region.clone(), self.trust);
        Connection { region, trust, endpoints: Endpoints::default(), max_attempts: 0, fips: false, dual_stack: false }
    }

    /// The dead-letter queue with this URL.
    pub fn dead_letters(&self, url: &str) -> DeadLetters {
        DeadLetters::new(url, &self.clients)
    }

    /// The record of dropped messages, in the ledger's table.
    pub fn discarded_messages(&self, table: &str) -> DiscardedMessages {
        DiscardedMessages::new(table, &self.clients)
    }

    /// The versions of the policy, in the ledger's table.
    pub fn policy_store(&self, table: &str) -> PolicyStore {
        PolicyStore::new(table, &self.clients)
    }

    /// Read-only access to the ledger in this table.
    pub fn ledger_view(&self, table: &str) -> LedgerView {
        LedgerView::new(table, &self.clients)
    }

    /// Read-only access to the hub.
    pub fn hub_view(&self) -> HubView {
        HubView::new(&self.region, &self.clients)
    }

    /// Roles and users of the credentials' own account, and Identity Center.
    pub fn principals(&self) -> Principals {
        Principals::new(&self.region, &self.clients)
    }

    /// The managed nodes of all accounts, to be asked.
    pub fn nodes(&self) -> Nodes {
        Nodes::new(&self.connection(), &self.clients)
    }

    /// Every account of the organisation, as Organizations lists it now.
    ///
    /// # Errors
    /// Organizations does not answer, or denies these credentials.
    pub async fn organization(&self) -> Result<Vec<AccountFacts>, Fault> {
        let sessions = Sessions::new(&self.connection(), &self.clients, Scope::Document);
        let directory = Organizations::new(&self.clients, Arc::new(sessions));
        let ids = directory.accounts(None).await?;
        let each = ids.iter().map(|account| directory.account(account));
        let facts: Vec<Option<AccountFacts>> = stream::iter(each).buffered(PARALLEL).try_collect().await?;
        Ok(facts.into_iter().flatten().collect())
    }
}

/// The chain, preceded by the credentials of the login: a `credential_process` with a second factor must not prompt
/// twice. SDK clients cache credentials; calls of `http_call` come here each time.
struct LoginCredentials {
    first: Credentials,
    chain: SharedCredentialsProvider,
}

impl ProvideCredentials for LoginCredentials {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        if lasts(&self.first, clock::now()) {
            return Provided::ready(provider::Result::Ok(self.first.clone()));
        }
        self.chain.provide_credentials()
    }
}

/// Whether credentials outlive any call.
fn lasts(credentials: &Credentials, now: Time) -> bool {
    let Some(expiry) = credentials.expiry() else { return true };
    let ms = expiry.duration_since(UNIX_EPOCH).map_or(0, |at| i64::try_from(at.as_millis()).unwrap_or(i64::MAX));
    Time::from_ms(ms).since(now) > MARGIN_MS
}

impl fmt::Debug for LoginCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginCredentials").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_the_login_serve_until_five_minutes_before_their_end() {
        let until = |ms| {
            let expiry = UNIX_EPOCH + Duration::from_millis(ms);
            lasts(&Credentials::new("id", "secret", None, Some(expiry), "test"), Time::from_ms(1_000))
        };
        assert!(until(301_001));
        assert!(!until(301_000));
        assert!(lasts(&Credentials::new("id", "secret", None, None, "test"), Time::ZERO), "a user's keys have no end");
    }

    #[test]
    fn cause_of_a_failed_login_is_printed_once_with_its_source() {
        let error = CredentialsError::provider_error("the process ended with 1");
        let text = causes(&error);
        assert_eq!(text.matches("the process ended with 1").count(), 1, "{text}");
        assert!(text.ends_with(": the process ended with 1"), "{text}");
    }
}
