//! Applies a plan wave by wave and entry by entry, through the reactor.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::journal::Journal;
use super::outcome::TargetOutcome;
use super::waves::{Share, Wave};
use crate::cli::login::explained;
use crate::cli::plan::entry::PlanEntry;
use crate::cli::plan::pace::Paced;
use crate::cli::plan::survey::look_at;
use crate::cli::printer::Printer;
use crate::domain::decode::encode_work;
use crate::domain::policy::Policy;
use crate::domain::target::{AccountFacts, AccountId, AccountState, Target};
use crate::domain::time::MINUTE_MS;
use crate::ports::{Ledger as _, World};
use crate::reactor::{Message, Reactor};

/// Time limit of one entry. An unfinished entry is not started again by itself.
const ENTRY_MS: i64 = 3 * MINUTE_MS;
/// Accounts read concurrently.
const ACCOUNTS_AT_ONCE: usize = 8;

/// Applies a plan.
pub(super) struct Runner<'a, W> {
    pub(super) reactor: &'a Reactor<W>,
    pub(super) paced: Paced<'a, W>,
    pub(super) policy: Arc<Policy>,
    pub(super) plan: &'a str,
    pub(super) journal: &'a Journal,
    pub(super) concurrency: usize,
    pub(super) max_failures: usize,
    pub(super) failures: AtomicUsize,
    pub(super) printer: &'a Printer,
}

impl<W: World> Runner<'_, W> {
    fn world(&self) -> &W {
        self.reactor.world()
    }

    /// Whether the limit of failed entries is reached.
    pub(super) fn is_stopped(&self) -> bool {
        self.failures.load(Ordering::Relaxed) >= self.max_failures
    }

    /// Applies the unfinished entries of a wave. An unwritable journal ends it: an entry without a line cannot be resumed.
    pub(super) async fn wave(&self, wave: &Wave<'_>) -> io::Result<BTreeMap<Target, TargetOutcome>> {
        let open = |entry: &&PlanEntry| !self.journal.ended(&entry.target).is_some_and(TargetOutcome::is_done);
        let shares: Vec<Share<'_>> = wave
            .iter()
            .map(|(account, entries)| (*account, entries.iter().copied().filter(open).collect::<Vec<_>>()))
            .filter(|(_, entries): &Share<'_>| !entries.is_empty())
            .collect();
        let places = stream::iter(&shares).map(async |(account, _)| (*account, self.place(account).await));
        let places: BTreeMap<&AccountId, Result<AccountFacts, TargetOutcome>> =
            places.buffer_unordered(ACCOUNTS_AT_ONCE).collect().await;
        let entries = shares.iter().flat_map(|(account, entries)| entries.iter().map(move |entry| (*account, *entry)));
        let (total, done) = (entries.clone().count(), AtomicUsize::new(0));
        let each = entries.map(async |(account, entry)| {
            let outcome = match places.get(account) {
                Some(place) => self.entry(entry, place).await?,
                None => TargetOutcome::NotBegun,
            };
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            self.printer.progress(&format!("applying: {count} of {total} targets of this wave"));
            Ok::<_, io::Error>((entry.target.clone(), outcome))
        });
        let outcomes = stream::iter(each).buffer_unordered(self.concurrency).try_collect().await;
        self.printer.progress("");
        outcomes
    }

    /// The account's current facts; stored, so that the function uses the same.
    async fn place(&self, account: &AccountId) -> Result<AccountFacts, TargetOutcome> {
        let failed = |fault| TargetOutcome::Failed { why: explained(&fault) };
        let gone = || TargetOutcome::Stale { why: "the account has left the organisation, or is closed".to_owned() };
        let facts = self.paced.account(account).await.map_err(failed)?;
        let facts = facts.filter(|facts| facts.state == AccountState::Active).ok_or_else(gone)?;
        if self.world().ledger().facts(account).await.map_err(failed)?.as_ref() != Some(&facts) {
            self.world().ledger().save_facts(&facts).await.map_err(failed)?;
        }
        Ok(facts)
    }

    async fn entry(&self, entry: &PlanEntry, place: &Result<AccountFacts, TargetOutcome>) -> io::Result<TargetOutcome> {
        if self.is_stopped() {
            return Ok(TargetOutcome::NotBegun);
        }
        let target = &entry.target;
        let again = self.journal.was_begun(target);
        self.journal.begin(target, self.world().now())?;
        let outcome = match place {
            Ok(facts) => self.through_the_reactor(entry, facts, again).await,
            Err(outcome) => outcome.clone(),
        };
        self.journal.end(target, self.world().now(), &outcome)?;
        if outcome.is_failure() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        Ok(outcome)
    }

    async fn through_the_reactor(&self, entry: &PlanEntry, facts: &AccountFacts, again: bool) -> TargetOutcome {
        let now = self.policy.resolve(facts, self.world().now());
        if (now.mode, &now.owned) != (entry.baseline.mode, &entry.baseline.owned) {
            let why = format!("the policy says something else of the account by now ({})", now.reason);
            return TargetOutcome::Stale { why };
        }
        let correlation = format!("plan-{}", self.plan);
        let message = Message {
            // The same id in each run: a later run publishes alerts that a killed one had claimed.
            id: format!("{correlation}-{}", entry.target),
            body: encode_work(&look_at(entry.target.clone(), &correlation, self.world())),
            receipt: None,
            receives: if again { 2 } else { 1 },
        };
        let report = self.reactor.batch(&[message], self.world().now().plus_ms(ENTRY_MS)).await;
        TargetOutcome::of(&report)
    }
}
