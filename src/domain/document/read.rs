//! Reads only JSON that all readers understand alike.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::domain::text::quote;

/// Documents are stored inside ledger rows, and `serde_json` reads back no more than 128 levels.
const JSON_DEPTH_MAX: usize = 64;

/// Parses `text`, in which no object may name a key twice. The agent merges both values and other readers take one, so a
/// value that the reactor does not see would take effect.
pub(super) fn read(text: &str) -> Result<Value, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Strict { levels: JSON_DEPTH_MAX }.deserialize(&mut json)?;
    json.end().map(|()| value)
}

/// Reads a value of at most this many levels.
struct Strict {
    levels: usize,
}

impl Strict {
    fn below<E: Error>(&self) -> Result<Self, E> {
        let levels =
            self.levels.checked_sub(1).ok_or_else(|| E::custom(format!("more than {JSON_DEPTH_MAX} levels")))?;
        Ok(Self { levels })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self.below()?)? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if fields.contains_key(&key) {
                return Err(A::Error::custom(format!("{} stands twice", quote(&key))));
            }
            let value = entries.next_value_seed(self.below()?)?;
            fields.insert(key, value);
        }
        Ok(fields.into())
    }
}
