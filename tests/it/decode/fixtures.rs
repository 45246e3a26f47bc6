//! The sample events, and short ways to decode them.

use std::fs;
use std::path::{Path, PathBuf};

use runas_reactor::domain::decode::{Decoded, decode};
use runas_reactor::domain::edit::Edit;
use runas_reactor::domain::signal::{InboundEvent, Signal};
use serde_json::Value;

pub(crate) fn events() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("events")
}

pub(crate) fn folders() -> Vec<PathBuf> {
    sorted(&events(), Path::is_dir)
}

pub(crate) fn files_of(folder: &Path) -> Vec<PathBuf> {
    sorted(folder, Path::is_file)
}

pub(crate) fn all_files() -> Vec<PathBuf> {
    folders().iter().flat_map(|folder| files_of(folder)).collect()
}

pub(crate) fn sorted(folder: &Path, wanted: fn(&Path) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries.filter(|path| wanted(path)).collect();
    found.sort();
    found
}

/// `ssm/update-document.json`.
pub(crate) fn name_of(file: &Path) -> String {
    file.strip_prefix(events()).unwrap().to_str().unwrap().replace('\\', "/")
}

pub(crate) fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}

pub(crate) fn sample(name: &str) -> String {
    text(&events().join(name))
}

/// The sample with another value in one place.
pub(crate) fn changed(name: &str, pointer: &str, new: Value) -> String {
    let mut value: Value = serde_json::from_str(&sample(name)).unwrap();
    *value.pointer_mut(pointer).unwrap() = new;
    value.to_string()
}

pub(crate) fn signal(body: &str) -> InboundEvent {
    match decode(body) {
        Decoded::Signal(event) => *event,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn edit(body: &str) -> Edit {
    match signal(body).signal {
        Signal::DocumentTouched { edit: Some(edit), .. } => *edit,
        other => panic!("{other:?}"),
    }
}
