//! The document's content: canonical form, validity, field-level changes, overlay and rendering.

mod read;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::policy::Owned;
use super::text::sha256;

/// Larger documents are refused by SSM: 64 KB [docs: general/latest/gr/ssm].
pub const CONTENT_BYTES_MAX: usize = 65_536;

/// The fields whose change is alerted even for trusted principals: they can run code or redirect session data.
pub const REVIEWED_FIELDS: [&str; 7] = [
    "shellProfile",
    "s3BucketName",
    "s3KeyPrefix",
    "s3EncryptionEnabled",
    "kmsKeyId",
    "cloudWatchLogGroupName",
    "cloudWatchEncryptionEnabled",
];

/// Bytes that end a rendering: a line break, and a blank or tab for each bit of the random number.
const RANDOM_BYTES: usize = 33;

/// Prefix of the remark that distinguishes a version from an equal one; not part of the content's meaning.
const REMARK: &str = " [runas-reactor ";

/// Path of an input whose name begins like that of another field.
const INPUTS: &str = "/inputs/";

/// A valid Session document. Equality is semantic: key order and white space do not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The wrapper key marks contents inside a serialised case, so that the history stores each one once.
    #[serde(rename = "$content")]
    body: Map<String, Value>,
}

/// The content of a version, valid or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// A valid Session document.
    Valid(Content),
    /// Content that Session Manager cannot use; every owned field counts as drift.
    Invalid {
        /// What is wrong with it.
        why: String,
    },
}

impl Body {
    /// The content, if it is valid.
    pub fn content(&self) -> Option<&Content> {
        match self {
            Self::Valid(content) => Some(content),
            Self::Invalid { .. } => None,
        }
    }
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The input's name, or the path of another top-level field.
    pub field: String,
    /// The value before, or the observed one; absent where the field is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub from: Option<Value>,
    /// The value after, or the desired one; absent where the field should be.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub to: Option<Value>,
}

/// A serialised value is present, even if it is `null`.
fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

/// A field-level difference, ordered by field.
pub type Change = Vec<FieldChange>;

/// Parses a version's text. Anything but a valid Session document is [`Body::Invalid`], with the reason.
pub fn parse(text: &str) -> Body {
    let invalid = |why: &str| Body::Invalid { why: why.to_owned() };
    if text.len() > CONTENT_BYTES_MAX {
        return invalid("larger than 64 KB");
    }
    let body = match read::read(text) {
        Ok(Value::Object(body)) => body,
        Err(error) if error.is_data() => return invalid(&error.to_string()),
        Ok(_) | Err(_) => return invalid("not a JSON object"),
    };
    if body.get("schemaVersion") != Some(&json!("1.0")) {
        return invalid("`schemaVersion` is not \"1.0\"");
    }
    let session_types = ["Standard_Stream", "InteractiveCommands", "NonInteractiveCommands", "Port"];
    if !body.get("sessionType").and_then(Value::as_str).is_some_and(|t| session_types.contains(&t)) {
        return invalid("`sessionType` is not a kind of session");
    }
    if !body.get("inputs").is_none_or(Value::is_object) {
        return invalid("`inputs` is not an object");
    }
    if !body.get("description").is_none_or(Value::is_string) {
        return invalid("`description` is not a text");
    }
    Body::Valid(Content { body })
}

impl Content {
    /// The content for a missing document: as the console would create it, without any logging.
    pub fn minimal() -> Self {
        let body = json!({
            "schemaVersion": "1.0",
            "description": "Document to hold regional settings for Session Manager",
            "sessionType": "Standard_Stream",
            "inputs": {
                "s3BucketName": "",
                "s3KeyPrefix": "",
                "s3EncryptionEnabled": true,
                "cloudWatchLogGroupName": "",
                "cloudWatchEncryptionEnabled": true,
                "cloudWatchStreamingEnabled": true,
                "kmsKeyId": "",
                "runAsEnabled": false,
                "runAsDefaultUser": ""
            }
        });
        let Value::Object(body) = body else { return Self { body: Map::new() } };
        Self { body }
    }

    /// The value of an input.
    pub fn input(&self, name: &str) -> Option<&Value> {
        self.body.get("inputs").and_then(|inputs| inputs.get(name))
    }

    /// The same content with the owned fields over it. Other spellings of an owned field are removed, in any spelling of
    /// `inputs`, because the agent would read them as that field.
    #[must_use]
    pub fn overlaid(&self, owned: &Owned) -> Self {
        let mut body = self.body.clone();
        body.entry("inputs").or_insert_with(|| Value::Object(Map::new()));
        for (name, value) in &mut body {
            if let (true, Value::Object(inputs)) = (is_read_as(name, "inputs"), value) {
                inputs.retain(|name, _| !owned.keys().any(|field| is_read_as(name, field)));
                if name == "inputs" {
                    inputs.extend(owned.clone());
                }
            }
        }
        Self { body }
    }

    /// The owned fields that differ from their desired values. A string in place of a boolean differs: the agent interprets
    /// `"{{ parameter }}"` and `"true"`, and the reactor leaves nothing to interpretation.
    pub fn drift(&self, owned: &Owned) -> Change {
        owned
            .iter()
            .filter(|(field, want)| self.input(field) != Some(want))
            .map(|(field, want)| FieldChange {
                field: field.clone(),
                from: self.input(field).cloned(),
                to: Some(want.clone()),
            })
            .collect()
    }

    /// The fields in which `self` and `later` differ, as a change from `self` to `later`.
    pub fn change_to(&self, later: &Self) -> Change {
        let (before, after) = (self.fields(), later.fields());
        let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
        names.sort();
        names.dedup();
        names
            .into_iter()
            .filter(|name| before.get(*name) != after.get(*name))
            .map(|name| FieldChange {
                field: name.clone(),
                from: before.get(name).cloned(),
                to: after.get(name).cloned(),
            })
            .collect()
    }

    /// This content with a change applied: each named field takes its `to` value, all others stay.
    #[must_use]
    pub fn with_change(&self, change: &Change) -> Self {
        let mut body = self.body.clone();
        for FieldChange { field, to, .. } in change {
            let (in_inputs, name) = place(field);
            let map = if in_inputs {
                body.entry("inputs").or_insert_with(|| Value::Object(Map::new())).as_object_mut()
            } else {
                Some(&mut body)
            };
            let Some(map) = map else { continue };
            match to {
                Some(value) => map.insert(name, value.clone()),
                None => map.remove(&name),
            };
        }
        Self { body }
    }

    /// The value of a field, by the name that it has in a change.
    pub fn field(&self, name: &str) -> Option<Value> {
        self.fields().remove(name)
    }

    /// Every field with its value: inputs under their names, others under `/name`, without the reactor's remark. Names are
    /// unique, or a change of one field could hide behind another.
    fn fields(&self) -> BTreeMap<String, Value> {
        let mut fields = BTreeMap::new();
        for (name, value) in &self.body {
            match (name.as_str(), value.as_object(), value.as_str()) {
                ("inputs", Some(inputs), _) => {
                    fields.extend(inputs.iter().map(|(input, value)| (input_name(input), value.clone())));
                }
                // A description of nothing but the remark stands for a missing or empty one.
                ("description", _, Some(text)) if without_remark(text).is_empty() => {}
                ("description", _, Some(text)) => {
                    fields.insert("/description".to_owned(), Value::from(without_remark(text)));
                }
                _ => {
                    fields.insert(format!("/{}", escaped(name)), value.clone());
                }
            }
        }
        fields
    }

    /// Whether both contents have equal fields, the reactor's remark apart.
    pub fn same_as(&self, other: &Self) -> bool {
        self.fields() == other.fields()
    }

    /// The SHA-256 over the canonical JSON (sorted keys, no white space), in hexadecimal.
    pub fn digest(&self) -> String {
        sha256(&Value::Object(self.body.clone()).to_string())
    }

    /// The text to send to SSM. `random` varies insignificant white space, so that a return to earlier content is a new
    /// version and no `DuplicateDocumentContent`. Indented for readers in the console, unless too large for that.
    pub fn render(&self, random: u32) -> String {
        let mut text = serde_json::to_string_pretty(&self.body).unwrap_or_default();
        if text.len() + RANDOM_BYTES > CONTENT_BYTES_MAX {
            text = serde_json::to_string(&self.body).unwrap_or_default();
        }
        text.push('\n');
        text.extend((0..32).map(|bit| if random >> bit & 1 == 0 { ' ' } else { '\t' }));
        text
    }

    /// The same content with a remark in the description, for where AWS compares more than white space.
    #[must_use]
    pub fn reworded(&self, random: u32) -> Self {
        let mut body = self.body.clone();
        let described = body.get("description").and_then(Value::as_str).map_or("", without_remark);
        let reworded = format!("{described}{REMARK}{random:08x}]");
        body.insert("description".to_owned(), Value::from(reworded));
        Self { body }
    }
}

/// The description without the reactor's remarks at its end, however many. Any other text that begins like one stays.
fn without_remark(mut description: &str) -> &str {
    let remark = |rest: &str| {
        let random = rest.strip_suffix(']').unwrap_or_default();
        random.len() == 8 && random.bytes().all(|b| b.is_ascii_hexdigit())
    };
    while let Some((before, _)) = description.rsplit_once(REMARK).filter(|(_, rest)| remark(rest)) {
        description = before;
    }
    description
}

/// Whether the agent takes a name for that of a field. It decodes like Go's `encoding/json`: regardless of case, the long s
/// as an s and the Kelvin sign as a k; the last one wins.
fn is_read_as(name: &str, field: &str) -> bool {
    name.replace('\u{17f}', "s").replace('\u{212a}', "k").eq_ignore_ascii_case(field)
}

/// The name of an input in a change; one that begins with a slash goes below `/inputs/`.
fn input_name(input: &str) -> String {
    if input.starts_with('/') { format!("{INPUTS}{}", escaped(input)) } else { input.to_owned() }
}

/// Whether a field is an input, and its name in the document.
fn place(field: &str) -> (bool, String) {
    match (field.strip_prefix(INPUTS), field.strip_prefix('/')) {
        (Some(input), _) => (true, unescaped(input)),
        (None, Some(top)) => (false, unescaped(top)),
        (None, None) => (true, field.to_owned()),
    }
}

/// A name without a slash, as in a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests;
