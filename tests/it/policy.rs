//! `runasctl policy` and the files that are published with it.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which the setting for tests does not reach")]

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand as _};
use runas_reactor::cli::Output;
use runas_reactor::cli::policy::{CommandOutput, PolicyCommand, run, schema};
use runas_reactor::domain::time::Time;
use serde_json::{Value, json};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: PolicyCommand,
}

fn now() -> Time {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn runasctl_policy(arguments: &[&str], format: Output) -> CommandOutput {
    let arguments = ["policy"].iter().chain(arguments);
    run(&Cli::try_parse_from(arguments).unwrap().command, now(), format)
}

fn example() -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("infra/policy.example.yaml").display().to_string()
}

/// A policy file with this text, in a directory that goes away with the first value.
fn file(text: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("policy.yaml");
    std::fs::write(&path, text).unwrap();
    let name = path.display().to_string();
    (directory, name)
}

fn json_of(outcome: &CommandOutput) -> Value {
    assert_eq!(outcome.stderr, "");
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn the_command_line_is_consistent() {
    PolicyCommand::augment_subcommands(clap::Command::new("policy")).debug_assert();
    for bad in [
        &["explain"][..],
        &["explain", "1234"],
        &["explain", "111122223333", "--ou-path", "Production"],
        &["explain", "111122223333", "--at", "tomorrow"],
    ] {
        assert!(Cli::try_parse_from(["policy"].iter().chain(bad)).is_err(), "{bad:?}");
    }
}

#[test]
fn the_example_is_accepted_with_the_one_warning_that_it_explains() {
    let outcome = runasctl_policy(&["check", &example()], Output::Table);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.ends_with(": 2 scopes, 1 exemption, 1 warning\n"), "{}", outcome.stdout);
    assert_eq!(outcome.stderr.matches("warning[").count(), 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("trusted: [\"arn:aws:iam::*:role/AWSAccelerator-*\"]"), "{}", outcome.stderr);

    let json = json_of(&runasctl_policy(&["check", &example()], Output::Json));
    assert_eq!((&json["schema_version"], &json["accepted"]), (&json!(1), &json!(true)));
    assert_eq!(json["problems"].as_array().unwrap().len(), 1);
    assert_eq!(json["problems"][0]["code"], "nameable_by_administrator");
    assert_eq!(json["problems"][0]["level"], "warning");
    assert_eq!(json["problems"][0]["path"], "principals.trusted[0]");
    assert!(json["problems"][0]["line"].is_u64() && json["digest"].as_str().unwrap().len() == 64);
}

#[test]
fn a_rejected_file_says_why_and_exits_with_1() {
    let text = std::fs::read_to_string(example()).unwrap().replace("runAsDefaultUser: ops ", "runAsDefaultUser: root ");
    let (_directory, name) = file(&text);
    let outcome = runasctl_policy(&["check", &name], Output::Table);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert!(
        outcome.stderr.contains("error[unsafe_user]: Session Manager does not support `root`"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.ends_with("rejected with 1 error and 1 warning\n"), "{}", outcome.stderr);

    let outcome = runasctl_policy(&["check", &name], Output::Json);
    let json = json_of(&outcome);
    assert_eq!((outcome.code, &json["accepted"], &json["digest"]), (1, &json!(false), &Value::Null));
    assert_eq!(json["problems"][0]["code"], "unsafe_user");
    assert_eq!(json["problems"][0]["fix"], "name an ordinary user, and let sudo on the nodes decide what it may do");

    let outcome = runasctl_policy(&["explain", "444455556666", "--policy", &name], Output::Table);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert!(outcome.stderr.contains("error[unsafe_user]"), "{}", outcome.stderr);
}

#[test]
fn unreadable_file_is_reported_with_the_fix() {
    let (directory, name) = file("x");
    std::fs::write(&name, b"version: \xff").unwrap();
    let missing = directory.path().join("missing.yaml").display().to_string();
    for (name, cause) in [(&missing, "cannot read"), (&name, "is not UTF-8")] {
        for arguments in [&["check", name][..], &["explain", "444455556666", "--policy", name]] {
            let outcome = runasctl_policy(arguments, Output::Table);
            assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
            assert!(outcome.stderr.contains(cause) && outcome.stderr.contains("; fix: "), "{}", outcome.stderr);
            let outcome = runasctl_policy(arguments, Output::Json);
            assert!(json_of(&outcome)["error"].as_str().unwrap().contains(cause) && outcome.code == 1);
        }
    }
}

#[test]
fn the_published_schema_is_the_one_of_this_version() {
    assert_eq!(runasctl_policy(&["schema"], Output::Table).stdout, schema());
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("infra/policy.schema.json");
    assert!(
        std::fs::read_to_string(published).unwrap_or_default() == schema(),
        "infra/policy.schema.json is not what this version reads; \
         regenerate it: cargo run -q -- policy schema > infra/policy.schema.json"
    );
}

#[test]
fn explain_names_the_rule_behind_everything() {
    let arguments =
        ["explain", "777788889999", "--policy", &example(), "--ou-path", "r-ab12,ou-ab12-11111111,ou-ab12-22222222"];
    let outcome = runasctl_policy(&arguments, Output::Table);
    let policy = outcome.stdout.lines().next().unwrap().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(
        outcome.stdout.replace(&policy, "POLICY"),
        "\
account 777788889999 at 2026-11-20T12:00:00Z, policy POLICY
  mode: enforce: corrected and alerted
    from defaults
  idleSessionTimeout: \"15\"
    from scope `production` (nearest OU ou-ab12-11111111)
  runAsDefaultUser: \"prodops\"
    from scope `production` (nearest OU ou-ab12-11111111)
  runAsEnabled: true
    from defaults
"
    );
    assert_eq!((outcome.stderr.as_str(), outcome.code), ("", 0));

    let json = json_of(&runasctl_policy(&arguments, Output::Json));
    assert_eq!(json["mode"], "enforce");
    assert_eq!(
        json["owned"],
        json!({ "runAsEnabled": true, "runAsDefaultUser": "prodops", "idleSessionTimeout": "15" })
    );
    assert_eq!(json["owned_from"]["runAsEnabled"], "defaults");
    assert_eq!(
        json["reason"],
        "scope `production` (nearest OU ou-ab12-11111111): idleSessionTimeout, runAsDefaultUser; \
         defaults: mode enforce, runAsEnabled"
    );
}

#[test]
fn explain_resolves_at_any_time() {
    let exempt = |at: &[&str]| {
        let arguments =
            [&["explain", "555566667777", "--policy", &example(), "--ou-path", "r-ab12,ou-ab12-22222222"], at];
        json_of(&runasctl_policy(&arguments.concat(), Output::Json))
    };
    assert_eq!(exempt(&[])["mode"], "exempt");
    assert_eq!(exempt(&[])["exemption"]["expires"], "2027-02-01T00:00:00Z");
    assert_eq!(exempt(&["--at", "2027-02-01T00:00:00Z"])["mode"], "observe");
}

#[test]
fn explain_without_a_path_says_what_it_takes_for_granted() {
    let outcome = runasctl_policy(&["explain", "777788889999", "--policy", &example()], Output::Table);
    assert_eq!(outcome.stderr, "no --ou-path given: taken as directly under the root\n");
    assert!(
        outcome.stdout.contains("mode: observe: alerted, never written\n    from unplaced (directly under the root)")
    );
}

fn cases() -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("infra/policy.cases.example.yaml").display().to_string()
}

#[test]
fn the_example_cases_hold_for_the_example_policy() {
    let outcome = runasctl_policy(&["test", &cases(), "-f", &example()], Output::Table);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, "10 cases held\n"), "{}", outcome.stdout);
    assert_eq!(outcome.stdout.lines().filter(|line| line.starts_with("ok      ")).count(), 10);
}

#[test]
fn a_case_that_does_not_hold_says_what_came_out_instead() {
    let text = std::fs::read_to_string(example()).unwrap();
    let (_directory, name) = file(&text.replace("runAsDefaultUser: prodops", "runAsDefaultUser: dev"));
    let outcome = runasctl_policy(&["test", &cases(), "-f", &name], Output::Table);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, "1 of 10 cases did not hold\n"));
    assert!(outcome.stdout.starts_with("FAILED  production has its own user"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("runAsDefaultUser: expected \"prodops\", found \"dev\""), "{}", outcome.stdout);
    let json = json_of(&runasctl_policy(&["test", &cases(), "-f", &name], Output::Json));
    assert_eq!((&json["failed"], &json["cases"][0]["differences"][0]["found"]), (&json!(1), &json!("dev")));
}

#[test]
fn unreadable_cases_are_reported_with_their_place() {
    for (text, words) in [
        ("version: 1\naccounts:\n  - name: x\n    acount: \"1\"\n", "acount"),
        ("version: 2\naccounts: []\n", "version `2` of the format of cases is unknown here"),
        ("version: 1\n", "there is no case in it"),
    ] {
        let (_directory, name) = file(text);
        let outcome = runasctl_policy(&["test", &name, "-f", &example()], Output::Table);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
        assert!(outcome.stderr.contains(words) && outcome.stderr.contains("fix: "), "{}", outcome.stderr);
    }
}
