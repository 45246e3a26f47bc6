//! Options and errors shared by all commands that work in AWS.

use clap::Args;

use super::ExitStatus;
use super::printer::Printer;
use crate::aws::operator::{Deployment, Login, Operator, connect};
use crate::config::Trust;
use crate::config::operator::{LEDGER, QUEUE, SettingProblem, TOPIC};
use crate::ports::{Fault, FaultClass};

/// The help heading of the options for login and deployment.
pub(super) const WHERE: &str = "As whom and where";

/// The credentials and the region to use.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct LoginArgs {
    /// The profile to log in with, instead of `AWS_PROFILE` or the default one.
    #[arg(long, global = true, help_heading = WHERE, value_name = "NAME")]
    profile: Option<String>,
    /// The region, instead of that of the environment or the profile.
    #[arg(long, global = true, help_heading = WHERE, value_name = "REGION")]
    region: Option<String>,
}

/// The same for commands whose `--region` selects the regions to work on.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct HomeArgs {
    /// The profile to log in with, instead of `AWS_PROFILE` or the default one.
    #[arg(long, help_heading = WHERE, value_name = "NAME")]
    profile: Option<String>,
    /// The region of the ledger, the topic and the queue, instead of that of the environment or the profile.
    #[arg(long, help_heading = WHERE, value_name = "REGION")]
    home_region: Option<String>,
}

/// The parts of the deployment that a command needs to act as the function does.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct DeploymentArgs {
    /// The ledger's table, instead of `RUNAS_TABLE`.
    #[arg(long, help_heading = WHERE, value_name = "NAME")]
    table: Option<String>,
    /// The topic for alerts, instead of `RUNAS_TOPIC_ARN`.
    #[arg(long, help_heading = WHERE, value_name = "ARN")]
    topic_arn: Option<String>,
    /// The work queue, instead of `RUNAS_QUEUE_URL`.
    #[arg(long, help_heading = WHERE, value_name = "URL")]
    queue_url: Option<String>,
}

impl DeploymentArgs {
    /// All three settings, or the first problem.
    pub(super) fn read(&self) -> Result<Deployment, SettingProblem> {
        Ok(Deployment {
            table: Some(LEDGER.read(self.table.as_deref())?),
            topic_arn: Some(TOPIC.read(self.topic_arn.as_deref())?),
            queue_url: Some(QUEUE.read(self.queue_url.as_deref())?),
        })
    }
}

impl HomeArgs {
    /// Connects to AWS; an error says how to fix it.
    pub(super) async fn connect(&self, trust: Trust) -> Result<Operator, String> {
        let Self { profile, home_region } = self.clone();
        LoginArgs { profile, region: home_region }.connect(trust).await
    }

    /// The same with another profile.
    pub(super) fn with_profile(&self, profile: &str) -> Self {
        Self { profile: Some(profile.to_owned()), ..self.clone() }
    }
}

impl LoginArgs {
    /// Connects to AWS; an error says how to fix it.
    pub(super) async fn connect(&self, trust: Trust) -> Result<Operator, String> {
        let login = Login { profile: self.profile.clone(), region: self.region.clone(), trust };
        connect(&login).await.map_err(|problem| problem.to_string())
    }
}

/// Why a command failed.
pub(super) enum Failure {
    /// An argument or setting is missing or invalid.
    Usage(String),
    /// An operation failed.
    Error(String),
}

impl From<SettingProblem> for Failure {
    fn from(problem: SettingProblem) -> Self {
        Self::Usage(problem.to_string())
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Error(explained(&fault))
    }
}

/// Runs a command to its end and reports its failure.
pub(super) fn finished(command: impl Future<Output = Result<ExitStatus, Failure>>, printer: &Printer) -> ExitStatus {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => Err(Failure::Error(format!("cannot start the runtime: {error}"))),
    };
    let (status, problem) = match outcome {
        Ok(status) => return status,
        Err(Failure::Usage(problem)) => (ExitStatus::Usage, problem),
        Err(Failure::Error(problem)) => (ExitStatus::Error, problem),
    };
    printer.error(&problem);
    status
}

/// Codes of invalid credentials, as opposed to missing permissions.
const WORN_OUT: [&str; 5] =
    ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException"];

/// A fault and its fix.
pub(super) fn explained(fault: &Fault) -> String {
    format!("{fault}; fix: {}", fix(fault))
}

/// How to fix a failed call.
pub(super) fn fix(fault: &Fault) -> String {
    fix_with(fault, fault.call)
}

/// The same with the full name of the needed permission.
pub(super) fn fix_with(fault: &Fault, right: &str) -> String {
    if WORN_OUT.contains(&fault.code.as_str()) {
        return "log in again (`aws sso login`), or name another profile with --profile".to_owned();
    }
    match fault.class {
        FaultClass::Denied => format!(
            "allow {right} to the role that you use (`aws sts get-caller-identity` names it), or name another with --profile"
        ),
        FaultClass::DeniedByScp => format!("use a role that the organisation's policies let call {right}"),
        FaultClass::NotFound => "see whether the URL or the name is right, and the region".to_owned(),
        FaultClass::RegionOff => "name another region with --region".to_owned(),
        FaultClass::Throttled | FaultClass::NotReady => "wait a minute, and run it again".to_owned(),
        FaultClass::Transient => "see whether the endpoint can be reached from here, and run it again".to_owned(),
        FaultClass::Conflict | FaultClass::Duplicate | FaultClass::VersionLimit => {
            "look again, and run it again".to_owned()
        }
        FaultClass::Invalid => "mend what the answer names; the same call will fail again".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(class: FaultClass, code: &str) -> Fault {
        let (code, message) = (code.to_owned(), "no".to_owned());
        Fault { class, call: "ReceiveMessage", code, message, outcome_unknown: false }
    }

    #[test]
    fn what_is_denied_names_the_permission_and_what_is_worn_out_the_login() {
        let denied = explained(&fault(FaultClass::Denied, "AccessDenied"));
        assert!(denied.starts_with("ReceiveMessage: AccessDenied: no; fix: allow ReceiveMessage"), "{denied}");
        for (class, code) in [(FaultClass::Transient, "ExpiredToken"), (FaultClass::Denied, "InvalidClientTokenId")] {
            assert!(explained(&fault(class, code)).contains("log in again"), "{code}");
        }
    }
}
