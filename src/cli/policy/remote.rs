//! `runasctl policy` on the ledger's table: puts a policy into force, shows it and its history, and rolls back.

mod assessment;
pub mod exempt;
mod push;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::aws::ledger::policy_store::{PolicyStore, Pushed};
use crate::aws::operator::Operator;
use crate::cli::login::{Failure, LoginArgs, WHERE, finished};
use crate::cli::printer::Printer;
use crate::cli::{ExitStatus, Output, policy};
use crate::clock::now;
use crate::config::operator::{LEDGER, trust};
use crate::domain::text::{MESSAGE_CHARS_MAX, clean};
use crate::policy_file;
use push::{Guard, Proposal};

/// Put a policy into force, show it and its history, and bring an earlier one back.
#[derive(Clone, Debug, Subcommand)]
pub enum TableCommand {
    /// Put a policy into force: check it, say what becomes different and where, and write it as the next version
    Push {
        /// The policy
        #[arg(default_value = "policy.yaml")]
        file: PathBuf,
        /// Safeguards against mistakes.
        #[command(flatten)]
        guard: GuardArgs,
        /// Login and table.
        #[command(flatten)]
        place: TableArgs,
    },
    /// Print the policy in force, or a version of it, as it was pushed
    Show {
        /// This version instead of the one in force
        #[arg(long, value_name = "N")]
        version: Option<u64>,
        /// Login and table.
        #[command(flatten)]
        place: TableArgs,
    },
    /// Say who pushed what, when, and why; the newest first
    History {
        /// Show at most this many versions
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        /// Login and table.
        #[command(flatten)]
        place: TableArgs,
    },
    /// Put an earlier version into force again, as a new version
    Rollback {
        /// The version to bring back, as `history` says it
        #[arg(value_name = "N")]
        version: u64,
        /// Safeguards against mistakes.
        #[command(flatten)]
        guard: GuardArgs,
        /// Login and table.
        #[command(flatten)]
        place: TableArgs,
    },
}

/// Login and table.
#[derive(Clone, Debug, Args)]
pub struct TableArgs {
    #[command(flatten)]
    login: LoginArgs,
    /// The ledger's table, instead of `RUNAS_TABLE`
    #[arg(long, help_heading = WHERE, value_name = "NAME")]
    table: Option<String>,
}

/// Safeguards against mistakes.
#[derive(Clone, Debug, Args)]
pub struct GuardArgs {
    /// Why, for the history
    #[arg(long, short, value_name = "TEXT", required_unless_present = "dry_run", value_parser = message)]
    message: Option<String>,
    #[command(flatten)]
    limits: LimitArgs,
}

/// How much may change, and whether it does.
#[derive(Clone, Debug, Args)]
pub struct LimitArgs {
    /// Refuse the push if more than this many targets change
    #[arg(long, value_name = "N", default_value_t = 25)]
    limit: usize,
    /// Allow more: exactly this many targets change at once, as `--dry-run` has said
    #[arg(long, value_name = "N")]
    wave: Option<usize>,
    /// Which accounts are counted
    #[arg(long, value_enum, default_value_t)]
    accounts_from: AccountsFrom,
    /// Say what would become different, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// The source of the list of accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AccountsFrom {
    /// The accounts that the ledger knows, without a call of Organizations.
    #[default]
    Ledger,
    /// The accounts that Organizations lists now; a few calls for each.
    Organizations,
}

/// A cleaned message that is not empty.
fn message(text: &str) -> Result<String, String> {
    let message = clean(text, MESSAGE_CHARS_MAX);
    if message.is_empty() { Err("say why; the history keeps it".to_owned()) } else { Ok(message) }
}

/// Runs the command.
pub fn run(command: &TableCommand, output: Output, printer: &Printer) -> ExitStatus {
    finished(execute(command, &Shell { output, printer }), printer)
}

async fn execute(command: &TableCommand, shell: &Shell<'_>) -> Result<ExitStatus, Failure> {
    match command {
        TableCommand::Push { file, guard, place } => {
            let name = file.display().to_string();
            let yaml = policy::read(file).map_err(Failure::Error)?;
            let proposal = shell.proposal(&name, yaml, None)?;
            let (operator, book) = place.open().await?;
            shell.bring(&operator, &book, &proposal, &Guard::new(guard)).await
        }
        TableCommand::Show { version, place } => shell.show(&place.open().await?.1, *version).await,
        TableCommand::History { limit, place } => {
            shell.history(&place.open().await?.1, usize::try_from(*limit).unwrap_or(usize::MAX)).await
        }
        TableCommand::Rollback { version, guard, place } => {
            let (operator, book) = place.open().await?;
            let Some(Pushed { yaml, .. }) = book.version(*version).await? else { return Err(no_version(*version)) };
            let proposal = shell.proposal(&format!("version {version}"), yaml, Some(*version))?;
            shell.bring(&operator, &book, &proposal, &Guard::new(guard)).await
        }
    }
}

fn no_version(number: u64) -> Failure {
    Failure::Error(format!("no version {number} of the policy was ever pushed; fix: see `runasctl policy history`"))
}

impl TableArgs {
    async fn open(&self) -> Result<(Operator, PolicyStore), Failure> {
        let table = LEDGER.read(self.table.as_deref())?;
        let operator = self.login.connect(trust()?).await.map_err(Failure::Error)?;
        let book = operator.policy_store(&table);
        Ok((operator, book))
    }
}

/// The output of a command.
struct Shell<'a> {
    output: Output,
    printer: &'a Printer,
}

impl Shell<'_> {
    /// Checks a policy and prints its warnings; problems are an error.
    fn proposal(&self, name: &str, text: String, rollback_of: Option<u64>) -> Result<Proposal, Failure> {
        match policy_file::parse(name, &text, now()) {
            Ok((policy, lints)) => {
                self.printer.talk(&policy_file::render(name, &lints));
                Ok(Proposal { yaml: text, policy, rollback_of, edited_from: None })
            }
            Err(problems) => {
                self.printer.talk(&problems.to_string());
                Err(Failure::Error(format!("{name} is rejected, and the policy in force stays; fix: see above")))
            }
        }
    }
}
