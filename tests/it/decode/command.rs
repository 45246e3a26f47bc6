//! `runasctl decode`.

use runas_reactor::cli::decode::{read, run};
use serde_json::{Map, Value, json};

use super::fixtures::{events, sample};

#[test]
fn the_command_writes_one_array_with_an_object_a_record() {
    let inputs =
        inputs(&["batches/mixed.json", "organizations/create-account-result-failed.json", "schedule/rule.json"]);
    let rows: Vec<Map<String, Value>> = serde_json::from_str(&run(&inputs, true)).unwrap();
    let keys = ["account", "failed", "file", "index", "kind", "outcome", "principal", "reason", "region"];
    assert!(rows.iter().all(|row| row.keys().eq(keys)));
    let outcomes: Vec<_> =
        rows.iter().map(|row| (row["index"].as_u64().unwrap(), row["outcome"].as_str().unwrap())).collect();
    assert_eq!(
        outcomes,
        [
            (0, "signal"),
            (1, "signal"),
            (2, "undecodable"),
            (3, "ignored"),
            (4, "signal"),
            (5, "signal"),
            (0, "signal"),
            (0, "signal")
        ]
    );
    assert_eq!(rows[6]["failed"], "ACCOUNT_LIMIT_EXCEEDED");
    assert_eq!((&rows[7]["kind"], &rows[7]["region"]), (&json!("sweep"), &Value::Null));
}

#[test]
fn command_prints_one_line_a_record() {
    let inputs = inputs(&["batches/mixed.json", "ssm/denied-access-denied.json", "hostile/control-characters.json"]);
    insta::assert_snapshot!("text", run(&inputs, false));
}

#[test]
fn the_command_names_files_it_cannot_read_and_reads_the_others() {
    let files = ["no-such-file.json".into(), "-".into(), events().join("schedule/rule.json")];
    let found = read(&files, &mut sample("schedule/scheduler-input.json").as_bytes());
    assert_eq!(found.unreadable.len(), 1);
    assert!(found.unreadable[0].starts_with("cannot read no-such-file.json: "), "{:?}", found.unreadable);
    assert_eq!(found.texts.iter().map(|(name, _)| name.as_str()).next(), Some("-"));
    assert_eq!(found.texts.len(), 2);
}

fn inputs(names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|name| ((*name).to_owned(), sample(name))).collect()
}
