//! The settings of a running reactor. Nothing else in the crate reads the environment.
//!
//! All problems are reported at once, each with variable, cause and fix, so that one failed start shows every mistake.

use std::fmt;
use std::path::PathBuf;

use crate::domain::target::{Region, partition};

pub mod broker;
mod check;
#[cfg(feature = "cli")]
pub mod operator;
#[cfg(test)]
mod tests;

/// Name of the DynamoDB table (required).
pub const TABLE: &str = "RUNAS_TABLE";
/// ARN of the SNS topic that alerts go to (required).
pub const TOPIC_ARN: &str = "RUNAS_TOPIC_ARN";
/// ARN of a second topic, which gets the alerts as custom notifications for chat; without it there are none.
pub const CHAT_TOPIC_ARN: &str = "RUNAS_CHAT_TOPIC_ARN";
/// URL of the reactor's work queue (required).
pub const QUEUE_URL: &str = "RUNAS_QUEUE_URL";
/// URL of the dead-letter queue (required).
pub const DLQ_URL: &str = "RUNAS_DLQ_URL";
/// Source of the policy: `table` (default) or `file:PATH`.
pub const POLICY: &str = "RUNAS_POLICY";
/// Which certificate authorities to trust: `amazon` (default in the `aws` partition) or `native`, the system's.
pub const TRUST: &str = "RUNAS_TRUST";
/// The region that the reactor runs in (required; Lambda sets it).
pub const REGION: &str = "AWS_REGION";
/// ARN of the broker's function in the management account; without it no gap role is used.
pub const BROKER: &str = "BROKER";
/// Attempts of each call in all; 3 by default.
pub const MAX_ATTEMPTS: &str = "AWS_MAX_ATTEMPTS";
/// `true`: endpoints with validated cryptography (FIPS 140).
pub const FIPS: &str = "AWS_USE_FIPS_ENDPOINT";
/// `true`: endpoints that have IPv6 too.
pub const DUAL_STACK: &str = "AWS_USE_DUALSTACK_ENDPOINT";
/// Endpoint of every service that has no endpoint variable of its own.
pub const ENDPOINT: &str = "AWS_ENDPOINT_URL";
/// Endpoint of Systems Manager.
pub const ENDPOINT_SSM: &str = "AWS_ENDPOINT_URL_SSM";
/// Endpoint of the Security Token Service.
pub const ENDPOINT_STS: &str = "AWS_ENDPOINT_URL_STS";
/// Endpoint of DynamoDB.
pub const ENDPOINT_DYNAMODB: &str = "AWS_ENDPOINT_URL_DYNAMODB";
/// Endpoint of the Simple Notification Service.
pub const ENDPOINT_SNS: &str = "AWS_ENDPOINT_URL_SNS";
/// Endpoint of the Simple Queue Service.
pub const ENDPOINT_SQS: &str = "AWS_ENDPOINT_URL_SQS";
/// Endpoint of Organizations.
pub const ENDPOINT_ORGANIZATIONS: &str = "AWS_ENDPOINT_URL_ORGANIZATIONS";

/// Endpoint of `CloudTrail`.
pub const ENDPOINT_CLOUDTRAIL: &str = "AWS_ENDPOINT_URL_CLOUDTRAIL";
/// Endpoint of Account Management.
pub const ENDPOINT_ACCOUNT: &str = "AWS_ENDPOINT_URL_ACCOUNT";
/// Endpoint of Lambda.
pub const ENDPOINT_LAMBDA: &str = "AWS_ENDPOINT_URL_LAMBDA";
/// Endpoint of Identity and Access Management.
pub const ENDPOINT_IAM: &str = "AWS_ENDPOINT_URL_IAM";

/// One problem of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it.
    pub cause: String,
    /// How to fix it.
    pub fix: &'static str,
}

/// Every problem of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblems(pub Vec<ConfigProblem>);

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment cannot be used ({} to fix)", self.0.len())?;
        for ConfigProblem { variable, cause, fix } in &self.0 {
            write!(f, "\n  {variable}: {cause}; {fix}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigProblems {}

/// Where the policy is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyLocation {
    /// The ledger's table, which `policy push` writes.
    Table,
    /// A file with the compiled policy, for local runs.
    File(PathBuf),
}

/// The certificate authorities that endpoints are verified against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The five embedded roots of Amazon Trust Services: startup reads no file.
    Amazon,
    /// The system's roots, for TLS-inspecting proxies, other endpoints and partitions with other authorities.
    Native,
}

/// Endpoints that replace AWS's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// For every service without an endpoint below.
    pub default: Option<String>,
    /// Systems Manager.
    pub ssm: Option<String>,
    /// Security Token Service.
    pub sts: Option<String>,
    /// `DynamoDB`.
    pub dynamodb: Option<String>,
    /// Simple Notification Service.
    pub sns: Option<String>,
    /// Simple Queue Service.
    pub sqs: Option<String>,
    /// Organizations.
    pub organizations: Option<String>,
    /// `CloudTrail`.
    pub cloudtrail: Option<String>,
    /// Account Management.
    pub account: Option<String>,
    /// Lambda.
    pub lambda: Option<String>,
    /// Identity and Access Management.
    pub iam: Option<String>,
}

/// How a function reaches AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The region that the function runs in.
    pub region: Region,
    /// Which certificate authorities to trust.
    pub trust: Trust,
    /// Endpoints that replace AWS's own.
    pub endpoints: Endpoints,
    /// Attempts of each call in all.
    pub max_attempts: u32,
    /// Whether to call AWS's endpoints with validated cryptography (FIPS 140).
    pub fips: bool,
    /// Whether to call AWS's endpoints that have IPv6 too.
    pub dual_stack: bool,
}

/// A Lambda function, possibly of another account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionArn {
    /// The whole ARN.
    pub arn: String,
    /// The region in it.
    pub region: Region,
}

/// The settings of a running reactor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How it reaches AWS.
    pub connection: Connection,
    /// The ledger's table.
    pub table: String,
    /// The topic that alerts go to.
    pub topic_arn: String,
    /// The topic that custom notifications for chat go to, where one is wanted.
    pub chat_topic_arn: Option<String>,
    /// The reactor's work queue.
    pub queue_url: String,
    /// The dead-letter queue.
    pub dlq_url: String,
    /// The source of the policy.
    pub policy: PolicyLocation,
    /// The broker that gives credentials of gap roles, where one is deployed.
    pub broker: Option<FunctionArn>,
}

/// The default of the SDK's standard retry mode.
const MAX_ATTEMPTS_DEFAULT: u32 = 3;

impl Config {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// Every variable that is missing or invalid.
    pub fn from_env() -> Result<Self, ConfigProblems> {
        Self::from_vars(variable)
    }

    /// Reads the settings from `vars`. An empty variable counts as not set.
    ///
    /// # Errors
    /// Every variable that is missing or invalid.
    pub fn from_vars(vars: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigProblems> {
        let mut reader = Reader { vars, problems: Vec::new() };
        let connection = reader.connection();
        let home = connection.as_ref().map(|connection| &connection.region);
        let table = reader.required(TABLE, "set the name of the ledger's DynamoDB table", check::table);
        let topic_arn =
            reader.required(TOPIC_ARN, "set the ARN of the SNS topic for alerts", |text| check::topic_arn(text, home));
        let chat_topic_arn =
            reader.optional(CHAT_TOPIC_ARN, "set the ARN of the SNS topic for chat, or leave it out", |text| {
                check::topic_arn(text, home)
            });
        let queue_url = reader.required(QUEUE_URL, "set the URL of the work queue", check::queue_url);
        let dlq_url = reader.required(DLQ_URL, "set the URL of the dead-letter queue", check::queue_url);
        let policy = reader.optional(POLICY, "use `table` or `file:PATH`", check::policy);
        let broker =
            reader.optional(BROKER, "set the ARN of the function runas-broker, or leave it out", check::function_arn);
        match (connection, table, topic_arn, queue_url, dlq_url) {
            (Some(connection), Some(table), Some(topic_arn), Some(queue_url), Some(dlq_url))
                if reader.problems.is_empty() =>
            {
                let policy = policy.unwrap_or(PolicyLocation::Table);
                Ok(Self { connection, table, topic_arn, chat_topic_arn, queue_url, dlq_url, policy, broker })
            }
            _ => Err(ConfigProblems(reader.problems)),
        }
    }
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    std::env::var(name).ok()
}

/// The embedded roots are certain only for the commercial partition; other partitions use the system's.
fn default_trust(region: &Region) -> Trust {
    if partition(region) == "aws" { Trust::Amazon } else { Trust::Native }
}

/// Reads variables and collects their problems.
struct Reader<V> {
    vars: V,
    problems: Vec<ConfigProblem>,
}

impl<V: Fn(&str) -> Option<String>> Reader<V> {
    fn optional<T>(
        &mut self,
        variable: &'static str,
        fix: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = (self.vars)(variable).filter(|text| !text.is_empty())?;
        parse(&text).map_err(|cause| self.problems.push(ConfigProblem { variable, cause, fix })).ok()
    }

    fn required<T>(
        &mut self,
        variable: &'static str,
        fix: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if (self.vars)(variable).is_none_or(|text| text.is_empty()) {
            self.problems.push(ConfigProblem { variable, cause: "not set".to_owned(), fix });
            return None;
        }
        self.optional(variable, fix, parse)
    }

    fn connection(&mut self) -> Option<Connection> {
        let region = self.required(REGION, "set the region that the function runs in; Lambda does so itself", |text| {
            text.parse::<Region>().map_err(|error| error.to_string())
        });
        let trust = self.optional(TRUST, "use `amazon` or `native`", check::trust);
        let max_attempts = self.optional(MAX_ATTEMPTS, "use a number from 1 to 10", check::attempts);
        let mut switch = |variable| self.optional(variable, "use `true` or `false`", check::switch).unwrap_or(false);
        let (fips, dual_stack) = (switch(FIPS), switch(DUAL_STACK));
        let endpoints = self.endpoints();
        let region = region?;
        Some(Connection {
            trust: trust.unwrap_or_else(|| default_trust(&region)),
            region,
            endpoints,
            max_attempts: max_attempts.unwrap_or(MAX_ATTEMPTS_DEFAULT),
            fips,
            dual_stack,
        })
    }

    fn endpoints(&mut self) -> Endpoints {
        let mut endpoint =
            |variable| self.optional(variable, "use a URL such as http://127.0.0.1:5000", check::endpoint);
        Endpoints {
            default: endpoint(ENDPOINT),
            ssm: endpoint(ENDPOINT_SSM),
            sts: endpoint(ENDPOINT_STS),
            dynamodb: endpoint(ENDPOINT_DYNAMODB),
            sns: endpoint(ENDPOINT_SNS),
            sqs: endpoint(ENDPOINT_SQS),
            organizations: endpoint(ENDPOINT_ORGANIZATIONS),
            cloudtrail: endpoint(ENDPOINT_CLOUDTRAIL),
            account: endpoint(ENDPOINT_ACCOUNT),
            lambda: endpoint(ENDPOINT_LAMBDA),
            iam: endpoint(ENDPOINT_IAM),
        }
    }
}
