//! `runasctl accept`: an operator accepts the content of a document's version. The command commits this to the ledger and
//! reconciles the target at once.

use std::io::IsTerminal as _;
use std::sync::Arc;

use clap::Args;

use super::login::{DeploymentArgs, Failure, HomeArgs, finished};
use super::plan::survey::look_at;
use super::printer::Printer;
use super::status::in_words;
use super::{ExitStatus, Output};
use crate::aws::AwsWorld;
use crate::config::operator::trust;
use crate::domain::acceptance::{Acceptance, accept};
use crate::domain::decode::encode_work;
use crate::domain::document::Change;
use crate::domain::finding::change_in_words;
use crate::domain::observation::{Observation, Seen};
use crate::domain::policy::{Policy, Resolution};
use crate::domain::record::{Commit, Loaded, Status};
use crate::domain::target::Target;
use crate::domain::text::{NAME_CHARS_MAX, clean};
use crate::domain::time::MINUTE_MS;
use crate::ports::{Access, Clock as _, Directory as _, Documents as _, Ledger as _, World as _};
use crate::reactor::{Message, PolicySource, Reactor};

/// The time limit of the reconciliation.
const RECONCILE_MS: i64 = 3 * MINUTE_MS;

/// Accept what a version of a document holds, as if a trusted principal had written it; the policy's fields stay the policy's.
#[derive(Clone, Debug, Args)]
pub struct AcceptArgs {
    /// An account in one region: 444455556666/eu-west-1.
    #[arg(value_name = "ACCOUNT/REGION")]
    target: Target,
    /// The version whose content is accepted, as the alert and `runasctl history` name it.
    #[arg(long, value_name = "N")]
    version: u64,
    /// Why, for on-call and the history: a ticket, for example.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Do it without asking.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    deployment: DeploymentArgs,
    #[command(flatten)]
    home: HomeArgs,
}

/// Runs the command.
pub fn run(args: &AcceptArgs, output: Output, printer: &Printer) -> ExitStatus {
    finished(command(args, output, printer), printer)
}

async fn command(args: &AcceptArgs, output: Output, printer: &Printer) -> Result<ExitStatus, Failure> {
    let deployment = args.deployment.read()?;
    if !args.yes && !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "there is no terminal to ask at; fix: --yes, once the version's fields have been looked at".to_owned(),
        ));
    }
    let operator = args.home.connect(trust()?).await.map_err(Failure::Error)?;
    let by = operator.who_am_i().await?.arn;
    let world = operator.world(&deployment);
    let policy =
        world.ledger().policy().await?.ok_or_else(|| {
            Failure::Error("the ledger holds no policy; fix: `runasctl policy push` first".to_owned())
        })?;
    let (change, commit) = prepared(args, &world, &policy, &by).await?;
    printer.talk(&shown(args, &by, &change));
    if !args.yes && !printer.is_answered_yes("Only `yes` accepts it: ") {
        return Err(Failure::Error("nothing was done; fix: answer `yes` to accept it".to_owned()));
    }
    world.ledger().commit(&args.target, &commit).await?;
    let correlation = commit.history.map(|entry| entry.id).unwrap_or_default();
    reconciled(args, world, policy, &correlation, output, printer).await
}

/// Prepares the change and its commit. Writes nothing.
async fn prepared(args: &AcceptArgs, world: &AwsWorld, policy: &Policy, by: &str) -> Result<(Change, Commit), Failure> {
    let now = world.now();
    let correlation = format!("accept-{}-{}", args.version, now.ms());
    let Loaded { record, facts, .. } = world.ledger().load(&args.target, &[].into()).await?;
    let known = match facts {
        Some(facts) => Some(facts),
        None => world.directory().account(&args.target.account).await?,
    };
    let account = known.ok_or_else(|| {
        Failure::Error(format!("account {} is not in the organisation; fix: mend the number", args.target.account))
    })?;
    let Resolution { owned, .. } = policy.resolve(&account, now);
    let access = Access::by(policy, &correlation);
    let seen = seen(args, world, &access).await?;
    let acceptance = Acceptance {
        target: args.target.clone(),
        version: args.version,
        by: clean(by, NAME_CHARS_MAX),
        reason: clean(&args.reason, NAME_CHARS_MAX),
        correlation,
        at: now,
    };
    accept(&acceptance, &record, &seen, &owned).map_err(|problem| Failure::Error(problem.to_string()))
}

async fn seen(args: &AcceptArgs, world: &AwsWorld, access: &Access) -> Result<Box<Seen>, Failure> {
    match world.documents().observe(&args.target, access, &[args.version].into()).await? {
        Observation::Present(seen) => Ok(seen),
        Observation::Absent => Err(Failure::Error(format!(
            "there is no document in {}; fix: wait until the reactor has created it, and have the change made again",
            args.target
        ))),
        Observation::Unknown(why) => Err(Failure::Error(format!(
            "the document in {} cannot be read: {}; fix: see `runasctl explain {}`",
            args.target, why.detail, args.target
        ))),
    }
}

fn shown(args: &AcceptArgs, by: &str, change: &Change) -> String {
    let fields: Vec<String> = change.iter().map(change_in_words).collect();
    format!("{}, version {}, as {by}:\n  {}\n", args.target, args.version, fields.join("\n  "))
}

/// Reconciles the target as the function would: corrects the document with the accepted content and notifies on-call.
async fn reconciled(
    args: &AcceptArgs,
    world: AwsWorld,
    policy: Policy,
    correlation: &str,
    output: Output,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let message = Message {
        id: correlation.to_owned(),
        body: encode_work(&look_at(args.target.clone(), correlation, &world)),
        receipt: None,
        // With a second receive, the reactor also publishes pending alerts, such as the one of this acceptance.
        receives: 2,
    };
    let deadline = world.now().plus_ms(RECONCILE_MS);
    let reactor = Reactor::new(world, PolicySource::Fixed(Arc::new(policy)));
    let report = reactor.batch(&[message], deadline).await;
    let Some(reconciled) = report.reconciled.first() else {
        let problem = "it is accepted, and the target could not be reconciled; fix: the next sweep does it, or see \
                       `runasctl explain`";
        return Err(Failure::Error(problem.to_owned()));
    };
    match output {
        Output::Json => {
            let value = serde_json::json!({ "schema_version": 1, "id": correlation, "status": reconciled.status });
            printer.data(&format!("{value:#}\n"));
        }
        Output::Table => printer.data(&format!("accepted; the target is {} now\n", in_words(reconciled.status))),
    }
    Ok(if reconciled.status == Status::InSync { ExitStatus::Success } else { ExitStatus::Drift })
}
