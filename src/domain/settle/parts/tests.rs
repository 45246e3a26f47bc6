use super::*;
use crate::domain::document::FieldChange;
use crate::domain::edit::Action;
use crate::domain::finding::{Kind, Severity};
use crate::domain::principal::Attribution;
use crate::domain::principal::Principal;

fn page() -> AlertBuilder {
    AlertBuilder::new(Kind::UndecodableMessage, Severity::Warning, "x")
}

fn finished(page: AlertBuilder) -> Alert {
    page.finish(&"222233334444".parse().unwrap(), None, None, Time::ZERO)
}

fn region() -> Region {
    "eu-west-1".parse().unwrap()
}

fn edit_by(name: Option<&str>, arn: Option<&str>) -> ReportedEdit {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let principal = Principal { kind: "AssumedRole".to_owned(), arn: owned(arn), name: owned(name) };
    ReportedEdit {
        key: String::new(),
        attribution: Attribution::Untrusted,
        principal: Some(principal),
        act: Action::Updated { version: Some(5) },
        at: Time::ZERO,
        change: Vec::new(),
        event: None,
        note: None,
    }
}

#[test]
fn a_principal_is_called_by_its_role_and_then_by_the_name_that_its_session_chose() {
    assert_eq!(edit_by(Some("alice"), Some("arn:aws:iam::1:role/x")).name(), "x (alice)");
    assert_eq!(edit_by(None, Some("arn:aws:iam::1:role/x")).name(), "x");
    assert_eq!(edit_by(Some("alice"), None).name(), "alice");
    assert_eq!(edit_by(None, None).name(), "unknown principal");
    let admin = "arn:aws:iam::1:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_Read_0123456789abcdef";
    assert_eq!(edit_by(Some("bob"), Some(admin)).name(), "Admin_Read (bob)");
}

#[test]
fn who_edits_most_does_not_crowd_out_the_others() {
    let mut edits: Vec<ReportedEdit> = (0..60).map(|_| edit_by(Some("mallory"), None)).collect();
    edits.insert(50, edit_by(Some("oncall"), None));
    edits.push(edit_by(Some("bob"), None));
    let alert = finished(page().edits(&edits.iter().collect::<Vec<_>>(), &region()).says("a"));
    let names: Vec<&str> =
        alert.data["edits"].as_array().unwrap().iter().filter_map(|edit| edit["principal"]["name"].as_str()).collect();
    assert_eq!((names.len(), &names[..4]), (ITEMS_MAX, &["mallory", "oncall", "bob", "mallory"][..]));
    assert_eq!(alert.data["count"], 62);
    assert!(alert.text.contains("\noncall wrote") && alert.text.contains("And 42 edits more"), "{}", alert.text);
    // As long as all fit, they keep their order.
    let few = finished(page().edits(&edits[45..55].iter().collect::<Vec<_>>(), &region()));
    assert_eq!((&few.data["edits"][5]["principal"]["name"], &few.data["count"]), (&json!("oncall"), &json!(10)));
    assert!(!few.text.contains("edits more"), "{}", few.text);
}

#[test]
fn changes_of_an_edit_are_listed_one_field_a_line() {
    let lines = |count: usize| -> Vec<String> {
        let change = |n: usize| FieldChange { field: format!("f{}", n * 50), from: None, to: Some(json!(n)) };
        let edit = ReportedEdit { change: (0..count).map(change).collect(), ..edit_by(Some("mallory"), None) };
        let text = finished(page().edits(&[&edit], &region())).text;
        let changed = text.lines().skip_while(|line| !line.contains("Changed")).take_while(|line| !line.is_empty());
        changed.map(|line| line.trim_start_matches("  Changed").trim().to_owned()).collect()
    };
    assert_eq!(lines(2), ["f0   (none) -> 0", "f50  (none) -> 1"]);
    assert_eq!(lines(ITEMS_MAX).len(), ITEMS_MAX);
    assert_eq!(lines(ITEMS_MAX + 3)[ITEMS_MAX..], ["and 3 more"]);
}

#[test]
fn person_is_named_where_identity_center_vouches_for_one() {
    let admin = "arn:aws:iam::1:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_Read_0123456789abcdef";
    let alert = |arn: &str| finished(page().edits(&[&edit_by(Some("bob"), Some(arn))], &region()));
    let by_center = alert(admin);
    assert!(by_center.text.contains("  Person  bob, signed in through Identity Center\n"), "{}", by_center.text);
    assert_eq!(by_center.data["edits"][0]["human"], "bob");
    let by_role = alert("arn:aws:iam::1:role/x");
    assert!(!by_role.text.contains("Person") && by_role.data["edits"][0]["human"].is_null(), "{}", by_role.text);
}
