//! `Region Opt-In Status Change` of AWS Account Management [docs: accounts monitoring-eventbridge].

use super::envelope::{Envelope, Parsed, ignored, undecodable};
use super::lenient::{str_at, text_at};
use crate::domain::signal::{InboundEvent, Signal};
use crate::domain::target::{AccountId, Region, Target};
use crate::domain::text::quote;
use crate::domain::time::Time;

/// AWS sends it to the calling account, which may be the management account acting on a member. The envelope's region is
/// always us-east-1. `reactor::expand` decides whether the reporter may speak for the account.
pub(super) fn parse(envelope: Envelope<'_>) -> Parsed {
    let detail = envelope.detail()?;
    let status = str_at(detail, "status").unwrap_or_default();
    let enabled = match status.to_ascii_uppercase().as_str() {
        "ENABLED" => true,
        "DISABLED" => false,
        "ENABLING" | "DISABLING" => {
            return ignored(format!("the region is still {status}; a later event reports its end"));
        }
        _ => return ignored(format!("the region status {} is none that changes what can be used", quote(status))),
    };
    let reporter = envelope.account()?;
    let Some(account) = text_at(detail, "accountId").and_then(|id| id.parse::<AccountId>().ok()) else {
        return undecodable("`detail.accountId` is no account id, so the account whose region changed is unknown");
    };
    let Some(region) = str_at(detail, "regionName").and_then(|name| name.parse::<Region>().ok()) else {
        return undecodable("`detail.regionName` is no region, so the region that changed is unknown");
    };
    let Some(id) = envelope.id() else {
        return undecodable("`id` is not usable, so that repeats cannot be distinguished from new events");
    };
    let signal = Signal::RegionChanged { target: Target::new(account, region), enabled };
    Ok(InboundEvent {
        signal,
        id,
        at: envelope.time().unwrap_or(Time::ZERO),
        reporter: Some(reporter),
        principal: None,
    })
}
