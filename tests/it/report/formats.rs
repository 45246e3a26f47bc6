//! Each format, from the same small ledger.

use runas_reactor::cli::ExitStatus;
use runas_reactor::cli::report::{Format, Report, Selection};
use runas_reactor::domain::record::Status;
use serde_json::Value;

use super::fixture::{now, report, small};

fn data(report: &Report) -> Value {
    serde_json::from_str(&report.render(Format::Json)).unwrap()
}

#[test]
fn report_has_a_snapshot_in_each_readable_format() {
    let report = report(&small());
    insta::assert_snapshot!("table", without_style(&report.render(Format::Table)));
    insta::assert_snapshot!("markdown", report.render(Format::Markdown));
}

#[test]
fn report_in_each_format_for_programs() {
    let report = report(&small());
    insta::assert_snapshot!("json", report.render(Format::Json));
    insta::assert_snapshot!("ndjson", report.render(Format::Ndjson));
    insta::assert_snapshot!("csv", report.render(Format::Csv));
}

fn without_style(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[test]
fn incident_has_author_fields_and_correction() {
    let data = data(&report(&small()));
    let [open, watched, ended] = data["incidents"].as_array().unwrap().as_slice() else {
        panic!("{:#}", data["incidents"])
    };
    assert_eq!((&open["ended"], open["corrected_after_s"].as_i64()), (&Value::Null, Some(4)));
    assert!(ended["ended"].is_string());
    assert_eq!((&watched["acts"], &watched["steps"][0]["kind"]), (&0.into(), &"observed".into()), "{watched:#}");
    let [act, correction] = open["steps"].as_array().unwrap().as_slice() else { panic!("{open:#}") };
    assert_eq!((&act["who"], &act["attribution"]), (&"Admin (alice@example.com)".into(), &"untrusted".into()));
    let sides = |step: &Value| [&step["changes"][0]["before"], &step["changes"][0]["after"]].map(Value::clone);
    assert_eq!(
        (sides(act), sides(correction)),
        (["true", "false"].map(Value::from), ["false", "true"].map(Value::from))
    );
    assert_eq!(correction["kind"], "corrected");
}

#[test]
fn what_is_selected_is_counted_and_the_exit_status_follows_from_it() {
    let sources = small();
    let of = |selection: Selection| Report::of(&sources, &selection, now());
    assert_eq!(of(Selection::default()).exit_status(), ExitStatus::Unreachable);
    let drifted = of(Selection { statuses: vec![Status::Drifted, Status::Held], ..Selection::default() });
    assert_eq!((drifted.exit_status(), &data(&drifted)["targets"]), (ExitStatus::Drift, &2.into()));
    let below = of(Selection { ou: Some("ou-ab12-11111111".parse().unwrap()), ..Selection::default() });
    assert_eq!((below.exit_status(), &data(&below)["targets"]), (ExitStatus::Drift, &9.into()));
    assert_eq!(data(&below)["incidents"].as_array().map(Vec::len), Some(2), "the one that ended is elsewhere");
    let exempt = of(Selection { statuses: vec![Status::Exempt], ..Selection::default() });
    assert_eq!(exempt.exit_status(), ExitStatus::Success);
    let since = of(Selection { since: now(), ..Selection::default() });
    assert_eq!(data(&since)["incidents"].as_array().map(Vec::len), Some(2), "the open ones");
}

#[test]
fn texts_of_others_are_harmless_in_every_format() {
    let report = report(&small());
    let page = report.render(Format::Html);
    assert_eq!(page.matches("</script").count(), 2, "the page's own");
    assert!(!page.contains("<img"));
    let markdown = report.render(Format::Markdown);
    assert!(!markdown.contains("<img") && !markdown.contains("](https://evil"));
    let columns = markdown.lines().filter(|line| line.contains("evil.example") && line.starts_with('|'));
    assert!(columns.map(|line| line.replace("\\|", "").matches('|').count()).all(|bars| bars == 7));
    let csv = report.render(Format::Csv);
    assert!(csv.contains("\"'=cmd|' /C calc'!A0\"") && !csv.contains(",=cmd"));
    for format in [Format::Table, Format::Markdown, Format::Csv, Format::Ndjson, Format::Json, Format::Html] {
        assert!(!report.render(format).contains('\u{202e}'), "{format:?} turns text around");
    }
    for line in report.render(Format::Ndjson).lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

#[test]
fn a_file_is_written_as_a_whole_in_the_format_of_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let report = report(&small());
    for (name, format) in
        [("a.html", Format::Html), ("a.csv", Format::Csv), ("a.md", Format::Markdown), ("A.JSON", Format::Json)]
    {
        let path = directory.path().join(name);
        report.write(&path, None).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), report.render(format));
    }
    let problem = report.write(&directory.path().join("report"), None).unwrap_err();
    assert!(problem.contains("names no format; fix:"), "{problem}");
    let problem = report.write(&directory.path().join("missing/a.html"), None).unwrap_err();
    assert!(problem.contains("cannot write") && problem.contains("fix:"), "{problem}");
}
