//! What acts did to the document, in words for people.

use super::notify::ReportedEdit;
use crate::domain::document::FieldChange;
use crate::domain::edit::Action;
use crate::domain::text::clean;

/// Phrases in one sentence, and names of settings in one phrase; the details have all.
const PHRASES_MAX: usize = 4;

/// What happened, to follow the place: "Run As was switched off and the shell profile was changed".
pub(super) fn what_happened(edits: &[&ReportedEdit]) -> String {
    let mut phrases: Vec<String> = Vec::new();
    for phrase in edits.iter().flat_map(|edit| of_act(edit)) {
        if !phrases.contains(&phrase) {
            phrases.push(phrase);
        }
    }
    if phrases.len() > PHRASES_MAX {
        phrases.truncate(PHRASES_MAX - 1);
        phrases.push("more was changed".to_owned());
    }
    listed(&phrases)
}

fn of_act(edit: &ReportedEdit) -> Vec<String> {
    let phrase = match edit.act {
        Action::Deleted => "the document was deleted".to_owned(),
        Action::DefaultMoved { version: Some(version) } => {
            format!("version {version} of the document was made the default")
        }
        Action::DefaultMoved { version: None } => "another version was made the default".to_owned(),
        Action::VersionDeleted { .. } => "a version of the document was deleted".to_owned(),
        Action::SharingChanged => {
            edit.event.as_ref().and_then(|event| event.sharing.clone()).unwrap_or_default().in_words()
        }
        Action::Created | Action::Updated { .. } if edit.change.is_empty() => {
            "a version of the document was written".to_owned()
        }
        Action::Created | Action::Updated { .. } => return of_fields(&edit.change),
    };
    vec![phrase]
}

/// The fields that matter most by what they mean, the others by name.
fn of_fields(change: &[FieldChange]) -> Vec<String> {
    let mut phrases: Vec<String> = Vec::new();
    let mut others: Vec<String> = Vec::new();
    // Run As first, then what runs in sessions.
    let order = |field: &FieldChange| match field.field.as_str() {
        "runAsEnabled" => 0,
        "runAsDefaultUser" => 1,
        "shellProfile" => 2,
        _ => 3,
    };
    let mut change: Vec<&FieldChange> = change.iter().collect();
    change.sort_by_key(|field| order(field));
    for field in change {
        match meaning(field) {
            Some(phrase) => phrases.push(phrase.to_owned()),
            None => others.push(clean(&field.field, 64)),
        }
    }
    if !others.is_empty() {
        let more = others.len().saturating_sub(PHRASES_MAX);
        others.truncate(PHRASES_MAX);
        others.extend((more > 0).then(|| format!("{more} more fields")));
        let verb = if others.len() == 1 { "was" } else { "were" };
        phrases.push(format!("{} {verb} changed", listed(&others)));
    }
    phrases
}

fn meaning(change: &FieldChange) -> Option<&'static str> {
    match (change.field.as_str(), change.to.as_ref().and_then(serde_json::Value::as_bool)) {
        ("runAsEnabled", Some(true)) => Some("Run As was switched on"),
        ("runAsEnabled", _) => Some("Run As was switched off"),
        ("runAsDefaultUser", _) => Some("the OS user of sessions was changed"),
        ("shellProfile", _) => Some("the shell profile that runs in every session was changed"),
        ("kmsKeyId", _) => Some("the key that encrypts sessions was changed"),
        ("s3BucketName" | "s3KeyPrefix" | "cloudWatchLogGroupName", _) => Some("where session logs go was changed"),
        ("s3EncryptionEnabled" | "cloudWatchEncryptionEnabled", _) => {
            Some("the encryption of session logs was changed")
        }
        _ => None,
    }
}

fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A number with its noun.
pub(super) fn counted(count: u32, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
