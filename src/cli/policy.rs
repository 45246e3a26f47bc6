//! `runasctl policy` on files: checks a policy, prints its format, explains it for one account, and runs its test cases.
//!
//! Commands return their output; the caller prints it.

pub mod remote;
mod trial;

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Output;
use crate::domain::policy::check::POLICY_BYTES_MAX;
use crate::domain::policy::problem::Level;
use crate::domain::policy::{Mode, Policy};
use crate::domain::target::{AccountFacts, AccountId, AccountState, OuId};
use crate::domain::time::Time;
use crate::policy_file::{self, Diagnostic, PolicyProblems};

/// Version of the JSON that these commands write.
const SCHEMA_VERSION: u32 = 1;

/// Check a policy file, print its format, or ask what it means
#[derive(Clone, Debug, clap::Subcommand)]
pub enum PolicyCommand {
    /// Say everything that is wrong with a policy file
    Check {
        /// The policy
        #[arg(default_value = "policy.yaml")]
        file: PathBuf,
    },
    /// Print the JSON Schema of policy files
    Schema,
    /// Print a policy as the Lambda reads it: compiled, canonical JSON
    Compile {
        /// The policy
        #[arg(default_value = "policy.yaml")]
        file: PathBuf,
    },
    /// Say what a policy means for one account, and which of its rules say so
    Explain {
        /// The account
        account: AccountId,
        /// The policy
        #[arg(long, value_name = "FILE", default_value = "policy.yaml")]
        policy: PathBuf,
        /// The root and the OUs above the account, outermost first
        #[arg(long, value_name = "R-...,OU-...", value_delimiter = ',')]
        ou_path: Vec<OuId>,
        /// At this time instead of now, such as 2027-02-01T00:00:00Z
        #[arg(long, value_name = "TIME")]
        at: Option<Time>,
    },
    /// Try the cases that you wrote for a policy: facts of an account, the baseline that follows, and why
    Test {
        /// The cases; infra/policy.cases.example.yaml shows their format
        #[arg(value_name = "CASES")]
        cases: PathBuf,
        /// The policy
        #[arg(long, short = 'f', value_name = "FILE", default_value = "policy.yaml")]
        policy: PathBuf,
    },
}

/// The output of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandOutput {
    /// Results.
    pub stdout: String,
    /// Messages.
    pub stderr: String,
    /// Exit code: 0 for success, 1 for failure.
    pub code: u8,
}

/// Runs one of the commands.
pub fn run(command: &PolicyCommand, now: Time, format: Output) -> CommandOutput {
    match command {
        PolicyCommand::Check { file } => check(file, now, format),
        PolicyCommand::Compile { file } => compile(file, now, format),
        PolicyCommand::Test { cases, policy } => trial::test(cases, policy, now, format),
        PolicyCommand::Schema => CommandOutput { stdout: schema(), ..CommandOutput::default() },
        PolicyCommand::Explain { account, policy, ou_path, at } => {
            let facts = AccountFacts {
                account: account.clone(),
                name: String::new(),
                ou_path: ou_path.clone(),
                state: AccountState::Active,
            };
            explain(policy, &facts, at.unwrap_or(now), format)
        }
    }
}

/// The JSON Schema of policy files, as it is committed in `infra/policy.schema.json`.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&policy_file::schema()).unwrap_or_default();
    text.push('\n');
    text
}

/// Reports every problem of a policy file.
pub fn check(file: &Path, now: Time, format: Output) -> CommandOutput {
    let name = file.display().to_string();
    let text = match read(file) {
        Ok(text) => text,
        Err(message) => return failed(&message, format),
    };
    let (policy, problems) = match policy_file::parse(&name, &text, now) {
        Ok((policy, lints)) => (Some(policy), lints),
        Err(PolicyProblems { problems, .. }) => (None, problems),
    };
    let code = u8::from(policy.is_none());
    let stdout = match format {
        Output::Json => line(&json!({
            "schema_version": SCHEMA_VERSION,
            "file": name,
            "accepted": policy.is_some(),
            "digest": policy.as_ref().map(Policy::digest),
            "problems": problems,
        })),
        Output::Table => policy.as_ref().map(|policy| accepted(&name, policy, &problems)).unwrap_or_default(),
    };
    let stderr = match format {
        Output::Json => String::new(),
        Output::Table if policy.is_none() => rejected(&name, &problems),
        Output::Table => policy_file::render(&name, &problems),
    };
    CommandOutput { stdout, stderr, code }
}

fn accepted(name: &str, policy: &Policy, problems: &[Diagnostic]) -> String {
    let document = policy.document();
    format!(
        "{name}: accepted as {}: {}, {}, {}\n",
        policy.label(),
        count(document.scopes.len(), "scope"),
        count(document.exemptions.len(), "exemption"),
        count(problems.len(), "warning"),
    )
}

fn rejected(name: &str, problems: &[Diagnostic]) -> String {
    let errors = problems.iter().filter(|found| found.problem.level == Level::Error).count();
    let (errors, warnings) = (count(errors, "error"), count(problems.len() - errors, "warning"));
    format!("{}{name}: rejected with {errors} and {warnings}\n", policy_file::render(name, problems))
}

pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Compiles a policy file.
pub fn compile(file: &Path, now: Time, format: Output) -> CommandOutput {
    let name = file.display().to_string();
    let text = match read(file) {
        Ok(text) => text,
        Err(message) => return failed(&message, format),
    };
    match policy_file::parse(&name, &text, now) {
        Ok((policy, _)) => CommandOutput { stdout: policy.compiled() + "\n", ..CommandOutput::default() },
        Err(problems) => {
            CommandOutput { stderr: rejected(&name, &problems.problems), code: 1, ..CommandOutput::default() }
        }
    }
}

/// Explains a policy file for one account.
pub fn explain(file: &Path, facts: &AccountFacts, at: Time, format: Output) -> CommandOutput {
    let name = file.display().to_string();
    let text = match read(file) {
        Ok(text) => text,
        Err(message) => return failed(&message, format),
    };
    let policy = match policy_file::parse(&name, &text, at) {
        Ok((policy, _)) => policy,
        Err(problems) => {
            let hint = format!("{name}: rejected; fix: see `runasctl policy check {name}`");
            return match format {
                Output::Json => failed(&hint, format),
                Output::Table => {
                    CommandOutput { stderr: rejected(&name, &problems.problems), code: 1, ..CommandOutput::default() }
                }
            };
        }
    };
    let stderr = if facts.ou_path.is_empty() && format == Output::Table {
        "no --ou-path given: taken as directly under the root\n".to_owned()
    } else {
        String::new()
    };
    CommandOutput { stdout: explanation(&policy, facts, at, format), stderr, code: 0 }
}

fn explanation(policy: &Policy, facts: &AccountFacts, at: Time, format: Output) -> String {
    let explained = policy.explain(facts, at);
    let resolution = &explained.resolution;
    if format == Output::Json {
        return line(&json!({
            "schema_version": SCHEMA_VERSION,
            "account": facts.account,
            "ou_path": facts.ou_path,
            "at": at,
            "policy": policy.label(),
            "mode": resolution.mode,
            "mode_from": explained.mode_from,
            "owned": resolution.owned,
            "owned_from": explained.fields_from,
            "exemption": resolution.exemption,
            "reason": resolution.reason,
        }));
    }
    let mode = match resolution.mode {
        Mode::Enforce => "enforce: corrected and alerted",
        Mode::Observe => "observe: alerted, never written",
        Mode::Exempt => "exempt: left alone",
    };
    let mut text = format!("account {} at {at}, policy {}\n", facts.account, policy.label());
    let _ = writeln!(text, "  mode: {mode}\n    from {}", explained.mode_from);
    for (field, value) in &resolution.owned {
        let from = explained.fields_from.get(field).map_or("", String::as_str);
        let _ = writeln!(text, "  {field}: {value}\n    from {from}");
    }
    if resolution.owned.is_empty() {
        text.push_str("  the policy owns no field here\n");
    }
    text
}

fn line(value: &serde_json::Value) -> String {
    format!("{value}\n")
}

fn failed(message: &str, format: Output) -> CommandOutput {
    match format {
        Output::Table => CommandOutput { stderr: format!("error: {message}\n"), code: 1, ..CommandOutput::default() },
        Output::Json => {
            let stdout = line(&json!({ "schema_version": SCHEMA_VERSION, "error": message }));
            CommandOutput { stdout, code: 1, ..CommandOutput::default() }
        }
    }
}

/// Reads a file up to the size limit of a policy, plus one byte, so that a larger file is detected.
pub(super) fn read(file: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(POLICY_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    File::open(file)
        .and_then(|opened| opened.take(limit).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot read `{}`: {error}; fix: name a policy file that exists", file.display()))?;
    String::from_utf8(bytes)
        .map_err(|_| format!("`{}` is not UTF-8; fix: save it as UTF-8 without other characters", file.display()))
}
