use super::*;
use crate::domain::principal::Principal;
use crate::domain::settle::Act;

fn change(field: &str, to: &Value) -> FieldChange {
    FieldChange { field: field.to_owned(), from: None, to: Some(to.clone()) }
}

fn page() -> Page {
    Page::new(Kind::Poison, Severity::Warning, "x")
}

fn finished(page: Page) -> Alert {
    page.finish(&"222233334444".parse().unwrap(), None, None, Time::ZERO)
}

#[test]
fn twenty_changes_are_shown_and_the_others_counted() {
    let changes =
        |count: usize| -> Vec<FieldChange> { (0..count).map(|n| change(&format!("field{n:02}"), &json!(n))).collect() };
    for (count, more) in [(0, None), (1, None), (ITEMS_MAX, None), (ITEMS_MAX + 1, Some(1)), (ITEMS_MAX + 9, Some(9))] {
        let told = bounded_changes(&changes(count));
        let told = told.as_array().unwrap();
        assert_eq!(told.last().and_then(|last| last["and_more"].as_u64()), more, "{count}");
        assert_eq!(told.len(), count.min(ITEMS_MAX) + usize::from(more.is_some()), "{count}");
    }
}

#[test]
fn a_value_of_512_bytes_is_shown_and_a_longer_one_abridged() {
    let told = |text: &str| bounded_change(&change("shellProfile", &json!(text)))["to"].as_str().unwrap().to_owned();
    let (most, more) = ("x".repeat(VALUE_BYTES_MAX - 2), "x".repeat(VALUE_BYTES_MAX - 1));
    assert_eq!(told(&most), most);
    assert!(told(&more).contains("… (513 bytes, sha256 "), "{}", told(&more));
    assert!(told(&"x".repeat(60_000)).len() < VALUE_BYTES_MAX);
}

fn edit_by(name: Option<&str>, arn: Option<&str>) -> ReportedEdit {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let principal = Principal { kind: "AssumedRole".to_owned(), arn: owned(arn), name: owned(name) };
    ReportedEdit {
        key: String::new(),
        attribution: Attribution::Untrusted,
        principal: Some(principal),
        act: Act::Wrote(5),
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
    let told = finished(page().edits(&edits.iter().collect::<Vec<_>>()).line("Why", "a").line("Policy", "b"));
    let names: Vec<&str> =
        told.data["edits"].as_array().unwrap().iter().filter_map(|edit| edit["principal"]["name"].as_str()).collect();
    assert_eq!((names.len(), &names[..4]), (ITEMS_MAX, &["mallory", "oncall", "bob", "mallory"][..]));
    assert_eq!(told.data["count"], 62);
    assert!(told.text.contains("Who     oncall (") && told.text.contains("and 42 edits more"), "{}", told.text);
    // As long as there is room for all, they are told in their order.
    let few = finished(page().edits(&edits[45..55].iter().collect::<Vec<_>>()));
    assert_eq!((&few.data["edits"][5]["principal"]["name"], &few.data["count"]), (&json!("oncall"), &json!(10)));
    assert!(!few.text.contains("edits more"), "{}", few.text);
}

#[test]
fn a_text_fills_its_room_and_ends_with_what_was_decided() {
    let text = |lines: usize| {
        let page = (0..lines).fold(page(), |page, n| page.line("Field", &format!("{n:0>200}")));
        finished(page.line("Done", "a").line("Why", "b").line("Policy", "c")).text
    };
    assert_eq!(text(5).lines().count(), 8);
    let long = text(500);
    assert!(long.len() <= TEXT_BYTES_MAX + 64, "{}", long.len());
    assert!(long.contains(" lines more, which the history has\nDone "), "{long}");
    assert!(long.ends_with("Policy  c\n"), "{long}");
    // One line as long as the room, and one byte more.
    let filled = |bytes: usize| {
        let page = page().line("Field", &"y".repeat(200)).line("Done", "a").line("Why", "b").line("Policy", "c");
        let mut lines = page.lines.clone();
        lines[0].1 = "y".repeat(bytes);
        finished(Page { lines, ..page }).text
    };
    let room = TEXT_BYTES_MAX - text(0).len() - "Policy  \n".len();
    assert_eq!(filled(room).matches("lines more").count(), 0);
    assert_eq!(filled(room + 1).matches("lines more").count(), 1);
}

#[test]
fn data_is_left_out_from_the_largest_on_and_only_as_far_as_needed() {
    let data = |sizes: [usize; 3]| {
        let mut data = Map::new();
        for (key, size) in ["a", "b", "c"].into_iter().zip(sizes) {
            data.insert(key.to_owned(), Value::from("x".repeat(size - 2)));
        }
        within(data)
    };
    let left_out = |data: &Value| -> Vec<String> {
        let fields = data.as_object().unwrap();
        fields.iter().filter(|(_, value)| value.is_object()).map(|(key, _)| key.clone()).collect()
    };
    let third = DATA_BYTES_MAX / 4;
    assert!(left_out(&data([third, third, DATA_BYTES_MAX - 2 * third])).is_empty());
    let over = data([third, third, DATA_BYTES_MAX - 2 * third + 1]);
    assert_eq!(left_out(&over), ["c"]);
    assert_eq!(over["c"]["bytes"], DATA_BYTES_MAX - 2 * third + 1);
    assert_eq!(left_out(&data([DATA_BYTES_MAX, 100, DATA_BYTES_MAX])), ["a", "c"]);
}

#[test]
fn what_an_edit_changed_is_told_field_by_field() {
    let lines = |count: usize| -> Vec<String> {
        let edit = ReportedEdit {
            key: String::new(),
            attribution: Attribution::Untrusted,
            principal: None,
            act: Act::Wrote(5),
            at: Time::ZERO,
            change: (0..count).map(|n| change(&format!("f{n}"), &json!(n))).collect(),
            event: None,
            note: None,
        };
        let lines = page().edits(&[&edit]).lines.into_iter();
        lines.filter(|(label, _)| label == "Field").map(|(_, line)| line).collect()
    };
    assert_eq!(lines(2), ["f0: (none) -> 0", "f1: (none) -> 1"]);
    assert_eq!(lines(ITEMS_MAX).len(), ITEMS_MAX);
    assert_eq!(lines(ITEMS_MAX + 3)[ITEMS_MAX..], ["and 3 more"]);
}

#[test]
fn there_is_room_for_kilobytes() {
    let lines = (0..20).fold(page(), |page, n| page.line("Field", &format!("{n:0>500}")));
    let alert = finished(lines.put("drift", json!("x".repeat(30 * 1_024))));
    assert_eq!(alert.text.lines().count(), 20);
    assert!(alert.data["drift"].is_string());
}

#[test]
fn a_severity_has_one_name_in_data_and_in_message_attributes() {
    for severity in [Severity::Info, Severity::Warning, Severity::High, Severity::Critical] {
        assert_eq!(json!(severity), severity.as_str());
    }
}
