//! Messages: what comes out of decoding is bounded, clean, and says no more than the message did.

use runas_reactor::domain::decode::{Decoded, batch, decode, encode_work};
use runas_reactor::domain::edit::Edit;
use runas_reactor::domain::signal::{InboundEvent, Signal};
use serde_json::Value;

/// A message body, or a batch of them, in bytes.
pub fn bytes(data: &[u8]) {
    text(&String::from_utf8_lossy(data));
}

/// A message body, or a batch of them.
pub fn text(text: &str) {
    for message in batch(text) {
        body(&message.body);
    }
}

/// One message body.
pub fn body(body: &str) {
    let decoded = decode(body);
    assert_eq!(decode(body), decoded, "the same message means the same");
    match &decoded {
        Decoded::Signal(event) => signal(body, event),
        Decoded::Ignored { reason, about } | Decoded::Untrusted { reason, about } => {
            is_clean(reason, 512);
            about.iter().flat_map(|about| [&about.id, &about.event]).flatten().for_each(|text| is_clean(text, 128));
        }
        Decoded::Undecodable { reason } => is_clean(reason, 512),
    }
    layout(body, &decoded);
}

/// White space and the order of keys mean nothing.
fn layout(body: &str, decoded: &Decoded) {
    let Ok(value) = serde_json::from_str::<Value>(body) else { return };
    for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap(), backwards(&value)] {
        if text.len().max(body.len()) < 500_000 {
            assert_eq!(decode(&text), *decoded, "{text}");
        }
    }
}

/// The same JSON with its keys in the opposite order and white space wherever it may stand.
pub fn backwards(value: &Value) -> String {
    let joined = |items: Vec<String>| items.join("\n ,\t");
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().rev();
            let fields = fields.map(|(key, value)| format!("{} :\r\n{}", Value::from(key.as_str()), backwards(value)));
            format!("{{ {} }}", joined(fields.collect()))
        }
        Value::Array(items) => format!("[ {} ]", joined(items.iter().map(backwards).collect())),
        other => other.to_string(),
    }
}

fn signal(body: &str, event: &InboundEvent) {
    is_clean(&event.id, 128);
    assert!(!event.id.is_empty());
    match &event.signal {
        Signal::DocumentTouched { target, edit } => {
            assert_eq!(target.account.as_str(), stated(body, ["account", "Account"]), "the account is the envelope's");
            assert_eq!(target.region.as_str(), stated(body, ["region", "Region"]), "the region is the envelope's");
            assert_eq!(event.reporter.as_ref(), Some(&target.account));
            if let Some(edit) = edit {
                edit_is_clean(edit);
            }
        }
        Signal::Work(work) => {
            work.edits.iter().for_each(edit_is_clean);
            let again = Decoded::Signal(Box::new(event.clone()));
            assert_eq!(decode(&encode_work(work)), again, "work comes back as it was sent");
        }
        Signal::VendFailed { why, .. } => is_clean(why, 512),
        _ => {}
    }
}

/// What stands in the envelope under the first of these keys that says anything, as text.
fn stated(body: &str, keys: [&str; 2]) -> String {
    let value: Value = serde_json::from_str(body).unwrap();
    let stated = keys.into_iter().map(|key| &value[key]).find(|value| !value.is_null());
    stated.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default()
}

fn edit_is_clean(edit: &Edit) {
    let texts = [(&edit.id, 128), (&edit.agent, 256), (&edit.source_ip, 256), (&edit.principal.kind, 128)];
    for (text, max) in texts {
        is_clean(text, max);
    }
    let optional = [(&edit.failed, 128), (&edit.principal.arn, 1_024), (&edit.principal.name, 256)];
    for (text, max) in optional {
        is_clean(text.as_deref().unwrap_or_default(), max);
    }
}

fn is_clean(text: &str, max: usize) {
    assert!(text.chars().count() <= max, "{text:?}");
    let invisible = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(invisible), "{text:?}");
}
