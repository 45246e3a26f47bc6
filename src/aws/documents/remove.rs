//! Deletes versions or the whole document, where a missing one is no fault; ends its sharing.

use std::collections::BTreeSet;

use super::{SHARE, Visit};
use crate::aws::fault::Call;
use crate::domain::target::DOCUMENT_NAME;
use crate::ports::{Fault, FaultClass};

const DESCRIBE: Call = Call::read("DescribeDocumentPermission").in_member();
const UNSHARE: Call = Call::write("ModifyDocumentPermission").in_member();
const DELETE: Call = Call::write("DeleteDocument").in_member();

/// Accounts in one `ModifyDocumentPermission` (API model).
const UNSHARE_MAX: usize = 20;
/// A document has at most 1,000 shares [docs: gr/ssm] in pages of up to 200 (API model); the limit is generous.
const PAGES_MAX: usize = 50;

impl Visit<'_> {
    /// A shared document cannot be deleted [bc: `InvalidDocumentOperation`].
    pub(super) async fn delete(&self) -> Result<(), Fault> {
        absent_is_fine(self.delete_shared().await)
    }

    async fn delete_shared(&self) -> Result<(), Fault> {
        let accounts: Vec<String> = self.shares().await?.into_iter().collect();
        self.unshare(&accounts).await?;
        // Some wrong types can only be deleted by force (API model); other types are unaffected.
        let sent = self
            .documents
            .client
            .delete_document()
            .name(DOCUMENT_NAME)
            .force(true)
            .customize()
            .config_override(self.scope())
            .send()
            .await;
        match self.outcome(DELETE, sent).await {
            // Shared again meanwhile, or SSM has not yet applied the change.
            Err(fault) if fault.code == "InvalidDocumentOperation" => {
                Err(Fault { class: FaultClass::Conflict, ..fault })
            }
            outcome => outcome.map(drop),
        }
    }

    /// Ends the sharing with these accounts.
    pub(super) async fn unshare(&self, accounts: &[String]) -> Result<(), Fault> {
        for accounts in accounts.chunks(UNSHARE_MAX) {
            let sent = self
                .documents
                .client
                .modify_document_permission()
                .name(DOCUMENT_NAME)
                .permission_type(SHARE)
                .set_account_ids_to_remove(Some(accounts.to_vec()))
                .customize()
                .config_override(self.scope())
                .send()
                .await;
            self.outcome(UNSHARE, sent).await?;
        }
        Ok(())
    }

    /// The accounts that the document is shared with; a public document has `all` among them.
    pub(super) async fn shares(&self) -> Result<BTreeSet<String>, Fault> {
        let mut accounts = BTreeSet::new();
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let sent = self
                .documents
                .client
                .describe_document_permission()
                .name(DOCUMENT_NAME)
                .permission_type(SHARE)
                .set_next_token(next)
                .customize()
                .config_override(self.scope())
                .send()
                .await;
            let page = self.outcome(DESCRIBE, sent).await?;
            accounts.extend(page.account_ids.unwrap_or_default());
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(accounts);
            }
        }
        Err(DESCRIBE.fault(FaultClass::Transient, "Endless", "the list of shares has too many pages"))
    }

    pub(super) async fn prune(&self, version: u64) -> Result<(), Fault> {
        let sent = self
            .documents
            .client
            .delete_document()
            .name(DOCUMENT_NAME)
            .document_version(version.to_string())
            .customize()
            .config_override(self.scope())
            .send()
            .await;
        match self.outcome(DELETE, sent).await {
            Err(fault) if fault.code == "InvalidDocumentVersion" => Ok(()),
            outcome => absent_is_fine(outcome.map(drop)),
        }
    }
}

fn absent_is_fine(outcome: Result<(), Fault>) -> Result<(), Fault> {
    match outcome {
        Err(fault) if fault.class == FaultClass::NotFound => Ok(()),
        outcome => outcome,
    }
}
