//! A write to the document, with a commit before it and one after it.
//!
//! 1. Before: one commit holds the known facts (intents only, where all would exceed a row) and an intent, which has the name of the version to come ([`log_intent`]).
//!    Where another invocation has committed first, this commit fails, and nothing is written.
//! 2. The write: a fixed sequence of calls; none that changes the document begins late in the intent's lease, [`LEASE_MS`].
//! 3. After: one commit holds the end of the intent, history, incident and alerts ([`settle`](crate::domain::settle::settle)).
//!    Then the next message is sent, and the alerts are published ([`super::reconcile`]).
//!
//! If the process dies in between, SQS delivers the message again. The next invocation finds the intent, and the version
//! that it explains by its name; where there is none yet, the invocation waits until the lease has ended.

use futures_util::future::{Either, select};

use super::observe::{POLL_MS, POLLS_MAX, observe};
use crate::domain::case::{Applied, Case, Refusal, Write};
use crate::domain::document::Content;
use crate::domain::durations::LEASE_MS;
use crate::domain::fact::Ended;
use crate::domain::observation::{DocumentStatus, Observation, Seen, VERSION_NAME};
use crate::domain::record::Record;
use crate::domain::settle::log_intent;
use crate::domain::target::Target;
use crate::domain::time::Time;
use crate::ports::{Access, Documents as _, Fault, FaultClass, Ledger as _, World, Written};

/// Logs the intent and makes the write. The end of the write goes into the case, and is committed with it. Where the write
/// did not land, its fault is returned, too.
///
/// # Errors
///
/// A conflict where another invocation has committed first; any fault of the ledger. A fault of the write is an outcome.
pub(super) async fn write<W: World>(
    world: &W,
    case: &mut Case,
    before: &mut Record,
    access: &Access,
    write: &Write,
) -> Result<(Applied, Option<Fault>), Fault> {
    let name = format!("{VERSION_NAME}{:08x}{:08x}", world.jitter(), world.jitter());
    let commit = log_intent(case, &name, write, before);
    world.ledger().commit(&case.target, &commit).await?;
    *before = commit.record;
    let script = Script { world, target: &case.target, access, name: &name, until: case.now.plus_ms(LEASE_MS) };
    let outcome = script.run(&case.observation, write).await;
    let (applied, fault, ended) = match outcome {
        Ok(version) => {
            let at = world.now();
            (Applied::Landed { version, at }, None, Ended::Landed(at))
        }
        Err(fault) => (Applied::Refused(refused(&fault)), Some(fault), Ended::Refused),
    };
    if let Some(intent) = case.record.facts.intents.get_mut(&name) {
        intent.ended = Some(ended);
    }
    Ok((applied, fault))
}

struct Script<'a, W> {
    world: &'a W,
    target: &'a Target,
    access: &'a Access,
    name: &'a str,
    /// The end of the lease.
    until: Time,
}

impl<W: World> Script<'_, W> {
    async fn run(&self, decided: &Observation, write: &Write) -> Result<u64, Fault> {
        match write {
            Write::Promote { version } => {
                self.promote(*version).await?;
                Ok(*version)
            }
            Write::Put { base, content } => {
                let version = self.put(*base, content).await?;
                if base.is_some() {
                    self.promote(version).await.map_err(unconfirmed)?;
                }
                Ok(version)
            }
            Write::Recreate { content } => {
                self.delete(decided).await?;
                self.put(None, content).await.map_err(unconfirmed)
            }
            Write::Unshare { accounts } => {
                self.leased(self.world.documents().unshare(self.target, self.access, accounts)).await?;
                Ok(latest(decided))
            }
        }
    }

    /// Writes a version and waits until it is active.
    async fn put(&self, base: Option<u64>, content: &Content) -> Result<u64, Fault> {
        let text = content.render(self.world.jitter());
        let written = match base {
            Some(base) => {
                self.leased(self.world.documents().update(self.target, self.access, base, &text, self.name)).await?
            }
            None => self.leased(self.world.documents().create(self.target, self.access, &text, self.name)).await?,
        };
        self.active(written).await
    }

    async fn promote(&self, version: u64) -> Result<(), Fault> {
        self.leased(self.world.documents().promote(self.target, self.access, version)).await
    }

    /// Deletes the document. `DeleteDocument` takes no condition, so the document is observed again as late as possible.
    async fn delete(&self, decided: &Observation) -> Result<(), Fault> {
        let observed = observe(self.world, self.target, self.access, &std::collections::BTreeSet::new()).await?;
        if !same(decided, &observed.observation) {
            return Err(late("the document was replaced before it could be deleted"));
        }
        self.leased(self.world.documents().delete(self.target, self.access)).await.map_err(|fault| match fault.class {
            FaultClass::Denied | FaultClass::DeniedByScp => fault,
            _ => unconfirmed(fault),
        })
    }

    async fn active(&self, written: Written) -> Result<u64, Fault> {
        let mut status = written.status;
        for _ in 0..POLLS_MAX {
            if status != DocumentStatus::Pending {
                break;
            }
            status =
                self.world.documents().status(self.target, self.access, written.version).await.map_err(unconfirmed)?;
            if status == DocumentStatus::Pending {
                self.world.sleep(POLL_MS).await;
            }
        }
        match status {
            DocumentStatus::Active => Ok(written.version),
            DocumentStatus::Pending | DocumentStatus::Deleting | DocumentStatus::Failed => {
                Err(unconfirmed(late(&format!("version {} did not become active", written.version))))
            }
        }
    }

    /// Runs a call within the lease: it starts before the last third, and is cancelled at the end.
    async fn leased<T>(&self, call: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let left = self.until.since(self.world.now());
        if left < LEASE_MS / 3 {
            return Err(late("the lease of the write is nearly over"));
        }
        let alarm = std::pin::pin!(self.world.sleep(u64::try_from(left).unwrap_or(0)));
        match select(std::pin::pin!(call), alarm).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(unconfirmed(late("the lease of the write is over"))),
        }
    }
}

fn late(message: &str) -> Fault {
    Fault {
        class: FaultClass::Conflict,
        call: "write",
        code: "Conflict".to_owned(),
        message: message.to_owned(),
        outcome_unknown: false,
    }
}

/// Marks a fault after an earlier step took effect: the document has to be observed again, whatever this step answered.
fn unconfirmed(fault: Fault) -> Fault {
    Fault { outcome_unknown: true, ..fault }
}

/// The latest version's number; 0 where there is none.
fn latest(decided: &Observation) -> u64 {
    match decided {
        Observation::Present(seen) => seen.latest.number,
        Observation::Absent | Observation::Unknown(_) => 0,
    }
}

fn same(decided: &Observation, there: &Observation) -> bool {
    let latest = |seen: &Seen| (seen.document_type.clone(), seen.latest.number, seen.latest_created());
    match (decided, there) {
        (Observation::Present(decided), Observation::Present(there)) => latest(decided) == latest(there),
        _ => false,
    }
}

/// The refusal for a fault of the write.
fn refused(fault: &Fault) -> Refusal {
    tracing::info!(error = %fault, outcome_unknown = fault.outcome_unknown, "write did not land");
    match fault.class {
        FaultClass::Conflict | FaultClass::NotFound => Refusal::Conflict,
        FaultClass::Duplicate => Refusal::Duplicate,
        FaultClass::VersionLimit => Refusal::VersionLimit,
        // An earlier step was allowed; only a new observation shows what is refused now.
        _ if fault.outcome_unknown => Refusal::Unconfirmed,
        FaultClass::DeniedByScp => Refusal::DeniedByScp,
        FaultClass::Denied | FaultClass::RegionOff => Refusal::Denied,
        FaultClass::Invalid => Refusal::Invalid,
        FaultClass::Transient | FaultClass::Throttled | FaultClass::NotReady => Refusal::Unconfirmed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_of_the_first_step_says_what_stands_in_the_way_and_of_a_later_one_that_it_may_have_landed() {
        use FaultClass::{
            Conflict, Denied, DeniedByScp, Duplicate, Invalid, NotFound, NotReady, RegionOff, VersionLimit,
        };
        let of = |outcome_unknown| move |class| refused(&Fault { class, outcome_unknown, ..late("") });
        let outpaced = [Conflict, NotFound, Duplicate, VersionLimit];
        let expected = [Refusal::Conflict, Refusal::Conflict, Refusal::Duplicate, Refusal::VersionLimit];
        assert_eq!((outpaced.map(of(false)), outpaced.map(of(true))), (expected, expected));
        let denied = [Refusal::Denied, Refusal::DeniedByScp, Refusal::Denied];
        assert_eq!([Denied, DeniedByScp, RegionOff].map(of(false)), denied);
        assert_eq!(of(false)(Invalid), Refusal::Invalid);
        assert_eq!([Denied, DeniedByScp, RegionOff, Invalid].map(of(true)), [Refusal::Unconfirmed; 4]);
        let open = [FaultClass::Transient, FaultClass::Throttled, NotReady];
        assert_eq!((open.map(of(false)), open.map(of(true))), ([Refusal::Unconfirmed; 3], [Refusal::Unconfirmed; 3]));
    }
}
