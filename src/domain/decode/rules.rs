//! Calls of EventBridge on the reactor's rules, and archives and replays of the buses that these are on. The calls are
//! logged in the account and region of the rule.

use super::bypass::{event, name};
use super::envelope::{Parsed, Record, ignored};
use super::lenient::{Object, object_at, str_at};
use crate::domain::bypass::{BypassAct, RULE_PREFIX, RuleChange};
use crate::domain::text::{ID_CHARS_MAX, clean, quote};

/// The ends of the ARNs of the buses with rules of the reactor: the default bus of every account, and the hub's.
const BUSES: [&str; 2] = [":event-bus/default", ":event-bus/runas-reactor"];

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
        "PutRule" => rule(asked, "name", RuleChange::Written),
        "PutTargets" => rule(asked, "rule", RuleChange::TargetsSet),
        "RemoveTargets" => rule(asked, "rule", RuleChange::TargetsRemoved),
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
    Some(BypassAct::Rule { name: clean(name, ID_CHARS_MAX), bus, change })
}

fn bus(object: &Object, key: &str) -> Option<String> {
    let arn = str_at(object, key).filter(|arn| BUSES.iter().any(|bus| arn.ends_with(bus)))?;
    Some(clean(arn, ID_CHARS_MAX))
}
