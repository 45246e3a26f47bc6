//! Transactions, and what it means that one was canceled.

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
/// Alerts that targets of one account share make transactions collide that have nothing else to do with each other: a new
/// account is settled in all its regions at once. The SDK does not retry that.
const TRIES: u32 = 5;
const PAUSE_MS: u64 = 20;

/// A condition of a transaction that does not hold.
const CONDITION: &str = "ConditionalCheckFailed";
/// Another transaction on the same item at the same moment, and nothing else.
const COLLISION: &str = "TransactionConflict";

impl DynamoLedger {
    /// With a `token` of the caller's, a repetition of this very transaction is one and the same for ten minutes
    /// [bc: `ClientRequestToken`]; without, that holds for the SDK's own retries only.
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

/// A call that only lost against another one at the same moment can go through as it is.
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

/// Whether a condition did not hold: of a transaction, or of a single write.
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

/// One reason an action, `None` where the action was not the cause [docs: `API_TransactWriteItems`]. A condition that does
/// not hold beats everything else: then nothing but a new look helps.
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
