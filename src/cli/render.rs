//! `runasctl render`: writes documents that must agree with the policy: service control policies, the configuration of
//! Landing Zone Accelerator, and the runbook for on-call.

mod installation;
mod lza;
mod principals;
mod runbook;
mod scp;
mod sheets;
mod statement;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::login::{Failure, LoginArgs, WHERE, finished};
use super::printer::Printer;
use super::source::{from_file, from_ledger};
use super::{ExitStatus, Output};
use crate::aws::operator::Deployment;
use crate::clock::now;
use crate::config::operator::{LEDGER, trust};
use crate::domain::policy::Policy;
use crate::domain::target::Region;
use installation::{InstallationArgs, MemberDeployers};
use sheets::Sheets;

/// Render documents that must agree with the policy.
#[derive(Clone, Debug, Subcommand)]
pub enum RenderCommand {
    /// Write the service control policies that keep everyone else away from the document and from the reactor
    Scp {
        /// The source of the policy.
        #[command(flatten)]
        source: SourceArgs,
        /// The roles that deploy and operate the reactor.
        #[command(flatten)]
        installation: InstallationArgs,
        /// With line breaks, for reviewers. AWS counts white space that comes through its API, so attach the short form
        #[arg(long)]
        pretty: bool,
        /// Write each policy into a file of its own in this directory, instead of all to standard output
        #[arg(long, value_name = "DIRECTORY")]
        out: Option<PathBuf>,
    },
    /// Write fragments of Landing Zone Accelerator's organization-config.yaml and customizations-config.yaml
    Lza {
        /// The source of the policy.
        #[command(flatten)]
        source: SourceArgs,
        /// The roles that deploy and operate the reactor.
        #[command(flatten)]
        installation: InstallationArgs,
        /// The names of the targets in Landing Zone Accelerator.
        #[command(flatten)]
        targets: lza::TargetArgs,
        /// Write the fragments and the policies that they name into this directory
        #[arg(long, value_name = "DIRECTORY")]
        out: Option<PathBuf>,
    },
    /// Write the page for on-call: each alert, what to check and what to do; who is trusted, and what is exempt
    Runbook {
        /// The source of the policy.
        #[command(flatten)]
        source: SourceArgs,
        /// Write runbook.md into this directory, instead of to standard output
        #[arg(long, value_name = "DIRECTORY")]
        out: Option<PathBuf>,
    },
}

/// The source of the policy.
#[derive(Clone, Debug, Args)]
pub struct SourceArgs {
    /// The policy, as a YAML file; the one in the ledger where none is named
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The ledger's table, instead of `RUNAS_TABLE`
    #[arg(long, help_heading = WHERE, value_name = "NAME")]
    table: Option<String>,
    #[command(flatten)]
    login: LoginArgs,
}

/// Why nothing is rendered; each text ends with the fix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RenderError {
    /// ARNs of another partition would match no principal, and so deny everyone.
    #[error(
        "`{0}` is in none of the partitions aws, aws-cn and aws-us-gov, whose ARNs are known here; \
         fix: render for an organisation in one of these"
    )]
    Partition(Region),
    /// IAM expands variables in a value; the reactor takes them literally.
    #[error("IAM takes `${{` in `{0}` for a variable, and the reactor for text; fix: take it out of `principals`")]
    Variable(String),
    /// A single statement exceeds the size limit.
    #[error(
        "the statement `{sid}` has {characters} characters for its principals alone, and a service control policy holds \
         {max}; fix: join patterns under `principals` that differ in their ends with `*`, and name fewer deployers",
        max = statement::CHARACTERS_MAX
    )]
    TooLong {
        /// The statement.
        sid: String,
        /// Size of a policy with only this statement, one action and one resource.
        characters: usize,
    },
    /// The policies exceed the number that AWS attaches to one account or OU.
    #[error(
        "the policies for the member accounts are {0}, and AWS attaches {max} to one place beside its own; \
         fix: join patterns under `principals` that differ in their ends with `*`",
        max = scp::ATTACHED_MAX
    )]
    TooMany(usize),
    /// Without an exemption, no principal could ever update the hub.
    #[error(
        "no role is named that deploys the hub, so that the policy for account {0} would keep everyone from updating it; \
         fix: name that role with --hub-deployer"
    )]
    NoHubDeployer(String),
    /// Landing Zone Accelerator refers to accounts by name, not by id.
    #[error(
        "account {0}, the hub, has a name in accounts-config.yaml that is not known here; fix: give --hub-account-name"
    )]
    NoHubAccountName(String),
    /// A stack set needs explicit regions.
    #[error(
        "the policy governs every enabled region, and a stack set lists its own; fix: name each with --stack-region"
    )]
    NoRegions,
}

impl From<RenderError> for Failure {
    fn from(error: RenderError) -> Self {
        match error {
            RenderError::NoHubDeployer(_) | RenderError::NoHubAccountName(_) | RenderError::NoRegions => {
                Self::Usage(error.to_string())
            }
            _ => Self::Error(error.to_string()),
        }
    }
}

/// Runs the command.
pub fn run(command: &RenderCommand, output: Output, printer: &Printer) -> ExitStatus {
    finished(execute(command, output, printer), printer)
}

async fn execute(command: &RenderCommand, output: Output, printer: &Printer) -> Result<ExitStatus, Failure> {
    let (source, out) = match command {
        RenderCommand::Scp { source, out, .. }
        | RenderCommand::Lza { source, out, .. }
        | RenderCommand::Runbook { source, out, .. } => (source, out),
    };
    let policy = source.read(printer).await?;
    let sheets = render(command, &policy)?;
    match out {
        Some(directory) => printer.talk(&sheets.write(directory).map_err(Failure::Error)?),
        None => printer.data(&sheets.to_text(output)),
    }
    for note in &sheets.notes {
        printer.talk(&format!("{note}\n"));
    }
    Ok(ExitStatus::Success)
}

fn render(command: &RenderCommand, policy: &Policy) -> Result<Sheets, RenderError> {
    match command {
        RenderCommand::Scp { installation, pretty, .. } => {
            let installation = installation.of(policy, MemberDeployers::StackSets)?;
            Ok(scp::sheets(&scp::policies(policy, &installation)?, policy, *pretty))
        }
        RenderCommand::Lza { installation, targets, .. } => {
            let installation = installation.of(policy, MemberDeployers::LandingZoneAccelerator)?;
            lza::sheets(&scp::policies(policy, &installation)?, policy, targets)
        }
        RenderCommand::Runbook { .. } => Ok(Sheets::one("runbook.md", runbook::render(policy, now()))),
    }
}

impl SourceArgs {
    async fn read(&self, printer: &Printer) -> Result<Policy, Failure> {
        if let Some(path) = &self.policy {
            return from_file(path, printer).map(|(policy, _)| policy);
        }
        let Some(table) = LEDGER.find(self.table.as_deref())? else {
            let problem = "no policy is known; fix: give --policy, or name the ledger with --table or RUNAS_TABLE";
            return Err(Failure::Usage(problem.to_owned()));
        };
        let operator = self.login.connect(trust()?).await.map_err(Failure::Error)?;
        from_ledger(&operator.world(&Deployment { table: Some(table), ..Deployment::default() })).await
    }
}
