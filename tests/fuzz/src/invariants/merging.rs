//! Documents: changes, the overlay, rendering.

use std::collections::BTreeSet;

use runas_reactor::domain::document::{Body, CONTENT_BYTES_MAX, Content, parse};
use runas_reactor::domain::policy::Owned;
use serde_json::{Map, Value};

/// The inputs of the document that the agent reads, as the policy names them.
pub const INPUTS: [&str; 12] = [
    "runAsEnabled",
    "runAsDefaultUser",
    "idleSessionTimeout",
    "maxSessionDuration",
    "s3BucketName",
    "s3KeyPrefix",
    "s3EncryptionEnabled",
    "cloudWatchLogGroupName",
    "cloudWatchEncryptionEnabled",
    "cloudWatchStreamingEnabled",
    "kmsKeyId",
    "shellProfile",
];

type Fields = Map<String, Value>;

/// Three lines: a document, another one, and the owned fields.
pub fn lines(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let mut document = || document(lines.next().unwrap_or_default());
    let (before, after) = (document(), document());
    let owned: Owned = serde_json::from_str(lines.next().unwrap_or_default()).unwrap_or_default();
    let owned = owned.into_iter().filter(|(name, _)| INPUTS.contains(&name.as_str())).collect();
    let random = u32::try_from(data.len()).unwrap_or_default().wrapping_mul(0x9e37_79b9);
    for content in [&before, &after] {
        overlay(content, &owned);
        rendering(content, random);
        rewording(content, random);
        keeping(content);
    }
    difference(&before, &after);
    difference(&after, &before);
    laundering(&Content::minimal().overlaid(&owned), &before, &after);
}

/// What the text holds, or the minimal document where it holds none.
fn document(text: &str) -> Content {
    let body = parse(text);
    assert_eq!(parse(text), body, "the same text is the same document");
    match body {
        Body::Valid(content) => content,
        Body::Invalid { why } => {
            assert!(!why.is_empty());
            Content::minimal()
        }
    }
}

/// The text of a document, whatever it is wrapped in.
pub fn raw(content: &Content) -> Fields {
    match serde_json::to_value(content).unwrap()["$content"].take() {
        Value::Object(body) => body,
        other => panic!("{other}"),
    }
}

/// What a document says: the inputs, and everything else. A remark of the reactor at the end of a description says nothing.
pub fn meaning(content: &Content) -> (Fields, Fields) {
    let mut rest = raw(content);
    let inputs = rest.remove("inputs").and_then(|inputs| inputs.as_object().cloned()).unwrap_or_default();
    if let Some(Value::String(description)) = rest.get_mut("description") {
        while let Some((before, remark)) = description.rsplit_once(" [runas-reactor ") {
            let digits = remark.strip_suffix(']').unwrap_or_default();
            if digits.len() != 8 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
                break;
            }
            *description = before.to_owned();
        }
        if description.is_empty() {
            rest.remove("description");
        }
    }
    (inputs, rest)
}

/// A name as Go's `encoding/json` compares it: without case, where `ſ` is an `s` and the Kelvin sign a `k`.
pub fn folded(name: &str) -> String {
    name.replace('ſ', "s").replace('\u{212a}', "k").to_ascii_lowercase()
}

/// A change leads from one document to the other, and says neither too much nor too little.
pub fn difference(before: &Content, after: &Content) {
    let change = before.change_to(after);
    assert!(before.with_change(&change).same_as(after), "{change:?} leads elsewhere");
    let same = meaning(before) == meaning(after);
    assert_eq!(before.same_as(after), same);
    assert_eq!(after.same_as(before), same);
    let (mut differing, (a, b)) = (0, (meaning(before), meaning(after)));
    for (a, b) in [(&a.0, &b.0), (&a.1, &b.1)] {
        let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        differing += names.into_iter().filter(|name| a.get(*name) != b.get(*name)).count();
    }
    assert_eq!(change.len(), differing, "{change:?}");
    assert!(change.windows(2).all(|pair| pair[0].field < pair[1].field), "{change:?}");
    assert!(change.iter().all(|change| change.from != change.to), "{change:?}");
}

/// A foreign principal makes `hostile` of the accepted content, a trusted one makes `trusted` of that, and only what the trusted hand
/// did itself is taken over.
pub fn laundering(accepted: &Content, hostile: &Content, trusted: &Content) {
    let merged = meaning(&accepted.with_change(&hostile.change_to(trusted)));
    let [accepted, hostile, trusted] = [accepted, hostile, trusted].map(meaning);
    let merge = |accepted: &Fields, hostile: &Fields, trusted: &Fields| {
        let names: BTreeSet<&String> = accepted.keys().chain(hostile.keys()).chain(trusted.keys()).collect();
        let mut merged = Fields::new();
        for name in names {
            let touched = hostile.get(name) != trusted.get(name);
            let value = if touched { trusted.get(name) } else { accepted.get(name) };
            merged.extend(value.map(|value| (name.clone(), value.clone())));
        }
        merged
    };
    assert_eq!(merged.0, merge(&accepted.0, &hostile.0, &trusted.0));
    assert_eq!(merged.1, merge(&accepted.1, &hostile.1, &trusted.1));
}

/// The owned fields are exactly right for everybody who reads the document, and nothing else is touched.
pub fn overlay(content: &Content, owned: &Owned) {
    let right = content.overlaid(owned);
    assert_eq!(right.overlaid(owned), right, "once is enough");
    assert_eq!(right.drift(owned), []);
    let (mut before, mut after) = (raw(content), raw(&right));
    let inputs_of = |body: &mut Fields| match body.remove("inputs") {
        Some(Value::Object(inputs)) => inputs,
        Some(other) => panic!("{other}"),
        None => Fields::new(),
    };
    let (inputs_before, mut inputs) = (inputs_of(&mut before), inputs_of(&mut after));
    for (field, value) in owned {
        assert_eq!(inputs.remove(field).as_ref(), Some(value), "{field}");
    }
    assert_eq!(inputs, others(inputs_before, owned), "inputs that nobody owns");
    for (name, value) in &mut before {
        if let (true, Value::Object(inputs)) = (folded(name) == "inputs", value) {
            *inputs = others(std::mem::take(inputs), owned);
        }
    }
    assert_eq!(after, before, "fields beside the inputs");
}

/// The inputs that no spelling of an owned field is among.
fn others(inputs: Fields, owned: &Owned) -> Fields {
    inputs.into_iter().filter(|(name, _)| !owned.keys().any(|field| folded(field) == folded(name))).collect()
}

/// What is written is read back as it was, and each writing is another text.
pub fn rendering(content: &Content, random: u32) {
    let text = content.render(random);
    assert_ne!(text, content.render(random.wrapping_add(1)));
    if text.len() <= CONTENT_BYTES_MAX {
        let read = parse(&text);
        assert_eq!(read.content(), Some(content), "{read:?}");
        assert_eq!(read.content().map(Content::digest), Some(content.digest()));
    } else {
        let plain = Value::Object(raw(content)).to_string();
        assert!(plain.len() + 64 > CONTENT_BYTES_MAX, "{} bytes became {}", plain.len(), text.len());
    }
}

/// A remark is another text and the same document, and does not pile up.
pub fn rewording(content: &Content, random: u32) {
    let reworded = content.reworded(random);
    assert!(reworded.same_as(content), "{:?}", content.change_to(&reworded));
    assert_ne!(reworded, content.reworded(random.wrapping_add(1)));
    let again = reworded.reworded(!random);
    assert!(again.same_as(content));
    assert_eq!(again.reworded(random), reworded);
}

/// What the ledger keeps comes back as it was, however deep it stands in a row.
pub fn keeping(content: &Content) {
    let row = [[Some(content)], [None]];
    let kept: [[Option<Content>; 1]; 2] = serde_json::from_str(&serde_json::to_string(&row).unwrap()).unwrap();
    assert_eq!(kept[0][0].as_ref(), Some(content));
}
