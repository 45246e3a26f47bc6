//! Alerts on their way to whoever is on call.

use std::fmt::Write as _;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::items::{self, s, ttl};
use super::keys::{self, Key};
use super::{DynamoLedger, UPDATE, corrupt, plan};
use crate::aws::clock;
use crate::domain::finding::Alert;
use crate::domain::target::AccountId;
use crate::domain::time::Time;
use crate::ports::{Attempt, Fault, FaultClass};

impl DynamoLedger {
    /// The oldest first.
    pub(in crate::aws) async fn unsent(&self, account: &AccountId) -> Result<Vec<Alert>, Fault> {
        let rows = self.rows(keys::partition_of(account), keys::OUTBOX, Some((items::STATE, s(items::SENT)))).await?;
        let alerts: Result<Vec<Alert>, _> = rows.iter().map(items::alert_from).collect();
        let mut alerts = alerts.map_err(|what| corrupt(&what))?;
        alerts.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        Ok(alerts)
    }

    /// True while the alert is pending, whoever kept it first: told twice is better than not at all.
    pub(in crate::aws) async fn keep_alert(&self, alert: &Alert) -> Result<bool, Fault> {
        let update = plan::outbox(&self.table, Key::outbox(&alert.account, &alert.id), alert, 1)
            .map_err(|error| UPDATE.fault(FaultClass::Invalid, "Unplannable", &error.to_string()))?;
        let answer = self
            .client
            .update_item()
            .table_name(update.table_name)
            .set_key(Some(update.key))
            .update_expression(update.update_expression)
            .set_expression_attribute_names(update.expression_attribute_names)
            .set_expression_attribute_values(update.expression_attribute_values)
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| UPDATE.failed(&error))?;
        Ok(answer.attributes.is_some_and(|after| after.get(items::STATE) != Some(&s(items::SENT))))
    }

    /// The condition and the claim are one call, so that of two at the same moment one gets it.
    pub(in crate::aws) async fn claim(&self, alert: &Alert, attempt: &Attempt, now: Time) -> Result<bool, Fault> {
        // The very same claim is a retry of this call whose answer got lost.
        let mut free =
            "attribute_not_exists(#claimed) OR #claimed <= :now OR (#claimed = :until AND #by = :by)".to_owned();
        let mut claim = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::outbox(&alert.account, &alert.id).into_item()))
            .update_expression("SET #claimed = :until, #by = :by")
            .expression_attribute_names("#claimed", items::CLAIMED)
            .expression_attribute_names("#by", items::CLAIMED_BY)
            .expression_attribute_names("#state", items::STATE)
            .expression_attribute_values(":until", items::n(attempt.deadline.ms()))
            .expression_attribute_values(":by", AttributeValue::L(attempt.messages.iter().map(s).collect()))
            .expression_attribute_values(":now", items::n(now.ms()))
            .expression_attribute_values(":pending", s(items::PENDING));
        for (nth, message) in attempt.messages.iter().enumerate().filter(|_| attempt.again) {
            let _ = write!(free, " OR contains(#by, :m{nth})");
            claim = claim.expression_attribute_values(format!(":m{nth}"), s(message));
        }
        let claimed = claim.condition_expression(format!("#state = :pending AND ({free})")).send().await;
        match claimed.map_err(|error| UPDATE.failed(&error)) {
            Ok(_) => Ok(true),
            Err(fault) if fault.class == FaultClass::Moved => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Without a condition: an alert that somebody else marked meanwhile was sent all the same.
    pub(in crate::aws) async fn mark_sent(&self, alert: &Alert) -> Result<(), Fault> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::outbox(&alert.account, &alert.id).into_item()))
            .update_expression("SET #state = :sent, #ttl = :ttl")
            .expression_attribute_names("#state", items::STATE)
            .expression_attribute_names("#ttl", items::TTL)
            .expression_attribute_values(":sent", s(items::SENT))
            .expression_attribute_values(":ttl", ttl(clock::now().plus_ms(items::SENT_MS)))
            .send()
            .await
            .map(drop)
            .map_err(|error| UPDATE.failed(&error))
    }
}
