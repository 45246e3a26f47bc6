//! Assumes a role in each account, and reads its targets from the ledger.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt as _};

use crate::aws::AwsWorld;
use crate::aws::ledger::view::{Inventory, LedgerView, TargetRow};
use crate::cli::plan::pace::patiently;
use crate::cli::plan::places::Known;
use crate::cli::printer::Printer;
use crate::domain::policy::{Mode, Policy};
use crate::domain::target::{AccountId, Region, Target};
use crate::domain::time::Time;
use crate::ports::{Access, Fault};

/// Up to this many accounts, the ledger is queried per account; beyond, one scan reads the table.
const QUERIED_MAX: usize = 20;

/// Rows of the ledger.
pub(super) type Rows = BTreeMap<Target, TargetRow>;

/// An account that the policy does not exempt.
pub(super) struct Member {
    pub(super) account: AccountId,
    pub(super) name: String,
    pub(super) regions: Vec<Region>,
    /// The role that admits the operator, or why none does.
    pub(super) entered: Result<String, Fault>,
}

/// The accounts of a run.
pub(super) struct Members {
    pub(super) open: Vec<Member>,
    /// Number of exempt accounts.
    pub(super) exempt: usize,
    /// Accounts that Organizations does not describe, and why.
    pub(super) unknown: Vec<(AccountId, Fault)>,
}

impl Member {
    pub(super) fn targets(&self) -> impl Iterator<Item = Target> {
        self.regions.iter().map(|region| Target::new(self.account.clone(), region.clone()))
    }
}

/// Assumes a role in each account that is not exempt.
pub(super) async fn enter(
    world: &AwsWorld,
    policy: &Policy,
    access: &Access,
    places: Vec<(Known, Vec<Region>)>,
    concurrency: usize,
    printer: &Printer,
    now: Time,
) -> Members {
    let (mut open, mut unknown, mut exempt) = (Vec::new(), Vec::new(), 0);
    for ((account, facts), regions) in places {
        match facts {
            Err(fault) => unknown.push((account, fault)),
            Ok(facts) if policy.resolve(&facts, now).mode == Mode::Exempt => exempt += 1,
            Ok(facts) => open.push((account, facts.name, regions)),
        }
    }
    let (total, done) = (open.len(), AtomicUsize::new(0));
    let each = open.into_iter().map(async |(account, name, regions)| {
        let entered = patiently(world, async || world.enter(&account, access).await).await;
        let count = done.fetch_add(1, Ordering::Relaxed) + 1;
        printer.progress(&format!("assuming roles: {count} of {total} accounts"));
        Member { account, name, regions, entered }
    });
    let open = stream::iter(each).buffered(concurrency).collect().await;
    Members { open, exempt, unknown }
}

/// The ledger's rows of these accounts' targets.
pub(super) async fn rows<'a>(
    view: &LedgerView,
    accounts: impl ExactSizeIterator<Item = &'a AccountId>,
) -> Result<Rows, Fault> {
    let mut inventory = Inventory::default();
    if accounts.len() > QUERIED_MAX {
        inventory = view.everything().await?;
    } else {
        for account in accounts {
            inventory.targets.extend(view.account(account).await?.targets);
        }
    }
    Ok(inventory.targets.into_iter().map(|row| (row.target.clone(), row)).collect())
}
