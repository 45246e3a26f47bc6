//! What all commands share that work in AWS: as whom, and what to do about a call that failed.

use clap::Args;

use super::ExitStatus;
use super::printer::Printer;
use crate::aws::operator::{Deployment, Login, Operator, connect};
use crate::config::Trust;
use crate::config::operator::{LEDGER, QUEUE, SettingProblem, TOPIC};
use crate::ports::{Fault, FaultClass};

/// The heading in the help under which commands say what they work on.
pub(super) const WHERE: &str = "As whom and where";

/// As whom, and where.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct LoginArgs {
    /// The profile to log in with, instead of `AWS_PROFILE` or the default one.
    #[arg(long, global = true, help_heading = WHERE, value_name = "NAME")]
    profile: Option<String>,
    /// The region, instead of that of the environment or the profile.
    #[arg(long, global = true, help_heading = WHERE, value_name = "REGION")]
    region: Option<String>,
}

/// The same for commands that take `--region` for the regions that they work on.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct HomeArgs {
    /// The profile to log in with, instead of `AWS_PROFILE` or the default one.
    #[arg(long, help_heading = WHERE, value_name = "NAME")]
    profile: Option<String>,
    /// The region of the ledger, the topic and the queue, instead of that of the environment or the profile.
    #[arg(long, help_heading = WHERE, value_name = "REGION")]
    home_region: Option<String>,
}

/// What a command needs that works as the function does.
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
    /// All three, or what is missing.
    pub(super) fn read(&self) -> Result<Deployment, SettingProblem> {
        Ok(Deployment {
            table: Some(LEDGER.read(self.table.as_deref())?),
            topic_arn: Some(TOPIC.read(self.topic_arn.as_deref())?),
            queue_url: Some(QUEUE.read(self.queue_url.as_deref())?),
        })
    }
}

impl HomeArgs {
    /// AWS, or why it cannot be reached and what to do about that.
    pub(super) async fn connect(&self, trust: Trust) -> Result<Operator, String> {
        let Self { profile, home_region } = self.clone();
        LoginArgs { profile, region: home_region }.connect(trust).await
    }
}

impl LoginArgs {
    /// AWS, or why it cannot be reached and what to do about that.
    pub(super) async fn connect(&self, trust: Trust) -> Result<Operator, String> {
        let login = Login { profile: self.profile.clone(), region: self.region.clone(), trust };
        connect(&login).await.map_err(|problem| problem.to_string())
    }
}

/// Why a command came to nothing.
pub(super) enum Failure {
    /// Something is not said, or said wrongly.
    Usage(String),
    /// Something did not work.
    Error(String),
}

impl From<SettingProblem> for Failure {
    fn from(problem: SettingProblem) -> Self {
        Self::Usage(problem.to_string())
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Error(told(&fault))
    }
}

/// Runs a command to its end, and says why it came to nothing.
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

/// Codes that say that the credentials are at fault, and no permission.
const WORN_OUT: [&str; 5] =
    ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException"];

/// What failed, and what to do about it.
pub(super) fn told(fault: &Fault) -> String {
    format!("{fault}; fix: {}", fix(fault))
}

/// What to do about a call that failed.
pub(super) fn fix(fault: &Fault) -> String {
    fix_with(fault, fault.call)
}

/// The same, where the right that the call needs is known by its whole name.
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
        let denied = told(&fault(FaultClass::Denied, "AccessDenied"));
        assert!(denied.starts_with("ReceiveMessage: AccessDenied: no; fix: allow ReceiveMessage"), "{denied}");
        for (class, code) in [(FaultClass::Transient, "ExpiredToken"), (FaultClass::Denied, "InvalidClientTokenId")] {
            assert!(told(&fault(class, code)).contains("log in again"), "{code}");
        }
    }
}
