//! Identity Center's attributes for access control: they become tags of every session that it opens. The calls are logged
//! in Identity Center's home region, in the management account or the delegated administrator's.
//!
//! AWS does not document the spelling of the request in CloudTrail: keys count with either first letter, and in the older
//! nesting or the newer one.

use serde_json::Value;

use super::bypass::{event, name};
use super::envelope::{Parsed, Record, ignored};
use super::lenient::{Object, field, object_at, str_at};
use crate::domain::bypass::{BypassAct, Mapping, RUN_AS_TAG};
use crate::domain::text::{NAME_CHARS_MAX, clean, quote};

pub(super) fn parse(record: Record<'_>) -> Parsed {
    let asked = record.part("requestParameters");
    let mapping = match (record.name, asked) {
        ("DeleteInstanceAccessControlAttributeConfiguration", _) => Mapping::Deleted,
        ("CreateInstanceAccessControlAttributeConfiguration", asked) => match mapping(asked) {
            Mapping::Missing => return ignored(format!("the new attributes of Identity Center have no {RUN_AS_TAG}")),
            mapping @ (Mapping::To(_) | Mapping::Deleted | Mapping::Hidden) => mapping,
        },
        ("UpdateInstanceAccessControlAttributeConfiguration", asked) => mapping(asked),
        (call, _) => return ignored(format!("the call {} changes no attributes of Identity Center", quote(call))),
    };
    let instance = asked.map(|asked| name(asked, "instanceArn")).unwrap_or_default();
    event(record, BypassAct::Mapped { instance, mapping })
}

/// What the request says of the tag. An update replaces the whole list.
fn mapping(asked: Option<&Object>) -> Mapping {
    let list = |object: &'_ Object| field(object, "accessControlAttributes").and_then(Value::as_array).cloned();
    let nested = |asked| object_at(asked, "instanceAccessControlAttributeConfiguration").and_then(list);
    let Some(attributes) = asked.and_then(|asked| nested(asked).or_else(|| list(asked))) else {
        return Mapping::Hidden;
    };
    let mut attributes = attributes.iter().filter_map(Value::as_object);
    let is_run_as =
        |attribute: &&Object| str_at(attribute, "key").is_some_and(|key| key.eq_ignore_ascii_case(RUN_AS_TAG));
    attributes.find(is_run_as).map_or(Mapping::Missing, |attribute| Mapping::To(source(attribute)))
}

fn source(attribute: &Object) -> String {
    let sources = object_at(attribute, "value").and_then(|value| field(value, "source")?.as_array());
    let source = sources.into_iter().flatten().find_map(Value::as_str).unwrap_or("an attribute that is not shown");
    clean(source, NAME_CHARS_MAX)
}
