//! The result of a rendering: files and notes.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::cli::Output;
use crate::cli::policy::count;

/// Version of the JSON that these commands write.
const SCHEMA_VERSION: u32 = 1;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sheet {
    /// Its name, below the directory that the operator names.
    pub(super) name: String,
    /// Its content, including the last line end.
    pub(super) text: String,
}

/// The result of one command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sheets {
    /// The files.
    pub(super) files: Vec<Sheet>,
    /// The output without a directory: all files as one parsable text.
    pub(super) summary: String,
    /// Notes for the operator, one line each.
    pub(super) notes: Vec<String>,
}

impl Sheets {
    /// A result with one file.
    pub(super) fn one(name: &str, text: String) -> Self {
        Self { summary: text.clone(), files: vec![Sheet { name: name.to_owned(), text }], notes: Vec::new() }
    }

    /// The text to print.
    pub(super) fn to_text(&self, output: Output) -> String {
        match output {
            Output::Table => self.summary.clone(),
            Output::Json => {
                let files = self.files.iter().map(|sheet| json!({ "name": sheet.name, "text": sheet.text }));
                let files: Vec<_> = files.collect();
                format!("{}\n", json!({ "schema_version": SCHEMA_VERSION, "files": files }))
            }
        }
    }

    /// Writes each file and returns their names.
    ///
    /// # Errors
    /// A file or its directory cannot be written.
    pub(super) fn write(&self, directory: &Path) -> Result<String, String> {
        for sheet in &self.files {
            let path = directory.join(&sheet.name);
            let parent = path.parent().unwrap_or(directory);
            fs::create_dir_all(parent).and_then(|()| fs::write(&path, &sheet.text)).map_err(|error| {
                let name = path.display();
                format!("cannot write {name}: {error}; fix: name a directory with --out that you may write to")
            })?;
        }
        let names: Vec<&str> = self.files.iter().map(|sheet| sheet.name.as_str()).collect();
        Ok(format!("wrote {} to {}: {}\n", count(names.len(), "file"), directory.display(), names.join(", ")))
    }
}
