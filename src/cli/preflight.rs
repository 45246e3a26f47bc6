//! `runasctl preflight`: whether the OS user exists on the managed Linux nodes that sessions are to run as there. Sessions fail
//! where it does not, so this is asked before a policy enforces. Nothing is changed, on nodes or in documents.

mod ask;
mod choice;
mod judge;
mod report;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Args;
use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;

use super::login::{Failure, HomeArgs, WHERE, finished};
use super::plan::places::{Finder, Places, Which, chosen_regions};
use super::plan::show::counted;
use super::printer::Printer;
use super::source::{Source, open};
use super::{ExitStatus, Output};
use crate::aws::AwsWorld;
use crate::clock::now;
use crate::domain::os_user::OsUser;
use crate::domain::policy::{Mode, Policy, Resolution};
use crate::domain::target::{AccountFacts, AccountId, OuId, PREFLIGHT, Region, Target};
use crate::ports::{Access, Fault};
use ask::Asker;
use judge::Remedy;
use report::{Report, TargetNodes};

/// Names the role sessions, so that CloudTrail in the accounts leads back here.
const CORRELATION: &str = "preflight";

/// Ask the managed Linux nodes whether the OS user exists that sessions are to run as. Nothing is changed.
///
/// Needs infra/preflight.yaml in each account and region that is asked.
#[derive(Clone, Debug, Args)]
pub struct PreflightArgs {
    /// The OS user to ask for, in every account; without it, the one that the policy names for each.
    #[arg(long, value_name = "NAME")]
    user: Option<OsUser>,
    /// The policy, as a YAML file; the one in the ledger where none is named.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Only accounts below this OU, nested ones included; can be repeated.
    #[arg(long = "ou", value_name = "OU", conflicts_with = "accounts")]
    ous: Vec<OuId>,
    /// Only this account; can be repeated.
    #[arg(long = "account", value_name = "ID")]
    accounts: Vec<AccountId>,
    /// Only this region; can be repeated.
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<Region>,
    /// Ask no more nodes than this in an account and region: a sample, spread over all of them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    nodes: Option<u16>,
    /// Wait so long for the nodes to answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=3_600))]
    wait: u16,
    /// Work on so many accounts and regions at a time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    concurrency: u8,
    /// The ledger's table, instead of `RUNAS_TABLE`.
    #[arg(long, help_heading = WHERE, value_name = "NAME")]
    table: Option<String>,
    #[command(flatten)]
    home: HomeArgs,
}

/// Runs the command. Exit codes as everywhere: 0 where every node that was to be asked has the user, 2 where one lacks it, 3
/// where something is not known.
pub fn run(args: &PreflightArgs, output: Output, printer: &Printer) -> ExitStatus {
    finished(command(args, output, printer), printer)
}

async fn command(args: &PreflightArgs, output: Output, printer: &Printer) -> Result<ExitStatus, Failure> {
    let named = (args.policy.as_deref(), args.table.as_deref());
    let Source { operator, world, policy, table, .. } = open(named, &args.home, printer).await?;
    printer.talk(&format!("as {}\n", operator.who_am_i().await?.arn));
    let regions = chosen_regions(&policy, &args.regions)?;
    let remembers = table.is_some();
    let finder = Finder { world: &world, policy: &policy, remembers, correlation: CORRELATION, printer };
    let found = finder.find(Which { ous: &args.ous, accounts: &args.accounts }, regions.as_deref()).await?;
    let mut report = Report::new(args.nodes);
    let questions = sort(found, &policy, args.user.as_ref(), &mut report);
    if questions.is_empty() && report.lines.is_empty() {
        return Err(Failure::Error(nothing_to_ask(&report)));
    }
    let access =
        Access { roles: vec![PREFLIGHT.to_owned()], gap_roles: Vec::new(), correlation: CORRELATION.to_owned() };
    let asker = Asker { nodes: &operator.nodes(), clock: &world, access, sample: args.nodes, patience_s: args.wait };
    report.lines.extend(ask_all(&asker, questions, usize::from(args.concurrency), printer).await);
    report.lines.sort_by(|a, b| a.target.cmp(&b.target));
    printer.data(&match output {
        Output::Json => report.data(),
        Output::Table => report.text(),
    });
    Ok(report.exit_status())
}

/// Where to ask for whom.
struct Question {
    target: Target,
    name: String,
    user: OsUser,
}

/// Whom sessions in an account are to run as.
enum Requirement {
    User(OsUser),
    /// The account is exempt.
    Exempt,
    /// The policy names no user there: Run As is off, or each session brings its own.
    NoUser,
    NotKnown(Remedy),
}

/// The questions to ask; places without one go into the report.
fn sort(found: Places, policy: &Policy, user: Option<&OsUser>, report: &mut Report) -> Vec<Question> {
    report.closed = found.closed;
    report.silent = found.silent;
    let mut questions = Vec::new();
    for ((account, facts), regions) in found.open {
        let wanted = user.map_or_else(|| wanted(policy, facts.as_ref()), |user| Requirement::User(user.clone()));
        let name = facts.map(|facts| facts.name).unwrap_or_default();
        let targets = regions.into_iter().map(|region| Target::new(account.clone(), region));
        match wanted {
            Requirement::Exempt => report.exempt += 1,
            Requirement::NoUser => report.without_user.extend(targets),
            Requirement::User(user) => {
                questions.extend(targets.map(|target| Question { target, name: name.clone(), user: user.clone() }));
            }
            Requirement::NotKnown(remedy) => {
                let line = |target| TargetNodes { target, name: name.clone(), user: None, nodes: Err(remedy.clone()) };
                report.lines.extend(targets.map(line));
            }
        }
    }
    questions
}

fn wanted(policy: &Policy, facts: Result<&AccountFacts, &Fault>) -> Requirement {
    match facts {
        Err(fault) => Requirement::NotKnown(judge::unplaced(fault)),
        Ok(facts) => match policy.resolve(facts, now()) {
            Resolution { mode: Mode::Exempt, .. } => Requirement::Exempt,
            Resolution { owned, .. } if owned.get("runAsEnabled") == Some(&Value::Bool(false)) => Requirement::NoUser,
            Resolution { owned, .. } => match owned.get("runAsDefaultUser").and_then(Value::as_str).unwrap_or_default()
            {
                "" => Requirement::NoUser,
                name => {
                    name.parse().map_or_else(|why| Requirement::NotKnown(judge::no_name(name, why)), Requirement::User)
                }
            },
        },
    }
}

fn nothing_to_ask(report: &Report) -> String {
    let why = if report.without_user.is_empty() {
        "the accounts that were chosen are closed, exempt or unknown"
    } else {
        "the policy names no OS user in the accounts that were chosen"
    };
    format!("there is nothing to ask: {why}; fix: name other accounts, or the user with --user")
}

async fn ask_all(
    asker: &Asker<'_, AwsWorld>,
    questions: Vec<Question>,
    concurrency: usize,
    printer: &Printer,
) -> Vec<TargetNodes> {
    let (total, done, lacking) = (questions.len(), AtomicUsize::new(0), AtomicUsize::new(0));
    printer.talk(&format!("asking the nodes of {} by the document {PREFLIGHT}\n", counted(total, "target")));
    let each = questions.into_iter().map(async |Question { target, name, user }| {
        let nodes = asker.ask(&target, &user).await;
        let line = TargetNodes { target, name, user: Some(user), nodes };
        let lack = lacking.fetch_add(line.lacking(), Ordering::Relaxed) + line.lacking();
        let count = done.fetch_add(1, Ordering::Relaxed) + 1;
        printer.progress(&format!("asking: {count} of {total} targets, {} without the user", counted(lack, "node")));
        line
    });
    let lines = stream::iter(each).buffer_unordered(concurrency).collect().await;
    printer.progress("");
    lines
}
