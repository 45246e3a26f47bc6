//! The page in a real browser: Chromium and its driver are npm packages, pinned in `tests/browser`. Its screenshots are left in
//! `target/browser`, for people to look at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runas_reactor::cli::report::{Format, Report};
use serde::Deserialize;
use serde_json::{Value, json};

use super::big::{accounts, big};
use super::fixture::{report, small};
use crate::programs::node::Node;

const PROGRAM: &str = "look.mjs";
/// Widths in pixels, and whether the browser asks for dark colours: what is laid out by width has the same colours elsewhere.
const VIEWS: [(u32, bool); 2] = [(390, false), (1440, true)];

/// What a view of a page was like.
#[derive(Debug, Deserialize)]
struct View {
    seen: Seen,
    /// The same with incidents unfolded.
    opened: Seen,
    keys: Vec<Typed>,
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
    per_health: BTreeMap<String, usize>,
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
struct Typed {
    key: String,
    focus: Option<String>,
    grid_count: String,
    rows: usize,
    detail: String,
    stops: usize,
    outline: String,
}

/// Looks at a page in each view.
fn look(name: &str, report: &Report, keys: &[&str]) -> Vec<View> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("browser").join("seen");
    std::fs::create_dir_all(&folder).unwrap();
    let page: PathBuf = folder.join(format!("{name}.html"));
    report.write(&page, Some(Format::Html)).unwrap();
    let views = VIEWS.map(|(width, dark)| {
        let shots = folder.join(format!("{name}-{width}-{}", if dark { "dark" } else { "light" }));
        json!({ "page": page, "width": width, "dark": dark, "keys": keys, "screenshots": shots })
    });
    let node = Node::install("browser", &[PROGRAM, "prepare.mjs"], Some("prepare.mjs"));
    node.run(PROGRAM, &Value::from(views.to_vec()))
}

/// What holds of every page, however it is looked at.
#[track_caller]
fn is_sound(view: &View, report: &Report) {
    assert_eq!((&view.problems, &view.requests), (&Vec::<String>::new(), &Vec::<String>::new()));
    let data: Value = serde_json::from_str(&report.render(Format::Json)).unwrap();
    let counts = data["counts"].as_array().unwrap().iter();
    let counts = counts.map(|count| {
        (count["health"].as_str().unwrap().to_owned(), usize::try_from(count["targets"].as_u64().unwrap()).unwrap())
    });
    let counts: BTreeMap<String, usize> = counts.collect();
    for seen in [&view.seen, &view.opened] {
        assert_eq!(seen.per_health, counts, "the grid shows what the report counts");
        assert_eq!((seen.wider, seen.foreign, seen.unnamed, seen.unnamed_cells), (0, 0, 0, 0), "{}", seen.title);
        assert_eq!((&seen.faint, &seen.repeated_ids, seen.table_heads), (&vec![], &vec![], 0));
        assert_eq!(seen.language, "en");
        assert!(
            !seen.headline.is_empty() && seen.title.contains(&seen.headline) && seen.headings[0] == "H1",
            "{} {:?}",
            seen.title,
            seen.headings
        );
    }
}

/// By this element's id or label, or after this key.
fn after<'a>(view: &'a View, key: &str) -> &'a Typed {
    view.keys.iter().find(|seen| seen.key == key).unwrap_or_else(|| panic!("{key} was not typed: {:?}", view.keys))
}

#[test]
fn page_of_five_hundred_accounts_in_twenty_regions_works_in_a_browser() {
    let sources = big();
    let report = report(&sources);
    let filter = ["/", "type billing-prod eu-west", "Escape"];
    let legend = ["until health-in_sync", "Space"];
    let grid = ["until grid", "ArrowDown", "End"];
    for view in look("big", &report, &[&filter[..], &legend, &grid].concat()) {
        is_sound(&view, &report);
        assert_eq!((view.seen.rows, view.seen.cells), (accounts(&sources), 10_000));
        assert_eq!(view.seen.grid_count, "10,000 targets in 500 accounts");
        assert_eq!(after(&view, "/").focus.as_deref(), Some("query"));
        let filtered = after(&view, "type billing-prod eu-west");
        assert_eq!((filtered.rows, filtered.grid_count.as_str()), (10, "30 targets in 10 accounts"));
        let emptied = after(&view, "Escape");
        assert_eq!((emptied.rows, emptied.grid_count.as_str()), (500, "10,000 targets in 500 accounts"));
        let rest = 10_000 - view.seen.per_health["in_sync"];
        assert!(
            after(&view, "Space").grid_count.starts_with(&format!("{rest} targets in")),
            "{:?}",
            after(&view, "Space")
        );
        let [focus, down, end] = ["until grid", "ArrowDown", "End"].map(|key| after(&view, key));
        assert_eq!(
            (focus.focus.as_deref(), focus.stops),
            (Some("unreachable"), 1),
            "one stop of the Tab key, at the top"
        );
        assert!(
            focus.detail.contains("data-lake") || focus.detail.contains("no role admits the reactor"),
            "{}",
            focus.detail
        );
        assert_ne!(focus.detail, down.detail);
        assert!(end.detail.contains("us-west-2"), "{}", end.detail);
        assert!(view.keys.iter().all(|key| key.outline == "solid"), "where the focus is can be seen: {:?}", view.keys);
    }
}

#[test]
fn page_shows_texts_of_others_as_texts_and_incidents_from_act_to_end() {
    let report = report(&small());
    for view in look("small", &report, &[]) {
        is_sound(&view, &report);
        for text in
            ["</script><img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "=cmd|' /C calc'!A0"]
        {
            assert!(view.opened.text.contains(text), "{text} is not in {}", view.opened.text);
        }
        for text in [
            "Admin (alice@example.com)",
            "runAsEnabled",
            "corrected it: version 6",
            "the incident is over",
            "should be \"ops\"",
            "198.51.100.7",
        ] {
            assert!(view.opened.text.contains(text), "{text} is not in {}", view.opened.text);
        }
    }
}
