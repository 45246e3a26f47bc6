//! CloudTrail's event history of an account: who called what in the last 90 days, whether or not an event came.

use serde_json::{Value, json};

use super::by_hand::{Shape, Way};
use super::client::Clients;
use super::session::{Lent, Scope, Sessions};
use crate::config::Config;
use crate::domain::decode::from_history;
use crate::domain::edit::Edit;
use crate::domain::target::Target;
use crate::domain::time::Time;
use crate::ports::{Access, Fault};

/// [bc cloudtrail].
static LOOKUP: Shape = Shape {
    service: "cloudtrail",
    name: "LookupEvents",
    path: "/",
    target: Some("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"),
    content_type: "application/x-amz-json-1.1",
};
/// The calls that change what an engineer gets. They are rare in any account, whatever the document, so that asking by name
/// finds them; whether CloudTrail knows documents by their names is not documented.
const NAMES: [&str; 4] = ["CreateDocument", "UpdateDocument", "UpdateDocumentDefaultVersion", "DeleteDocument"];
/// Pages of fifty events that are read for a name, the newest first. Two may be asked for in a second [bc cloudtrail]; what
/// is throttled is tried again.
const PAGES_MAX: usize = 3;

/// The event histories of all accounts.
pub(super) struct EventHistory {
    sessions: Sessions,
    way: Way,
}

impl EventHistory {
    pub(super) fn new(config: &Config, clients: &Clients) -> Self {
        Self { sessions: Sessions::new(config, clients, Scope::History), way: clients.cloudtrail() }
    }

    pub(super) async fn called(&self, target: &Target, access: &Access, since: Time) -> Result<Vec<Edit>, Fault> {
        let Lent { session, .. } = self.sessions.get(&target.account, access).await?;
        let call = LOOKUP.prepare(&self.way, target.region.as_str(), session.credentials.clone());
        let mut edits = Vec::new();
        for name in NAMES {
            // The record as CloudTrail wrote it is JSON in a string.
            let (events, _) = call.list(&question(name, since), "Events", PAGES_MAX).await?;
            let records = events.iter().filter_map(|event| event.get("CloudTrailEvent")?.as_str());
            edits.extend(records.filter_map(|record| from_history(record, target)));
        }
        Ok(edits)
    }
}

fn question(name: &str, since: Time) -> Value {
    let by_name = json!([{ "AttributeKey": "EventName", "AttributeValue": name }]);
    json!({ "LookupAttributes": by_name, "StartTime": since.ms() / 1_000 })
}
