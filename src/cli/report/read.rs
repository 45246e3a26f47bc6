//! Reads the ledger for a report: one pass over the table, then what is missing of the incidents.

use std::collections::BTreeMap;

use futures_util::future::try_join;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::incident;
use super::model::Sources;
use crate::aws::ledger::view::{HistoryLine, LedgerView, Survey};
use crate::domain::target::{AccountId, Target};
use crate::domain::time::Time;
use crate::ports::Fault;

/// Incidents whose first lines are read; of more, the newest.
const BEGINNINGS_MAX: usize = 200;
/// Contents of new documents that are read, so that the timeline can show their fields.
const CONTENTS_MAX: usize = 200;
const CONCURRENCY: usize = 8;

/// Everything that a report is made from: of these accounts, or of all where none is named.
pub(super) async fn sources(view: &LedgerView, accounts: &[AccountId], since: Time) -> Result<Sources, Fault> {
    let mut survey = Survey::default();
    for account in accounts {
        let one = view.survey_of(account, since).await?;
        survey.inventory.accounts.extend(one.inventory.accounts);
        survey.inventory.targets.extend(one.inventory.targets);
        survey.inventory.enabled.extend(one.inventory.enabled);
        survey.open.extend(one.open);
        survey.lines.extend(one.lines);
    }
    if accounts.is_empty() {
        survey = view.survey(since).await?;
    }
    add_beginnings(view, &mut survey).await?;
    attach_contents(view, &mut survey.lines).await?;
    let (policy, sweep) = try_join(view.policy(), view.sweep()).await?;
    Ok(Sources { survey, policy, sweep })
}

/// Adds the lines from shortly before each incident to its first known line. The case that opens an incident has none yet, and
/// an older part of an incident lies before the report's time.
async fn add_beginnings(view: &LedgerView, survey: &mut Survey) -> Result<(), Fault> {
    let mut missing = incident::beginnings(survey);
    missing.truncate(BEGINNINGS_MAX);
    let read = |(target, from, until): (Target, Time, Time)| async move {
        let lines = view.lines_between(&target, from, until).await?;
        Ok::<_, Fault>(lines.into_iter().map(|line| (target.clone(), line)).collect::<Vec<_>>())
    };
    let found: Vec<Vec<(Target, HistoryLine)>> =
        stream::iter(missing).map(read).buffered(CONCURRENCY).try_collect().await?;
    survey.lines.extend(found.into_iter().flatten());
    survey.lines.sort_by(|(a, one), (b, other)| (one.at, a, &one.id).cmp(&(other.at, b, &other.id)));
    // What lies before one incident can be a part of an earlier one.
    survey.lines.dedup_by(|(a, one), (b, other)| (one.at, &*a, &one.id) == (other.at, &*b, &other.id));
    Ok(())
}

async fn attach_contents(view: &LedgerView, lines: &mut [(Target, HistoryLine)]) -> Result<(), Fault> {
    let wanted = lines.iter().flat_map(|(target, line)| {
        incident::new_documents(&line.case).into_iter().map(|digest| (target.account.clone(), digest))
    });
    let wanted: std::collections::BTreeSet<(AccountId, String)> = wanted.take(CONTENTS_MAX).collect();
    let read = |(account, digest): (AccountId, String)| async move {
        let content = view.content(&account, &digest).await?;
        Ok::<_, Fault>(content.map(|content| (digest, content)))
    };
    let found: Vec<Option<(String, String)>> =
        stream::iter(wanted).map(read).buffered(CONCURRENCY).try_collect().await?;
    let contents: BTreeMap<String, String> = found.into_iter().flatten().collect();
    for (_, line) in lines {
        incident::attach_new_documents(&mut line.case, &contents);
    }
    Ok(())
}
