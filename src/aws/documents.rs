//! The one document of a target, through SSM.
//!
//! One client serves every account and region: region and credentials come with each call, so that neither a client per
//! target nor its parsed roots have to be kept. Retries have their budget per target, because that is what SSM throttles
//! by: an account that is being hammered uses up no retries of others.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::retry::RetryPartition;
use aws_sdk_ssm::config::{Builder, Region};
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::types::{
    DocumentDescription, DocumentFormat, DocumentPermissionType, DocumentStatus as SsmStatus, DocumentType,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::client::{Clients, Lazy};
use super::fault::{Call, is_expired};
use super::session::{AssumedSession, Session, Sessions};
use crate::domain::observation::{DocumentStatus, Observation};
use crate::domain::quick_check::QuickCheck;
use crate::domain::target::{AccountId, DOCUMENT_NAME, Target};
use crate::ports::{Access, Fault, FaultClass, RoleUse, Written};

mod observe;
#[cfg(feature = "cli")]
pub(super) mod probe;
mod remove;

/// The documents of all accounts.
pub(super) struct SsmDocuments {
    client: Lazy<Client>,
    sessions: Arc<Sessions>,
}

/// The way to one target's document: where, and as whom.
struct Visit<'a> {
    documents: &'a SsmDocuments,
    target: &'a Target,
    session: Arc<Session>,
}

impl SsmDocuments {
    pub(super) fn new(clients: &Clients, sessions: Arc<Sessions>) -> Self {
        Self { client: clients.ssm(), sessions }
    }

    async fn visit<'a>(&'a self, target: &'a Target, access: &Access) -> Result<(Visit<'a>, bool), Fault> {
        let AssumedSession { session, from_cache } = self.sessions.get(&target.account, access).await?;
        Ok((Visit { documents: self, target, session }, from_cache))
    }

    pub(super) async fn observe(
        &self,
        target: &Target,
        access: &Access,
        between: &BTreeSet<u64>,
    ) -> Result<Observation, Fault> {
        let (visit, from_cache) = self.visit(target, access).await?;
        match visit.observe(between).await {
            // Kept credentials can outlive the role they were for. Every pass begins with an observation, so this is the place to
            // find out, and what follows in the pass has good ones.
            Err(fault) if from_cache && (fault.class == FaultClass::Denied || is_expired(&fault)) => {
                self.visit(target, access).await?.0.observe(between).await
            }
            Err(fault)
                if fault.class == FaultClass::DeniedByScp
                    && self.sessions.bar(&target.account, access, &visit.session, &fault).await =>
            {
                self.visit(target, access).await?.0.observe(between).await
            }
            outcome => outcome,
        }
    }

    pub(super) async fn entry(&self, account: &AccountId, access: &Access) -> RoleUse {
        self.sessions.entry(account, access).await
    }

    pub(super) async fn create(
        &self,
        target: &Target,
        access: &Access,
        text: &str,
        version_name: &str,
    ) -> Result<Written, Fault> {
        let (visit, _) = self.visit(target, access).await?;
        let call = Call::write("CreateDocument").in_member();
        let sent = self
            .client
            .create_document()
            .name(DOCUMENT_NAME)
            .content(text)
            .document_type(DocumentType::Session)
            .document_format(DocumentFormat::Json)
            .version_name(version_name)
            .customize()
            .config_override(visit.scope())
            .send()
            .await;
        let made = visit.outcome(call, sent).await?.document_description;
        written(call, made.as_ref().and_then(|made| Some((made.document_version()?, made.status()))))
    }

    pub(super) async fn update(
        &self,
        target: &Target,
        access: &Access,
        base: u64,
        text: &str,
        version_name: &str,
    ) -> Result<Written, Fault> {
        let (visit, _) = self.visit(target, access).await?;
        let call = Call::write("UpdateDocument").in_member();
        // Naming the latest version makes this a compare-and-swap: any other number is refused with
        // InvalidDocumentVersion [bc; seen: terraform-provider-aws#31131].
        let sent = self
            .client
            .update_document()
            .name(DOCUMENT_NAME)
            .document_version(base.to_string())
            .content(text)
            .document_format(DocumentFormat::Json)
            .version_name(version_name)
            .customize()
            .config_override(visit.scope())
            .send()
            .await;
        let made = visit.outcome(call, sent).await.map_err(gone_is_moved)?.document_description;
        written(call, made.as_ref().and_then(|made| Some((made.document_version()?, made.status()))))
    }

    pub(super) async fn status(&self, target: &Target, access: &Access, version: u64) -> Result<DocumentStatus, Fault> {
        let described = self.describe(target, access, Some(version.to_string())).await.map_err(gone_is_moved)?;
        Ok(status_of(described.status()))
    }

    pub(super) async fn quick_check(&self, target: &Target, access: &Access) -> Result<QuickCheck, Fault> {
        let described = self.describe(target, access, None).await?;
        let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(QuickCheck {
            document_type: described.document_type().map_or_else(String::new, |it| it.as_str().to_owned()),
            status: status_of(described.status()),
            latest: number(described.latest_version()),
            default: number(described.default_version()),
            created: described.created_date().and_then(observe::time_of),
            hash: described.hash().unwrap_or_default().to_owned(),
        })
    }

    /// Without a version it is the default one that is described.
    async fn describe(
        &self,
        target: &Target,
        access: &Access,
        version: Option<String>,
    ) -> Result<DocumentDescription, Fault> {
        let (visit, _) = self.visit(target, access).await?;
        let call = Call::read("DescribeDocument").in_member();
        let sent = self
            .client
            .describe_document()
            .name(DOCUMENT_NAME)
            .set_document_version(version)
            .customize()
            .config_override(visit.scope())
            .send()
            .await;
        let described = visit.outcome(call, sent).await?.document;
        described.ok_or_else(|| call.fault(FaultClass::Transient, "Incomplete", "the answer describes nothing"))
    }

    pub(super) async fn promote(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        let (visit, _) = self.visit(target, access).await?;
        let call = Call::write("UpdateDocumentDefaultVersion").in_member();
        let sent = self
            .client
            .update_document_default_version()
            .name(DOCUMENT_NAME)
            .document_version(version.to_string())
            .customize()
            .config_override(visit.scope())
            .send()
            .await;
        visit.outcome(call, sent).await.map(drop).map_err(gone_is_moved)
    }

    pub(super) async fn delete(&self, target: &Target, access: &Access) -> Result<(), Fault> {
        self.visit(target, access).await?.0.delete().await
    }

    pub(super) async fn prune(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        self.visit(target, access).await?.0.prune(version).await
    }
}

impl Visit<'_> {
    /// What this call does differently from the client it is made with.
    fn scope(&self) -> Builder {
        Builder::new()
            .region(Region::new(self.target.region.as_str().to_owned()))
            .credentials_provider(self.session.credentials.clone())
            .retry_partition(RetryPartition::new(format!("ssm {}", self.target)))
    }

    /// The answer, or the fault. Credentials that were refused are not used again.
    async fn outcome<T, E>(&self, call: Call, sent: Result<T, SdkError<E, HttpResponse>>) -> Result<T, Fault>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let fault = match sent {
            Ok(answer) => return Ok(answer),
            Err(error) => call.failed(&error),
        };
        if fault.class == FaultClass::Denied || is_expired(&fault) {
            self.documents.sessions.forget(&self.target.account, &self.session).await;
        }
        Err(fault)
    }
}

/// A document that is no longer there when a call names one of its versions: it is not as it was seen.
fn gone_is_moved(fault: Fault) -> Fault {
    if fault.class == FaultClass::NotFound { Fault { class: FaultClass::Conflict, ..fault } } else { fault }
}

fn written(call: Call, made: Option<(&str, Option<&SsmStatus>)>) -> Result<Written, Fault> {
    let Some((version, status)) = made.and_then(|(number, status)| Some((number.parse().ok()?, status))) else {
        // It was written; which version it is, only a new look can tell.
        let fault = call.fault(FaultClass::Transient, "Incomplete", "the answer names no version");
        return Err(Fault { outcome_unknown: true, ..fault });
    };
    Ok(Written { version, status: status_of(status) })
}

/// `Creating` and `Updating` become something else by themselves, and so, we assume, does what we do not know.
fn status_of(status: Option<&SsmStatus>) -> DocumentStatus {
    match status {
        Some(SsmStatus::Active) => DocumentStatus::Active,
        Some(SsmStatus::Deleting) => DocumentStatus::Deleting,
        Some(SsmStatus::Failed) => DocumentStatus::Failed,
        _ => DocumentStatus::Pending,
    }
}

/// Only accounts can be shared with; the type exists because the API asks for one (API model).
const SHARE: DocumentPermissionType = DocumentPermissionType::Share;
