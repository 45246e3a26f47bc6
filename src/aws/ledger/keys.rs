//! The table's keys, with bounded foreign ids: a sort key holds at most 1,024 bytes [docs: amazondynamodb `ServiceQuotas`].

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::fmt::temporal::DateTimePrinter;

use super::attributes::{Item, s};
use crate::domain::finding::Alert;
use crate::domain::target::{AccountId, Target};
use crate::domain::text::sha256;
use crate::domain::time::Time;

pub(super) const PK: &str = "PK";
pub(super) const SK: &str = "SK";
pub(super) const PENDING: &str = "OUTBOX#PENDING#";
pub(super) const REGION: &str = "REGION#";
/// The partition of all known accounts.
pub(super) const ROSTER: &str = "ROSTER";
pub(super) const ACCOUNT: &str = "ACCOUNT#";

/// An id longer than any AWS id is replaced by its digest.
const ID_BYTES_MAX: usize = 200;

/// The key of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pk: String,
    sk: String,
}

impl Key {
    fn of(account: &AccountId, sk: String) -> Self {
        Self { pk: partition_of(account), sk }
    }

    pub(super) fn policy() -> Self {
        Self { pk: "POLICY".to_owned(), sk: "CURRENT".to_owned() }
    }

    pub(super) fn sweep() -> Self {
        Self { pk: "SWEEP".to_owned(), sk: "LAST".to_owned() }
    }

    pub(super) fn of_roster(account: &AccountId) -> Self {
        Self { pk: ROSTER.to_owned(), sk: format!("{ACCOUNT}{account}") }
    }

    pub(super) fn meta(account: &AccountId) -> Self {
        Self::of(account, "META".to_owned())
    }

    pub(super) fn region(target: &Target) -> Self {
        Self::of(&target.account, format!("{REGION}{}", target.region))
    }

    pub(super) fn incident(target: &Target) -> Self {
        Self::of(&target.account, format!("INCIDENT#{}", target.region))
    }

    pub(super) fn seen(target: &Target, edit_id: &str) -> Self {
        Self::of(&target.account, format!("SEEN#{}#{}", target.region, bounded_id(edit_id)))
    }

    /// The region ends the key, because one signal is settled in many regions at once under one id.
    pub(super) fn event(target: &Target, at: Time, id: &str) -> Self {
        Self::of(&target.account, format!("EVENT#{}#{}#{}", sortable(at), bounded_id(id), target.region))
    }

    pub(super) fn content(account: &AccountId, digest: &str) -> Self {
        Self::of(account, format!("DOC#{}", bounded_id(digest)))
    }

    /// An alert that is not yet published.
    pub(super) fn pending(alert: &Alert) -> Self {
        Self::of(&alert.account, format!("{PENDING}{}", bounded_id(&alert.id)))
    }

    /// A published alert. Its prefix differs, so that a query for pending alerts does not read it.
    pub(super) fn sent(alert: &Alert) -> Self {
        Self::of(&alert.account, format!("SENT#{}", bounded_id(&alert.id)))
    }

    pub(super) fn sort(&self) -> &str {
        &self.sk
    }

    pub(super) fn into_item(self) -> Item {
        Item::from([(PK.to_owned(), s(self.pk)), (SK.to_owned(), s(self.sk))])
    }

    /// The sort key of an item.
    pub(super) fn sort_of(item: &Item) -> Option<&str> {
        item.get(SK).and_then(|value| AttributeValue::as_s(value).ok()).map(String::as_str)
    }
}

/// Keys that only operators use.
#[cfg(feature = "cli")]
impl Key {
    pub(super) const POLICY: &str = "POLICY";
    pub(super) const VERSION: &str = "VERSION#";

    /// Zero-padded, so that versions sort by number.
    pub(super) fn policy_version(number: u64) -> Self {
        Self { pk: Self::POLICY.to_owned(), sk: format!("{}{number:08}", Self::VERSION) }
    }

    /// Where history lines written at `at` or later begin.
    pub(super) fn events_from(at: Time) -> String {
        format!("EVENT#{}", sortable(at))
    }

    fn of_dead_letters(sk: String) -> Self {
        Self { pk: "DEADLETTER".to_owned(), sk }
    }

    pub(super) fn dropped(at: Time, message_id: &str) -> Self {
        Self::of_dead_letters(format!("DROPPED#{}#{}", sortable(at), bounded_id(message_id)))
    }

    /// Parts are numbered from 0.
    pub(super) fn dropped_body(digest: &str, part: usize) -> Self {
        Self::of_dead_letters(format!("BODY#{}#{part:03}", bounded_id(digest)))
    }
}

/// The partition key of an account's rows.
pub(super) fn partition_of(account: &AccountId) -> String {
    format!("{ACCOUNT}{account}")
}

/// Always with milliseconds: otherwise `:00.5Z` would sort before `:00Z`.
fn sortable(at: Time) -> String {
    match jiff::Timestamp::from_millisecond(at.ms()) {
        Ok(at) => DateTimePrinter::new().precision(Some(3)).timestamp_to_string(&at),
        Err(_) => at.to_string(),
    }
}

fn bounded_id(id: &str) -> String {
    if !id.is_empty() && id.len() <= ID_BYTES_MAX { id.to_owned() } else { sha256(id) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_text() {
        let texts: Vec<String> = [0, 1, 999, 1_000, 1_500, 60_000].map(|ms| sortable(Time::from_ms(ms))).to_vec();
        assert_eq!(texts.first().map(String::as_str), Some("1970-01-01T00:00:00.000Z"));
        assert!(texts.is_sorted(), "{texts:?}");
    }

    #[test]
    fn keys_stay_within_their_limit() {
        let target = Target::new("444455556666".parse().unwrap(), "eu-west-1".parse().unwrap());
        let long = "x".repeat(5_000);
        for key in
            [Key::seen(&target, &long), Key::event(&target, Time::ZERO, &long), Key::content(&target.account, &long)]
        {
            assert!(key.sort().len() < 1_024, "{}", key.sort().len());
        }
        assert_ne!(Key::seen(&target, &long), Key::seen(&target, &"y".repeat(5_000)));
        assert_eq!(Key::seen(&target, "e-1").sort(), "SEEN#eu-west-1#e-1");
    }
}
