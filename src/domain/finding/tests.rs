use super::*;

fn change(field: &str, to: &Value) -> FieldChange {
    FieldChange { field: field.to_owned(), from: None, to: Some(to.clone()) }
}

#[test]
fn twenty_changes_are_shown_and_the_others_counted() {
    let changes =
        |count: usize| -> Vec<FieldChange> { (0..count).map(|n| change(&format!("field{n:02}"), &json!(n))).collect() };
    for (count, more) in [(0, None), (1, None), (ITEMS_MAX, None), (ITEMS_MAX + 1, Some(1)), (ITEMS_MAX + 9, Some(9))] {
        let bounded = bounded_changes(&changes(count));
        let bounded = bounded.as_array().unwrap();
        assert_eq!(bounded.last().and_then(|last| last["and_more"].as_u64()), more, "{count}");
        assert_eq!(bounded.len(), count.min(ITEMS_MAX) + usize::from(more.is_some()), "{count}");
    }
}

#[test]
fn a_value_of_512_bytes_is_shown_and_a_longer_one_abridged() {
    let bounded = |text: &str| bounded_change(&change("shellProfile", &json!(text)))["to"].as_str().unwrap().to_owned();
    let (most, more) = ("x".repeat(VALUE_BYTES_MAX - 2), "x".repeat(VALUE_BYTES_MAX - 1));
    assert_eq!(bounded(&most), most);
    assert!(bounded(&more).contains("… (513 bytes, sha256 "), "{}", bounded(&more));
    assert!(bounded(&"x".repeat(60_000)).len() < VALUE_BYTES_MAX);
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
fn a_severity_has_one_name_in_data_and_in_message_attributes() {
    for severity in [Severity::Info, Severity::Warning, Severity::High, Severity::Critical] {
        assert_eq!(json!(severity), severity.as_str());
    }
}

#[test]
fn change_on_a_line_names_its_field_and_both_values() {
    let mut change = change("idleSessionTimeout", &json!("20"));
    assert_eq!(change_in_words(&change), r#"idleSessionTimeout: (none) -> "20""#);
    (change.from, change.to) = (change.to, None);
    assert_eq!(change_in_words(&change), r#"idleSessionTimeout: "20" -> (none)"#);
}
