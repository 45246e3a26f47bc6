//! As much of JSON Schema as `infra/alert.schema.json` uses. A keyword that it does not know fails, or it would hold nothing.

use serde_json::{Map, Value};

/// Everything in a value that breaks a schema; `root` resolves references.
pub(crate) fn breaches(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let schema = schema.as_object().expect("a schema is an object");
    schema.iter().flat_map(|(keyword, rule)| breach(root, (keyword, rule), schema, value, at)).collect()
}

fn breach(
    root: &Value,
    (keyword, rule): (&str, &Value),
    schema: &Map<String, Value>,
    value: &Value,
    at: &str,
) -> Vec<String> {
    let holds = match keyword {
        "$schema" | "$defs" | "title" | "description" => true,
        "$ref" => {
            let path = rule.as_str().and_then(|path| path.strip_prefix('#')).expect("a reference into this schema");
            return breaches(root, root.pointer(path).expect("a definition"), value, at);
        }
        "const" => value == rule,
        "enum" => rule.as_array().unwrap().contains(value),
        "type" => types(rule).iter().any(|name| is(value, name)),
        "pattern" => value.as_str().is_none_or(|text| fits(rule.as_str().unwrap(), text)),
        "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap()),
        "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
        "minimum" => value.as_i64().is_none_or(|number| number >= rule.as_i64().unwrap()),
        "anyOf" => rule.as_array().unwrap().iter().any(|one| breaches(root, one, value, at).is_empty()),
        "required" => value.as_object().is_none_or(|all| types(rule).iter().all(|key| all.contains_key(*key))),
        "items" => {
            let items = value.as_array().into_iter().flatten().enumerate();
            return items.flat_map(|(n, item)| breaches(root, rule, item, &format!("{at}/{n}"))).collect();
        }
        "properties" | "additionalProperties" => return properties(root, (keyword, rule), schema, value, at),
        other => panic!("{at}: the keyword {other} is not known here"),
    };
    if holds { Vec::new() } else { vec![format!("{at}: {value} breaks {keyword} {rule}")] }
}

fn properties(
    root: &Value,
    (keyword, rule): (&str, &Value),
    schema: &Map<String, Value>,
    value: &Value,
    at: &str,
) -> Vec<String> {
    let named = |key: &str| schema.get("properties").and_then(|all| all.get(key));
    let all = value.as_object().into_iter().flatten();
    all.flat_map(|(key, value)| {
        let at = format!("{at}/{key}");
        match (keyword, named(key)) {
            ("properties", Some(rule)) => breaches(root, rule, value, &at),
            ("additionalProperties", None) => breaches(root, rule, value, &at),
            _ => Vec::new(),
        }
    })
    .collect()
}

/// One name, or several.
fn types(rule: &Value) -> Vec<&str> {
    rule.as_str().map_or_else(|| rule.as_array().unwrap().iter().filter_map(Value::as_str).collect(), |name| vec![name])
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type {other} is not known here"),
    }
}

/// The five patterns of the schema; there is no engine for others.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern {
        "^https://" => text.starts_with("https://"),
        "^aws " => text.starts_with("aws "),
        "^(runasctl|aws cloudtrail lookup-events) " => {
            text.starts_with("runasctl ") || text.starts_with("aws cloudtrail lookup-events ")
        }
        "^[0-9]{12}$" => text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()),
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$" => {
            text.parse::<runas_reactor::domain::time::Time>().is_ok() && text.ends_with('Z')
        }
        other => panic!("the pattern {other} is not known here"),
    }
}
