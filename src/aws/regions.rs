//! The enabled regions of an account, from Account Management.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_account::Client;
use aws_sdk_account::config::Builder;
use aws_sdk_account::types::RegionOptStatus as Status;

use super::client::{Clients, Lazy};
use super::fault::Call;
use super::session::Sessions;
use crate::domain::target::{AccountId, Region};
use crate::ports::{Access, Fault, FaultClass};

const LIST: Call = Call::read("ListRegions").in_member();
/// Regions to a page [bc account], more than any partition has.
const PAGE: i32 = 50;
const PAGES_MAX: usize = 4;

/// The regions of all accounts. Whatever the region of the client, a call goes to its partition's only endpoint [bc account:
/// endpoint rule set, `implicitGlobalRegion`].
pub(super) struct AccountRegions {
    client: Lazy<Client>,
    sessions: Arc<Sessions>,
}

impl AccountRegions {
    pub(super) fn new(clients: &Clients, sessions: Arc<Sessions>) -> Self {
        Self { client: clients.account(), sessions }
    }

    /// Without an account id, the request concerns the caller's own account: it needs no delegation and has its own quota.
    pub(super) async fn enabled(&self, account: &AccountId, access: &Access) -> Result<BTreeSet<Region>, Fault> {
        let session = self.sessions.get(account, access).await?.session;
        let request = self.client.list_regions().max_results(PAGE);
        let request = request.set_region_opt_status_contains(Some(vec![Status::Enabled, Status::EnabledByDefault]));
        let (mut enabled, mut page) = (BTreeSet::new(), None);
        for _ in 0..PAGES_MAX {
            let as_member = Builder::new().credentials_provider(session.credentials.clone());
            let sent = request.clone().set_next_token(page).customize().config_override(as_member).send().await;
            let answer = sent.map_err(|error| LIST.failed(&error))?;
            for listed in answer.regions.unwrap_or_default() {
                let name = listed.region_name.unwrap_or_default();
                match name.parse::<Region>() {
                    Ok(region) => drop(enabled.insert(region)),
                    Err(why) => {
                        tracing::warn!(%account, region = name, %why, "a region that is enabled is passed over");
                    }
                }
            }
            page = answer.next_token.filter(|token| !token.is_empty());
            if page.is_none() {
                break;
            }
        }
        // Some regions cannot be disabled, so an empty list is incomplete.
        if page.is_none() && !enabled.is_empty() {
            return Ok(enabled);
        }
        Err(LIST.fault(FaultClass::Transient, "Incomplete", "not all regions were named"))
    }
}
