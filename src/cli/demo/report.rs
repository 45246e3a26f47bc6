//! The report of the simulated organisation, from the rows that the reactor wrote into the ledger in memory.

use crate::aws::ledger::view::{HistoryLine, Inventory, Survey, TargetRow};
use crate::cli::report::{Report, Selection, Sources};
use crate::domain::record::{HistoryEntry, Known, Record};
use crate::domain::settle::attach;
use crate::domain::target::Target;
use crate::domain::time::DAY_MS;
use crate::ports::{Clock as _, Fault, Ledger as _};
use crate::sim::Sim;

/// The report of the organisation as it is now, with all incidents.
pub(super) async fn of(sim: &Sim) -> Result<Report, Fault> {
    let (mut inventory, rows) = (Inventory::default(), sim.ledger());
    for account in sim.accounts() {
        let account = account.facts.account;
        let Known { facts, enabled, last_checks } = sim.known(&account).await?;
        inventory.accounts.extend(facts);
        inventory.enabled.extend(enabled.map(|enabled| (account.clone(), enabled)));
        inventory.targets.extend(last_checks.into_iter().filter_map(|(region, checked)| {
            let target = Target::new(account.clone(), region);
            let Record { status, why, updated, milestones, policy, .. } = rows.records.get(&target)?.clone();
            Some(TargetRow { target, status, why, updated, checked, milestones, policy })
        }));
    }
    let open = rows.records.iter().filter_map(|(target, record)| Some((target.clone(), record.incident.clone()?)));
    let survey = Survey { inventory, open: open.collect(), lines: rows.history.into_iter().map(line).collect() };
    let sources = Sources { survey, policy: sim.policy().await?, sweep: sim.last_sweep() };
    let selection = Selection { since: sim.now().plus_ms(-7 * DAY_MS), ..Selection::default() };
    Ok(Report::of(&sources, &selection, sim.now()))
}

fn line((target, entry): (Target, HistoryEntry)) -> (Target, HistoryLine) {
    let HistoryEntry { id, at, summary, mut case, contents } = entry;
    attach(&mut case, &contents);
    let region = target.region.to_string();
    (target, HistoryLine { id, at, region, summary, case, contents: contents.into_keys().collect() })
}
