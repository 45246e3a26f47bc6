//! `runasctl decode`: shows how the reactor reads events, without acting on them.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::domain::decode::{Decoded, batch, decode};
use crate::domain::principal::Principal;
use crate::domain::signal::{InboundEvent, Signal};
use crate::domain::text::{NAME_CHARS_MAX, clean};

/// Ten batches of Lambda's maximum size (6 MB).
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Show how the reactor reads events: bare EventBridge events, the reactor's own messages, or SQS batches of them.
#[derive(Clone, Debug, Args)]
pub struct DecodeArgs {
    /// Files to read; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// The files that could be read, and the errors of the others.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Name and text of each file.
    pub texts: Vec<(String, String)>,
    /// One sentence for each unreadable file; any of them makes the command exit with 1.
    pub unreadable: Vec<String>,
}

/// Reads the files in order. Invalid UTF-8 is replaced, and decoding judges the result.
pub fn read(files: &[PathBuf], stdin: &mut impl Read) -> Inputs {
    let mut inputs = Inputs::default();
    for path in files {
        let name = path.display().to_string();
        match read_one(path, stdin) {
            Ok(bytes) => inputs.texts.push((name, String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) => inputs.unreadable.push(format!("cannot read {name}: {error}")),
        }
    }
    inputs
}

fn read_one(path: &Path, stdin: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = FILE_BYTES_MAX + 1;
    let read = if path == Path::new("-") {
        stdin.take(limit).read_to_end(&mut bytes)?
    } else {
        File::open(path)?.take(limit).read_to_end(&mut bytes)?
    };
    if u64::try_from(read).is_ok_and(|read| read < limit) {
        Ok(bytes)
    } else {
        Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 64 MiB; split it"))
    }
}

/// The text for standard output.
pub fn run(inputs: &[(String, String)], json: bool) -> String {
    let rows: Vec<DecodedRecord> = inputs.iter().flat_map(|(file, text)| rows(file, text)).collect();
    if json { serde_json::to_string_pretty(&rows).unwrap_or_default() + "\n" } else { table(&rows) }
}

/// The result of one record.
#[derive(Debug, Serialize)]
struct DecodedRecord {
    file: String,
    index: usize,
    outcome: &'static str,
    kind: Option<&'static str>,
    account: Option<String>,
    /// Absent for every governed region.
    region: Option<String>,
    /// The error code of a call, or why an account was not created.
    failed: Option<String>,
    principal: Option<Principal>,
    reason: Option<String>,
    /// Further details of a signal, for people.
    #[serde(skip)]
    remark: Option<String>,
}

fn rows(file: &str, text: &str) -> Vec<DecodedRecord> {
    batch(text).iter().enumerate().map(|(index, message)| row(file, index, decode(&message.body))).collect()
}

fn row(file: &str, index: usize, decoded: Decoded) -> DecodedRecord {
    let empty = DecodedRecord {
        file: file.to_owned(),
        index,
        outcome: "signal",
        kind: None,
        account: None,
        region: None,
        failed: None,
        principal: None,
        reason: None,
        remark: None,
    };
    match decoded {
        Decoded::Signal(event) => parsed(empty, *event),
        Decoded::Ignored { reason, .. } => DecodedRecord { outcome: "ignored", reason: Some(reason), ..empty },
        Decoded::Untrusted { reason, .. } => DecodedRecord { outcome: "untrusted", reason: Some(reason), ..empty },
        Decoded::Undecodable { reason } => DecodedRecord { outcome: "undecodable", reason: Some(reason), ..empty },
    }
}

fn parsed(empty: DecodedRecord, event: InboundEvent) -> DecodedRecord {
    let signal = event.signal;
    let place = DecodedRecord {
        kind: Some(signal.kind()),
        account: signal.account().map(ToString::to_string),
        region: signal.region().map(ToString::to_string),
        principal: event.principal,
        ..empty
    };
    let remark = remark(&signal);
    match signal {
        Signal::DocumentTouched { edit: Some(edit), .. } => DecodedRecord {
            failed: edit.failed,
            principal: place.principal.clone().or(Some(edit.principal)),
            remark,
            ..place
        },
        Signal::Bypass(bypass) => DecodedRecord { failed: bypass.failed, remark, ..place },
        Signal::VendFailed { why, .. } => DecodedRecord { failed: Some(why), remark, ..place },
        _ => DecodedRecord { remark, ..place },
    }
}

/// Who did what, or details that have no column.
fn remark(signal: &Signal) -> Option<String> {
    match signal {
        Signal::DocumentTouched { edit: Some(edit), .. } => {
            Some(call_in_words(&edit.principal, edit.failed.as_deref(), &edit.action.in_words()))
        }
        Signal::Bypass(bypass) => {
            Some(call_in_words(&bypass.principal, bypass.failed.as_deref(), &bypass.act.in_words()))
        }
        Signal::DocumentTouched { edit: None, .. } => Some("a write that names no document".to_owned()),
        Signal::VendFailed { why, .. } => Some(why.clone()),
        Signal::OuRegistered { ou } => Some(format!("every account below {ou}")),
        Signal::RegionChanged { enabled, .. } => Some(if *enabled { "switched on" } else { "switched off" }.to_owned()),
        Signal::Work(work) => Some(format!("requeues {}, edits: {}", work.requeues, work.edits.len())),
        _ => None,
    }
}

/// Who did what, or with which code it failed.
fn call_in_words(principal: &Principal, failed: Option<&str>, did: &str) -> String {
    let kind = &principal.kind;
    let who = principal.name.as_ref().map_or_else(|| kind.clone(), |name| format!("{kind} {name}"));
    match failed {
        Some(code) => format!("{who} failed with {code}"),
        None => format!("{who} {did}"),
    }
}

/// Pads columns to their widest cell, except the last.
fn table(rows: &[DecodedRecord]) -> String {
    let cells: Vec<[String; 7]> = rows.iter().map(cells).collect();
    let width = |column: usize| cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..7).map(|column| width(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in &cells {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn cells(row: &DecodedRecord) -> [String; 7] {
    let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let every = if row.kind.is_some() && row.region.is_none() { "every" } else { "-" };
    [
        clean(&row.file, NAME_CHARS_MAX),
        row.index.to_string(),
        row.outcome.to_owned(),
        or_dash(row.kind),
        or_dash(row.account.as_deref()),
        row.region.clone().unwrap_or_else(|| every.to_owned()),
        row.reason.clone().or_else(|| row.remark.clone()).unwrap_or_default(),
    ]
}
