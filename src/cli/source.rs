//! The policy that a command works by, from a file or from the ledger, and the organisation that it is about.

use std::path::Path;

use super::login::{Failure, HomeArgs};
use super::printer::Printer;
use crate::aws::AwsWorld;
use crate::aws::operator::{Deployment, Operator};
use crate::clock::now;
use crate::config::operator::{LEDGER, trust};
use crate::domain::policy::Policy;
use crate::policy_file;
use crate::ports::{Ledger as _, World as _};

/// What a command works with.
pub(super) struct Source {
    pub(super) operator: Operator,
    pub(super) world: AwsWorld,
    pub(super) policy: Policy,
    /// Where the policy is from.
    pub(super) name: String,
    /// The ledger's table, where one is named.
    pub(super) table: Option<String>,
}

/// Opens the policy's file, or else the ledger's table. A file is read before AWS is asked.
pub(super) async fn open(
    (policy, table): (Option<&Path>, Option<&str>),
    home: &HomeArgs,
    printer: &Printer,
) -> Result<Source, Failure> {
    let table = LEDGER.find(table)?;
    if table.is_none() && policy.is_none() {
        let problem = "no policy is known; fix: give --policy, or name the ledger with --table or RUNAS_TABLE";
        return Err(Failure::Usage(problem.to_owned()));
    }
    let file = policy.map(|path| from_file(path, printer)).transpose()?;
    let operator = home.connect(trust()?).await.map_err(Failure::Error)?;
    let world = operator.world(&Deployment { table: table.clone(), ..Deployment::default() });
    let (policy, name) = match (file, &table) {
        (Some(policy), _) => policy,
        (None, table) => (from_ledger(&world).await?, format!("table {}", table.as_deref().unwrap_or_default())),
    };
    Ok(Source { operator, world, policy, name, table })
}

pub(super) fn from_file(path: &Path, printer: &Printer) -> Result<(Policy, String), Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::Error(format!("cannot read {name}: {error}; fix: name the policy's YAML file with --policy"))
    })?;
    let (policy, lints) = policy_file::parse(&name, &text, now()).map_err(|problems| {
        Failure::Error(format!("{name} is no policy; fix: see `runasctl policy check {name}`\n{problems}"))
    })?;
    if !lints.is_empty() {
        printer.talk(&policy_file::render(&name, &lints));
    }
    Ok((policy, name))
}

pub(super) async fn from_ledger(world: &AwsWorld) -> Result<Policy, Failure> {
    world.ledger().policy().await?.ok_or_else(|| {
        Failure::Error("the ledger holds no policy; fix: push one, or name a file with --policy".to_owned())
    })
}
