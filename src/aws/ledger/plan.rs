//! The changes of one reconciliation as the actions of one transaction.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};

use super::items::{self, Corrupt, Item, n, s};
use super::keys::Key;
use crate::domain::finding::Alert;
use crate::domain::record::Commit;
use crate::domain::target::Target;
use crate::domain::text::sha256;
use crate::domain::time::Time;

/// Actions in one transaction [bc; docs: amazondynamodb `ServiceQuotas`].
const ACTIONS_MAX: usize = 100;

/// One transaction, the rows written before it, and the rows that exceed its limit.
pub(super) struct Plan {
    /// Contents by digest. Regions of an account may name the same rows, so inside the transactions they would collide.
    pub(super) contents: Vec<Item>,
    pub(super) actions: Vec<TransactWriteItem>,
    /// Edits beyond the transaction's limit, written after it. If these rows are lost, their events are settled again and
    /// repeat the same alert ids.
    pub(super) late: Vec<(Key, Time)>,
    /// Makes a repetition within ten minutes the same transaction [bc: `ClientRequestToken`].
    pub(super) token: String,
}

/// Why a commit cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unplannable {
    #[error(transparent)]
    Item(#[from] Corrupt),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("{0} actions do not fit into one transaction")]
    TooMany(usize),
}

impl Plan {
    pub(super) fn of(table: &str, target: &Target, commit: &Commit) -> Result<Self, Unplannable> {
        let mut actions = vec![
            record(table, target, commit)?,
            match &commit.record.incident {
                Some(incident) => put(table, items::incident_item(target, incident)?)?,
                None => delete(table, Key::incident(target))?,
            },
        ];
        if let Some(entry) = &commit.history {
            actions.push(put(table, items::event_item(target, entry)?)?);
        }
        // DynamoDB refuses two actions on one item, so alerts with equal ids become one action with a count.
        let mut alerts: BTreeMap<Key, (&Alert, u32)> = BTreeMap::new();
        for alert in &commit.alerts {
            alerts.entry(Key::pending(alert)).or_insert((alert, 0)).1 += 1;
        }
        for (alert, count) in alerts.into_values() {
            actions.push(TransactWriteItem::builder().update(keep(table, alert, count)?).build());
        }
        if actions.len() > ACTIONS_MAX {
            return Err(Unplannable::TooMany(actions.len()));
        }
        let (mut once, mut late) = (BTreeSet::new(), Vec::new());
        for id in commit.seen.iter().filter(|id| once.insert(*id)) {
            if actions.len() < ACTIONS_MAX {
                actions.push(put(table, items::seen_item(target, id, commit.record.updated))?);
            } else {
                late.push((Key::seen(target, id), commit.record.updated));
            }
        }
        let content =
            |(id, text): (&String, &String)| items::content_item(&target.account, id, text, commit.record.updated);
        let contents = commit.history.iter().flat_map(|entry| &entry.contents).map(content).collect();
        Ok(Self { contents, actions, late, token: token(target, commit)? })
    }
}

/// At most 36 characters (API model). It covers the whole commit: DynamoDB refuses a reused token with other content.
fn token(target: &Target, commit: &Commit) -> Result<String, Corrupt> {
    let what = (&commit.record, &commit.history, &commit.alerts, &commit.seen);
    let mut token = sha256(&items::json_of(&(target, commit.expected, what))?);
    token.truncate(36);
    Ok(token)
}

/// The record, on condition that no other invocation has written it since it was loaded.
fn record(table: &str, target: &Target, commit: &Commit) -> Result<TransactWriteItem, Unplannable> {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(items::record_item(target, &commit.record)?))
        .expression_attribute_names("#generation", items::GENERATION);
    // Generation 0 is a record that was never written.
    let put = if commit.expected == 0 {
        put.condition_expression("attribute_not_exists(#generation)")
    } else {
        put.condition_expression("#generation = :expected").expression_attribute_values(":expected", n(commit.expected))
    };
    Ok(TransactWriteItem::builder().put(put.build()?).build())
}

/// Keeps an alert once and counts each occurrence. The outbox checks whether it was already published.
pub(super) fn keep(table: &str, alert: &Alert, count: u32) -> Result<Update, Unplannable> {
    Ok(Update::builder()
        .table_name(table)
        .set_key(Some(Key::pending(alert).into_item()))
        .update_expression(
            "SET #alert = if_not_exists(#alert, :alert), #at = if_not_exists(#at, :at) ADD #count :count",
        )
        .expression_attribute_names("#alert", items::ALERT)
        .expression_attribute_names("#at", "at")
        .expression_attribute_names("#count", items::COUNT)
        .expression_attribute_values(":alert", s(items::json_of(alert)?))
        .expression_attribute_values(":at", s(alert.at.to_string()))
        .expression_attribute_values(":count", n(count))
        .build()?)
}

fn put(table: &str, item: Item) -> Result<TransactWriteItem, Unplannable> {
    Ok(TransactWriteItem::builder().put(Put::builder().table_name(table).set_item(Some(item)).build()?).build())
}

fn delete(table: &str, key: Key) -> Result<TransactWriteItem, Unplannable> {
    let delete = Delete::builder().table_name(table).set_key(Some(key.into_item())).build()?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}
