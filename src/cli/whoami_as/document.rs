//! Run As as the document of one region sets it, read as the agent reads it.

use serde_json::Value;

use super::found::Found;
use super::resolve::RunAs;
use crate::domain::document::{Body, Content, FieldChange};
use crate::domain::observation::{Observation, Seen, Version};
use crate::domain::policy::Owned;
use crate::domain::target::Target;
use crate::domain::text::quote;

const ENABLED: &str = "runAsEnabled";
const DEFAULT_USER: &str = "runAsDefaultUser";
/// What Go's `strconv.ParseBool` takes [agent `parameters.go`].
const TRUE: [&str; 6] = ["1", "t", "T", "TRUE", "true", "True"];
const FALSE: [&str; 6] = ["0", "f", "F", "FALSE", "false", "False"];

/// Run As in each version that Session Manager may read.
pub(super) fn found(observation: &Observation, target: &Target) -> Found<Vec<RunAs>> {
    match observation {
        Observation::Absent => Found::known("there is no document, so Run As is off", vec![RunAs::Off]),
        Observation::Present(seen) => of_versions(seen, target),
        Observation::Unknown(why) => {
            let fix = format!("`runasctl plan --account {} --region {}` names it", target.account, target.region);
            Found::not_known(why.detail.as_str(), fix)
        }
    }
}

fn of_versions(seen: &Seen, target: &Target) -> Found<Vec<RunAs>> {
    if !seen.is_session() {
        let cause = format!("the document is of type {}, and not Session", quote(&seen.document_type));
        return Found::not_known(cause, right(target));
    }
    let mut versions = vec![&seen.default];
    versions.extend(Some(&seen.latest).filter(|latest| latest.number != seen.default.number));
    let (mut says, mut values) = (Vec::new(), Vec::new());
    for Version { number, body } in versions {
        match run_as(body) {
            Ok(value) => {
                says.push(format!("{} in version {number}", in_words(&value)));
                values.push(value);
            }
            Err(cause) => return Found::not_known(format!("version {number}: {cause}"), right(target)),
        }
    }
    let versions = if values.len() > 1 { " (default and latest; which one counts is not documented)" } else { "" };
    Found::known(format!("{}{versions}", says.join(", ")), values)
}

/// How the document becomes one that can be read.
fn right(target: &Target) -> String {
    format!("`runasctl explain {target}` says why the reactor has not made it right")
}

fn in_words(value: &RunAs) -> String {
    match value {
        RunAs::Off => "Run As off".to_owned(),
        RunAs::On(user) if user.is_empty() => "Run As on, no default user".to_owned(),
        RunAs::On(user) => format!("Run As on, default user {}", quote(user)),
    }
}

fn run_as(body: &Body) -> Result<RunAs, String> {
    let content = match body {
        Body::Valid(content) => content,
        Body::Invalid { why } => return Err(why.clone()),
    };
    if is_spelled_otherwise(content) {
        return Err(format!("{ENABLED} or {DEFAULT_USER} stands there twice, in different spellings"));
    }
    let user = match content.input(DEFAULT_USER) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(user)) if !user.contains("{{") => user.clone(),
        Some(other) => return Err(format!("{DEFAULT_USER} is {}", quote(&other.to_string()))),
    };
    let on = match content.input(ENABLED) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(on)) => *on,
        Some(Value::String(text)) if TRUE.contains(&text.as_str()) => true,
        Some(Value::String(text)) if FALSE.contains(&text.as_str()) => false,
        Some(other) => return Err(format!("{ENABLED} is {}", quote(&other.to_string()))),
    };
    Ok(if on { RunAs::On(user) } else { RunAs::Off })
}

/// The agent takes other spellings for the same fields, and the last one wins; canonical JSON keeps no order.
fn is_spelled_otherwise(content: &Content) -> bool {
    let exact = |field: &str| (field.to_owned(), content.input(field).cloned().unwrap_or_default());
    let exact: Owned = [ENABLED, DEFAULT_USER].into_iter().map(exact).collect();
    let set =
        |(field, value): (&String, &Value)| FieldChange { field: field.clone(), from: None, to: Some(value.clone()) };
    !content.overlaid(&exact).same_as(&content.with_change(&exact.iter().map(set).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::document::parse;

    fn of(inputs: &Value) -> Result<RunAs, String> {
        run_as(&parse(&json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs}).to_string()))
    }

    fn on(user: &str) -> RunAs {
        RunAs::On(user.to_owned())
    }

    #[test]
    fn values_are_read_as_the_agent_reads_them() {
        assert_eq!(of(&json!({})), Ok(RunAs::Off));
        assert_eq!(of(&json!({"runAsEnabled": null, "runAsDefaultUser": "ops"})), Ok(RunAs::Off));
        assert_eq!(of(&json!({"runAsEnabled": "0", "runAsDefaultUser": "ops"})), Ok(RunAs::Off));
        assert_eq!(of(&json!({"runAsEnabled": true})), Ok(on("")));
        assert_eq!(of(&json!({"runAsEnabled": "True", "runAsDefaultUser": "ops"})), Ok(on("ops")));
    }

    #[test]
    fn what_the_agent_may_read_otherwise_is_not_known() {
        for inputs in [
            json!({"runAsEnabled": ""}),
            json!({"runAsEnabled": "{{ on }}"}),
            json!({"runAsEnabled": 1}),
            json!({"runAsEnabled": true, "runAsDefaultUser": "{{ user }}"}),
            json!({"runAsEnabled": true, "runAsDefaultUser": ["ops"]}),
            json!({"runAsEnabled": true, "RunAsEnabled": false}),
            json!({"runAsDefaultuser": "root", "runAsEnabled": true}),
        ] {
            assert!(of(&inputs).is_err(), "{inputs}");
        }
        assert!(run_as(&parse("{}")).is_err());
    }
}
