//! `runasctl apply`: does what a plan says, where that still holds. It runs the reactor, so that ledger, history and
//! alerts are the same as from the function.

mod approval;
mod journal;
mod outcome;
mod run;
mod show;
mod waves;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use clap::Args;

use super::login::{DeploymentArgs, Failure, HomeArgs, finished};
use super::plan::file::Plan;
use super::plan::pace::Paced;
use super::plan::show::{counted, summary};
use super::printer::Printer;
use super::{ExitStatus, Output};
use crate::aws::AwsWorld;
use crate::config::operator::trust;
use crate::ports::{Ledger as _, World as _};
use crate::reactor::{PolicySource, Reactor};
use approval::PlanApproval;
use journal::Journal;
use outcome::TargetOutcome;
use run::Runner;
use show::Outcomes;
use waves::{Wave, waves};

/// Do what a plan says, where that still holds; a few accounts first. Run it again to take up what was stopped.
#[derive(Clone, Debug, Args)]
pub struct ApplyArgs {
    /// The plan, as `runasctl plan --out` wrote it. What was done is kept beside it, in FILE.ID.journal.
    #[arg(value_name = "FILE")]
    plan: PathBuf,
    /// Do it without asking.
    #[arg(long)]
    yes: bool,
    /// Begin with this many accounts, and go on only if all goes well there.
    #[arg(long, value_name = "N", default_value_t = 1)]
    canary: u16,
    /// Then work on this many accounts at a time.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    wave: u16,
    /// Stop when this many targets have failed or could not be read.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    max_failures: u32,
    /// Work on this many targets at a time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    concurrency: u8,
    #[command(flatten)]
    deployment: DeploymentArgs,
    #[command(flatten)]
    home: HomeArgs,
}

/// Runs the command.
pub fn run(args: &ApplyArgs, output: Output, printer: &Printer) -> ExitStatus {
    finished(command(args, output, printer), printer)
}

async fn command(args: &ApplyArgs, output: Output, printer: &Printer) -> Result<ExitStatus, Failure> {
    let deployment = args.deployment.read()?;
    let plan = Plan::read(&args.plan).map_err(|problem| Failure::Error(problem.to_string()))?;
    let waves = waves(&plan.entries, usize::from(args.canary), usize::from(args.wave));
    if !args.yes && !std::io::stdin().is_terminal() && !waves.is_empty() {
        let problem = "there is no terminal to ask at; fix: --yes, after an operator has read the plan";
        return Err(Failure::Usage(problem.to_owned()));
    }
    let operator = args.home.connect(trust()?).await.map_err(Failure::Error)?;
    let by = operator.who_am_i().await?.arn;
    let world = operator.world(&deployment);
    let policy = Arc::new(plan.policy.policy().map_err(Failure::Error)?);
    in_force(&plan, &world, printer).await?;
    let journal = Journal::open(&args.plan, &plan.id, &by).map_err(|problem| Failure::Error(problem.to_string()))?;
    if !waves.is_empty() && !confirmed(args, &plan, &by, printer) {
        return Err(Failure::Error("nothing was done; fix: answer `yes` to do what the plan says".to_owned()));
    }
    let reactor = Reactor::new(world, PolicySource::Fixed(Arc::clone(&policy)))
        .with_approval(Arc::new(PlanApproval::of(&plan.entries)));
    let runner = Runner {
        reactor: &reactor,
        paced: Paced::new(reactor.world()),
        policy,
        plan: plan.id.get(..12).unwrap_or_default(),
        journal: &journal,
        concurrency: usize::from(args.concurrency),
        max_failures: usize::try_from(args.max_failures).unwrap_or(usize::MAX),
        failures: AtomicUsize::new(0),
        printer,
    };
    let outcomes = applied(&runner, &waves, args.canary > 0, printer).await?;
    match output {
        Output::Json => printer.data(&show::data(&plan.id, &outcomes)),
        Output::Table => printer.data(&show::table(&outcomes)),
    }
    Ok(status(&outcomes))
}

/// Requires the policy that the function uses: with another one, the function would revert every write.
async fn in_force(plan: &Plan, world: &AwsWorld, printer: &Printer) -> Result<(), Failure> {
    match world.ledger().policy().await? {
        Some(policy) if policy.digest() == plan.policy.sha256 => Ok(()),
        Some(policy) => Err(Failure::Error(format!(
            "the plan was made by policy {}, and the ledger holds {}: the function would undo what is written; fix: push \
             the plan's policy, or make a new plan",
            plan.policy.label,
            policy.label()
        ))),
        None => {
            printer.talk("the ledger holds no policy: see that the function acts by the one of the plan\n");
            Ok(())
        }
    }
}

fn confirmed(args: &ApplyArgs, plan: &Plan, by: &str, printer: &Printer) -> bool {
    let then = format!("{} first, then {} at a time", counted(usize::from(args.canary), "account"), args.wave);
    let stop = counted(usize::try_from(args.max_failures).unwrap_or(usize::MAX), "failure");
    printer.talk(&format!("{}\nas {by}; {then}; stops after {stop}\n", summary(&plan.summary)));
    if args.yes {
        return true;
    }
    printer.is_answered_yes("Only `yes` does it: ")
}

/// Applies wave after wave until all are done or too many targets failed. Includes the results of earlier runs.
async fn applied(
    runner: &Runner<'_, AwsWorld>,
    waves: &[Wave<'_>],
    canary: bool,
    printer: &Printer,
) -> Result<Outcomes, Failure> {
    let entries = waves.iter().flatten().flat_map(|(_, entries)| entries);
    let before = entries.map(|entry| {
        let done = runner.journal.ended(&entry.target).filter(|outcome| outcome.is_done());
        (entry.target.clone(), (entry.action, done.cloned().unwrap_or(TargetOutcome::NotBegun)))
    });
    let mut outcomes: Outcomes = before.collect();
    let done = outcomes.values().filter(|(_, outcome)| outcome.is_done()).count();
    if done > 0 {
        printer.talk(&format!("{} of {} were done by a run before\n", done, counted(outcomes.len(), "target")));
    }
    for (number, wave) in waves.iter().enumerate() {
        let is_canary = canary && number == 0;
        let came = runner.wave(wave).await.map_err(|error| {
            let problem = format!("cannot write the journal: {error}; fix: make room, and run apply again");
            Failure::Error(problem)
        })?;
        if !came.is_empty() {
            let (name, of) = (if is_canary { " (canary)" } else { "" }, waves.len());
            let came: Outcomes = came
                .iter()
                .filter_map(|(target, outcome)| Some((target.clone(), (outcomes.get(target)?.0, outcome.clone()))))
                .collect();
            printer.talk(&format!("wave {} of {of}{name}: {}\n", number + 1, show::summary(&came)));
        }
        let failed = came.values().any(TargetOutcome::is_failure);
        for (target, outcome) in came {
            if let Some((_, before)) = outcomes.get_mut(&target) {
                *before = outcome;
            }
        }
        if runner.is_stopped() || is_canary && failed {
            break;
        }
    }
    Ok(outcomes)
}

/// Errors take precedence over unreadable targets, and these over drift.
fn status(outcomes: &Outcomes) -> ExitStatus {
    let has = |wanted: fn(&TargetOutcome) -> bool| outcomes.values().any(|(_, outcome)| wanted(outcome));
    if has(|outcome| matches!(outcome, TargetOutcome::Failed { .. } | TargetOutcome::NotBegun)) {
        ExitStatus::Error
    } else if has(|outcome| matches!(outcome, TargetOutcome::Unreachable { .. })) {
        ExitStatus::Unreachable
    } else if has(|outcome| !outcome.is_done()) {
        ExitStatus::Drift
    } else {
        ExitStatus::Success
    }
}
