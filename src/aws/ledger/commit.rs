//! Commits a reconciliation: first the contents that it names, then one transaction.

use futures_util::future::try_join_all;

use super::DynamoLedger;
use super::items::{self, Item};
use super::keys::Key;
use super::plan::Plan;
use crate::aws::fault::Call;
use crate::domain::record::Commit;
use crate::domain::target::Target;
use crate::domain::time::Time;
use crate::ports::{Fault, FaultClass};

#[cfg(test)]
mod tests;

const COMMIT: Call = Call::write("TransactWriteItems");
const PUT: Call = Call::write("PutItem");

impl DynamoLedger {
    pub(super) async fn commit_in_one(&self, target: &Target, commit: &Commit) -> Result<(), Fault> {
        let Plan { contents, actions, late, token } = Plan::of(&self.table, target, commit)
            .map_err(|error| COMMIT.fault(FaultClass::Invalid, "Unplannable", &error.to_string()))?;
        Box::pin(self.keep_contents(contents)).await?;
        self.transact(actions, Some(token)).await?;
        self.write_late(late).await;
        Ok(())
    }

    /// Written without conditions: all writers of a content write the same text. A content that no line names expires.
    async fn keep_contents(&self, contents: Vec<Item>) -> Result<(), Fault> {
        let put = |item| self.client.put_item().table_name(&self.table).set_item(Some(item)).send();
        let kept = try_join_all(contents.into_iter().map(put)).await;
        kept.map(drop).map_err(|error| PUT.failed(&error))
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
