//! Calls of EventBridge on the reactor's rules and bus, and archives and replays of the buses that these are on. The calls are
//! logged in the account and region of the rule.

use super::bypass::{event, name};
use super::envelope::{Parsed, Record, ignored};
use super::lenient::{Object, object_at, str_at};
use crate::domain::bypass::{BusChange, BypassAct, RULE_PREFIX, RuleChange};
use crate::domain::text::{ID_CHARS_MAX, clean, quote};

/// The hub's bus.
const HUB_BUS: &str = "runas-reactor";
/// The buses with rules of the reactor: the default bus of every account, and the hub's.
const BUSES: [&str; 2] = ["default", HUB_BUS];

pub(super) fn parse(record: Record<'_>) -> Parsed {
    let act = record.part("requestParameters").and_then(|asked| act(record.name, asked));
    match act {
        Some(act) => event(record, act),
        None => ignored(format!("the call {} is about no rule and no bus of the reactor", quote(record.name))),
    }
}

fn act(call: &str, asked: &Object) -> Option<BypassAct> {
    match call {
        "DisableRule" => rule(asked, "name", RuleChange::Disabled),
        "DeleteRule" => rule(asked, "name", RuleChange::Deleted),
        "PutRule" if str_at(asked, "state") == Some("DISABLED") => rule(asked, "name", RuleChange::WrittenDisabled),
        "PutRule" => rule(asked, "name", RuleChange::Written),
        "PutTargets" => rule(asked, "rule", RuleChange::TargetsSet),
        "RemoveTargets" => rule(asked, "rule", RuleChange::TargetsRemoved),
        "PutPermission" => hub_bus(asked, "eventBusName", BusChange::PolicyWritten),
        "RemovePermission" => hub_bus(asked, "eventBusName", BusChange::PolicyRemoved),
        "UpdateEventBus" => hub_bus(asked, "name", BusChange::Updated),
        "DeleteEventBus" => hub_bus(asked, "name", BusChange::Deleted),
        "CreateArchive" => {
            let bus = bus(asked, "eventSourceArn")?;
            Some(BypassAct::Archived { name: name(asked, "archiveName"), bus })
        }
        "StartReplay" => {
            let bus = bus(object_at(asked, "destination")?, "arn")?;
            Some(BypassAct::Replayed { name: name(asked, "replayName"), bus })
        }
        _ => None,
    }
}

fn rule(asked: &Object, key: &str, change: RuleChange) -> Option<BypassAct> {
    let name = str_at(asked, key).filter(|name| name.starts_with(RULE_PREFIX))?;
    let bus = str_at(asked, "eventBusName").map(|bus| clean(bus, ID_CHARS_MAX));
    // A rule of the same name on a bus of the account's own is no rule of the reactor.
    if !bus.as_deref().is_none_or(|bus| BUSES.contains(&bus) || is_watched_bus(bus)) {
        return None;
    }
    Some(BypassAct::Rule { name: clean(name, ID_CHARS_MAX), bus, change })
}

fn hub_bus(asked: &Object, key: &str, change: BusChange) -> Option<BypassAct> {
    (str_at(asked, key)? == HUB_BUS).then_some(BypassAct::Bus { change })
}

fn bus(object: &Object, key: &str) -> Option<String> {
    str_at(object, key).filter(|arn| is_watched_bus(arn)).map(|arn| clean(arn, ID_CHARS_MAX))
}

fn is_watched_bus(arn: &str) -> bool {
    arn.rsplit_once(":event-bus/").is_some_and(|(_, name)| BUSES.contains(&name))
}
