//! Checks that a file has the shape of the published JSON Schema: keys, types and words. Values are checked later, by the
//! rules that also apply to a compiled policy.
//!
//! Editors use the same schema, so they agree with this check. All misplaced keys are reported at once.

use serde_json::{Map, Value};

use super::tree::{Entry, Kind, Node, TextRange};
use crate::domain::policy::problem::{Level, Path, Problem, quoted};

/// Problems of shape with their places.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) problems: Vec<(Problem, TextRange)>,
    /// Places without a usable value. A stand-in replaces it, so that the rest can be checked in the same run.
    pub(super) stand_ins: Vec<Path>,
}

/// Compares a file with the schema. The value always has the right shape: superfluous keys are dropped, and stand-ins
/// replace missing or mistyped values.
pub(super) fn check(node: &Node, schema: &Value) -> (Value, Shape) {
    let mut checker = Checker { schema, shape: Shape::default() };
    let value = checker.value(node, schema, &Path::root());
    (value, checker.shape)
}

struct Checker<'a> {
    schema: &'a Value,
    shape: Shape,
}

impl<'a> Checker<'a> {
    fn report(&mut self, code: &'static str, path: &Path, place: TextRange, message: String, fix: String) {
        self.shape.problems.push((Problem { level: Level::Error, code, path: path.clone(), message, fix }, place));
    }

    fn value(&mut self, node: &Node, schema: &'a Value, path: &Path) -> Value {
        let mut choices = Vec::new();
        self.choices(schema, &mut choices);
        let of_type = |name: &str| choices.iter().copied().find(|choice| is_type(choice, name));
        match &node.kind {
            Kind::Text(text) => {
                let words: Vec<&str> = choices.iter().filter_map(|choice| choice.get("const")?.as_str()).collect();
                if words.contains(&text.as_str()) || (words.is_empty() && of_type("string").is_some()) {
                    return Value::from(text.as_str());
                }
            }
            Kind::Bool(flag) if of_type("boolean").is_some() => return Value::from(*flag),
            Kind::Number(digits) if of_type("integer").is_some() => {
                if let Ok(number) = digits.parse::<u32>() {
                    return Value::from(number);
                }
            }
            Kind::List(items) => {
                if let Some(list) = of_type("array") {
                    let of = list.get("items").unwrap_or(&Value::Null);
                    let items = items.iter().enumerate().map(|(index, item)| self.value(item, of, &path.index(index)));
                    return items.collect();
                }
            }
            Kind::Map(entries) => {
                if let Some(map) = of_type("object") {
                    return self.map(entries, node.place, map, path);
                }
            }
            Kind::Null | Kind::Bool(_) | Kind::OldBool(_) | Kind::Number(_) => {}
        }
        let (message, fix) = mismatch(node, &choices);
        self.report("wrong_type", path, node.place, message, fix);
        self.shape.stand_ins.push(path.clone());
        self.stand_in(schema)
    }

    /// The simplest value that matches the schema.
    fn stand_in(&self, schema: &'a Value) -> Value {
        let mut choices = Vec::new();
        self.choices(schema, &mut choices);
        let Some(choice) = choices.first() else { return Value::Null };
        if let Some(word) = choice.get("const") {
            return word.clone();
        }
        match choice.get("type").and_then(Value::as_str) {
            Some("boolean") => Value::from(true),
            Some("integer") => Value::from(0),
            Some("string") => Value::from(""),
            Some("array") => Value::Array(Vec::new()),
            _ => {
                let known = choice.get("properties").and_then(Value::as_object);
                let of = |key: &'a str| Some((key.to_owned(), self.stand_in(known?.get(key)?)));
                Value::Object(required(choice).filter_map(of).collect())
            }
        }
    }

    /// The alternatives of a schema, with references resolved. Policy types are not recursive, so this terminates.
    fn choices(&self, schema: &'a Value, into: &mut Vec<&'a Value>) {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#')) {
            if let Some(target) = self.schema.pointer(name) {
                self.choices(target, into);
            }
        } else if let Some(Value::Array(choices)) = schema.get("anyOf").or_else(|| schema.get("oneOf")) {
            for choice in choices {
                self.choices(choice, into);
            }
        } else {
            into.push(schema);
        }
    }

    fn map(&mut self, entries: &[Entry], place: TextRange, schema: &'a Value, path: &Path) -> Value {
        let empty = Map::new();
        let known = schema.get("properties").and_then(Value::as_object);
        let mut map = Map::new();
        for (position, entry) in entries.iter().enumerate() {
            let path = path.key(&entry.key);
            if let Some(first) = entries.iter().take(position).find(|earlier| earlier.key == entry.key) {
                let message =
                    format!("key {} stands here already, in line {}", quoted(&entry.key), first.key_place.line);
                self.report("duplicate_key", &path, entry.key_place, message, "remove one of the two".to_owned());
            } else if let Some(of) = known.and_then(|known| known.get(&entry.key)) {
                map.insert(entry.key.clone(), self.value(&entry.value, of, &path));
            } else {
                let message = format!("key {} is unknown here", quoted(&entry.key));
                let fix = suggestion(&entry.key, known.unwrap_or(&empty));
                self.report("unknown_key", &path, entry.key_place, message, fix);
            }
        }
        for key in required(schema) {
            if map.contains_key(key) {
                continue;
            }
            let of = known.and_then(|known| known.get(key)).unwrap_or(&Value::Null);
            let message = format!("key `{key}` is missing");
            self.report("missing_key", path, place, message, format!("add it{}", about(of)));
            self.shape.stand_ins.push(path.key(key));
            map.insert(key.to_owned(), self.stand_in(of));
        }
        Value::Object(map)
    }
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The first sentence of a key's description.
fn about(schema: &Value) -> String {
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let sentence = description.split(". ").next().unwrap_or_default().trim_end_matches('.');
    if sentence.is_empty() { String::new() } else { format!(" ({sentence})") }
}

fn is_type(schema: &Value, name: &str) -> bool {
    schema.get("type").and_then(Value::as_str) == Some(name)
}

/// The cause and the fix for a value of the wrong type.
fn mismatch(node: &Node, choices: &[&Value]) -> (String, String) {
    let expects = |name: &str| choices.iter().any(|choice| is_type(choice, name) && choice.get("const").is_none());
    let words: Vec<String> =
        choices.iter().filter_map(|choice| choice.get("const")?.as_str()).map(|word| format!("`{word}`")).collect();
    let (mut belongs, mut fixes) = (words.clone(), words);
    if let (Kind::Text(text), false) = (&node.kind, belongs.is_empty())
        && text == "exempt"
    {
        fixes.push("an entry under `exemptions`, with reason, owner and end".to_owned());
    }
    let quotes = match &node.kind {
        Kind::Number(scalar) | Kind::OldBool(scalar) => format!("it in quotes: \"{scalar}\""),
        Kind::Bool(flag) => format!("it in quotes: \"{flag}\""),
        _ => "text".to_owned(),
    };
    for (name, what, fix) in [
        ("string", "text", quotes.as_str()),
        ("boolean", "a boolean", "`true` or `false`, without quotes"),
        ("integer", "a whole number", "it in digits, without quotes"),
        ("array", "a list", "a list, such as `[…]`"),
        ("object", "a mapping", "a mapping of keys to values"),
    ] {
        if expects(name) {
            belongs.push(what.to_owned());
            fixes.push(fix.to_owned());
        }
    }
    let found = match &node.kind {
        Kind::Null => "there is no value".to_owned(),
        Kind::Bool(flag) => format!("`{flag}` is a boolean"),
        Kind::OldBool(word) => format!("{} is a boolean to some readers of YAML, and stands", quoted(word)),
        Kind::Number(digits) => format!("{} is a number", quoted(digits)),
        Kind::Text(text) => format!("{} is text", quoted(text)),
        Kind::List(_) => "this is a list".to_owned(),
        Kind::Map(_) => "this is a mapping".to_owned(),
    };
    let or_remove = if matches!(node.kind, Kind::Null) { ", or remove the key if it may be left out" } else { "" };
    (format!("{found} where {} belongs", belongs.join(" or ")), format!("write {}{or_remove}", fixes.join(", or ")))
}

fn suggestion(key: &str, known: &Map<String, Value>) -> String {
    let plain = |text: &str| text.to_lowercase().replace(['_', '-'], "");
    let near = known.keys().map(|candidate| (distance(&plain(key), &plain(candidate)), candidate)).min();
    if let Some((0..=2, candidate)) = near {
        return format!("did you mean `{candidate}`?");
    }
    let keys: Vec<String> = known.keys().map(|key| format!("`{key}`")).collect();
    format!("remove it; the keys here are {}", keys.join(", "))
}

/// The edit distance, for keys of at most 64 characters.
fn distance(a: &str, b: &str) -> usize {
    if a.len().max(b.len()) > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut previous = vec![i + 1];
        for ((y, diagonal), above) in b.chars().zip(&row).zip(row.iter().skip(1)) {
            let left = previous.last().copied().unwrap_or(usize::MAX);
            previous.push((diagonal + usize::from(x != y)).min(above + 1).min(left + 1));
        }
        row = previous;
    }
    row.last().copied().unwrap_or(usize::MAX)
}
