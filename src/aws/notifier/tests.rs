use super::*;
use crate::domain::finding::Severity;
use crate::domain::time::Time;

fn alert() -> Alert {
    Alert {
        id: "edit-1".to_owned(),
        account: "444455556666".parse().unwrap(),
        region: Some("eu-west-1".parse().unwrap()),
        severity: Severity::High,
        kind: "edit_reverted".to_owned(),
        incident: Some("incident-1".to_owned()),
        subject: "Run As was switched off".to_owned(),
        text: "Somebody switched it off.\nWe switched it on again.".to_owned(),
        data: json!({ "versions": [1, 2] }),
        at: Time::from_ms(1_790_000_000_000),
    }
}

fn read(message: &str) -> (Value, Value) {
    let outer: Value = serde_json::from_str(message).unwrap();
    let inner = serde_json::from_str(outer["default"].as_str().unwrap()).unwrap();
    (outer, inner)
}

#[test]
fn every_protocol_gets_what_it_can_use() {
    let alert = alert();
    let (outer, inner) = read(&message(&alert));
    assert_eq!(outer["email"], alert.text);
    assert_eq!(outer["sms"], alert.subject);
    let keys: Vec<&String> = inner.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["account", "at", "data", "id", "incident", "kind", "region", "schema_version", "severity", "subject", "text"]
    );
    assert_eq!(inner["severity"], "high");
    assert_eq!(inner["data"], alert.data);
}

#[test]
fn a_message_stays_within_its_limit() {
    let mut alert = alert();
    alert.text = "\"ä\n".repeat(40_000);
    alert.data = json!("x".repeat(100_000));
    let message = message(&alert);
    assert!(message.len() <= MESSAGE_BYTES_MAX, "{}", message.len());
    let (_, inner) = read(&message);
    assert!(inner["text"].as_str().unwrap().ends_with("[cut]"));
}

#[test]
fn a_subject_is_one_short_line() {
    let mut alert = alert();
    alert.subject = format!("\nöne\n{}", "é".repeat(300));
    let clean = alert.subject_line();
    assert_eq!(clean.chars().count(), 99);
    assert!(clean.starts_with("öne é") && clean.ends_with('…') && !clean.contains('\n'));
    alert.subject = "\n".to_owned();
    assert_eq!(alert.subject_line(), "runas-reactor: edit_reverted");
}

#[test]
fn the_minimal_message_says_where_the_rest_is() {
    let fault = PUBLISH.answered(Some("InvalidParameter"), 400, "Invalid parameter: Message too long");
    let (outer, inner) = read(&minimal(&alert(), &fault));
    let email = outer["email"].as_str().unwrap();
    assert!(email.contains("account 444455556666, eu-west-1, alert edit-1"), "{email}");
    assert_eq!(inner["data"], json!({ "left_out": "InvalidParameter" }));
}

#[test]
fn attributes_without_a_value_are_left_out() {
    let mut alert = alert();
    alert.region = None;
    alert.kind = String::new();
    let names: Vec<&str> = attributes(&alert).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["severity", "account"]);
}

#[test]
fn cut_text_keeps_whole_characters_and_its_lines() {
    assert_eq!(cut("a\nöü", 5), "a\nö\n[cut]");
    assert_eq!(cut("öü", 3), "ö\n[cut]");
    assert_eq!(cut("ö", 1), "\n[cut]");
    let mut alert = alert();
    alert.text = "x".repeat(MESSAGE_BYTES_MAX);
    let text = read(&message(&alert)).0["email"].as_str().unwrap().len();
    assert_eq!(text, 8_192 + "\n[cut]".len());
}
