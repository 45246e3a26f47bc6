//! `runasctl policy test`: the cases that operators wrote for their policy.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::{CommandOutput, SCHEMA_VERSION, count, failed, line, read, rejected};
use crate::cli::Output;
use crate::domain::policy::cases::{Difference, Tried};
use crate::domain::text::escaped;
use crate::domain::time::Time;
use crate::policy_file;

/// Runs the cases of a file against a policy. A failing case is an error, like an unreadable file.
pub(super) fn test(cases: &Path, policy: &Path, now: Time, format: Output) -> CommandOutput {
    let (policy_name, cases_name) = (policy.display().to_string(), cases.display().to_string());
    let texts = read(policy).and_then(|policy| Ok((policy, read(cases)?)));
    let (policy_text, cases_text) = match texts {
        Ok(texts) => texts,
        Err(message) => return failed(&message, format),
    };
    let parsed = policy_file::parse(&policy_name, &policy_text, now)
        .and_then(|(policy, _)| Ok((policy, policy_file::parse_cases(&cases_name, &cases_text)?)));
    let (policy, file) = match parsed {
        Ok(parsed) => parsed,
        Err(problems) if format == Output::Table => {
            let stderr = rejected(&problems.name, &problems.problems);
            return CommandOutput { stderr, code: 1, ..CommandOutput::default() };
        }
        Err(problems) => return failed(&problems.to_string(), format),
    };
    let tried = file.try_on(&policy, now);
    let failures = tried.iter().filter(|tried| !tried.differences.is_empty()).count();
    let stdout = match format {
        Output::Json => line(&json!({
            "schema_version": SCHEMA_VERSION, "policy": policy.label(), "cases": tried, "failed": failures,
        })),
        Output::Table => tried.iter().map(shown).collect(),
    };
    let summary = match failures {
        0 => format!("{} held\n", count(tried.len(), "case")),
        some => format!("{some} of {} did not hold\n", count(tried.len(), "case")),
    };
    let stderr = if format == Output::Table { summary } else { String::new() };
    CommandOutput { stdout, stderr, code: u8::from(failures > 0) }
}

fn shown(tried: &Tried) -> String {
    let name = escaped(&tried.name).replace('\n', " ");
    if tried.differences.is_empty() {
        return format!("ok      {name}\n");
    }
    let mut text = format!("FAILED  {name}\n");
    for Difference { what, expected, found } in &tried.differences {
        let value = |value: &Option<Value>| {
            value.as_ref().map_or_else(|| "nothing".to_owned(), |value| escaped(&value.to_string()))
        };
        let wanted = if what == "reason" { "words" } else { "expected" };
        let _ = writeln!(text, "          {what}: {wanted} {}, found {}", value(expected), value(found));
    }
    text
}
