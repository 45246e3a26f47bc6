//! `runasctl history` and `runasctl explain`: what happened at a target, who did it, and why the reactor acted as it did.

mod explain;
mod lines;

pub(super) use lines::done;

use std::fmt;
use std::str::FromStr;

use clap::Args;

use super::login::{Failure, LoginArgs, WHERE, finished};
use super::printer::Printer;
use super::{ExitStatus, Output};
use crate::aws::ledger::view::LedgerView;
use crate::config::operator::{LEDGER, trust};
use crate::domain::target::{AccountId, IdError, Region};

/// Say what happened at a target, newest first.
#[derive(Clone, Debug, Args)]
pub struct HistoryArgs {
    /// An account, in one region or in all: 444455556666/eu-west-1.
    #[arg(value_name = "ACCOUNT[/REGION]")]
    place: TargetSelector,
    /// Show at most this many lines.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(flatten)]
    table: TableArgs,
}

/// Say why a target was treated as it was: the last case, decided again.
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// An account in one region: 444455556666/eu-west-1.
    #[arg(value_name = "ACCOUNT/REGION")]
    place: TargetSelector,
    /// The line with this id, as `history` says it, instead of the last one.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    table: TableArgs,
}

#[derive(Clone, Debug, Args)]
struct TableArgs {
    #[command(flatten)]
    login: LoginArgs,
    /// The ledger's table, instead of `RUNAS_TABLE`.
    #[arg(long, help_heading = WHERE, value_name = "NAME")]
    table: Option<String>,
}

impl TableArgs {
    async fn open(&self) -> Result<LedgerView, Failure> {
        let table = LEDGER.read(self.table.as_deref())?;
        let operator = self.login.connect(trust()?).await.map_err(Failure::Error)?;
        Ok(operator.ledger_view(&table))
    }
}

/// An account, in one region or in all.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TargetSelector {
    account: AccountId,
    region: Option<Region>,
}

impl FromStr for TargetSelector {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (account, region) = text.split_once('/').map_or((text, None), |(account, region)| (account, Some(region)));
        Ok(Self { account: account.parse()?, region: region.map(str::parse).transpose()? })
    }
}

impl fmt::Display for TargetSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.region {
            Some(region) => write!(f, "{}/{region}", self.account),
            None => self.account.fmt(f),
        }
    }
}

/// Runs `runasctl history`.
pub fn history(args: &HistoryArgs, output: Output, printer: &Printer) -> ExitStatus {
    finished(
        async {
            let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
            let TargetSelector { account, region } = &args.place;
            let (lines, more) = args.table.open().await?.history(account, region.as_ref(), limit).await?;
            match output {
                Output::Json => printer.data(&lines::data(&lines, more)),
                Output::Table => {
                    printer.data(&lines::text(&lines));
                    printer.talk(&lines::beyond(&args.place, lines.len(), more));
                }
            }
            Ok(ExitStatus::Success)
        },
        printer,
    )
}

/// Runs `runasctl explain`. As in `replay`, a decision that would differ today is an error.
pub fn explain(args: &ExplainArgs, output: Output, printer: &Printer) -> ExitStatus {
    finished(explain::run(args, output, printer), printer)
}
