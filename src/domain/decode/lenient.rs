//! Reads JSON whose shape is not guaranteed: a field of the wrong type counts as absent, a number may be a string.

use serde_json::{Map, Value};

use crate::domain::text::ID_CHARS_MAX;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// The value under `key`, or under its capitalised spelling: service events occur with both. `null` counts as absent.
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

/// The string under `key`, unless it is blank.
pub(super) fn str_at<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    field(object, key)?.as_str().filter(|text| !text.trim().is_empty())
}

/// The string or number under `key`, as text.
pub(super) fn text_at(object: &Object, key: &str) -> Option<String> {
    let number = || field(object, key)?.as_number().map(ToString::to_string);
    str_at(object, key).map(str::to_owned).or_else(number)
}

/// The positive whole number under `key`, as a number or a string of digits.
pub(super) fn number_at(object: &Object, key: &str) -> Option<u64> {
    let digits = text_at(object, key).filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok().filter(|n| *n > 0)
}

/// The identifier under `key`, if a ledger key and a log line can hold it unchanged; otherwise absent.
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
