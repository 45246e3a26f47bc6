//! One look: latest version, default version and the list of versions, all at the same time, put together to one
//! observation or not at all.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssm::operation::get_document::GetDocumentOutput;
use aws_sdk_ssm::types::DocumentFormat;
use futures_util::future::join_all;

use super::{Visit, status_of};
use crate::aws::fault::Call;
use crate::domain::document::{self, Body};
use crate::domain::observation::{Observation, Seen, Status, Version, VersionInfo, version_name};
use crate::domain::target::DOCUMENT_NAME;
use crate::domain::time::Time;
use crate::ports::{Fault, FaultClass};

#[cfg(test)]
mod tests;

const GET: Call = Call::read("GetDocument").in_member();
const LIST: Call = Call::read("ListDocumentVersions").in_member();
/// The largest page (API model), and as many versions as an observation shows.
const VERSIONS_MAX: u8 = 50;
/// A document has at most 1,000 versions [docs: gr/ssm].
const PAGES_MAX: usize = 1_000 / VERSIONS_MAX as usize;
/// Contents that one look reads beside latest and default. Replays are limited to ten versions (design 4).
const BETWEEN_MAX: usize = 12;

/// What `GetDocument` says of one version.
struct Part {
    document_type: String,
    number: u64,
    status: Status,
    created: Option<Time>,
    name: Option<String>,
    body: Body,
}

/// What `ListDocumentVersions` says.
struct Listing {
    versions: Vec<VersionInfo>,
    next: Option<String>,
}

impl Visit<'_> {
    pub(super) async fn look(&self, between: &BTreeSet<u64>) -> Result<Observation, Fault> {
        let further = between.iter().take(BETWEEN_MAX).map(|number| self.get(number.to_string()));
        let (latest, default, listing, further) = tokio::join!(
            self.get("$LATEST".to_owned()),
            self.get("$DEFAULT".to_owned()),
            self.list(None),
            join_all(further)
        );
        let listing = match (&latest, listing) {
            (Ok(latest), Ok(listing)) => self.up_to(latest.number, listing).await,
            (_, listing) => listing,
        };
        assemble(latest, default, listing, readable(further)?)
    }

    async fn get(&self, version: String) -> Result<Part, Fault> {
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
        part(&self.outcome(GET, sent).await?)
    }

    /// That the newest versions are listed first is not documented. Where the first page ends before the latest version, the
    /// other pages are read as well.
    async fn up_to(&self, latest: u64, mut listing: Listing) -> Result<Listing, Fault> {
        for _ in 1..PAGES_MAX {
            if listing.versions.iter().any(|version| version.number >= latest) {
                break;
            }
            let Some(next) = listing.next.take() else { break };
            let page = self.list(Some(next)).await?;
            listing.versions.extend(page.versions);
            listing.next = page.next;
        }
        Ok(listing)
    }

    async fn list(&self, page: Option<String>) -> Result<Listing, Fault> {
        let sent = self
            .documents
            .client
            .list_document_versions()
            .name(DOCUMENT_NAME)
            .max_results(i32::from(VERSIONS_MAX))
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

/// Versions in between that can be read. One that is gone is left out; for one that could be read a moment later the whole
/// look is worth trying again, because without it a trusted change would be dropped.
fn readable(further: Vec<Result<Part, Fault>>) -> Result<BTreeMap<u64, Body>, Fault> {
    let mut bodies = BTreeMap::new();
    for part in further {
        match part {
            Ok(part) => drop(bodies.insert(part.number, part.body)),
            Err(fault) if matches!(fault.class, FaultClass::Throttled | FaultClass::Transient) => return Err(fault),
            Err(_) => {}
        }
    }
    Ok(bodies)
}

/// Rounded: dates travel as binary fractions of a second, and cutting them off would make two versions of one.
pub(super) fn time_of(at: &aws_sdk_ssm::primitives::DateTime) -> Option<Time> {
    i64::try_from((at.as_nanos() + 500_000).div_euclid(1_000_000)).ok().map(Time::from_ms)
}

/// Without number or type an answer is of no use; taking a missing type for a wrong one would have the document replaced.
fn part(answer: &GetDocumentOutput) -> Result<Part, Fault> {
    let number = answer.document_version().and_then(|number| number.parse().ok());
    let (Some(number), Some(document_type)) = (number, answer.document_type()) else {
        return Err(GET.fault(FaultClass::Transient, "Incomplete", "the answer names no version or no type"));
    };
    Ok(Part {
        document_type: document_type.as_str().to_owned(),
        number,
        status: status_of(answer.status()),
        name: version_name(answer.version_name()),
        created: answer.created_date().and_then(time_of),
        body: match answer.content() {
            Some(text) => document::parse(text),
            None => Body::Invalid { why: "without content".to_owned() },
        },
    })
}

/// One observation from three answers that were given at almost the same time. They can disagree: then somebody is at it,
/// or reads are not consistent yet, and only a new look can tell. Absence in particular takes all three.
fn assemble(
    latest: Result<Part, Fault>,
    default: Result<Part, Fault>,
    listing: Result<Listing, Fault>,
    between: BTreeMap<u64, Body>,
) -> Result<Observation, Fault> {
    let faults = [latest.as_ref().err(), default.as_ref().err(), listing.as_ref().err()];
    if let Some(fault) = faults.into_iter().flatten().find(|fault| fault.class != FaultClass::NotFound) {
        return Err(fault.clone());
    }
    let (latest, default, listing) = match (latest, default, listing) {
        (Ok(latest), Ok(default), Ok(listing)) => (latest, default, listing),
        (Err(_), Err(_), Err(_)) => return Ok(Observation::Absent),
        _ => return Err(disagreement("it is there for some calls and absent for others")),
    };
    let mut versions = merged(listing.versions, &[&latest, &default]);
    if default.number > latest.number || versions.first().is_some_and(|newest| newest.number > latest.number) {
        return Err(disagreement("there is a version newer than the latest"));
    }
    let older_exist = listing.next.is_some() || versions.len() > usize::from(VERSIONS_MAX);
    versions.truncate(usize::from(VERSIONS_MAX));
    Ok(Observation::Present(Box::new(Seen {
        document_type: latest.document_type,
        latest: Version { number: latest.number, body: latest.body },
        default: Version { number: default.number, body: default.body },
        versions,
        older_exist,
        between,
    })))
}

/// The listed versions, newest first, with those that we have read and the list does not show (yet).
fn merged(mut versions: Vec<VersionInfo>, parts: &[&Part]) -> Vec<VersionInfo> {
    for part in parts {
        if let Some(created) = part.created
            && !versions.iter().any(|version| version.number == part.number)
        {
            versions.push(VersionInfo { number: part.number, created, status: part.status, name: part.name.clone() });
        }
    }
    versions.sort_by_key(|version| std::cmp::Reverse(version.number));
    versions
}

fn disagreement(message: &str) -> Fault {
    GET.fault(FaultClass::Moved, "Inconsistent", message)
}
