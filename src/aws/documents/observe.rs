//! One observation: latest version, default version and version list, read side by side. [`assemble()`] checks that the
//! answers agree, as for the simulated organisation.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssm::operation::get_document::GetDocumentOutput;
use aws_sdk_ssm::types::DocumentFormat;
use futures_util::future::join_all;

use super::{Visit, status_of};
use crate::aws::fault::Call;
use crate::domain::document::{self, Body};
use crate::domain::observation::{
    Answers, LISTED_MAX, Observation, VersionAnswer, VersionInfo, VersionList, assemble, version_name,
};
use crate::domain::target::DOCUMENT_NAME;
use crate::domain::time::Time;
use crate::ports::{Fault, FaultClass};

#[cfg(test)]
mod tests;

const GET: Call = Call::read("GetDocument").in_member();
const LIST: Call = Call::read("ListDocumentVersions").in_member();
/// A document has at most 1,000 versions [docs: gr/ssm].
const PAGES_MAX: usize = 1_000 / LISTED_MAX;
/// Contents read in one observation beside latest and default, lowest numbers first. What a further version changed stays
/// unknown until a later observation reads it.
const BETWEEN_MAX: usize = 12;

/// One page of the list.
struct Listing {
    versions: Vec<VersionInfo>,
    next: Option<String>,
}

impl Visit<'_> {
    pub(super) async fn observe(&self, between: &BTreeSet<u64>) -> Result<Observation, Fault> {
        let numbers: Vec<u64> = between.iter().copied().take(BETWEEN_MAX).collect();
        let contents = async {
            let further = join_all(numbers.iter().map(|number| self.get(number.to_string())));
            tokio::join!(self.get("$LATEST".to_owned()), self.get("$DEFAULT".to_owned()), further)
        };
        // Listed after the further contents, so that the list covers their versions.
        let ((latest, default, further), first) = if numbers.is_empty() {
            tokio::join!(contents, self.list(None))
        } else {
            (contents.await, self.list(None).await)
        };
        let list = match (&latest, first) {
            (Ok(latest), Ok(first)) => self.up_to(latest.number, first).await,
            (_, first) => first.map(VersionList::from),
        };
        taken(latest, default, list, numbers.into_iter().zip(further).collect())
    }

    async fn get(&self, version: String) -> Result<VersionAnswer, Fault> {
        let sent = self
            .documents
            .client
            .get_document()
            .name(DOCUMENT_NAME)
            .document_version(version)
            .document_format(DocumentFormat::Json)
            .customize()
            .config_override(self.scope())
            .send()
            .await;
        answer(&self.outcome(GET, sent).await?)
    }

    /// The order of the list is not documented. If the first page does not reach the latest version, all pages are read.
    async fn up_to(&self, latest: u64, mut listing: Listing) -> Result<VersionList, Fault> {
        for _ in 1..PAGES_MAX {
            if listing.versions.iter().any(|version| version.number >= latest) {
                break;
            }
            let Some(next) = listing.next.take() else { break };
            let page = self.list(Some(next)).await?;
            listing.versions.extend(page.versions);
            listing.next = page.next;
        }
        Ok(listing.into())
    }

    async fn list(&self, page: Option<String>) -> Result<Listing, Fault> {
        let sent = self
            .documents
            .client
            .list_document_versions()
            .name(DOCUMENT_NAME)
            .max_results(i32::try_from(LISTED_MAX).unwrap_or(i32::MAX))
            .set_next_token(page)
            .customize()
            .config_override(self.scope())
            .send()
            .await;
        let answer = self.outcome(LIST, sent).await?;
        let next = answer.next_token.filter(|token| !token.is_empty());
        let versions = answer.document_versions.unwrap_or_default().into_iter().filter_map(|version| {
            Some(VersionInfo {
                number: version.document_version()?.parse().ok()?,
                created: version.created_date().and_then(time_of)?,
                status: status_of(version.status()),
                name: version_name(version.version_name()),
            })
        });
        Ok(Listing { versions: versions.collect(), next })
    }
}

impl From<Listing> for VersionList {
    fn from(listing: Listing) -> Self {
        Self { versions: listing.versions, more: listing.next.is_some() }
    }
}

/// Rounds, because dates travel as binary fractions of a second; truncation could make two times of one.
pub(super) fn time_of(at: &aws_sdk_ssm::primitives::DateTime) -> Option<Time> {
    i64::try_from((at.as_nanos() + 500_000).div_euclid(1_000_000)).ok().map(Time::from_ms)
}

/// An answer without number, type or date is incomplete. A missing type taken for a wrong one would have the document
/// replaced.
fn answer(output: &GetDocumentOutput) -> Result<VersionAnswer, Fault> {
    let number = output.document_version().and_then(|number| number.parse().ok());
    let created = output.created_date().and_then(time_of);
    let (Some(number), Some(document_type), Some(created)) = (number, output.document_type(), created) else {
        return Err(GET.fault(FaultClass::Transient, "Incomplete", "the answer names no version, no type or no date"));
    };
    Ok(VersionAnswer {
        document_type: document_type.as_str().to_owned(),
        number,
        created,
        body: match output.content() {
            Some(text) => document::parse(text),
            None => Body::Invalid { why: "without content".to_owned() },
        },
    })
}

/// The observation, if every call was answered and the answers agree. A fault takes precedence: a failed call says
/// nothing about the document.
fn taken(
    latest: Result<VersionAnswer, Fault>,
    default: Result<VersionAnswer, Fault>,
    list: Result<VersionList, Fault>,
    further: BTreeMap<u64, Result<VersionAnswer, Fault>>,
) -> Result<Observation, Fault> {
    let further = further.into_iter().map(|(number, version)| Ok((number, found(version)?)));
    let answers = Answers {
        latest: found(latest)?,
        default: found(default)?,
        list: found(list)?,
        further: further.collect::<Result<_, Fault>>()?,
    };
    assemble(answers).map_err(|disagreement| GET.fault(FaultClass::Conflict, "Inconsistent", &disagreement.to_string()))
}

/// The answer, or `None` where there is no such document or version.
fn found<T>(answered: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match answered {
        Ok(answer) => Ok(Some(answer)),
        Err(fault) if matches!(fault.class, FaultClass::NotFound | FaultClass::Conflict) => Ok(None),
        Err(fault) => Err(fault),
    }
}
