//! `runasctl report` of a ledger whose rows the function itself has written.

use std::fs;

use serde_json::{Value, json};

use super::callers::lza_inputs;
use super::operator::Ran;
use super::stage::{HOME, PAYMENTS, PILOT, REGIONS, Stage};

impl Stage {
    fn reports(&self, arguments: &[&str]) -> Ran {
        self.runasctl(&[], &[&["report"], arguments].concat())
    }
}

fn incident(ran: &Ran) -> Value {
    let data = ran.data();
    let incidents = data["incidents"].as_array().unwrap();
    let here = |incident: &&Value| incident["account"] == PAYMENTS && incident["region"] == HOME;
    incidents.iter().find(here).unwrap_or_else(|| panic!("{incidents:#?}")).clone()
}

#[test]
fn report_shows_an_incident_from_its_first_act_to_its_end() {
    let stage = Stage::set();
    stage.push_policy();
    stage.pipeline(PAYMENTS).creates(HOME, &lza_inputs());
    stage.events();
    let lambda = stage.lambda_with(&[("RUNAS_POLICY", "table")]);
    let targets: Vec<(&str, &str)> = REGIONS.iter().map(|region| (PAYMENTS, *region)).chain([(PILOT, HOME)]).collect();
    stage.prepare(&lambda, &targets);
    stage.administrator(PAYMENTS, "alice@example.com").edits(HOME, &json!({"runAsEnabled": false}));
    stage.settle(&lambda);

    let open = stage.reports(&["-o", "json"]).ends(3);
    let all = incident(&open);
    assert_eq!((&all["ended"], &all["acts"]), (&Value::Null, &json!(1)));
    let steps = all["steps"].as_array().unwrap();
    assert_eq!((&steps[0]["who"], &steps[0]["kind"]), (&json!("Admin (alice@example.com)"), &json!("act")));
    let off = json!([{"field": "runAsEnabled", "before": "true", "after": "false"}]);
    assert_eq!(steps[0]["changes"], off);
    let back = json!([{"field": "runAsEnabled", "before": "false", "after": "true"}]);
    assert!(steps.iter().any(|step| step["kind"] == "corrected" && step["changes"] == back), "{steps:#?}");
    let one = stage.reports(&["--account", PAYMENTS, "-o", "json"]).ends(0);
    assert_eq!(incident(&one), all, "one query says the same as the whole table");

    stage.pass(660);
    stage.settle(&lambda);
    let ended = incident(&stage.reports(&["--account", PAYMENTS, "--format", "json"]).ends(0));
    assert_eq!((ended["ended"].is_string(), &ended["id"], &ended["steps"][0]), (true, &all["id"], &all["steps"][0]));
    let none = stage.reports(&["--account", PAYMENTS, "--days", "0", "-o", "json"]).ends(0).data();
    assert_eq!(none["incidents"], json!([]), "it has ended before");
}

#[test]
fn format_and_file_are_chosen_by_options_and_the_exit_status_is_that_of_status() {
    let stage = Stage::set();
    stage.push_policy();
    let lambda = stage.lambda_with(&[("RUNAS_POLICY", "table")]);
    stage.prepare(&lambda, &[(PAYMENTS, HOME)]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.html");
    let name = path.display().to_string();
    let ran = stage.reports(&["--out", &name]).ends(3);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
    assert!(fs::read_to_string(&path).unwrap().starts_with("<!doctype html>"), "the file's name says which format");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "it says who did what, from where");

    let csv = stage.reports(&["--format", "csv", "--account", PAYMENTS, "--status", "in_sync"]).ends(0).out;
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let table = stage.reports(&[]).ends(3).out;
    assert!(table.contains("Sweep coverage") && table.contains("never checked"), "{table}");
    stage
        .reports(&["--format", "csv", "-o", "json"])
        .ends(64)
        .complains_of(&["two formats; fix: leave out one of them"]);
    stage
        .reports(&["--out", "/nowhere/report.html"])
        .ends(1)
        .complains_of(&["cannot write /nowhere/report.html", "fix:"]);
}
