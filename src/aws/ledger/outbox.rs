//! Alerts on their way to the topic: a row for each pending alert, and a mark for each published one.
//!
//! A commit keeps an alert as pending without checking for its mark. Readers and claimers check it, so that a repeated
//! finding is published once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, TransactWriteItem, Update};

use super::items::{self, n, s, ttl};
use super::keys::{self, Key};
use super::load::KEYS_MAX;
use super::transaction::{is_unmet_condition, past_collisions};
use super::{DynamoLedger, UPDATE, corrupt, plan};
use crate::aws::clock;
use crate::domain::finding::Alert;
use crate::domain::target::AccountId;
use crate::domain::time::Time;
use crate::ports::{Attempt, Fault, FaultClass, Outbox};

/// Attempts to mark an alert that comes up again at the same moment.
const MARKS_MAX: u32 = 5;

impl Outbox for DynamoLedger {
    /// Pending alerts, oldest first. An alert that came up again after its publication is only counted.
    async fn unsent(&self, account: &AccountId) -> Result<Vec<Alert>, Fault> {
        let rows = self.rows(keys::partition_of(account), keys::PENDING, None).await?;
        let pending: Result<Vec<Alert>, _> = rows.iter().map(items::alert_from).collect();
        let pending = pending.map_err(|what| corrupt(&what))?;
        let published = self.published_among(&pending).await?;
        let (published, mut pending): (Vec<Alert>, Vec<Alert>) =
            pending.into_iter().partition(|it| published.contains(&it.id));
        for alert in &published {
            Box::pin(self.mark_sent(alert)).await?;
        }
        pending.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        Ok(pending)
    }

    /// Returns true while the alert is pending, even if another invocation kept it: a duplicate is better than none.
    async fn keep_alert(&self, alert: &Alert) -> Result<bool, Fault> {
        match past_collisions(|| Box::pin(self.count_published(alert))).await {
            Err(fault) if is_unmet_condition(&fault) => {}
            counted => return counted.map(|()| false),
        }
        let update = plan::keep(&self.table, alert, 1)
            .map_err(|error| UPDATE.fault(FaultClass::Invalid, "Unplannable", &error.to_string()))?;
        let request = self
            .client
            .update_item()
            .table_name(update.table_name)
            .set_key(Some(update.key))
            .update_expression(update.update_expression)
            .set_expression_attribute_names(update.expression_attribute_names)
            .set_expression_attribute_values(update.expression_attribute_values);
        past_collisions(|| {
            let sent = request.clone().send();
            Box::pin(async { sent.await.map(|_| true).map_err(|error| UPDATE.failed(&error)) })
        })
        .await
    }

    /// Conditions and claim are one transaction: one of two invocations gets the claim, and none claims a published alert.
    async fn claim(&self, alert: &Alert, attempt: &Attempt, now: Time) -> Result<bool, Fault> {
        let actions = claim(&self.table, alert, attempt, now).map_err(|error| unbuilt(&error))?;
        match self.transact(actions, None).await {
            Ok(()) => Ok(true),
            Err(fault) if is_unmet_condition(&fault) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Marks an alert as sent with its count. Most alerts came up once, as the first attempt assumes; later ones read it.
    async fn mark_sent(&self, alert: &Alert) -> Result<(), Fault> {
        let (mut count, mut marks) = (1, 1);
        loop {
            let actions = mark(&self.table, alert, count).map_err(|error| unbuilt(&error))?;
            match self.transact(actions, None).await {
                Err(fault) if is_unmet_condition(&fault) && marks < MARKS_MAX => {
                    count = items::count_from(self.get(&Key::pending(alert)).await?.as_ref());
                    marks += 1;
                }
                outcome => return outcome,
            }
        }
    }
}

impl DynamoLedger {
    /// The ids of the published alerts among these.
    async fn published_among(&self, alerts: &[Alert]) -> Result<BTreeSet<String>, Fault> {
        let marks: Vec<Key> = alerts.iter().map(Key::sent).collect();
        let mut rows = BTreeMap::new();
        for chunk in marks.chunks(KEYS_MAX) {
            self.read(chunk, &mut rows).await?;
        }
        let published = alerts.iter().filter(|alert| rows.contains_key(Key::sent(alert).sort()));
        Ok(published.map(|alert| alert.id.clone()).collect())
    }

    /// Counts another occurrence of an alert, on condition that it was published.
    async fn count_published(&self, alert: &Alert) -> Result<(), Fault> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::sent(alert).into_item()))
            .update_expression("ADD #count :one")
            .condition_expression("attribute_exists(#count)")
            .expression_attribute_names("#count", items::COUNT)
            .expression_attribute_values(":one", n(1))
            .send()
            .await
            .map(drop)
            .map_err(|error| UPDATE.failed(&error))
    }
}

fn claim(table: &str, alert: &Alert, attempt: &Attempt, now: Time) -> Result<Vec<TransactWriteItem>, BuildError> {
    let unpublished = ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(Key::sent(alert).into_item()))
        .condition_expression("attribute_not_exists(#count)")
        .expression_attribute_names("#count", items::COUNT);
    // An identical claim is a retry of this call after a lost answer.
    let mut free = "attribute_not_exists(#claimed) OR #claimed <= :now OR (#claimed = :until AND #by = :by)".to_owned();
    let mut claim = Update::builder()
        .table_name(table)
        .set_key(Some(Key::pending(alert).into_item()))
        .update_expression("SET #claimed = :until, #by = :by")
        .expression_attribute_names("#claimed", items::CLAIMED)
        .expression_attribute_names("#by", items::CLAIMED_BY)
        .expression_attribute_names("#alert", items::ALERT)
        .expression_attribute_values(":until", n(attempt.deadline.ms()))
        .expression_attribute_values(":by", AttributeValue::L(attempt.messages.iter().map(s).collect()))
        .expression_attribute_values(":now", n(now.ms()));
    for (nth, message) in attempt.messages.iter().enumerate().filter(|_| attempt.again) {
        let _ = write!(free, " OR contains(#by, :m{nth})");
        claim = claim.expression_attribute_values(format!(":m{nth}"), s(message));
    }
    let claim = claim.condition_expression(format!("attribute_exists(#alert) AND ({free})"));
    Ok(vec![
        TransactWriteItem::builder().condition_check(unpublished.build()?).build(),
        TransactWriteItem::builder().update(claim.build()?).build(),
    ])
}

/// The mark takes over the pending row's count, on condition that it is unchanged; zero means that there is no row.
fn mark(table: &str, alert: &Alert, count: u64) -> Result<Vec<TransactWriteItem>, BuildError> {
    let mark = Update::builder()
        .table_name(table)
        .set_key(Some(Key::sent(alert).into_item()))
        .update_expression("SET #subject = :subject, #ttl = :ttl ADD #count :count")
        .expression_attribute_names("#subject", "subject")
        .expression_attribute_names("#ttl", items::TTL)
        .expression_attribute_names("#count", items::COUNT)
        .expression_attribute_values(":subject", s(alert.subject.clone()))
        .expression_attribute_values(":ttl", ttl(clock::now().plus_ms(items::SENT_MS)))
        .expression_attribute_values(":count", n(count));
    let pending = Delete::builder()
        .table_name(table)
        .set_key(Some(Key::pending(alert).into_item()))
        .expression_attribute_names("#count", items::COUNT);
    let pending = match count {
        0 => pending.condition_expression("attribute_not_exists(#count)"),
        _ => pending.condition_expression("#count = :count").expression_attribute_values(":count", n(count)),
    };
    Ok(vec![
        TransactWriteItem::builder().update(mark.build()?).build(),
        TransactWriteItem::builder().delete(pending.build()?).build(),
    ])
}

fn unbuilt(error: &BuildError) -> Fault {
    UPDATE.fault(FaultClass::Invalid, "Build", &error.to_string())
}
