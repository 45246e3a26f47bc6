//! Transactions, and the faults of cancelled ones.

use std::future::Future;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;

use super::DynamoLedger;
use crate::aws::clock;
use crate::aws::fault::Call;
use crate::ports::Fault;

#[cfg(test)]
mod tests;

const TRANSACT: Call = Call::write("TransactWriteItems");
/// Targets of one account share alerts, so their transactions collide: a new account is reconciled in all its regions at
/// once. The SDK does not retry that.
const TRIES: u32 = 5;
const PAUSE_MS: u64 = 20;

/// Code of an unmet condition.
const CONDITION: &str = "ConditionalCheckFailed";
/// Code of a collision with another transaction on the same item.
const COLLISION: &str = "TransactionConflict";

impl DynamoLedger {
    /// With a caller's `token`, a repetition within ten minutes is the same transaction [bc: `ClientRequestToken`].
    /// Without one, this holds only for the SDK's own retries.
    pub(super) async fn transact(&self, actions: Vec<TransactWriteItem>, token: Option<String>) -> Result<(), Fault> {
        let request =
            self.client.transact_write_items().set_transact_items(Some(actions)).set_client_request_token(token);
        past_collisions(|| {
            let sent = request.clone().send();
            Box::pin(async { sent.await.map(drop).map_err(|error| canceled(&error)) })
        })
        .await
    }
}

/// Repeats a call that only lost against a concurrent one.
pub(super) async fn past_collisions<T, F: Future<Output = Result<T, Fault>>>(call: impl Fn() -> F) -> Result<T, Fault> {
    let mut tries = 1;
    loop {
        match call().await {
            Err(fault) if fault.code.starts_with(COLLISION) && tries < TRIES => pause(tries).await,
            outcome => return outcome,
        }
        tries += 1;
    }
}

async fn pause(tries: u32) {
    let longest = PAUSE_MS << tries;
    clock::sleep(PAUSE_MS + u64::from(clock::jitter()) % longest).await;
}

/// Whether the condition of a transaction or of a single write did not hold.
pub(super) fn is_unmet_condition(fault: &Fault) -> bool {
    fault.code.starts_with(CONDITION)
}

fn canceled(error: &SdkError<TransactWriteItemsError, HttpResponse>) -> Fault {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
        return TRANSACT.failed(error);
    };
    let codes = canceled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    canceled_for(codes, canceled.message().unwrap_or_default())
}

/// One reason per action, `None` where the action was not the cause [docs: `API_TransactWriteItems`]. An unmet condition
/// takes precedence: only fresh state helps then.
fn canceled_for<'a>(codes: impl Iterator<Item = &'a str>, message: &str) -> Fault {
    let codes: Vec<&str> = codes.filter(|code| *code != "None").collect();
    let code = if codes.contains(&CONDITION) {
        CONDITION
    } else {
        codes
            .iter()
            .find(|code| **code != COLLISION)
            .or(codes.first())
            .copied()
            .unwrap_or("TransactionCanceledException")
    };
    TRANSACT.answered(Some(code), 400, message)
}
