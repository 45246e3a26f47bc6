//! Alerts: of what on-call is notified, how loud, to whom, and what keeps an alert from coming twice.
//!
//! * Which alert, how loud: [`Kind`] has the table. Acts on a document are judged in [`super::settle::alerts`], the state of a
//!   target in `settle/state.rs`, a first observation in [`super::adoption`], sweeps in [`super::sweep`], calls that get past the
//!   document in `finding/bypass.rs`, those about the hub itself in `finding/hub.rs`.
//! * To whom: one SNS topic, whose subscriptions filter by severity, kind, account and region. A second topic is for chat.
//! * Once: an act that was alerted is marked in the record ([`Notified`](super::fact::Notified)). The same act by the same
//!   principal is counted in its incident ([`super::settle::incident`]), and alerted again after the policy's
//!   `breaker.within_minutes` at the earliest. The same finding has the same
//!   [`Alert::id`], which the outbox keeps once; an invocation claims it before it publishes it ([`crate::reactor::publish`]).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::document::FieldChange;
use super::target::{AccountId, Region};
use super::text::{clean, sha256};
use super::time::Time;

mod builder;
mod bypass;
mod caller;
mod hub;
mod links;
mod message;

pub(super) use builder::AlertBuilder;
pub use bypass::{BypassCase, about_bypass};
pub(super) use caller::Origin;
pub use hub::{HubFinding, about_hub};
pub(super) use links::{document_page, event_page, explain};
pub use message::SCHEMA_VERSION;

/// The urgency of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Check it in working hours.
    Warning,
    /// Check it now.
    High,
    /// It is going on now.
    Critical,
}

impl Severity {
    /// The word in subjects and message attributes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// One alert to on-call, ready to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Dedupe key: the same finding gives the same id, however often it is found.
    pub id: String,
    /// The account it is filed under.
    pub account: AccountId,
    /// The region, if it concerns one.
    pub region: Option<Region>,
    /// Its urgency.
    pub severity: Severity,
    /// The stable name of what was found (`edit_reverted`).
    pub kind: String,
    /// The incident that it belongs to; receivers can thread by it.
    pub incident: Option<String>,
    /// One line of less than 100 characters.
    pub subject: String,
    /// For people.
    pub text: String,
    /// For programs.
    pub data: Value,
    /// When it was found.
    pub at: Time,
}

/// Declares the kinds with their stable names.
macro_rules! kinds {
    ($($(#[$doc:meta])+ $kind:ident = $name:literal,)+) => {
        /// The kind of finding; its stable name stands in alerts. What follows is `infra/ALERTS.md`.
        ///
        #[doc = include_str!("../../infra/ALERTS.md")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])+ $kind,)+
        }

        impl Kind {
            /// Every kind, for the table of infra/ALERTS.md.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$kind,)+];

            /// The stable name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }
    };
}

kinds! {
    /// An edit was undone.
    EditReverted = "edit_reverted",
    /// A trusted principal's edit was kept, and the owned fields in it were corrected.
    EditKept = "edit_kept",
    /// An edit was observed and not undone: there was nothing to undo, or the reactor may not write.
    EditNoticed = "edit_noticed",
    /// An edit in an exempt account.
    ExemptTouched = "exempt_touched",
    /// A break-glass principal edited the document.
    BreakGlass = "break_glass",
    /// Two writers keep undoing each other's edits.
    EditWar = "edit_war",
    /// An incident that was alerted is over.
    IncidentResolved = "incident_resolved",
    /// The author of an edit that was alerted before.
    AuthorKnown = "author_known",
    /// A call on the document failed.
    AttemptDenied = "attempt_denied",
    /// The reactor cannot read or write a target.
    Unreachable = "unreachable",
    /// The reactor can reach the target again.
    ReachableAgain = "reachable_again",
    /// A target in observe mode differs.
    DriftObserved = "drift_observed",
    /// Fields adopted at the first observation need a review.
    Adopted = "adopted",
    /// A new account was configured later than the goal.
    ConfigurationLag = "configuration_lag",
    /// The event of the reactor's own write did not come back.
    ForwarderBlind = "forwarder_blind",
    /// An exemption is about to end.
    ExemptionEnds = "exemption_ends",
    /// A tag of a role or a user decides who its sessions run as, or does not any more.
    RunAsTagChanged = "run_as_tag_changed",
    /// Identity Center's attributes, which become session tags, were changed.
    AttributesChanged = "attributes_changed",
    /// A Session document beside the one that the reactor keeps was written.
    OtherSessionDocument = "other_session_document",
    /// The reactor's rules or roles were changed, or a bus that it listens to was archived or replayed to.
    ReactorTampered = "reactor_tampered",
    /// An undecodable message was dead-lettered.
    UndecodableMessage = "undecodable_message",
    /// An event claims what its sender may not say.
    UntrustedSource = "untrusted_source",
    /// An event from an account that the organisation does not have.
    UnknownAccount = "unknown_account",
    /// The policy cannot be read; the last good one stays in force.
    PolicyUnreadable = "policy_unreadable",
    /// A gap role is used in an account whose member role was used before.
    GapRoleUsed = "gap_role_used",
    /// A sweep did not come to its end.
    SweepUnfinished = "sweep_unfinished",
    /// Targets that were not checked for too long.
    TargetsNotChecked = "targets_not_checked",
    /// Regions that are enabled somewhere, and not governed.
    RegionUngoverned = "region_ungoverned",
}

/// Bytes of a value in an alert; a longer one is cut, with its hash.
const VALUE_BYTES_MAX: usize = 512;
/// Edits and fields in one alert; further ones are counted.
pub(super) const ITEMS_MAX: usize = 20;
/// Bytes of an alert's data; text and data together have to fit into a message and a row (64 KB).
const DATA_BYTES_MAX: usize = 32 * 1_024;

/// Data that fits: the largest values are left out first, replaced by their size.
fn within(mut data: Map<String, Value>) -> Value {
    let size = |value: &Value| value.to_string().len();
    while data.values().map(size).sum::<usize>() > DATA_BYTES_MAX {
        let Some(largest) = data.values_mut().max_by_key(|value| size(value)) else { break };
        let left_out = json!({ "left_out": "too large for an alert; the history has it", "bytes": size(largest) });
        if size(&left_out) >= size(largest) {
            break;
        }
        *largest = left_out;
    }
    Value::Object(data)
}

/// Changes, short enough for an alert; a last entry counts the omitted ones.
pub(super) fn bounded_changes(changes: &[FieldChange]) -> Value {
    let more = changes.len().saturating_sub(ITEMS_MAX);
    let shown = changes.iter().take(ITEMS_MAX).map(bounded_change);
    shown.chain((more > 0).then(|| json!({ "and_more": more }))).collect()
}

/// One change, short enough for an alert.
pub(super) fn bounded_change(change: &FieldChange) -> Value {
    let side = |value: &Option<Value>| match value {
        Some(value) if value.to_string().len() > VALUE_BYTES_MAX => Value::from(bounded(&value.to_string())),
        Some(value) => value.clone(),
        None => Value::Null,
    };
    json!({ "field": clean(&change.field, 128), "from": side(&change.from), "to": side(&change.to) })
}

/// One change on a line, for people.
pub fn change_in_words(change: &FieldChange) -> String {
    format!("{}: {}", change.field, before_and_after(change))
}

/// The value before and after, for people.
pub(super) fn before_and_after(change: &FieldChange) -> String {
    let side = |value: &Option<Value>| value.as_ref().map_or("(none)".to_owned(), |value| bounded(&value.to_string()));
    format!("{} -> {}", side(&change.from), side(&change.to))
}

/// A value short enough for an alert: its beginning, and a hash of the whole.
pub(super) fn bounded(text: &str) -> String {
    if text.len() <= VALUE_BYTES_MAX {
        return clean(text, VALUE_BYTES_MAX);
    }
    let hash: String = sha256(text).chars().take(16).collect();
    format!("{}… ({} bytes, sha256 {hash})", clean(text, VALUE_BYTES_MAX / 4), text.len())
}

#[cfg(test)]
mod tests;
