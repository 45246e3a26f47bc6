//! `runasctl status`: the status of all targets, from the ledger. Targets that are not in sync come first.

pub(super) mod overview;
mod show;

use clap::{Args, ValueEnum};
use futures_util::future::try_join;

use super::login::{Failure, LoginArgs, WHERE, finished};
use super::printer::Printer;
use super::{ExitStatus, Output};
use crate::aws::ledger::view::Inventory;
use crate::clock::now;
use crate::config::operator::{LEDGER, trust};
use crate::domain::record::Status;
use crate::domain::target::{AccountId, OuId};
use overview::{Overview, Query};
pub(super) use show::{age, in_words, word};

/// Show the status of every target from the ledger; targets that are not in sync come first.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    login: LoginArgs,
    /// The ledger's table, instead of `RUNAS_TABLE`.
    #[arg(long, help_heading = WHERE, value_name = "NAME")]
    table: Option<String>,
    /// Only this account, and no others; can be repeated. Costs one query each, and everything else reads the whole table.
    #[arg(long, value_name = "ACCOUNT")]
    account: Vec<AccountId>,
    /// Only accounts below this OU.
    #[arg(long, value_name = "OU")]
    ou: Option<OuId>,
    /// Only targets with this status; can be repeated. A status that needs attention is read from the table's index.
    #[arg(long, value_enum)]
    status: Vec<Filter>,
    /// Also list targets that are in sync or exempt.
    #[arg(long)]
    all: bool,
}

/// The status of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Filter {
    New,
    InSync,
    Drifted,
    Exempt,
    Held,
    BackingOff,
    Waiting,
    Unreachable,
}

impl From<Filter> for Status {
    fn from(filter: Filter) -> Self {
        match filter {
            Filter::New => Self::New,
            Filter::InSync => Self::InSync,
            Filter::Drifted => Self::Drifted,
            Filter::Exempt => Self::Exempt,
            Filter::Held => Self::Held,
            Filter::BackingOff => Self::BackingOff,
            Filter::Waiting => Self::Waiting,
            Filter::Unreachable => Self::Unreachable,
        }
    }
}

/// Whether the index holds every target of a status. Targets that were never observed count as new but have no row.
fn is_indexed(status: Status) -> bool {
    !matches!(status, Status::New | Status::InSync | Status::Exempt)
}

/// Runs the command. Exit codes: 0 where all targets are in sync or exempt, 2 where some are not, 3 where some are unknown.
pub fn run(args: &StatusArgs, output: Output, printer: &Printer) -> ExitStatus {
    finished(execute(args, output, printer), printer)
}

async fn execute(args: &StatusArgs, output: Output, printer: &Printer) -> Result<ExitStatus, Failure> {
    let table = LEDGER.read(args.table.as_deref())?;
    let operator = args.login.connect(trust()?).await.map_err(Failure::Error)?;
    let view = operator.ledger_view(&table);
    let mut inventory = Inventory::default();
    for account in &args.account {
        let one = view.account(account).await?;
        inventory.accounts.extend(one.accounts);
        inventory.targets.extend(one.targets);
        inventory.enabled.extend(one.enabled);
    }
    let statuses: Vec<Status> = args.status.iter().copied().map(Status::from).collect();
    let indexed = !statuses.is_empty() && statuses.iter().copied().all(is_indexed);
    if args.account.is_empty() {
        inventory = if indexed { view.status(&statuses).await? } else { view.everything().await? };
    }
    let (policy, sweep) = try_join(view.policy(), view.sweep()).await?;
    let at = now();
    let query = Query { ou: args.ou.as_ref(), statuses: &statuses, now: at };
    let overview = Overview::of(&inventory, policy.as_ref(), sweep, &query);
    printer.data(&match output {
        Output::Json => show::data(&overview, policy.as_ref(), at),
        Output::Table => show::text(&overview, args.all || !statuses.is_empty(), at),
    });
    if output == Output::Table {
        printer.talk(&show::notes(&overview, policy.as_ref()));
    }
    Ok(overview.exit_status())
}
