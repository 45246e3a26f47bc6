//! One transaction a pass.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;

use super::DynamoLedger;
use super::items;
use super::keys::Key;
use super::plan::Plan;
use crate::aws::clock;
use crate::aws::fault::Call;
use crate::domain::record::Commit;
use crate::domain::target::Target;
use crate::domain::time::Time;
use crate::ports::{Fault, FaultClass};

#[cfg(test)]
mod tests;

const COMMIT: Call = Call::write("TransactWriteItems");
/// Rows that targets of one account share (a content, a digest of alerts) make transactions collide that have nothing
/// else to do with each other: a new account is settled in all its regions at once. The SDK does not retry that.
const TRIES: u32 = 5;
const PAUSE_MS: u64 = 20;

impl DynamoLedger {
    pub(in crate::aws) async fn commit(&self, target: &Target, commit: &Commit) -> Result<(), Fault> {
        let plan = Plan::of(&self.table, target, commit)
            .map_err(|error| COMMIT.fault(FaultClass::Invalid, "Unplannable", &error.to_string()))?;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.transact(&plan).await {
                Ok(()) => break,
                Err(Refused::Collision(_)) if tries < TRIES => pause(tries).await,
                Err(Refused::Collision(fault) | Refused::Other(fault)) => return Err(fault),
            }
        }
        self.write_late(plan.late).await;
        Ok(())
    }

    async fn transact(&self, plan: &Plan) -> Result<(), Refused> {
        self.client
            .transact_write_items()
            .set_transact_items(Some(plan.actions.clone()))
            .client_request_token(&plan.token)
            .send()
            .await
            .map(drop)
            .map_err(|error| refused(&error))
    }

    async fn write_late(&self, late: Vec<(Key, Time)>) {
        for (key, at) in late {
            let seen = vec![(items::TTL, items::ttl(at.plus_ms(items::SEEN_MS)))];
            if let Err(fault) = self.set(key, seen, None).await {
                tracing::warn!(error = %fault, "an edit beyond one transaction was not marked as seen; it may be settled again");
            }
        }
    }
}

async fn pause(tries: u32) {
    let longest = PAUSE_MS << tries;
    clock::sleep(PAUSE_MS + u64::from(clock::jitter()) % longest).await;
}

/// Why a transaction did not go through.
enum Refused {
    /// Only because of another one at the same moment; this one can go through as it is.
    Collision(Fault),
    Other(Fault),
}

fn refused(error: &SdkError<TransactWriteItemsError, HttpResponse>) -> Refused {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
        return Refused::Other(COMMIT.failed(error));
    };
    let codes = canceled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    canceled_for(codes, canceled.message().unwrap_or_default())
}

/// One reason an action, `None` where the action was not the cause [docs: `API_TransactWriteItems`]. A condition that does
/// not hold beats everything else: then nothing but a new look helps.
fn canceled_for<'a>(codes: impl Iterator<Item = &'a str>, message: &str) -> Refused {
    let mut codes: Vec<&str> = codes.filter(|code| *code != "None").collect();
    codes.sort_unstable();
    codes.dedup();
    let fault = |code: &str| COMMIT.answered(Some(code), 400, message);
    if codes.contains(&"ConditionalCheckFailed") {
        Refused::Other(fault("ConditionalCheckFailed"))
    } else if codes == ["TransactionConflict"] {
        Refused::Collision(fault("TransactionConflict"))
    } else {
        let first = codes.iter().find(|code| **code != "TransactionConflict").copied();
        Refused::Other(fault(first.unwrap_or("TransactionCanceledException")))
    }
}
