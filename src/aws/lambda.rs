//! How a Lambda function reaches AWS: with the credentials in its environment. Startup reads no file, opens no
//! connection and does not wait.
//!
//! The default credential chain would also try profile files and instance metadata, which Lambda does not have. That
//! lookup is the most expensive step of a cold start after loading the system's certificates.

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use super::AwsWorld;
use super::broker::ManagementAccount;
use super::client::Clients;
use crate::config::Config;
use crate::config::broker::BrokerConfig;

/// Connects with the credentials of the reactor's execution role.
///
/// # Errors
/// The TLS context cannot be built.
pub fn connect(config: &Config) -> Result<AwsWorld, String> {
    connect_as(config, EnvironmentVariableCredentialsProvider::new())
}

/// Connects with the credentials of the broker's execution role.
///
/// # Errors
/// The TLS context cannot be built.
pub fn connect_broker(config: &BrokerConfig) -> Result<ManagementAccount, String> {
    let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
    Ok(ManagementAccount::new(config, &Clients::new(&config.connection, credentials)?))
}

/// Connects with the given credentials, as tests do.
///
/// # Errors
/// The TLS context cannot be built.
pub fn connect_as(config: &Config, credentials: impl ProvideCredentials + 'static) -> Result<AwsWorld, String> {
    let credentials = SharedCredentialsProvider::new(credentials);
    Ok(AwsWorld::new(config, &Clients::new(&config.connection, credentials)?))
}
