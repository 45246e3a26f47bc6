//! CloudTrail's event history of an account: the calls of the last 90 days, including those whose events never arrived.

use std::borrow::Cow;

use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::{Value, json};

use super::by_hand::{self, Shape, Way};
use super::client::Clients;
use super::clock;
use super::fault::Call;
use super::session::{AssumedSession, Scope, Sessions};
use crate::config::Connection;
use crate::domain::decode::from_history;
use crate::domain::edit::Edit;
use crate::domain::target::Target;
use crate::domain::time::Time;
use crate::ports::{Access, Fault, Lookup};

/// [bc cloudtrail].
static LOOKUP: Shape = Shape {
    service: "cloudtrail",
    call: Call::read("LookupEvents").in_member(),
    method: "POST",
    path: Cow::Borrowed("/"),
    target: Some("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"),
    content_type: "application/x-amz-json-1.1",
    read: by_hand::json,
};
/// The calls that change the effective document. They are rare in every account, so a lookup by event name finds them;
/// whether CloudTrail indexes documents by name is not documented.
const NAMES: [&str; 4] = ["CreateDocument", "UpdateDocument", "UpdateDocumentDefaultVersion", "DeleteDocument"];
/// Pages of 50 events read per event name, newest first. Calls older than these 150 are not read: their edits have no
/// known author, and a warning is logged.
const PAGES_MAX: usize = 3;
/// CloudTrail allows two calls a second per account and region [bc cloudtrail]. If another invocation uses up the
/// quota, the throttle is a fault and the message is retried.
const PAUSE_MS: u64 = 500;

/// The event histories of all accounts.
pub(super) struct EventHistory {
    sessions: Sessions,
    way: Way,
}

impl EventHistory {
    pub(super) fn new(connection: &Connection, clients: &Clients) -> Self {
        Self { sessions: Sessions::new(connection, clients, Scope::History), way: clients.cloudtrail() }
    }

    pub(super) async fn lookup(&self, target: &Target, access: &Access, lookup: &Lookup) -> Result<Vec<Edit>, Fault> {
        let AssumedSession { session, .. } = self.sessions.get(&target.account, access).await?;
        let call = LOOKUP.prepare(
            &self.way,
            target.region.as_str(),
            SharedCredentialsProvider::new(session.credentials.clone()),
        );
        let mut edits = Vec::new();
        for (nth, question) in questions(lookup, clock::now()).iter().enumerate() {
            if nth > 0 {
                clock::sleep(PAUSE_MS).await;
            }
            // `CloudTrailEvent` is a JSON document in a string.
            let (events, all) = call.list(question, "Events", PAGES_MAX, PAUSE_MS).await?;
            if !all {
                tracing::warn!(%target, %question, read = events.len(), truncated = true, "event history not read to its end");
            }
            let records = events.iter().filter_map(|event| event.get("CloudTrailEvent")?.as_str());
            edits.extend(records.filter_map(|record| from_history(record, target)));
        }
        Ok(edits)
    }
}

fn questions(lookup: &Lookup, now: Time) -> Vec<Value> {
    match lookup {
        Lookup::Since(since) => NAMES.iter().map(|name| by_name(name, *since, now)).collect(),
        Lookup::Event(id) => vec![json!({ "LookupAttributes": attribute("EventId", id) })],
    }
}

/// Bounds are in whole seconds, the current one included.
fn by_name(name: &str, since: Time, until: Time) -> Value {
    let (start, end) = (since.ms() / 1_000, (until.ms() / 1_000 + 1).max(since.ms() / 1_000));
    json!({ "LookupAttributes": attribute("EventName", name), "StartTime": start, "EndTime": end })
}

fn attribute(key: &str, value: &str) -> Value {
    json!([{ "AttributeKey": key, "AttributeValue": value }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_ends_with_the_second_in_which_it_is_asked_and_never_before_it_begins() {
        let between = |since, until| {
            let question = by_name("UpdateDocument", Time::from_ms(since), Time::from_ms(until));
            (question["StartTime"].clone(), question["EndTime"].clone())
        };
        assert_eq!(between(1_999, 5_001), (json!(1), json!(6)));
        assert_eq!(between(65_000, 5_000), (json!(65), json!(65)));
    }
}
