//! CloudTrail's event history of an account: the calls of the last 90 days, including those whose events never arrived.

use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::config::{Builder, Region};
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey as Key};

use super::client::{Clients, Lazy};
use super::clock;
use super::fault::Call;
use super::session::{Scope, Session, Sessions};
use crate::config::Connection;
use crate::domain::decode::from_history;
use crate::domain::edit::Edit;
use crate::domain::target::Target;
use crate::domain::time::Time;
use crate::ports::{Access, Fault, FaultClass, Lookup};

const LOOKUP: Call = Call::read("LookupEvents").in_member();
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
    client: Lazy<Client>,
    sessions: Sessions,
}

/// Which events are looked for.
#[derive(Debug, PartialEq)]
struct Query {
    key: Key,
    value: String,
    /// The first and the last moment, both included.
    between: Option<(DateTime, DateTime)>,
}

impl EventHistory {
    pub(super) fn new(connection: &Connection, clients: &Clients) -> Self {
        Self { client: clients.cloudtrail(), sessions: Sessions::new(connection, clients, Scope::History) }
    }

    pub(super) async fn lookup(&self, target: &Target, access: &Access, lookup: &Lookup) -> Result<Vec<Edit>, Fault> {
        let session = self.sessions.get(&target.account, access).await?.session;
        let mut edits = Vec::new();
        for (nth, query) in queries(lookup, clock::now()).into_iter().enumerate() {
            if nth > 0 {
                clock::sleep(PAUSE_MS).await;
            }
            let records = self.records(target, &session, query).await?;
            edits.extend(records.iter().filter_map(|record| from_history(record, target)));
        }
        Ok(edits)
    }

    /// The records of the events that a query finds, each a JSON document.
    async fn records(&self, target: &Target, session: &Session, query: Query) -> Result<Vec<String>, Fault> {
        let asked = format!("{query:?}");
        let Query { key, value, between } = query;
        let attribute = LookupAttribute::builder().attribute_key(key).attribute_value(value).build();
        let attribute = attribute.map_err(|error| LOOKUP.fault(FaultClass::Invalid, "Request", &error.to_string()))?;
        let (since, until) = between.unzip();
        let request = self.client.lookup_events().lookup_attributes(attribute);
        let request = request.set_start_time(since).set_end_time(until);
        let (mut records, mut page) = (Vec::new(), None);
        for nth in 0..PAGES_MAX {
            if nth > 0 {
                clock::sleep(PAUSE_MS).await;
            }
            let sent =
                request.clone().set_next_token(page).customize().config_override(at(target, session)).send().await;
            let answer = sent.map_err(|error| LOOKUP.failed(&error))?;
            let Some(events) = answer.events else {
                return Err(LOOKUP.fault(FaultClass::Transient, "Incomplete", "the answer has no events"));
            };
            records.extend(events.into_iter().filter_map(|event| event.cloud_trail_event));
            page = answer.next_token.filter(|token| !token.is_empty());
            if page.is_none() {
                return Ok(records);
            }
        }
        tracing::warn!(%target, asked, read = records.len(), truncated = true, "event history not read to its end");
        Ok(records)
    }
}

/// Where a call goes, and as whom.
fn at(target: &Target, session: &Session) -> Builder {
    Builder::new()
        .region(Region::new(target.region.as_str().to_owned()))
        .credentials_provider(session.credentials.clone())
}

fn queries(lookup: &Lookup, now: Time) -> Vec<Query> {
    match lookup {
        Lookup::Since(since) => NAMES.iter().map(|name| by_name(name, *since, now)).collect(),
        Lookup::Event(id) => vec![Query { key: Key::EventId, value: id.clone(), between: None }],
    }
}

/// Bounds are in whole seconds, the current one included.
fn by_name(name: &str, since: Time, until: Time) -> Query {
    let (start, end) = (since.ms() / 1_000, (until.ms() / 1_000 + 1).max(since.ms() / 1_000));
    let between = Some((DateTime::from_secs(start), DateTime::from_secs(end)));
    Query { key: Key::EventName, value: name.to_owned(), between }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_ends_with_the_second_in_which_it_is_asked_and_never_before_it_begins() {
        let between = |since, until| {
            let (start, end) = by_name("UpdateDocument", Time::from_ms(since), Time::from_ms(until)).between.unwrap();
            (start.secs(), end.secs())
        };
        assert_eq!(between(1_999, 5_001), (1, 6));
        assert_eq!(between(65_000, 5_000), (65, 65));
    }
}
