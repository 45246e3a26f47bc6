//! A call on the document that cannot succeed, for its event: where that comes back, trail and forwarding rule work.

use super::{SsmDocuments, Visit};
use crate::aws::fault::Call;
use crate::domain::edit::PROBE_VERSION;
use crate::domain::target::{AccountId, DOCUMENT_NAME, Target};
use crate::ports::{Access, Fault};

const CALL: Call = Call::write("UpdateDocumentDefaultVersion").in_member();
/// What SSM answers where there is no such version, and where there is no document [bc ssm].
const REFUSALS: [&str; 2] = ["InvalidDocumentVersion", "InvalidDocument"];

/// How a call ended that cannot succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// As it must: there is no such version. CloudTrail logs it all the same.
    Refused,
    /// It was accepted, which cannot be.
    Accepted,
}

impl SsmDocuments {
    /// Assumes a role in the account, and says which.
    pub(in crate::aws) async fn enter(&self, account: &AccountId, access: &Access) -> Result<String, Fault> {
        Ok(self.sessions.get(account, access).await?.session.role.clone())
    }

    /// Makes a version the default one that does not exist.
    pub(in crate::aws) async fn probe(&self, target: &Target, access: &Access) -> Result<Probed, Fault> {
        let visit: Visit<'_> = self.visit(target, access).await?.0;
        let sent = self
            .client
            .update_document_default_version()
            .name(DOCUMENT_NAME)
            .document_version(PROBE_VERSION.to_string())
            .customize()
            .config_override(visit.scope())
            .send()
            .await;
        match visit.outcome(CALL, sent).await {
            Ok(_) => Ok(Probed::Accepted),
            Err(fault) if REFUSALS.contains(&fault.code.as_str()) => Ok(Probed::Refused),
            Err(fault) => Err(fault),
        }
    }
}
