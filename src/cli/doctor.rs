//! `runasctl doctor`: checks everything that the reactor needs, from the hub's queues to the trail of each account and
//! region. Each failure has a cause and a fix.

mod hub;
mod hub_checks;
mod member_checks;
mod members;
mod probe;
mod report;

use clap::Args;

use super::login::{DeploymentArgs, Failure, HomeArgs, WHERE, finished};
use super::plan::places::{Finder, NotFound, Which};
use super::plan::show::counted;
use super::printer::Printer;
use super::{ExitStatus, Output};
use crate::aws::AwsWorld;
use crate::aws::ledger::view::LedgerView;
use crate::aws::operator::Deployment;
use crate::clock::now;
use crate::config::operator::{DEAD_LETTER_QUEUE, trust};
use crate::domain::policy::Policy;
use crate::domain::target::{AccountId, OuId, Target, partition};
use crate::domain::time::{SECOND_MS, Time};
use crate::ports::Access;
use hub::{Hub, Names};
use members::{Member, Members, Rows};
use probe::Prober;
use report::{Check, CheckOutcome, Report};

/// Names the role sessions of probes, so that CloudTrail in the accounts leads back to this command.
const CORRELATION: &str = "doctor";

/// Check hub, roles, and the trail and forwarding rule of every account and region. Nothing is written.
#[derive(Clone, Debug, Args)]
pub struct DoctorArgs {
    /// Only accounts below this OU, nested ones included; can be repeated.
    #[arg(long = "ou", value_name = "OU", conflicts_with = "accounts")]
    ous: Vec<OuId>,
    /// Only this account; can be repeated.
    #[arg(long = "account", value_name = "ID")]
    accounts: Vec<AccountId>,
    /// Make no calls in the accounts beyond assuming a role: trail and forwarding rule are not proved then.
    #[arg(long)]
    no_probe: bool,
    /// Wait this long for the events of the calls.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u16).range(1..=3_600))]
    wait: u16,
    /// Work on this many accounts or targets at a time.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u8).range(1..=64))]
    concurrency: u8,
    /// The dead-letter queue, instead of `RUNAS_DLQ_URL`.
    #[arg(long, help_heading = WHERE, value_name = "URL")]
    dead_letter_url: Option<String>,
    #[command(flatten)]
    deployment: DeploymentArgs,
    #[command(flatten)]
    home: HomeArgs,
}

/// Runs the command. Exit codes: 0 where all is right, 2 where something is wrong, 3 where something is unknown.
pub fn run(args: &DoctorArgs, output: Output, printer: &Printer) -> ExitStatus {
    finished(command(args, output, printer), printer)
}

async fn command(args: &DoctorArgs, output: Output, printer: &Printer) -> Result<ExitStatus, Failure> {
    let deployment = args.deployment.read()?;
    let dead_letter_url = DEAD_LETTER_QUEUE.read(args.dead_letter_url.as_deref())?;
    let operator = args.home.connect(trust()?).await.map_err(Failure::Error)?;
    printer.talk(&format!("as {}\n", operator.who_am_i().await?.arn));
    let Deployment { table, topic_arn, queue_url } = deployment.clone();
    let [table, topic_arn, queue_url] = [table, topic_arn, queue_url].map(Option::unwrap_or_default);
    let view = operator.ledger_view(&table);
    let names = Names { table, topic_arn, queue_url, dead_letter_url };
    printer.progress("asking the hub");
    let Hub { checks, policy, swept } = hub::examine(&operator, &names, now()).await;
    let mut report = Report { checks, ..Report::default() };
    match &policy {
        Some(policy) => {
            let (world, access) = (operator.world(&deployment), Access::by(policy, CORRELATION));
            let doctor = Doctor { args, world: &world, view: &view, policy, access, swept, printer };
            doctor.examine(&mut report).await?;
        }
        None => report.checks.push(without_policy()),
    }
    printer.progress("");
    match output {
        Output::Json => printer.data(&report.data()),
        Output::Table => printer.data(&report.text()),
    }
    if args.no_probe {
        printer.talk("trails and forwarding rules were not examined (--no-probe)\n");
    }
    Ok(report.exit_status())
}

/// The policy names roles and regions.
fn without_policy() -> Check {
    let outcome = CheckOutcome::not_known(
        "the policy says which roles and regions, and cannot be read",
        "see to the policy first",
    );
    Check::new("member_role", outcome, "no account was examined")
}

fn without_members() -> Check {
    let cause = "the accounts that were asked for are closed, exempt or unknown";
    Check::new(
        "member_role",
        CheckOutcome::not_known(cause, "name others with --account or --ou"),
        "no account was examined",
    )
}

fn without_probes() -> Check {
    let outcome =
        CheckOutcome::not_known("no member role leads to a target that forwards", "see to the member roles first");
    Check::new("events", outcome, "no target was probed")
}

/// Examines the accounts.
struct Doctor<'a> {
    args: &'a DoctorArgs,
    world: &'a AwsWorld,
    view: &'a LedgerView,
    policy: &'a Policy,
    access: Access,
    swept: Option<Time>,
    printer: &'a Printer,
}

impl Doctor<'_> {
    async fn examine(&self, report: &mut Report) -> Result<(), Failure> {
        let DoctorArgs { ous, accounts, concurrency, .. } = self.args;
        let Self { world, view, policy, printer, .. } = *self;
        let finder = Finder { world, policy, remembers: true, correlation: CORRELATION, printer };
        let found = match finder.find(Which { ous, accounts }, policy.governed_regions()).await {
            Ok(found) => found,
            Err(NotFound::Fault(fault)) => {
                report.checks.push(member_checks::no_organization(&fault));
                return Ok(());
            }
            Err(not_found) => return Err(not_found.into()),
        };
        report.closed = found.closed;
        report.checks.extend(member_checks::regions(&found.silent));
        let concurrency = usize::from(*concurrency);
        let entered = members::enter(world, policy, &self.access, found.open, concurrency, printer, now()).await;
        let Members { open: members, exempt, unknown } = entered;
        report.exempt = exempt;
        report.checks.extend(member_checks::organization(&unknown));
        if members.is_empty() {
            report.checks.push(without_members());
            return Ok(());
        }
        let rows = match members::rows(view, members.iter().map(|member| &member.account)).await {
            Ok(rows) => rows,
            // Without these rows, events of a probe cannot be distinguished from earlier ones.
            Err(fault) => {
                report.checks.extend(member_checks::member_role(&members, &Rows::new(), now()));
                report.checks.push(member_checks::no_rows(&fault));
                return Ok(());
            }
        };
        report.checks.extend(member_checks::member_role(&members, &rows, now()));
        report.checks.extend(member_checks::function(&members, &rows, self.swept));
        if !self.args.no_probe {
            report.checks.extend(self.probe(&members, &rows).await);
        }
        Ok(())
    }

    /// Checks trail and forwarding rule of every target with a working role.
    async fn probe(&self, members: &[Member], rows: &Rows) -> Vec<Check> {
        let open = members.iter().filter(|member| member.entered.is_ok());
        let targets: Vec<Target> =
            open.flat_map(Member::targets).filter(|target| forwards(self.policy, target)).collect();
        if targets.is_empty() {
            return vec![without_probes()];
        }
        let patience_ms = i64::from(self.args.wait) * SECOND_MS;
        let of = counted(targets.len(), "target");
        self.printer.talk(&format!("probing {of} by a call that cannot succeed, and waiting for its event\n"));
        let prober = Prober {
            world: self.world,
            view: self.view,
            access: &self.access,
            concurrency: usize::from(self.args.concurrency),
            patience_ms,
            printer: self.printer,
        };
        let proofs = prober.prove(&targets, rows).await;
        member_checks::events(members, &proofs, patience_ms)
    }
}

/// Regions of China forward no events to other regions; there, sweeps find the changes.
fn forwards(policy: &Policy, target: &Target) -> bool {
    let home = policy.home_region();
    partition(home) != "aws-cn" || target.region == *home
}
