//! `runasctl report`: the organisation, its incidents, new accounts and the last sweep, in one document.

mod csv;
mod html;
mod incident;
mod json;
mod lag;
mod markdown;
mod model;
mod read;
mod table;
mod timeline;
mod words;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::files;
use super::login::{Failure, LoginArgs, WHERE, finished};
use super::printer::Printer;
use super::status::Filter;
use super::{ExitStatus, Output};
use crate::clock::now;
use crate::config::operator::{LEDGER, trust};
use crate::domain::target::{AccountId, OuId};
use crate::domain::time::DAY_MS;
pub use model::{Report, Selection, Sources};

/// Write what the ledger knows: targets, incidents, new accounts, sweeps.
///
/// The ledger is read once, and nothing is written to AWS. Exit codes: 0 where all targets are in sync or exempt, 2 where some
/// are not, 3 where the state of some is unknown, 1 for an error, 64 for wrong usage. The report is written in each of the
/// first three cases.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    login: LoginArgs,
    /// The ledger's table, instead of `RUNAS_TABLE`.
    #[arg(long, help_heading = WHERE, value_name = "NAME")]
    table: Option<String>,
    /// The format of the report. Without it, `--output json` means json; else the ending of --out decides; else it is a table.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write the report to this file, which only its owner can read, instead of standard output. An existing file is replaced
    /// as a whole.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only this account, and no others; can be repeated. Costs one query each, and everything else reads the whole table.
    #[arg(long, value_name = "ACCOUNT")]
    account: Vec<AccountId>,
    /// Only accounts below this OU.
    #[arg(long, value_name = "OU")]
    ou: Option<OuId>,
    /// Only targets with this status; can be repeated.
    #[arg(long, value_enum)]
    status: Vec<Filter>,
    /// Also incidents that ended within the last days; open ones are always included.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(0..=400))]
    days: u32,
}

/// The format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A page for a browser, in one file that loads nothing else.
    Html,
    /// For a terminal.
    Table,
    /// Everything, for programs.
    Json,
    /// One target a line, for programs.
    Ndjson,
    /// For issues and wikis.
    Markdown,
    /// One target a row, for spreadsheets.
    Csv,
}

impl Format {
    /// The format that the ending of a file's name stands for.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "html" | "htm" => Some(Self::Html),
            "txt" => Some(Self::Table),
            "json" => Some(Self::Json),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "md" | "markdown" => Some(Self::Markdown),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

impl Report {
    /// The report as text.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Html => html::render(self),
            Format::Table => table::render(self),
            Format::Json => json::whole(self),
            Format::Ndjson => json::lines(self),
            Format::Markdown => markdown::render(self),
            Format::Csv => csv::render(self),
        }
    }

    /// Writes the report to a file, in the given format or the one that the file's name stands for.
    ///
    /// # Errors
    /// The file cannot be written, or its name stands for no format. The text says how to fix it.
    pub fn write(&self, path: &Path, format: Option<Format>) -> Result<(), String> {
        let format = format.or_else(|| Format::of(path)).ok_or_else(|| {
            let endings = ".html, .txt, .json, .ndjson, .md or .csv";
            format!("{} names no format; fix: end it in {endings}, or name one with --format", path.display())
        })?;
        files::replace(path, &self.render(format)).map_err(|error| {
            format!("cannot write {}: {error}; fix: name a file in a directory that is there", path.display())
        })
    }
}

/// Runs the command.
pub fn run(args: &ReportArgs, output: Output, printer: &Printer) -> ExitStatus {
    finished(execute(args, output, printer), printer)
}

async fn execute(args: &ReportArgs, output: Output, printer: &Printer) -> Result<ExitStatus, Failure> {
    let format = format(args, output)?;
    let table = LEDGER.read(args.table.as_deref())?;
    let operator = args.login.connect(trust()?).await.map_err(Failure::Error)?;
    let at = now();
    let since = at.plus_ms(-i64::from(args.days) * DAY_MS);
    let sources = read::sources(&operator.ledger_view(&table), &args.account, since).await?;
    let statuses = args.status.iter().copied().map(Into::into).collect();
    let report = Report::of(&sources, &Selection { ou: args.ou.clone(), statuses, since }, at);
    match &args.out {
        Some(path) => report.write(path, Some(format)).map_err(Failure::Error)?,
        None => printer.data(&report.render(format)),
    }
    Ok(report.exit_status())
}

/// The format that the options ask for.
fn format(args: &ReportArgs, output: Output) -> Result<Format, Failure> {
    let named = args.out.as_deref().and_then(Format::of);
    match (args.format, output, named) {
        (Some(Format::Json) | None, Output::Json, _) => Ok(Format::Json),
        (Some(_), Output::Json, _) => {
            let problem = "--output json and another --format are two formats; fix: leave out one of them";
            Err(Failure::Usage(problem.to_owned()))
        }
        (Some(format), Output::Table, _) | (None, Output::Table, Some(format)) => Ok(format),
        (None, Output::Table, None) => Ok(Format::Table),
    }
}
