//! The README and its pages, held against what they talk about.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use runas_reactor::domain::finding::Kind;
use runas_reactor::metrics::{METRICS, NAMESPACE};

use crate::tidy::rust_below;

const README: &str = include_str!("../../README.md");
const ALERTS: &str = include_str!("../../infra/ALERTS.md");
const CONFIGURATION: &str = include_str!("../../infra/CONFIGURATION.md");
const SEMANTICS: &str = include_str!("../../src/SEMANTICS.md");
const BENCHMARKS: &str = include_str!("../bench/README.md");
const README_LINES_MAX: usize = 150;
const CONFIG: &str = include_str!("../../src/config.rs");

/// What stands in the first column of a page's tables, in its order.
fn rows(page: &'static str) -> Vec<&'static str> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0)).collect()
}

/// What stands between each `open` and the next `close`.
fn between<'a>(text: &'a str, open: &str, close: char) -> BTreeSet<&'a str> {
    text.split(open).skip(1).filter_map(|rest| Some(rest.split_once(close)?.0)).collect()
}

#[test]
fn the_table_of_alerts_has_each_kind_once() {
    let (listed, known) = (rows(ALERTS), Kind::ALL.map(Kind::as_str));
    let set = |kinds: &[&'static str]| kinds.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(set(&listed), set(&known), "left: the table of infra/ALERTS.md; right: `domain::finding::Kind::ALL`");
    assert_eq!(listed.len(), known.len(), "a kind is listed twice");
}

#[test]
fn every_kind_of_alert_is_in_the_list_of_kinds() {
    let source = include_str!("../../src/domain/finding.rs");
    let variants = between(source, "            Self::", ' ');
    let names = variants.into_iter().filter(|name| name.chars().all(char::is_alphanumeric));
    let all: BTreeSet<String> = Kind::ALL.iter().map(|kind| format!("{kind:?}")).collect();
    let missing: Vec<&str> = names.filter(|name| !all.contains(*name)).collect();
    assert_eq!(missing, ["Critical", "High", "Info", "Warning"], "only the severities are no kinds; fix: `Kind::ALL`");
}

#[test]
fn table_of_variables_has_each_variable_of_the_reactor_once() {
    let read = between(CONFIG, "\"RUNAS_", '"');
    let listed: Vec<&str> = rows(CONFIGURATION).into_iter().filter_map(|name| name.strip_prefix("RUNAS_")).collect();
    assert_eq!(
        listed.iter().copied().collect::<BTreeSet<_>>(),
        read,
        "left: the table of infra/CONFIGURATION.md; right: src/config.rs"
    );
    assert_eq!(listed.len(), read.len(), "a variable is listed twice");
}

#[test]
fn every_metric_is_named() {
    let names = METRICS.iter().map(|(name, ..)| *name).chain([NAMESPACE]);
    let unnamed = names.filter(|name| !ALERTS.contains(&format!("`{name}`")));
    assert_eq!(unnamed.collect::<Vec<_>>(), [""; 0], "fix: say in infra/ALERTS.md what they count");
}

#[test]
fn the_table_of_speed_is_the_one_that_was_measured() {
    let measured = include_str!("../bench/results.md").trim();
    assert!(
        BENCHMARKS.contains(measured),
        "fix: put what is in tests/bench/results.md into tests/bench/README.md as it is"
    );
}

#[test]
fn readme_is_read_in_some_minutes() {
    let lines = README.lines().count();
    assert!(lines <= README_LINES_MAX, "{lines} lines; fix: give the detail a page beside what it describes");
}

/// Each page of the repository with the folder that its links begin in.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["", "src", "infra", "tests", "tests/bench", "tests/fuzz", "tests/mutants"];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    let pages = paths.filter(|path| path.extension().is_some_and(|end| end == "md"));
    pages.map(|path| (path.parent().unwrap().to_owned(), fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn every_file_that_is_named_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["src/", "tests/", "infra/", "events/", ".ci/"];
    let mut dead = Vec::new();
    for (folder, page) in pages() {
        let links =
            between(&page, "](", ')').into_iter().filter(|link| !link.contains("://") && !link.starts_with('#'));
        let links = links.map(|link| link.split('#').next().unwrap_or_default());
        dead.extend(links.filter(|link| !folder.join(link).exists()).map(str::to_owned));
        let quoted = page.split('`').filter(|text| places.iter().any(|place| text.starts_with(place)));
        let files =
            quoted.map(|text| text.split([' ', ',']).next().unwrap_or_default()).filter(|text| !text.contains('*'));
        dead.extend(files.filter(|name| [root, &folder].iter().all(|at| !at.join(name).exists())).map(str::to_owned));
    }
    assert_eq!(dead, [""; 0], "fix: name what is there");
}

#[test]
fn every_promise_names_a_test_that_is_there() {
    let sources: String = rust_below(&["src", "tests"]).into_iter().map(|source| source.text).collect();
    let rows = SEMANTICS.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let tests: Vec<&str> = rows.filter_map(|row| row.rsplit('`').nth(1)).collect();
    let is_test = |name: &str| {
        let function = format!("fn {name}(");
        sources.match_indices(&function).any(|(at, _)| {
            let before = sources.get(..at).unwrap_or_default().trim_end_matches("async ").trim_end();
            before.ends_with("test]") || before.ends_with("true)]")
        })
    };
    let gone: Vec<&&str> = tests.iter().filter(|name| !is_test(name)).collect();
    assert!(gone.is_empty() && tests.len() > 30, "{gone:?} of {}; fix: name the test that holds it", tests.len());
}

#[test]
fn every_file_on_the_front_page_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = include_str!("../../src/lib.rs");
    let (_, tables) = page.split_once("# Ten questions").unwrap();
    let named =
        tables.lines().filter(|line| line.starts_with("//! |")).flat_map(|line| line.split('`').skip(1).step_by(2));
    let files: Vec<&str> = named.filter(|name| name.contains(['/', '.']) && !name.contains("::")).collect();
    let gone: Vec<&&str> =
        files.iter().filter(|name| !["", "src"].iter().any(|at| root.join(at).join(name).exists())).collect();
    assert!(gone.is_empty() && files.len() > 25, "{gone:?} of {}; fix: name what is there", files.len());

    let (questions, _) = tables.split_once("# To add something").unwrap();
    let test_of =
        |row: &str| row.strip_suffix("` |").and_then(|row| row.rsplit_once('`')).map(|(_, file)| file.to_owned());
    let tests: Vec<String> = questions.lines().filter_map(test_of).collect();
    let is_test = |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    let has_tests = |file: &&String| fs::read_to_string(root.join(file)).unwrap().lines().any(is_test);
    let without: Vec<&String> = tests.iter().filter(|file| !has_tests(file)).collect();
    assert!(without.is_empty() && tests.len() == 9, "{without:?} of {tests:?}; fix: name the file that has the tests");
}
