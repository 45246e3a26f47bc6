//! How a Lambda function reaches AWS: with the credentials that Lambda puts into the environment, and without anything at
//! the start that reads a file, opens a connection or waits.
//!
//! The ordinary credential chain would look at profile files and be ready to ask instance metadata; neither exists in
//! Lambda, and looking costs more than everything else of a cold start but the certificates of the system.

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use super::AwsWorld;
use super::broker::ManagementAccount;
use super::client::Clients;
use crate::config::Config;
use crate::config::broker::BrokerConfig;

/// The world as the function's execution role reaches it.
pub fn connect(config: &Config) -> AwsWorld {
    connect_as(config, EnvironmentVariableCredentialsProvider::new())
}

/// What the broker's execution role reaches.
pub fn connect_broker(config: &BrokerConfig) -> ManagementAccount {
    let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
    ManagementAccount::new(config, &Clients::new(&config.connection, credentials))
}

/// The world as somebody else reaches it; how tests bring credentials of their own.
pub fn connect_as(config: &Config, credentials: impl ProvideCredentials + 'static) -> AwsWorld {
    AwsWorld::new(config, &Clients::new(&config.connection, SharedCredentialsProvider::new(credentials)))
}
