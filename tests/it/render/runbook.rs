//! The page for on-call.

use std::collections::BTreeSet;

use runas_reactor::domain::finding::Kind;
use serde_json::Value;

use super::policy_file::{PolicyFile, example};

#[test]
fn the_page_of_the_example() {
    insta::assert_snapshot!("runbook", PolicyFile::new(&example()).render(&["runbook"]).ends(0).out);
}

#[test]
fn each_kind_of_alert_has_its_section_and_its_own_words() {
    let page = PolicyFile::new(&example()).render(&["runbook"]).ends(0).out;
    let sections: Vec<&str> = page.split("\n### `").skip(1).collect();
    let (names, texts): (Vec<&str>, Vec<&str>) =
        sections.iter().map(|section| section.split_once("`\n").unwrap()).unzip();
    assert_eq!(names, Kind::ALL.map(Kind::as_str));
    assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len(), "two kinds have the same text");
}

#[test]
fn it_is_one_file_and_the_same_as_data() {
    let file = PolicyFile::new(&example());
    let out = file.path("out");
    let page = file.render(&["runbook"]).ends(0).out;
    file.render(&["runbook", "--out", &out.display().to_string()]).ends(0);
    assert_eq!(std::fs::read_to_string(out.join("runbook.md")).unwrap(), page);
    let data: Value = file.render(&["runbook", "-o", "json"]).ends(0).json();
    assert_eq!((&data["files"][0]["name"], &data["files"][0]["text"]), (&"runbook.md".into(), &page.into()));
}

#[test]
fn who_is_trusted_and_what_is_exempt_follows_the_policy() {
    let page = |text: &str| PolicyFile::new(text).render(&["runbook"]).ends(0).out;
    let before = page(&example());
    assert!(before.contains("| `555566667777` | 2027-01-31 |"), "{before}");
    let after = page(
        &example().replace("appliance with its own users", "\"a | b <i> `c`\"").replace("Glass_*\"", "Glass2_*\""),
    );
    assert!(after.contains("| a \\| b \\<i\\> \\`c\\` |"), "{after}");
    assert!(after.contains("AWSReservedSSO_BreakGlass2_*` | break-glass"), "{after}");
}
