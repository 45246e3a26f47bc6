//! How an operator reaches AWS: through the ordinary chain of the environment, profiles, SSO, a `credential_process` and
//! roles, with what profiles and variables say of regions and endpoints.

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
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::AwsWorld;
use super::client::{Clients, Lazy, http_client};
use super::dead_letters::{DeadLetters, DropBook};
use super::directory::Organizations;
use super::fault::Call;
use super::hub_view::HubView;
use super::ledger_view::LedgerView;
use super::policy_store::PolicyStore;
use crate::clock;
use crate::config::{Config, Connection, Endpoints, PolicySource, Trust};
use crate::domain::target::{AccountFacts, IdError, Region as RegionCode};
use crate::domain::text::{MESSAGE_CHARS_MAX, NAME_CHARS_MAX, clean, quote};
use crate::domain::time::{MINUTE_MS, Time};
use crate::ports::Fault;

const WHO_AM_I: Call = Call::read("GetCallerIdentity");

/// A handshake, over whatever line an operator has.
const CONNECT: Duration = Duration::from_secs(5);
/// One attempt: an answer of a megabyte over a slow line, too.
const ATTEMPT: Duration = Duration::from_secs(30);
/// A call with all its attempts.
const OPERATION: Duration = Duration::from_secs(90);

/// Credentials with less than this to live are for the chain to renew.
const MARGIN_MS: i64 = 5 * MINUTE_MS;

/// Accounts that Organizations is asked for at a time; what is too many it says itself, and the SDK asks again.
const PARALLEL: usize = 4;

/// As whom, and where.
#[derive(Clone, Debug)]
pub struct Login {
    /// A profile other than `AWS_PROFILE` or the default one.
    pub profile: Option<String>,
    /// A region other than that of the environment or the profile.
    pub region: Option<String>,
    /// Which certificate authorities to trust.
    pub trust: Trust,
}

/// Why AWS cannot be reached at all.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoginProblem {
    /// Neither flag nor variable nor profile names a region.
    #[error("no region is known; fix: give --region, set AWS_REGION, or write `region` into the profile")]
    NoRegion,
    /// What is named is none.
    #[error("{0}; fix: give --region, set AWS_REGION, or mend `region` in the profile")]
    BadRegion(#[from] IdError),
    /// Nobody in the chain has credentials, or somebody failed to get them.
    #[error(
        "there are no credentials{whence}: {cause}; fix: `aws sso login`, name a profile that works with --profile or \
         AWS_PROFILE, or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
    )]
    NoCredentials {
        /// The profile, where one was asked for.
        whence: String,
        /// What those said who were asked.
        cause: String,
    },
}

/// Where the reactor is deployed, as far as a command needs it. What is not named is not reached.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    /// The ledger's table.
    pub table: Option<String>,
    /// The topic that alerts go to.
    pub topic_arn: Option<String>,
    /// The queue that the reactor lives on.
    pub queue_url: Option<String>,
}

/// AWS as an operator reaches it.
pub struct Operator {
    clients: Clients,
    region: RegionCode,
    trust: Trust,
    sts: Lazy<aws_sdk_sts::Client>,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: String,
    /// The user or the role session.
    pub arn: String,
}

/// Logs in. Credentials are fetched now, so that whoever has none hears it before anything else.
///
/// # Errors
/// There is no region, or nobody has credentials.
pub async fn connect(login: &Login) -> Result<Operator, LoginProblem> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION);
    let http = http_client(login.trust);
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).http_client(http.clone()).timeout_config(timeouts.build());
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
    // LoginCredentials last: a profile that is not there has no region either.
    let Some(region) = base.region() else { return Err(LoginProblem::NoRegion) };
    let region = region.as_ref().parse()?;
    let asked = LoginCredentials { first, chain };
    let base = base.into_builder().credentials_provider(SharedCredentialsProvider::new(asked)).build();
    let clients = Clients::over(base);
    Ok(Operator { sts: clients.sts(), clients, region, trust: login.trust })
}

/// A profile that was asked for by name, and nobody else: the chain would prefer the variables of another login.
fn of_profile(profile: &str, base: &SdkConfig, http: SharedHttpClient) -> ProfileFileCredentialsProvider {
    let config = ProviderConfig::without_region()
        .with_region(base.region().cloned())
        .with_behavior_version(base.behavior_version())
        .with_http_client(http);
    ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build()
}

/// An error with everything behind it, each cause once.
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
    /// Who the credentials belong to. Everybody may ask.
    ///
    /// # Errors
    /// STS does not answer, or does not know the credentials.
    pub async fn who_am_i(&self) -> Result<Identity, Fault> {
        let answer = self.sts.get_caller_identity().send().await.map_err(|error| WHO_AM_I.failed(&error))?;
        let text = |text: Option<&str>| clean(text.unwrap_or_default(), NAME_CHARS_MAX);
        Ok(Identity { account: text(answer.account()), arn: text(answer.arn()) })
    }

    /// The world that the function acts on, reached with the operator's own credentials.
    pub fn world(&self, deployment: &Deployment) -> AwsWorld {
        let named = |name: &Option<String>| name.clone().unwrap_or_default();
        let config = Config {
            connection: self.connection(),
            table: named(&deployment.table),
            topic_arn: named(&deployment.topic_arn),
            queue_url: named(&deployment.queue_url),
            dlq_url: String::new(),
            policy: PolicySource::Table,
            // It serves the function's role only.
            broker: None,
        };
        AwsWorld::new(&config, &self.clients)
    }

    /// The clients know endpoints of their own, and how often they try.
    fn connection(&self) -> Connection {
        let (region, trust) = (self.region.clone(), self.trust);
        Connection { region, trust, endpoints: Endpoints::default(), max_attempts: 0 }
    }

    /// The dead-letter queue with this URL.
    pub fn dead_letters(&self, url: &str) -> DeadLetters {
        DeadLetters::new(url, &self.clients)
    }

    /// The book of what was dropped, in the ledger's table.
    pub fn drop_book(&self, table: &str) -> DropBook {
        DropBook::new(table, &self.clients)
    }

    /// The versions of the policy, in the ledger's table.
    pub fn policy_store(&self, table: &str) -> PolicyStore {
        PolicyStore::new(table, &self.clients)
    }

    /// The ledger with this table, to be read.
    pub fn ledger_view(&self, table: &str) -> LedgerView {
        LedgerView::new(table, &self.clients)
    }

    /// What the hub consists of, to be looked at.
    pub fn hub_view(&self) -> HubView {
        HubView::new(&self.region, &self.clients)
    }

    /// Every account of the organisation, as Organizations knows it now.
    ///
    /// # Errors
    /// Organizations does not answer, or not to these credentials.
    pub async fn organization(&self) -> Result<Vec<AccountFacts>, Fault> {
        let directory = Organizations::new(&self.clients);
        let ids = directory.accounts(None).await?;
        let each = ids.iter().map(|account| directory.account(account));
        let facts: Vec<Option<AccountFacts>> = stream::iter(each).buffered(PARALLEL).try_collect().await?;
        Ok(facts.into_iter().flatten().collect())
    }
}

/// The chain, with the credentials that it gave at the login: a `credential_process` that asks for a second factor must not
/// ask twice. The SDK keeps what it gets; calls made by hand come here each time.
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

/// Whether credentials are good for longer than any call takes.
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
