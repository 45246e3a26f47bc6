//! The page in a real browser: Chromium and its driver are npm packages, pinned in `tests/browser`. Its screenshots are left in
//! `target/browser`, for people to look at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runas_reactor::cli::report::{Format, Report};
use serde::Deserialize;
use serde_json::{Value, json};

use super::fixture::{accounts, big, report, small};
use crate::support::node::Node;

const PROGRAM: &str = "look.mjs";
const WIDTHS: [u32; 2] = [390, 1440];

/// What a view of a page was like.
#[derive(Debug, Deserialize)]
struct View {
    seen: Seen,
    /// The same with incidents unfolded.
    opened: Seen,
    keys: Vec<Key>,
    problems: Vec<String>,
    requests: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    title: String,
    language: String,
    headline: String,
    grid_count: String,
    cells: usize,
    rows: usize,
    per_standing: BTreeMap<String, usize>,
    unnamed_cells: usize,
    wider: i64,
    faint: Vec<String>,
    unnamed: usize,
    repeated_ids: Vec<String>,
    headings: Vec<String>,
    table_heads: usize,
    foreign: usize,
    text: String,
}

/// What came of a key.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    key: String,
    focus: Option<String>,
    grid_count: String,
    rows: usize,
    detail: String,
    stops: usize,
    outline: String,
}

/// Looks at a page in each width, light and dark.
fn look(name: &str, report: &Report, keys: &[&str]) -> Vec<View> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("browser").join("seen");
    std::fs::create_dir_all(&folder).unwrap();
    let page: PathBuf = folder.join(format!("{name}.html"));
    report.write(&page, Some(Format::Html)).unwrap();
    let views = WIDTHS.into_iter().flat_map(|width| {
        [false, true].map(|dark| {
            let shots = folder.join(format!("{name}-{width}-{}", if dark { "dark" } else { "light" }));
            json!({ "page": page, "width": width, "dark": dark, "keys": keys, "screenshots": shots })
        })
    });
    let views: Vec<Value> = views.collect();
    let node = Node::install("browser", &[PROGRAM, "prepare.mjs"], Some("prepare.mjs"));
    node.run(PROGRAM, &Value::from(views))
}

/// What holds of every page, however it is looked at.
#[track_caller]
fn is_sound(view: &View, report: &Report) {
    assert_eq!((&view.problems, &view.requests), (&Vec::<String>::new(), &Vec::<String>::new()));
    let data: Value = serde_json::from_str(&report.render(Format::Json)).unwrap();
    let counts = data["counts"].as_array().unwrap().iter();
    let counts = counts
        .map(|count| (count["standing"].as_str().unwrap().to_owned(), count["targets"].as_u64().unwrap() as usize));
    let counts: BTreeMap<String, usize> = counts.collect();
    for seen in [&view.seen, &view.opened] {
        assert_eq!(seen.per_standing, counts, "the grid shows what the report counts");
        assert_eq!((seen.wider, seen.foreign, seen.unnamed, seen.unnamed_cells), (0, 0, 0, 0), "{}", seen.title);
        assert_eq!((&seen.faint, &seen.repeated_ids, seen.table_heads), (&vec![], &vec![], 0));
        assert_eq!(seen.language, "en");
        assert!(seen.title.contains(&seen.headline) && seen.headings[0] == "H1", "{} {:?}", seen.title, seen.headings);
    }
}

#[test]
fn page_of_five_hundred_accounts_in_twenty_regions_works_in_a_browser() {
    let sources = big();
    let report = report(&sources);
    let keys =
        ["/", "type billing-prod eu-west", "Escape", "until query", "until unreachable", "Space", "ArrowDown", "End"];
    for view in look("big", &report, &keys[..4]) {
        is_sound(&view, &report);
        assert_eq!((view.seen.rows, view.seen.cells), (accounts(&sources), 10_000));
        assert_eq!(view.seen.grid_count, "10,000 targets in 500 accounts");
        let [slash, filtered, escaped, ..] = view.keys.as_slice() else { panic!("{:?}", view.keys) };
        assert_eq!(slash.focus.as_deref(), Some("query"));
        assert_eq!((filtered.rows, filtered.grid_count.as_str()), (10, "30 targets in 10 accounts"));
        assert_eq!((escaped.rows, escaped.grid_count.as_str()), (500, "10,000 targets in 500 accounts"));
    }
}
