//! Every sample event, as a snapshot.

use std::fs;
use std::path::Path;

use runas_reactor::cli::decode::run;
use runas_reactor::domain::bypass::Bypass;
use runas_reactor::domain::decode::{Decoded, batch, decode};
use runas_reactor::domain::edit::Edit;
use runas_reactor::domain::signal::Signal;
use serde_json::{Map, Value, json};

use super::fixtures::{events, files_of, folders, name_of, sorted, text};

#[test]
fn every_sample_event_decodes_as_its_snapshot_says() {
    let mut expected = Vec::new();
    insta::with_settings!({ snapshot_path => "snapshots/samples", prepend_module_to_snapshot => false }, {
        for folder in folders() {
            for file in files_of(&folder) {
                let name = name_of(&file.with_extension("")).replace('/', "__");
                insta::assert_json_snapshot!(name.as_str(), records(&folder, &file));
                expected.push(format!("{name}.snap"));
            }
        }
    });
    let kept = sorted(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/decode/snapshots/samples"), Path::is_file);
    let kept: Vec<&str> = kept.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    expected.sort();
    assert_eq!(kept, expected, "a snapshot without its sample");
}

#[test]
fn every_sample_event_has_its_line_in_the_readme_and_every_line_its_file() {
    let readme = fs::read_to_string(events().join("README.md")).unwrap();
    let mut listed: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let mut found: Vec<String> = Vec::new();
    for folder in folders() {
        found.extend(files_of(&folder).iter().map(|file| name_of(file)));
    }
    listed.sort_unstable();
    found.sort_unstable();
    assert_eq!(listed, found);
}

/// What the snapshot shows of a file: what the command says of each record, and what only the reactor sees.
fn records(folder: &Path, file: &Path) -> Vec<Value> {
    let text = text(file);
    let name = file.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
    let rows: Vec<Map<String, Value>> = serde_json::from_str(&run(&[(name, text.clone())], true)).unwrap();
    let messages = batch(&text);
    assert_eq!(rows.len(), messages.len());
    rows.into_iter().zip(messages).map(|(row, message)| record(row, &message.body)).collect()
}

fn record(mut row: Map<String, Value>, body: &str) -> Value {
    match decode(body) {
        Decoded::Signal(event) => {
            row.insert("event".to_owned(), json!({"id": event.id, "at": event.at, "reporter": event.reporter}));
            match event.signal {
                Signal::DocumentTouched { edit: Some(edit), .. } => {
                    let Edit { id, at, action, agent, source_ip, sharing, .. } = *edit;
                    assert_eq!((id, at), (event.id, event.at));
                    let mut edit = json!({"action": action, "agent": agent, "source_ip": source_ip});
                    if let Some(sharing) = sharing {
                        edit["sharing"] = json!(sharing);
                    }
                    row.insert("edit".to_owned(), edit);
                }
                Signal::Bypass(bypass) => {
                    let Bypass { act, agent, source_ip, through, .. } = *bypass;
                    let shown = json!({"act": act, "agent": agent, "source_ip": source_ip, "through": through});
                    row.insert("bypass".to_owned(), shown);
                }
                Signal::OuRegistered { ou } => drop(row.insert("ou".to_owned(), json!(ou))),
                Signal::RegionChanged { enabled, .. } => drop(row.insert("enabled".to_owned(), json!(enabled))),
                Signal::Work(work) => drop(row.insert("work".to_owned(), json!(work))),
                _ => {}
            }
        }
        Decoded::Ignored { about: Some(about), .. } | Decoded::Untrusted { about: Some(about), .. } => {
            let about = json!({"id": about.id, "event": about.event, "account": about.account, "region": about.region});
            row.insert("about".to_owned(), about);
        }
        Decoded::Ignored { about: None, .. } | Decoded::Untrusted { about: None, .. } | Decoded::Undecodable { .. } => {
        }
    }
    row.retain(|_, value| !value.is_null());
    Value::Object(row)
}
