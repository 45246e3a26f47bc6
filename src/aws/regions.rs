//! The enabled regions of an account, from Account Management.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::json;

use super::by_hand::{self, Shape, Way};
use super::client::Clients;
use super::fault::Call;
use super::session::{AssumedSession, Sessions};
use crate::config::Connection;
use crate::domain::target::{AccountId, Region, partition};
use crate::ports::{Access, Fault};

/// [bc account].
static LIST: Shape = Shape {
    service: "account",
    call: Call::read("ListRegions").in_member(),
    method: "POST",
    path: Cow::Borrowed("/listRegions"),
    target: None,
    content_type: "application/json",
    read: by_hand::json,
};
/// A page holds up to 50 regions [bc account], more than any partition has.
const PAGES_MAX: usize = 4;

/// The regions of all accounts.
pub(super) struct AccountRegions {
    sessions: Arc<Sessions>,
    way: Way,
    /// The region of the partition's only endpoint.
    region: &'static str,
}

impl AccountRegions {
    pub(super) fn new(connection: &Connection, clients: &Clients, sessions: Arc<Sessions>) -> Self {
        // [bc account: endpoint rule set; bc: partitions, `implicitGlobalRegion`].
        let region = match partition(&connection.region) {
            "aws-cn" => "cn-northwest-1",
            "aws-us-gov" => "us-gov-west-1",
            _ => "us-east-1",
        };
        Self { sessions, way: clients.account(), region }
    }

    /// Without an account id, the request concerns the caller's own account: it needs no delegation and has its own quota.
    pub(super) async fn enabled(&self, account: &AccountId, access: &Access) -> Result<BTreeSet<Region>, Fault> {
        let AssumedSession { session, .. } = self.sessions.get(account, access).await?;
        let call = LIST.prepare(&self.way, self.region, SharedCredentialsProvider::new(session.credentials.clone()));
        let question = json!({ "MaxResults": 50, "RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT"] });
        let (listed, all) = call.list(&question, "Regions", PAGES_MAX, 0).await?;
        let mut enabled = BTreeSet::new();
        for listed in &listed {
            let name = listed.get("RegionName").and_then(|name| name.as_str()).unwrap_or_default();
            match name.parse::<Region>() {
                Ok(region) => drop(enabled.insert(region)),
                Err(why) => tracing::warn!(%account, region = name, %why, "a region that is enabled is passed over"),
            }
        }
        // Some regions cannot be disabled, so an empty list is incomplete.
        if all && !enabled.is_empty() { Ok(enabled) } else { Err(call.unread("not all regions were named")) }
    }
}
