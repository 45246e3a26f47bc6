//! Reading JSON whose shape nobody guarantees: a field of the wrong type is an absent one, a number may be a string.

use serde_json::{Map, Value};

use crate::domain::text::ID_CHARS_MAX;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// The value under `key`, or under the same key with a capital letter: service events have been seen in both spellings.
/// `null` is as good as nothing.
pub(super) fn field<'a>(object: &'a Object, key: &str) -> Option<&'a Value> {
    let found = match object.get(key) {
        None | Some(Value::Null) => object.get(&capitalised(key)),
        found => found,
    };
    found.filter(|value| !value.is_null())
}

/// The object under `key`.
pub(super) fn object_at<'a>(object: &'a Object, key: &str) -> Option<&'a Object> {
    field(object, key)?.as_object()
}

/// The string under `key`, where it says something.
pub(super) fn str_at<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    field(object, key)?.as_str().filter(|text| !text.trim().is_empty())
}

/// The string or number under `key`, as text.
pub(super) fn text_at(object: &Object, key: &str) -> Option<String> {
    match field(object, key)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The whole number from one upwards under `key`, written as a number or as a string of digits.
pub(super) fn number_at(object: &Object, key: &str) -> Option<u64> {
    let digits = text_at(object, key).filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok().filter(|n| *n > 0)
}

/// An identifier under `key` that can stand in a ledger key and a log line as it is; anything else counts as absent.
pub(super) fn id_at(object: &Object, key: &str) -> Option<String> {
    str_at(object, key).filter(|id| is_usable_id(id)).map(str::to_owned)
}

/// Whether an identifier is short and printable, and free of the `#` that separates the parts of a ledger key.
pub(super) fn is_usable_id(id: &str) -> bool {
    (1..=ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
}

/// `accountId` → `AccountId`.
fn capitalised(key: &str) -> String {
    let mut letters = key.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}
