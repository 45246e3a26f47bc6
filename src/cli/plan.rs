//! `runasctl plan`: compares the documents with the policy, and shows what would be done. Nothing is written.

pub(super) mod entry;
pub(super) mod file;
mod groups;
pub(super) mod pace;
pub(super) mod places;
mod risk;
pub(super) mod show;
pub(super) mod survey;

use std::path::{Path, PathBuf};

use clap::Args;

use super::login::{Failure, HomeArgs, WHERE, finished};
use super::printer::Printer;
use super::source::{Source, open};
use super::{ExitStatus, Output};
use crate::clock::now;
use crate::domain::target::{AccountId, OuId, Region};
use crate::domain::time::Time;
use entry::Action;
use file::{Plan, PolicyUsed, Summary};
use survey::{Scope, Survey, Surveyor};

/// Compare every document with the policy, and say what would be done. Nothing is written.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// The policy, as a YAML file; the one in the ledger where none is named.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Only accounts below this OU, nested ones included.
    #[arg(long = "ou", value_name = "OU", conflicts_with = "accounts")]
    ous: Vec<OuId>,
    /// Only this account.
    #[arg(long = "account", value_name = "ID")]
    accounts: Vec<AccountId>,
    /// Only this region.
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<Region>,
    /// Keep the plan in a file, for `runasctl apply`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Name every account, and include targets in sync.
    #[arg(long)]
    all: bool,
    /// Observe this many targets at a time.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u8).range(1..=64))]
    concurrency: u8,
    /// The ledger's table, instead of `RUNAS_TABLE`. Without one every document counts as seen for the first time.
    #[arg(long, help_heading = WHERE, value_name = "NAME")]
    table: Option<String>,
    #[command(flatten)]
    home: HomeArgs,
}

/// Runs the command.
pub fn run(args: &PlanArgs, output: Output, printer: &Printer) -> ExitStatus {
    finished(command(args, output, printer), printer)
}

async fn command(args: &PlanArgs, output: Output, printer: &Printer) -> Result<ExitStatus, Failure> {
    let named = (args.policy.as_deref(), args.table.as_deref());
    let Source { world, policy, name, table, .. } = open(named, &args.home, printer).await?;
    if table.is_none() {
        printer.talk("no ledger is named: every document counts as seen for the first time (--table, RUNAS_TABLE)\n");
    }
    let surveyor = Surveyor {
        world: &world,
        policy: &policy,
        remembers: table.is_some(),
        concurrency: usize::from(args.concurrency),
        printer,
    };
    let scope = Scope { ous: args.ous.clone(), accounts: args.accounts.clone(), regions: args.regions.clone() };
    let made_at = now();
    let survey = surveyor.survey(&scope).await?;
    for (account, fault) in &survey.silent {
        printer.talk(&format!(
            "account {account} does not say which regions it has enabled, and may have more: {fault}; fix: see that a member role \
             can be assumed there, and may call `account:ListRegions`\n"
        ));
    }
    let plan = planned(survey, PolicyUsed::new(&policy, name), table, made_at);
    match output {
        Output::Json => printer.data(&plan.to_json()),
        Output::Table => printer.data(&show::plan(&plan, args.all)),
    }
    if let Some(path) = &args.out {
        kept(&plan, path, printer)?;
    }
    Ok(status(&plan))
}

fn planned(survey: Survey, policy: PolicyUsed, ledger: Option<String>, made_at: Time) -> Plan {
    let Survey { entries, accounts, regions, closed, silent } = survey;
    let summary = Summary {
        accounts,
        regions,
        targets: entries.len(),
        actions: survey::count(&entries),
        risky: entries.iter().filter(|entry| entry.action.writes() && entry.is_risky()).count(),
        closed_accounts: closed,
        regions_not_reported: silent.into_iter().map(|(account, _)| account).collect(),
    };
    Plan::new(made_at, policy, ledger, summary, entries)
}

fn kept(plan: &Plan, path: &Path, printer: &Printer) -> Result<(), Failure> {
    let name = path.display();
    plan.write(path).map_err(|error| {
        Failure::Error(format!("cannot write {name}: {error}; fix: name a file in a directory that you may write to"))
    })?;
    if plan.entries.iter().any(|entry| entry.action.writes()) {
        printer.talk(&format!("kept in {name}; to do exactly this: runasctl apply {name}\n"));
    }
    Ok(())
}

/// Unknown targets take precedence over drift.
fn status(plan: &Plan) -> ExitStatus {
    let has = |wanted: fn(Action) -> bool| plan.entries.iter().any(|entry| wanted(entry.action));
    if has(|action| action == Action::Unreachable) || !plan.summary.regions_not_reported.is_empty() {
        ExitStatus::Unreachable
    } else if has(|action| action.writes() || matches!(action, Action::Observe | Action::Wait)) {
        ExitStatus::Drift
    } else {
        ExitStatus::Success
    }
}
