//! `runasctl status`: how everything stands, as the ledger knows it. What is not in sync comes first.

mod overview;
mod show;

use clap::{Args, ValueEnum};
use futures_util::future::try_join;

use super::login::{Failure, LoginArgs, WHERE, finished};
use super::printer::Printer;
use super::{ExitStatus, Output};
use crate::aws::ledger_view::Inventory;
use crate::clock::now;
use crate::config::operator::{LEDGER, trust};
use crate::domain::record::Status;
use crate::domain::target::{AccountId, OuId};
use overview::{Overview, Query};
pub(super) use show::{age, in_words};

/// Say how everything stands, as the ledger knows it.
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
    /// Only targets that stand like this; can be repeated. What needs attention is read from the table's index.
    #[arg(long, value_enum)]
    status: Vec<Filter>,
    /// Also what is in sync or exempt, target by target.
    #[arg(long)]
    all: bool,
}

/// How a target stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Filter {
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

/// The index holds what somebody has looked at and found otherwise than in sync or exempt.
fn is_indexed(status: Status) -> bool {
    !matches!(status, Status::New | Status::InSync | Status::Exempt)
}

/// Runs the command. Exit codes as everywhere: 0 where all that was query for is in sync or exempt, 2 where something is not,
/// 3 where nobody knows of some.
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
