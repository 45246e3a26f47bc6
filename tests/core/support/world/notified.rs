//! What an alert says, as far as a checker asks.

use runas_reactor::domain::finding::Alert;
use runas_reactor::domain::principal::{Attribution, Principal};
use runas_reactor::domain::time::Time;
use serde_json::Value;

/// An alert.
#[derive(Clone, Debug)]
pub(crate) struct RaisedAlert {
    pub(crate) id: String,
    pub(crate) kind: String,
    /// The acts that it shows.
    pub(crate) acts: Vec<ToldAct>,
    /// The principals that a war or the end of an incident names as others than trusted ones.
    pub(crate) opponents: Vec<String>,
}

/// One act of an alert.
#[derive(Clone, Debug)]
pub(crate) struct ToldAct {
    pub(crate) attribution: Attribution,
    /// The name of the principal, where there is one.
    pub(crate) name: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) what: String,
    pub(crate) at: Time,
}

impl RaisedAlert {
    pub(super) fn of(alert: &Alert) -> Self {
        let acts = alert.data.get("edits").and_then(Value::as_array).into_iter().flatten().map(act).collect();
        let opponents = alert.data.get("opponents").and_then(Value::as_array).into_iter().flatten();
        let opponents = opponents.filter_map(Value::as_str).map(str::to_owned).collect();
        Self { id: alert.id.clone(), kind: alert.kind.clone(), acts, opponents }
    }
}

fn act(value: &Value) -> ToldAct {
    let part = |name: &str| value.get(name).cloned().unwrap_or_default();
    let principal: Option<Principal> = serde_json::from_value(part("principal")).expect("a principal");
    ToldAct {
        attribution: serde_json::from_value(part("attribution")).expect("an attribution"),
        name: principal.map(|principal| principal.called()),
        event: part("event_id").as_str().map(str::to_owned),
        what: part("what").as_str().unwrap_or_default().to_owned(),
        at: serde_json::from_value(part("at")).expect("a time"),
    }
}
