//! The policy as a YAML file: reads it, and reports every problem with its line.
//!
//! No other module handles YAML. A file passes through a tree with places (`tree`), the published schema (`shape`), the
//! strict deserializer, and the rules of [`crate::domain::policy::check`]. Exemptions are added and removed in the text
//! (`edit`).

pub(crate) mod edit;
mod shape;
mod tree;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::tree::{Kind, Node, TextRange};
use crate::domain::policy::Policy;
use crate::domain::policy::cases::{self, CaseFile};
use crate::domain::policy::check::POLICY_BYTES_MAX;
use crate::domain::policy::problem::{Level, Path, PathSegment, Problem, visible};
use crate::domain::policy::schema::Document;
use crate::domain::time::Time;

/// One problem with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The problem.
    #[serde(flatten)]
    pub problem: Problem,
    /// The line, counted from one.
    pub line: usize,
    /// The column, counted from one.
    pub column: usize,
    /// Number of characters to mark.
    pub width: usize,
    /// The line's text.
    pub snippet: String,
}

/// A problem that does not reject the policy.
pub type Lint = Diagnostic;

/// All problems of a policy file, at least one of them an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblems {
    /// The file's name, as the user gave it.
    pub name: String,
    /// The problems, in the order of the file.
    pub problems: Vec<Diagnostic>,
}

impl std::error::Error for PolicyProblems {}

impl fmt::Display for PolicyProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render(&self.name, &self.problems))
    }
}

/// Parses a policy; `now` decides which exemptions have ended.
pub fn parse(name: &str, text: &str, now: Time) -> Result<(Policy, Vec<Lint>), PolicyProblems> {
    let locate = Locate { text };
    let reject = |problems| Err(PolicyProblems { name: name.to_owned(), problems });
    if text.len() > POLICY_BYTES_MAX {
        let message = format!("the file has {} bytes, more than {POLICY_BYTES_MAX}", text.len());
        let problem = error("too_big", message, "name OUs instead of single accounts");
        return reject(vec![locate.diagnostic(problem, TextRange::START)]);
    }
    let node = match tree::read(text) {
        Ok(node) => node,
        Err(error_) => {
            return reject(vec![locate.diagnostic(error("bad_yaml", error_.message, error_.fix), error_.place)]);
        }
    };
    let (value, shape) = match known_version(&node) {
        Ok(()) => shape::check(&node, &schema()),
        Err(found) => {
            let problem = Problem { path: Path::root().key("version"), ..found };
            return reject(vec![locate.at_path(problem, &node)]);
        }
    };
    let misshapen = !shape.problems.is_empty();
    let mut problems: Vec<Diagnostic> =
        shape.problems.into_iter().map(|(problem, place)| locate.diagnostic(problem, place)).collect();
    let mut policy = None;
    let judged = document(text, value, misshapen).map(|document| Policy::from_document(document, Some(now)));
    let found = match judged {
        Ok(Ok((accepted, lints))) => {
            policy = Some(accepted);
            lints
        }
        Ok(Err(found)) => found,
        Err((message, place)) => {
            let fix = "put the value in quotes, or write it as the schema says";
            problems.push(locate.diagnostic(error("wrong_type", message, fix), place));
            Vec::new()
        }
    };
    // A missing or mistyped value is already reported; a problem of its stand-in would be a duplicate.
    let original = |problem: &Problem| !shape.stand_ins.iter().any(|place| place.is_related_to(&problem.path));
    problems.extend(found.into_iter().filter(original).map(|problem| locate.at_path(problem, &node)));
    problems.sort_by_key(|found| (found.line, found.column, found.problem.level));
    match policy {
        Some(policy) if !misshapen => Ok((policy, problems)),
        _ => reject(problems),
    }
}

/// The JSON Schema of policy files, for editors and for the shape check.
pub fn schema() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12()
        .with_transform(schemars::transform::RecursiveTransform(tidied));
    settings.into_generator().into_root_schema_for::<Document>().to_value()
}

/// Removes null: a key without a value is usually a mistake, so optional keys are either absent or have a value. Unwraps
/// the sentences of descriptions.
fn tidied(schema: &mut schemars::Schema) {
    let is_null = |value: &Value| value == "null" || value.get("type").is_some_and(|name| name == "null");
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| !is_null(name));
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| !is_null(choice));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            for (key, value) in only {
                schema.insert(key, value);
            }
        }
    }
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ");
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
}

/// Stops at an unknown version, because its keys may have other meanings.
fn known_version(node: &Node) -> Result<(), Problem> {
    let Kind::Map(entries) = &node.kind else { return Ok(()) };
    let version = entries.iter().find(|entry| entry.key == "version").map(|entry| &entry.value.kind);
    let Some(Kind::Number(found)) = version else { return Ok(()) };
    let known = crate::domain::policy::schema::VERSION;
    if found.parse() == Ok(known) {
        return Ok(());
    }
    let message = format!("version `{found}` of the policy format is unknown here");
    Err(error("unknown_version", message, &format!("write `version: {known}`, or use a newer runasctl")))
}

fn error(code: &'static str, message: String, fix: &str) -> Problem {
    Problem { level: Level::Error, code, path: Path::root(), message, fix: fix.to_owned() }
}

/// The typed document. A file of the right shape also passes the strict deserializer, so that two readers must agree. A
/// file with superfluous keys is read without them, so that its rest is checked in the same run.
fn document(text: &str, value: Value, misshapen: bool) -> Result<Document, (String, TextRange)> {
    if misshapen {
        return serde_json::from_value(value).map_err(|error| (error.to_string(), TextRange::START));
    }
    strict(text)
}

/// Deserializes plain YAML: no anchors, tags, duplicate keys or words for booleans.
///
/// # Errors
/// The problem and its place.
fn strict<T: DeserializeOwned>(text: &str) -> Result<T, (String, TextRange)> {
    let budget = serde_saphyr::budget! {
        max_documents: 1,
        max_aliases: 0,
        max_anchors: 0,
        max_merge_keys: 0,
        max_depth: 16,
        max_nodes: POLICY_BYTES_MAX,
        max_events: 2 * POLICY_BYTES_MAX,
        max_total_scalar_bytes: POLICY_BYTES_MAX,
    };
    let options = serde_saphyr::options! {
        budget: budget,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        merge_keys: serde_saphyr::MergeKeyPolicy::Error,
        strict_booleans: true,
        no_schema: true,
        reject_unsupported_tags: true,
        emit_comments: false,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let place = error.location().map_or(TextRange::START, |location| TextRange {
            line: usize::try_from(location.line()).unwrap_or(1),
            column: usize::try_from(location.column()).unwrap_or(1),
            width: 1,
        });
        (error.to_string(), place)
    })
}

/// Reads a file of cases for a policy.
///
/// # Errors
/// The problem, shown at its place.
pub fn parse_cases(name: &str, text: &str) -> Result<CaseFile, PolicyProblems> {
    let locate = Locate { text };
    let reject = |problem, place| {
        Err(PolicyProblems { name: name.to_owned(), problems: vec![locate.diagnostic(problem, place)] })
    };
    let file: CaseFile = match strict(text) {
        Ok(file) => file,
        Err((message, place)) => {
            return reject(error("wrong_case", message, "write it as infra/policy.cases.example.yaml does"), place);
        }
    };
    if file.version != cases::VERSION {
        let message = format!("version `{}` of the format of cases is unknown here", file.version);
        let fix = format!("write `version: {}`, or use a newer runasctl", cases::VERSION);
        return reject(error("unknown_version", message, &fix), TextRange::START);
    }
    if file.accounts.is_empty() && file.principals.is_empty() {
        let message = "there is no case in it".to_owned();
        return reject(
            error("no_case", message, "write at least one under `accounts` or `principals`"),
            TextRange::START,
        );
    }
    Ok(file)
}

/// Finds the text of a place in the file.
struct Locate<'a> {
    text: &'a str,
}

impl Locate<'_> {
    fn diagnostic(&self, problem: Problem, place: TextRange) -> Diagnostic {
        const CHARS_MAX: usize = 160;
        let line = self.text.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
        let printable = |c: char| match c {
            '\t' => ' ',
            c => visible(c),
        };
        let snippet: String = line.trim_end().chars().take(CHARS_MAX).map(printable).collect();
        let room = snippet.chars().count().saturating_sub(place.column.saturating_sub(1)).max(1);
        Diagnostic { problem, line: place.line, column: place.column, width: place.width.min(room), snippet }
    }

    /// The place of a path's value, or of its innermost part that exists in the file.
    fn at_path(&self, problem: Problem, root: &Node) -> Diagnostic {
        let (mut node, mut place) = (root, root.place);
        for step in problem.path.steps() {
            let next = match (step, &node.kind) {
                (PathSegment::Key(key), Kind::Map(entries)) => {
                    entries.iter().find(|entry| entry.key == *key).map(|entry| (&entry.value, entry.key_place))
                }
                (PathSegment::Index(index), Kind::List(items)) => items.get(*index).map(|item| (item, item.place)),
                _ => None,
            };
            let Some((value, key_place)) = next else { break };
            // A value over several lines is shown by its key, a single value by itself.
            place = if matches!(value.kind, Kind::Map(_) | Kind::List(_)) { key_place } else { value.place };
            node = value;
        }
        self.diagnostic(problem, place)
    }
}

/// Renders problems for people, as a compiler does.
pub fn render(name: &str, problems: &[Diagnostic]) -> String {
    let mut text = String::new();
    for diagnostic in problems {
        let Diagnostic { problem, line, column, width, snippet } = diagnostic;
        let gutter = " ".repeat(line.to_string().len());
        let marks = format!("{}{}", " ".repeat(column.saturating_sub(1)), "^".repeat(*width));
        let Problem { level, code, message, fix, .. } = problem;
        let lines = [
            format!("{}[{code}]: {message}", level.as_str()),
            format!("{gutter}--> {name}:{line}:{column}"),
            format!("{gutter} |"),
            format!("{line} | {snippet}"),
            format!("{gutter} | {marks}"),
            format!("{gutter} = fix: {fix}"),
        ];
        text.push_str(&lines.join("\n"));
        text.push_str("\n\n");
    }
    text
}

#[cfg(test)]
mod tests;
