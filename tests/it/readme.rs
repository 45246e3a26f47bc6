//! The README, held against what it talks about.

use std::collections::BTreeSet;
use std::path::Path;

use runas_reactor::domain::finding::Kind;
use runas_reactor::metrics::{METRICS, NAMESPACE};

const README: &str = include_str!("../../README.md");
const CONFIG: &str = include_str!("../../src/config.rs");

/// What stands in the first column of the tables of a section, in its order.
fn rows(section: &str) -> Vec<&'static str> {
    let mut sections = README.split("\n## ");
    let text = sections.find_map(|text| text.strip_prefix(section)).unwrap_or_default();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0)).collect()
}

/// What stands between each `open` and the next `close`.
fn between<'a>(text: &'a str, open: &str, close: char) -> BTreeSet<&'a str> {
    text.split(open).skip(1).filter_map(|rest| Some(rest.split_once(close)?.0)).collect()
}

#[test]
fn the_table_of_alerts_has_each_kind_once() {
    let (listed, known) = (rows("Alerts"), Kind::ALL.map(Kind::as_str));
    let set = |kinds: &[&'static str]| kinds.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(set(&listed), set(&known), "left: the README's table; right: `domain::finding::Kind::ALL`");
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
fn the_table_of_variables_has_each_variable_of_ours_once() {
    let read = between(CONFIG, "\"RUNAS_", '"');
    let listed: Vec<&str> = rows("Configuration").into_iter().filter_map(|name| name.strip_prefix("RUNAS_")).collect();
    assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), read, "left: the README's table; right: src/config.rs");
    assert_eq!(listed.len(), read.len(), "a variable is listed twice");
}

#[test]
fn every_metric_is_named() {
    let names = METRICS.iter().map(|(name, _)| *name).chain([NAMESPACE]);
    let unnamed = names.filter(|name| !README.contains(&format!("`{name}`")));
    assert_eq!(unnamed.collect::<Vec<_>>(), [""; 0], "fix: say in the README what they count");
}

#[test]
fn the_table_of_speed_is_the_one_that_was_measured() {
    let measured = include_str!("../bench/results.md").trim();
    assert!(README.contains(measured), "fix: put what is in tests/bench/results.md into the README as it is");
}

#[test]
fn the_rows_of_cold_starts_are_the_ones_that_were_measured() {
    let measured: BTreeSet<&str> = include_str!("../bench/cold.md").lines().collect();
    let section = README.split("\n### Cold start\n").nth(1).unwrap_or_default();
    let quoted: Vec<&str> = section.split("\n## ").next().unwrap_or_default().lines().collect();
    let rows: Vec<&str> = quoted.into_iter().filter(|line| line.starts_with('|')).collect();
    let other: Vec<&&str> = rows.iter().filter(|row| !measured.contains(**row)).collect();
    assert!(rows.len() > 2, "the README quotes no cold start");
    assert!(other.is_empty(), "{other:#?}\nfix: put these rows of tests/bench/cold.md into the README as they are");
}

#[test]
fn every_file_that_is_named_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let links = between(README, "](", ')').into_iter().filter(|link| !link.contains("://") && !link.starts_with('#'));
    let places = ["src/", "tests/", "infra/", "events/", ".ci/"];
    let quoted = README.split('`').filter(|text| places.iter().any(|place| text.starts_with(place)));
    let dead: Vec<&str> = links.chain(quoted).filter(|name| !root.join(name).exists()).collect();
    assert_eq!(dead, [""; 0], "fix: name what is there");
}
