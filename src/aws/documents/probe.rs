//! A call on the document that always fails: if its event arrives, trail and forwarding rule work.

use super::{SsmDocuments, Visit};
use crate::aws::fault::Call;
use crate::domain::edit::PROBE_VERSION;
use crate::domain::target::{AccountId, DOCUMENT_NAME, Target};
use crate::ports::{Access, Fault};

const CALL: Call = Call::write("UpdateDocumentDefaultVersion").in_member();
/// SSM's errors for a missing version and for a missing document [bc ssm].
const REFUSALS: [&str; 2] = ["InvalidDocumentVersion", "InvalidDocument"];

/// The outcome of the probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// SSM refused the version, as expected; CloudTrail logs the call nevertheless.
    Refused,
    /// SSM accepted a version that cannot exist.
    Accepted,
}

impl SsmDocuments {
    /// Assumes a role in the account and returns its name.
    pub(in crate::aws) async fn enter(&self, account: &AccountId, access: &Access) -> Result<String, Fault> {
        Ok(self.sessions.get(account, access).await?.session.role.clone())
    }

    /// Tries to promote a version that does not exist.
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
