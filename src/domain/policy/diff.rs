//! The differences between two policies, for an operator who is about to replace one by the other.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value};

use super::Policy;

/// One difference between two policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyChange {
    /// Where: `defaults.preferences.runAsDefaultUser`, `scopes[production].ous`.
    pub path: String,
    /// The value before; absent where there was none.
    pub from: Option<Value>,
    /// The value after; absent where there is none.
    pub to: Option<Value>,
}

/// All differences from `before` to `after`, in the order of their places. Lists of ids and patterns are compared as sets,
/// scopes by name, exemptions by the places that they exempt: mere reordering is no difference.
pub fn diff(before: &Policy, after: &Policy) -> Vec<PolicyChange> {
    let value = |policy: &Policy| serde_json::to_value(policy).unwrap_or_default();
    let mut changes = Vec::new();
    compare("", &value(before), &value(after), &mut changes);
    changes
}

fn compare(path: &str, before: &Value, after: &Value, changes: &mut Vec<PolicyChange>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => fields(path, before, after, changes),
        (Value::Array(before), Value::Array(after)) => lists(path, before, after, changes),
        _ if before != after => changes.push(changed(path, Some(before), Some(after))),
        _ => {}
    }
}

fn changed(path: &str, from: Option<&Value>, to: Option<&Value>) -> PolicyChange {
    PolicyChange { path: path.to_owned(), from: from.cloned(), to: to.cloned() }
}

/// A key that is left out when empty counts as empty, so that each of its entries is a difference.
fn fields(path: &str, before: &Map<String, Value>, after: &Map<String, Value>, changes: &mut Vec<PolicyChange>) {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (before.get(key), after.get(key)) {
            (Some(before), Some(after)) => compare(&path, before, after, changes),
            (Some(before), None) => match empty_like(before) {
                Some(nothing) => compare(&path, before, &nothing, changes),
                None => changes.push(changed(&path, Some(before), None)),
            },
            (None, Some(after)) => match empty_like(after) {
                Some(nothing) => compare(&path, &nothing, after, changes),
                None => changes.push(changed(&path, None, Some(after))),
            },
            (None, None) => {}
        }
    }
}

fn empty_like(value: &Value) -> Option<Value> {
    match value {
        Value::Array(_) => Some(Value::Array(Vec::new())),
        Value::Object(_) => Some(Value::Object(Map::new())),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn lists(path: &str, before: &[Value], after: &[Value], changes: &mut Vec<PolicyChange>) {
    let (old, new) = (by_name(before), by_name(after));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let found = changes.len();
    for name in names {
        let (before, after) = (old.get(name).copied(), new.get(name).copied());
        let scalar = before.or(after).is_some_and(Value::is_string);
        let place = if scalar { path.to_owned() } else { format!("{path}[{name}]") };
        match (before, after) {
            (Some(before), Some(after)) => compare(&place, before, after, changes),
            (before, after) => changes.push(changed(&place, before, after)),
        }
    }
    // Member roles are tried in order; in other lists the order has no meaning.
    if found == changes.len() && path == "access.roles" && before != after {
        changes.push(PolicyChange { path: path.to_owned(), from: Some(before.into()), to: Some(after.into()) });
    }
}

/// The entries by name; no checked policy has the same name twice.
fn by_name(list: &[Value]) -> BTreeMap<String, &Value> {
    list.iter().map(|entry| (name_of(entry), entry)).collect()
}

fn name_of(entry: &Value) -> String {
    if let Some(text) = entry.as_str().or_else(|| entry.get("name").and_then(Value::as_str)) {
        return text.to_owned();
    }
    let places = ["accounts", "ous"].iter().filter_map(|key| entry.get(key)?.as_array()).flatten();
    let places: BTreeSet<&str> = places.filter_map(Value::as_str).collect();
    places.into_iter().collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::policy::tests::{example, policy};

    fn said(change: impl FnOnce(&mut Value)) -> Vec<(String, Value, Value)> {
        let mut after = example();
        change(&mut after);
        let changes = diff(&policy(&example()), &policy(&after)).into_iter();
        changes.map(|change| (change.path, change.from.into(), change.to.into())).collect()
    }

    fn one(path: &str, from: Value, to: Value) -> Vec<(String, Value, Value)> {
        vec![(path.to_owned(), from, to)]
    }

    #[test]
    fn a_policy_says_nothing_otherwise_than_itself_wherever_things_stand() {
        assert_eq!(said(|_| ()), []);
        let turned = |policy: &mut Value| {
            for list in ["regions", "scopes"] {
                policy[list].as_array_mut().unwrap().reverse();
            }
        };
        assert_eq!(said(turned), []);
    }

    #[test]
    fn a_changed_field_names_its_place_and_both_values() {
        let user = "/defaults/preferences/runAsDefaultUser";
        assert_eq!(
            said(|policy| *policy.pointer_mut(user).unwrap() = json!("admin")),
            one("defaults.preferences.runAsDefaultUser", json!("ops"), json!("admin"))
        );
        assert_eq!(
            said(|policy| policy["scopes"][0]["mode"] = json!("observe")),
            one("scopes[production].mode", json!(null), json!("observe"))
        );
        assert_eq!(
            said(|policy| policy["scopes"][1]["preferences"] = json!({ "idleSessionTimeout": "9" })),
            one("scopes[pilot].preferences.idleSessionTimeout", json!(null), json!("9"))
        );
        assert_eq!(
            said(|policy| policy["alerts"] = json!({ "configuration_lag_minutes": 9 })),
            one("alerts.configuration_lag_minutes", json!(5), json!(9))
        );
        assert_eq!(said(|policy| policy["sharing"] = json!("undo")), one("sharing", json!(null), json!("undo")));
        assert_eq!(said(|policy| policy["sharing"] = json!("alert")), []);
        assert_eq!(
            said(|policy| policy["exemptions"][0]["expires"] = json!("2027-02-28")),
            one("exemptions[555566667777].expires", json!("2027-01-31"), json!("2027-02-28"))
        );
        let regions = json!(["eu-west-1", "eu-central-1", "us-east-1"]);
        assert_eq!(said(|policy| policy["regions"] = json!("enabled")), one("regions", regions, json!("enabled")));
    }

    #[test]
    fn items_added_to_and_removed_from_a_list_are_listed_separately() {
        assert_eq!(
            said(|policy| policy["regions"] = json!(["eu-west-1", "eu-north-1", "us-east-1"])),
            [one("regions", json!("eu-central-1"), json!(null)), one("regions", json!(null), json!("eu-north-1"))]
                .concat()
        );
        let gone = example()["exemptions"][0].clone();
        let changes = said(|policy| policy["exemptions"] = json!([]));
        let [(path, from, to)] = changes.as_slice() else { panic!("{changes:?}") };
        assert_eq!((path.as_str(), to), ("exemptions[555566667777]", &json!(null)));
        assert_eq!(from["owner"], gone["owner"]);
        let scope = json!({ "name": "lab", "accounts": ["777788889999"], "mode": "observe" });
        assert_eq!(
            said(|policy| policy["scopes"].as_array_mut().unwrap().push(scope.clone())),
            one("scopes[lab]", json!(null), scope)
        );
    }

    #[test]
    fn the_order_of_member_roles_is_a_change() {
        let with = |roles: Value| {
            let mut policy = example();
            policy["access"]["roles"] = roles;
            super::super::tests::policy(&policy)
        };
        let changes = diff(&with(json!(["One", "Two"])), &with(json!(["Two", "One"])));
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].path, "access.roles");
    }
}
