//! A target's document, through SSM.
//!
//! One client serves every account and region: each call carries its region and credentials, so no client per target is
//! kept. Retries have a budget per target, because SSM throttles per target: a throttled account uses up no others'.

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
use super::cloudtrail::EventHistory;
use super::fault::{Call, is_expired};
use super::session::{AssumedSession, Session, Sessions};
use crate::config::Connection;
use crate::domain::edit::Edit;
use crate::domain::observation::{DocumentStatus, Observation};
use crate::domain::quick_check::QuickCheck;
use crate::domain::target::{AccountId, DOCUMENT_NAME, Target};
use crate::ports::{Access, AccountAccess, Documents, Fault, FaultClass, Lookup, Written};

mod observe;
#[cfg(feature = "cli")]
pub(super) mod probe;
mod remove;

/// The documents of all accounts.
pub struct SsmDocuments {
    client: Lazy<Client>,
    sessions: Arc<Sessions>,
    history: EventHistory,
}

/// Access to one target's document.
struct Visit<'a> {
    documents: &'a SsmDocuments,
    target: &'a Target,
    session: Arc<Session>,
}

impl SsmDocuments {
    pub(super) fn new(connection: &Connection, clients: &Clients, sessions: Arc<Sessions>) -> Self {
        Self { client: clients.ssm(), sessions, history: EventHistory::new(connection, clients) }
    }

    async fn visit<'a>(&'a self, target: &'a Target, access: &Access) -> Result<(Visit<'a>, bool), Fault> {
        let AssumedSession { session, from_cache } = self.sessions.get(&target.account, access).await?;
        Ok((Visit { documents: self, target, session }, from_cache))
    }

    /// Describes the default version where none is given.
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
}

impl Documents for SsmDocuments {
    async fn observe(&self, target: &Target, access: &Access, between: &BTreeSet<u64>) -> Result<Observation, Fault> {
        let (visit, from_cache) = self.visit(target, access).await?;
        match visit.observe(between).await {
            // Cached credentials can outlive their role's permissions. Every reconciliation begins with an observation,
            // so a refusal surfaces here and later calls use fresh credentials.
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

    async fn quick_check(&self, target: &Target, access: &Access) -> Result<QuickCheck, Fault> {
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

    async fn lookup_events(&self, target: &Target, access: &Access, lookup: &Lookup) -> Result<Vec<Edit>, Fault> {
        self.history.lookup(target, access, lookup).await
    }

    async fn create(&self, target: &Target, access: &Access, text: &str, version_name: &str) -> Result<Written, Fault> {
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

    async fn update(
        &self,
        target: &Target,
        access: &Access,
        base: u64,
        text: &str,
        version_name: &str,
    ) -> Result<Written, Fault> {
        let (visit, _) = self.visit(target, access).await?;
        let call = Call::write("UpdateDocument").in_member();
        // Naming the latest version makes this a compare-and-swap: SSM refuses any other number with
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
        let made = visit.outcome(call, sent).await.map_err(missing_is_conflict)?.document_description;
        written(call, made.as_ref().and_then(|made| Some((made.document_version()?, made.status()))))
    }

    async fn status(&self, target: &Target, access: &Access, version: u64) -> Result<DocumentStatus, Fault> {
        let described = self.describe(target, access, Some(version.to_string())).await.map_err(missing_is_conflict)?;
        Ok(status_of(described.status()))
    }

    async fn promote(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
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
        visit.outcome(call, sent).await.map(drop).map_err(missing_is_conflict)
    }

    async fn shares(&self, target: &Target, access: &Access) -> Result<BTreeSet<String>, Fault> {
        self.visit(target, access).await?.0.shares().await.map_err(missing_is_conflict)
    }

    async fn unshare(&self, target: &Target, access: &Access, accounts: &[String]) -> Result<(), Fault> {
        self.visit(target, access).await?.0.unshare(accounts).await.map_err(missing_is_conflict)
    }

    async fn delete(&self, target: &Target, access: &Access) -> Result<(), Fault> {
        self.visit(target, access).await?.0.delete().await
    }

    async fn prune(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        self.visit(target, access).await?.0.prune(version).await
    }

    async fn account_access(&self, account: &AccountId, access: &Access) -> AccountAccess {
        self.sessions.account_access(account, access).await
    }
}

impl Visit<'_> {
    /// The overrides of this call: region, credentials and retry budget.
    fn scope(&self) -> Builder {
        Builder::new()
            .region(Region::new(self.target.region.as_str().to_owned()))
            .credentials_provider(self.session.credentials.clone())
            .retry_partition(RetryPartition::new(format!("ssm {}", self.target)))
    }

    /// The answer or the fault. Refused credentials are dropped from the cache.
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

/// A document that is gone when a call names one of its versions has changed since its observation.
fn missing_is_conflict(fault: Fault) -> Fault {
    if fault.class == FaultClass::NotFound { Fault { class: FaultClass::Conflict, ..fault } } else { fault }
}

fn written(call: Call, made: Option<(&str, Option<&SsmStatus>)>) -> Result<Written, Fault> {
    let Some((version, status)) = made.and_then(|(number, status)| Some((number.parse().ok()?, status))) else {
        // The write succeeded; only a new observation tells which version it made.
        let fault = call.fault(FaultClass::Transient, "Incomplete", "the answer names no version");
        return Err(Fault { outcome_unknown: true, ..fault });
    };
    Ok(Written { version, status: status_of(status) })
}

/// `Creating` and `Updating` are transient; an unknown status is assumed to be so too.
fn status_of(status: Option<&SsmStatus>) -> DocumentStatus {
    match status {
        Some(SsmStatus::Active) => DocumentStatus::Active,
        Some(SsmStatus::Deleting) => DocumentStatus::Deleting,
        Some(SsmStatus::Failed) => DocumentStatus::Failed,
        _ => DocumentStatus::Pending,
    }
}

/// The only permission type; the API requires one (API model).
const SHARE: DocumentPermissionType = DocumentPermissionType::Share;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::scripted::{Scripted, connection};
    use crate::aws::session::Scope;

    /// Documents whose calls are answered by a script.
    pub(super) fn documents(aws: &Scripted) -> SsmDocuments {
        let clients = Clients::over(aws.sdk());
        let sessions = Arc::new(Sessions::new(&connection(), &clients, Scope::Document));
        SsmDocuments::new(&connection(), &clients, sessions)
    }

    pub(super) fn target() -> Target {
        Target::new("444455556666".parse().unwrap(), "eu-west-1".parse().unwrap())
    }

    pub(super) fn visit<'a>(documents: &'a SsmDocuments, target: &'a Target) -> Visit<'a> {
        Visit { documents, target, session: Arc::new(Session::of_a_member_role()) }
    }

    #[tokio::test]
    async fn shares_of_every_page_count() {
        let page = |account: &str, next: Value| json!({ "AccountIds": [account], "NextToken": next });
        let aws = Scripted::new([page("999900001111", "t".into()), page("999900002222", Value::Null)]);
        let (documents, target) = (documents(&aws), target());
        let shares = visit(&documents, &target).shares().await.unwrap();
        assert_eq!(shares, ["999900001111".to_owned(), "999900002222".to_owned()].into());
        assert_eq!(aws.asked()[1]["NextToken"], "t");
    }

    #[tokio::test]
    async fn list_of_shares_without_an_end_is_a_fault() {
        let aws = Scripted::new((0..1_000).map(|_| json!({ "AccountIds": [], "NextToken": "t" })));
        let (documents, target) = (documents(&aws), target());
        let fault = visit(&documents, &target).shares().await.unwrap_err();
        assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Transient, "Endless"));
    }

    #[test]
    fn every_status_of_ssm_is_known() {
        let statuses =
            [SsmStatus::Active, SsmStatus::Creating, SsmStatus::Deleting, SsmStatus::Failed, SsmStatus::Updating];
        assert_eq!(
            statuses.map(|status| status_of(Some(&status))),
            [
                DocumentStatus::Active,
                DocumentStatus::Pending,
                DocumentStatus::Deleting,
                DocumentStatus::Failed,
                DocumentStatus::Pending
            ]
        );
        assert_eq!(status_of(None), DocumentStatus::Pending);
    }

    #[test]
    fn write_whose_answer_names_no_version_may_have_taken_effect() {
        for made in [None, Some(("latest", None))] {
            let fault = written(Call::write("UpdateDocument"), made).unwrap_err();
            assert!(fault.outcome_unknown && fault.retryable(), "{fault}");
        }
    }
}
