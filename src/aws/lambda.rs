//! How a Lambda function reaches AWS: with the credentials that Lambda puts into the environment, and without anything at
//! the start that reads a file, opens a connection or waits.
//!
//! The ordinary credential chain would look at profile files and be ready to ask instance metadata; neither exists in
//! Lambda, and looking costs more than everything else of a cold start but the certificates of the system.

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use super::AwsWorld;
use super::client::Clients;
use crate::config::Config;

/// The world as the function's execution role reaches it.
pub fn connect(config: &Config) -> AwsWorld {
    connect_as(config, EnvironmentVariableCredentialsProvider::new())
}

/// The world as somebody else reaches it; how tests bring credentials of their own.
pub fn connect_as(config: &Config, credentials: impl ProvideCredentials + 'static) -> AwsWorld {
    AwsWorld::new(config, &Clients::new(config, SharedCredentialsProvider::new(credentials)))
}
