//! An operator accepts the content of a version: a trusted change that carries over a foreign value, or a break-glass
//! change that is to stay.
//!
//! That content becomes the base of the record up to the version. Later versions, known or not, are judged against it like
//! any others. In owned fields the base holds the policy's values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::accepted::{fold, value_of};
use super::attribution::pair;
use super::document::{Body, Change, Content};
use super::fact::{Base, Facts, Notified};
use super::finding::{Alert, AlertBuilder, ITEMS_MAX, Kind, Severity, bounded_changes, document_page, explain};
use super::observation::Seen;
use super::policy::Owned;
use super::record::{Commit, HistoryEntry, Record};
use super::target::{DOCUMENT_NAME, Target};
use super::time::Time;

/// The version that an operator accepts, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The account and region.
    pub target: Target,
    /// The version whose content is accepted.
    pub version: u64,
    /// The operator's ARN.
    pub by: String,
    /// The operator's reason, for on-call and for the history.
    pub reason: String,
    /// Identifies this acceptance in history and alerts.
    pub correlation: String,
    /// Its time.
    pub at: Time,
}

/// Why a version cannot be accepted; the text says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unacceptable {
    /// SSM does not list it, or its content was not read.
    #[error("the document has no version {0} that can be read; fix: name one of {1}")]
    NoSuchVersion(u64, String),
    /// It is no valid Session document.
    #[error("version {0} is no valid Session document: {1}; fix: name another version")]
    Invalid(u64, String),
    /// Its content is accepted already.
    #[error("version {0} holds nothing that is not accepted already; fix: there is nothing to do")]
    Nothing(u64),
}

/// The change that an acceptance makes, and its commit.
///
/// # Errors
///
/// The version is missing, invalid, or brings nothing new.
pub fn accept(
    acceptance: &Acceptance,
    record: &Record,
    seen: &Seen,
    owned: &Owned,
) -> Result<(Change, Commit), Unacceptable> {
    let number = acceptance.version;
    let (content, created) = match (seen.body(number), seen.info(number)) {
        (Some(Body::Valid(content)), Some(info)) => (content.overlaid(owned), info.created),
        (Some(Body::Invalid { why }), _) => return Err(Unacceptable::Invalid(number, why.clone())),
        (Some(Body::Valid(_)), None) | (None, _) => {
            let listed: Vec<String> = seen.versions.iter().map(|info| info.number.to_string()).collect();
            return Err(Unacceptable::NoSuchVersion(number, listed.join(", ")));
        }
    };
    let before = fold(&record.facts, &pair(&record.facts), &[], None);
    let accepted = before.content.clone().unwrap_or_else(Content::minimal).overlaid(owned);
    let change = accepted.change_to(&content);
    if change.is_empty() {
        return Err(Unacceptable::Nothing(number));
    }
    let facts = rebased(&record.facts, base(&record.facts, content, &before.foreign, (created, acceptance.at)));
    let generation = record.generation.saturating_add(1);
    let commit = Commit {
        expected: record.generation,
        record: Record { facts, generation, updated: acceptance.at, ..record.clone() },
        seen: Vec::new(),
        history: Some(history(acceptance, &change)),
        alerts: vec![alert(acceptance, &change)],
    };
    Ok((change, commit))
}

fn base(facts: &Facts, content: Content, foreign: &BTreeSet<String>, (created, at): (Time, Time)) -> Base {
    let held: BTreeSet<String> = Content::minimal().change_to(&content).iter().map(value_of).collect();
    Base {
        // The version itself may differ in owned fields, so its digest would not identify this content.
        digest: None,
        blurred: false,
        foreign: foreign.difference(&held).cloned().collect(),
        content: Some(content),
        // Versions that are in the base stay in it.
        until: created.max(facts.base_until()),
        at,
        observed: at,
        notified: Notified::Named,
        ..facts.base.clone().unwrap_or_default()
    }
}

/// Removes the versions that the base includes.
fn rebased(facts: &Facts, base: Base) -> Facts {
    let until = base.until;
    let mut facts = Facts { base: Some(base), ..facts.clone() };
    facts.versions.retain(|created, _| *created > until);
    facts.owned.retain(|created, _| *created > until);
    facts
}

fn summary(acceptance: &Acceptance) -> String {
    format!("{} accepted version {}: {}", acceptance.by, acceptance.version, acceptance.reason)
}

fn history(acceptance: &Acceptance, change: &Change) -> HistoryEntry {
    let Acceptance { version, by, reason, .. } = acceptance;
    let accepted = json!({ "version": version, "by": by, "reason": reason, "change": bounded_changes(change) });
    HistoryEntry {
        id: acceptance.correlation.clone(),
        at: acceptance.at,
        summary: summary(acceptance),
        case: json!({ "schema_version": 1, "accepted": accepted }),
        contents: BTreeMap::new(),
    }
}

fn alert(acceptance: &Acceptance, change: &Change) -> Alert {
    let Acceptance { target, version, by, reason, correlation, at } = acceptance;
    let Target { account, region } = target;
    let place = target.to_string();
    let page = AlertBuilder::new(Kind::EditKept, Severity::Info, &format!("accepted:{correlation}"))
        .subject("Accepted", &format!("version {version}, by an operator"), &place)
        .says(&format!("An operator accepted what version {version} of {DOCUMENT_NAME} in {place} holds."))
        .says("The document is right, and stays so: later edits are judged against this content.")
        .row("Operator", by)
        .row("Reason", reason)
        .changed("Changed", change.iter().take(ITEMS_MAX))
        .link("Document", document_page(region))
        .link("Explain", explain(target, correlation))
        .put("changed", bounded_changes(change));
    page.finish(account, Some(region), None, *at)
}
