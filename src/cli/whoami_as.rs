//! `runasctl whoami-as`: which OS user the sessions of a principal become in an account, and why, in the order in which Session
//! Manager asks its sources. Nothing is changed.

mod document;
mod found;
mod principal;
mod report;
mod resolve;
mod sources;
mod trust;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;

use super::login::{Failure, HomeArgs, WHERE, finished};
use super::plan::entry::Blocked;
use super::plan::pace::patiently;
use super::plan::places::{Finder, Which, chosen_regions};
use super::printer::Printer;
use super::source::{Source, open};
use super::{ExitStatus, Output};
use crate::aws::AwsWorld;
use crate::aws::operator::Operator;
use crate::config::operator::trust;
use crate::domain::policy::{Mode, Policy, Resolution};
use crate::domain::target::{AccountFacts, AccountId, Region, Target};
use crate::ports::{Access, Clock as _, Documents as _, Fault, World as _};
use found::Found;
use principal::Subject;
use report::{RegionAnswer, Report};
use resolve::{RunAs, SSM_USER};
use sources::{TagSources, Tags};

/// Names the role sessions, so that CloudTrail in the account leads back here.
const CORRELATION: &str = "whoami-as";
/// Regions read concurrently.
const REGIONS_AT_ONCE: usize = 8;

/// Say which OS user the sessions of a principal become in an account, and why, step by step. Nothing is changed.
#[derive(Clone, Debug, Args)]
pub struct WhoamiAsArgs {
    /// The account that the nodes are in.
    #[arg(long, value_name = "ID")]
    account: AccountId,
    /// A role's name, or the ARN of a role, of a role's session or of an IAM user.
    #[arg(long, value_name = "ARN|ROLE")]
    principal: String,
    /// Only this region; can be repeated. All that the policy governs without it.
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<Region>,
    /// The policy, as a YAML file; the one in the ledger where none is named.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The profile to read the role or user with, whose credentials are of the account and may call iam:GetRole or
    /// iam:GetUser; that of --profile where none is named.
    #[arg(long, help_heading = WHERE, value_name = "NAME")]
    account_profile: Option<String>,
    /// The profile to ask Identity Center with, of the management account or its delegated administrator; that of --profile
    /// where none is named.
    #[arg(long, help_heading = WHERE, value_name = "NAME")]
    sso_profile: Option<String>,
    /// The ledger's table, instead of `RUNAS_TABLE`.
    #[arg(long, help_heading = WHERE, value_name = "NAME")]
    table: Option<String>,
    #[command(flatten)]
    home: HomeArgs,
}

/// Runs the command. Exit codes: 0 where the user is certain and the one that the policy wants, 2 where it is another one or no
/// session starts, 3 where it depends on the session or is not known.
pub fn run(args: &WhoamiAsArgs, output: Output, printer: &Printer) -> ExitStatus {
    finished(command(args, output, printer), printer)
}

async fn command(args: &WhoamiAsArgs, output: Output, printer: &Printer) -> Result<ExitStatus, Failure> {
    let principal = Subject::parse(&args.principal, &args.account).map_err(Failure::Usage)?;
    let named = (args.policy.as_deref(), args.table.as_deref());
    let Source { operator, world, policy, table, .. } = open(named, &args.home, printer).await?;
    let regions = chosen_regions(&policy, &args.regions)?;
    let finder =
        Finder { world: &world, policy: &policy, remembers: table.is_some(), correlation: CORRELATION, printer };
    let which = Which { ous: &[], accounts: std::slice::from_ref(&args.account) };
    let found = finder.find(which, regions.as_deref()).await?;
    let Some(((_, facts), regions)) = found.open.into_iter().next() else {
        let problem = format!("account {} is closed; fix: name one that is open", args.account);
        return Err(Failure::Error(problem));
    };
    let tags = tags(args, &operator, &policy, &principal).await?;
    let lines = read_regions(&world, &policy, &args.account, regions).await;
    let wanted = wanted(&policy, facts.as_ref(), &world);
    let report = Report { account: args.account.clone(), facts: facts.ok(), principal, tags, lines, wanted };
    printer.data(&match output {
        Output::Json => report.data(),
        Output::Table => report.text(),
    });
    Ok(report.exit_status())
}

/// Reads the tags with the profiles that were named for that, or else with the operator's own.
async fn tags(args: &WhoamiAsArgs, operator: &Operator, policy: &Policy, principal: &Subject) -> Result<Tags, Failure> {
    let in_account = connected(args, args.account_profile.as_ref()).await?;
    let by = in_account.as_ref().unwrap_or(operator);
    let login = by.who_am_i().await?;
    let iam = by.principals();
    let iam = if login.account == args.account.as_str() {
        Ok(&iam)
    } else {
        let cause = format!("the credentials are of account {} ({})", login.account, login.arn);
        let fix = format!(
            "name a profile of account {} with --account-profile; it needs iam:GetRole and iam:GetUser",
            args.account
        );
        Err((cause, fix))
    };
    let sso = connected(args, args.sso_profile.as_ref()).await?;
    let identity_center = &sso.as_ref().unwrap_or(operator).principals();
    Ok(TagSources { iam, identity_center, management: policy.management_account() }.tags(principal).await)
}

async fn connected(args: &WhoamiAsArgs, profile: Option<&String>) -> Result<Option<Operator>, Failure> {
    let Some(profile) = profile else { return Ok(None) };
    args.home.with_profile(profile).connect(trust()?).await.map(Some).map_err(Failure::Error)
}

async fn read_regions(
    world: &AwsWorld,
    policy: &Policy,
    account: &AccountId,
    regions: Vec<Region>,
) -> Vec<RegionAnswer> {
    let access = &Access::by(policy, CORRELATION);
    let each = regions.into_iter().map(async |region| {
        let target = Target::new(account.clone(), region.clone());
        let nothing_further = BTreeSet::new();
        let read = async || world.documents().observe(&target, access, &nothing_further).await;
        let document = match patiently(world, read).await {
            Ok(observation) => document::found(&observation, &target),
            Err(fault) => unread(&fault),
        };
        RegionAnswer { region, document }
    });
    stream::iter(each).buffered(REGIONS_AT_ONCE).collect().await
}

fn unread(fault: &Fault) -> Found<Vec<RunAs>> {
    let Blocked { cause, fix, .. } = Blocked::fault(fault);
    Found::NotKnown { cause, fix }
}

/// The user that the policy wants for sessions without tags; `None` where it wants none or leaves the account alone.
fn wanted(policy: &Policy, facts: Result<&AccountFacts, &Fault>, clock: &AwsWorld) -> Found<Option<String>> {
    let facts = match facts {
        Ok(facts) => facts,
        Err(fault) => {
            let fix = super::login::fix_with(fault, &format!("organizations:{}", fault.call));
            return Found::not_known(fault.to_string(), fix);
        }
    };
    let Resolution { mode, owned, reason, .. } = policy.resolve(facts, clock.now());
    let user = match (owned.get("runAsEnabled"), owned.get("runAsDefaultUser").and_then(Value::as_str)) {
        _ if mode == Mode::Exempt => None,
        (Some(Value::Bool(false)), _) => Some(SSM_USER.to_owned()),
        (Some(Value::Bool(true)), Some(user)) if !user.is_empty() => Some(user.to_owned()),
        _ => None,
    };
    Found::known(reason, user)
}
