//! `runasctl apply`: what a plan says and nothing else, a few accounts first, and taken up where it was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::callers::lza_inputs;
use super::operator::Ran;
use super::organisation::{DEPLOY, workload};
use super::queue::kinds;
use super::stage::{
    APPLIANCE, FRANKFURT, HOME, HUB, MANAGEMENT, PATIENCE, PAYMENTS, PILOT, REGIONS, SANDBOX, SEARCH, Stage, VIRGINIA,
    manager, text_of,
};

const WRITES: [&str; 4] = ["CreateDocument", "UpdateDocument", "UpdateDocumentDefaultVersion", "DeleteDocument"];

impl Stage {
    /// Where the tests' plan is.
    fn plan_path(&self) -> String {
        self.file("plan.json", "").trim_start_matches("file:").to_owned()
    }

    /// Makes a plan by the policy in the table.
    fn make_plan(&self, arguments: &[&str]) -> String {
        self.push_policy();
        let path = self.plan_path();
        let arguments: Vec<&str> = ["plan", "--out", &path].iter().chain(arguments).copied().collect();
        let ran = self.runasctl(&[], &arguments);
        assert!(matches!(ran.code, Some(2 | 3)), "{ran:#?}");
        self.aws.clear_log();
        path
    }

    fn apply(&self, plan: &str, arguments: &[&str]) -> Ran {
        let arguments: Vec<&str> = ["apply", plan, "--yes"].iter().chain(arguments).copied().collect();
        self.runasctl(&[], &arguments)
    }

    /// What became of each target, by account and region.
    fn outcomes(&self, plan: &str, code: i32, arguments: &[&str]) -> BTreeMap<(String, String), Value> {
        let arguments: Vec<&str> = arguments.iter().chain(&["-o", "json"]).copied().collect();
        let data = self.apply(plan, &arguments).ends(code).data();
        let entries = data["entries"].as_array().expect("entries").clone();
        entries.into_iter().map(|it| ((text_of(&it["account"]), text_of(&it["region"])), it)).collect()
    }

    /// The accounts whose documents were written since the log was cleared, in that order, each once.
    fn written_to(&self) -> Vec<String> {
        let calls = self.calls("ssm").into_iter().filter(|call| WRITES.iter().any(|write| call["action"] == *write));
        let mut accounts: Vec<String> = calls.map(|call| text_of(&call["account"])).collect();
        accounts.dedup();
        accounts
    }

    /// The record of a target.
    fn status(&self, account: &str, region: &str) -> Value {
        let rows = self.rows_of(account, "REGION#");
        rows.get(&format!("REGION#{region}")).map(status_of).unwrap_or_default()
    }

    /// Runs `apply` until a call of it is reached by the fault, and kills it there.
    fn killed_at(&self, plan: &str, fault: &Value) {
        let wait = "read go && exec \"$0\" \"$@\"";
        let mut command = Command::new("/bin/sh");
        command.args(["-c", wait, env!("CARGO_BIN_EXE_runasctl"), "apply", plan, "--yes", "--concurrency", "1"]);
        command.env_clear().envs(self.variables(&[])).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("a shell can be run");
        let mut fault = fault.clone();
        fault["kill"] = json!(child.id());
        self.aws.faults(&json!([fault]));
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(b"go\n").expect("it listens");
        assert_eq!(child.wait().expect("it ends").signal(), Some(9), "the fault is reached: {fault}");
        self.aws.faults(&json!([]));
        // The intent that it left is a lease.
        self.pass(16);
    }
}

/// Where `apply` writes down what it did.
fn journal_of(plan: &str) -> String {
    let text = fs::read_to_string(plan).expect("there is a plan");
    let data: Value = serde_json::from_str(&text).expect("it is JSON");
    format!("{plan}.{}.journal", text_of(&data["id"]).get(..12).expect("a digest"))
}

/// What a row of the table says of a target.
fn status_of(row: &Value) -> Value {
    let record: Value = serde_json::from_str(&text_of(&row["record"])).expect("a record");
    record["status"].clone()
}

fn outcome(outcomes: &BTreeMap<(String, String), Value>, account: &str, region: &str) -> String {
    text_of(&outcomes[&(account.to_owned(), region.to_owned())]["outcome"])
}

#[test]
fn organisation_is_corrected_a_few_accounts_first_and_nowhere_else() {
    let stage = Stage::found();
    let plan = stage.make_plan(&[]);
    let (exempt, observed) = (stage.document(APPLIANCE, HOME).content(), stage.document(PILOT, HOME).content());
    let ran = stage.apply(&plan, &["--canary", "2", "--wave", "8"]).ends(0);
    insta::assert_snapshot!("applied", stage.redacted(&format!("{}\n-- stderr\n{}", ran.out, ran.err)));

    let order = stage.written_to();
    let mut distinct: Vec<&String> = Vec::new();
    for account in &order {
        if !distinct.contains(&account) {
            distinct.push(account);
        }
    }
    assert_eq!(distinct.len(), 17);
    let last = order.iter().rposition(|account| distinct[..2].contains(&account)).expect("they were written to");
    let next = order.iter().position(|account| !distinct[..2].contains(&account)).expect("others, too");
    assert!(last < next, "the canaries were done before anything else was begun: {order:?}");
    let marked = distinct.iter().position(|account| **account == workload(DEPLOY)).expect("it was written to");
    assert!(marked > 8, "what is marked comes last: {distinct:?}");
    assert_eq!(stage.document(APPLIANCE, HOME).content(), exempt);
    assert_eq!(stage.document(PILOT, HOME).content(), observed);

    let rows = stage.rows();
    let records = rows.iter().filter(|(key, _)| key.contains(" REGION#"));
    let status: Vec<Value> = records.map(|(_, row)| status_of(row)).collect();
    assert_eq!(status, vec![json!("in_sync"); 50]);
    assert!(rows.keys().any(|key| key.starts_with(&format!("ACCOUNT#{MANAGEMENT} EVENT#")) && key.contains("#plan-")));
    let again = stage.runasctl(&[], &["plan"]).ends(3);
    assert!(again.out.contains("No changes: 3 observed only, 3 exempt, 4 unreachable, 65 in sync."), "{}", again.out);
    let journal = fs::read_to_string(journal_of(&plan)).expect("there is a journal");
    assert_eq!(journal.lines().count(), 1 + 2 * 50, "each was begun and ended");
    let ran = stage.apply(&plan, &[]).ends(0);
    ran.complains_of(&["50 of 50 targets were done by a run before"]);
}

#[test]
fn function_receives_the_events_of_apply_and_agrees() {
    let stage = Stage::set();
    for region in REGIONS {
        stage.pipeline(SANDBOX).creates(region, &lza_inputs());
    }
    stage.events();
    let plan = stage.make_plan(&["--account", SANDBOX]);
    stage.apply(&plan, &[]).ends(0);
    let alerts = kinds(&stage.alerts());
    assert_eq!(alerts, ["adopted"], "the log group was seen for the first time, the same in each region");
    let lambda = stage.lambda();
    stage.deliver(&stage.events());
    stage.settle(&lambda);
    for region in REGIONS {
        stage.assert_right(SANDBOX, region);
        assert_eq!(stage.document(SANDBOX, region).latest(), 2, "one version, and none by the function");
    }
    assert_eq!(kinds(&stage.alerts()), [""; 0]);
}

#[test]
fn what_has_changed_since_the_plan_is_refused() {
    let stage = Stage::set();
    for account in [HUB, SEARCH, SANDBOX] {
        stage.pipeline(account).creates(HOME, &lza_inputs());
    }
    let plan = stage.make_plan(&["--region", HOME]);
    stage.administrator(HUB, "alice@example.com").edits(HOME, &json!({"maxSessionDuration": "60"}));
    let bob = stage.administrator(SEARCH, "bob@example.com");
    bob.deletes(HOME);
    bob.creates(HOME, &lza_inputs());
    stage.administrator(PAYMENTS, "carol@example.com").creates(HOME, &lza_inputs());
    stage.aws.clear_log();

    let outcomes = stage.outcomes(&plan, 2, &[]);
    let why = |account: &str| {
        let entry = &outcomes[&(account.to_owned(), HOME.to_owned())];
        assert_eq!(entry["outcome"], "stale", "{entry}");
        text_of(&entry["why"])
    };
    assert_eq!(why(HUB), "the latest version was 1 and the default 1; now they are 2 and 2");
    assert_eq!(why(SEARCH), "the document was deleted and made anew");
    assert_eq!(why(PAYMENTS), "there was no document, and now there is one (version 1)");
    assert_eq!(
        stage.written_to().iter().collect::<BTreeSet<_>>(),
        [MANAGEMENT, SANDBOX].map(String::from).iter().collect()
    );
    assert_eq!(stage.status(HUB, HOME), Value::Null, "nothing is remembered of what was not done");
    assert_eq!(stage.document(HUB, HOME).latest(), 2);

    stage.make_plan(&["--region", HOME]);
    stage.apply(&plan, &[]).ends(0);
    stage.assert_right(HUB, HOME);
}

#[test]
fn edit_between_the_observation_and_the_write_is_not_overwritten() {
    let stage = Stage::set();
    stage.pipeline(SANDBOX).creates(HOME, &lza_inputs());
    let plan = stage.make_plan(&["--account", SANDBOX, "--region", HOME]);
    stage.aws.faults(&json!([{"service": "ssm", "action": "UpdateDocument", "delay_ms": 2_000}]));
    let mut command = Command::new(env!("CARGO_BIN_EXE_runasctl"));
    command.args(["apply", &plan, "--yes"]).env_clear().envs(stage.variables(&[])).stdin(Stdio::null());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    stage.aws.await_faults(PATIENCE);
    stage.administrator(SANDBOX, "alice@example.com").edits(HOME, &json!({"maxSessionDuration": "60"}));
    let ran = Ran::new(child.wait_with_output().expect("it ends")).ends(2);
    assert!(ran.out.contains("the latest version was 1 and the default 1; now they are 2 and 2"), "{ran:#?}");
    assert_eq!(stage.document(SANDBOX, HOME).latest(), 2, "hers, and none of the reactor");
}

#[test]
fn a_plan_by_another_policy_or_for_another_place_is_refused() {
    let stage = Stage::set();
    let plan = stage.make_plan(&["--region", HOME]);
    let organizations = aws_sdk_organizations::Client::new(&stage.sdk(&manager(&stage.aws), VIRGINIA));
    let parent = stage.run(organizations.list_parents().child_id(SANDBOX).send()).unwrap().parents.unwrap().remove(0);
    let policy = stage.policy();
    let moved = organizations.move_account().account_id(SANDBOX).source_parent_id(parent.id.unwrap());
    stage.run(moved.destination_parent_id(&policy.document().scopes[0].ous[0]).send()).expect("it can be moved");
    let outcomes = stage.outcomes(&plan, 2, &[]);
    assert_eq!(outcome(&outcomes, SANDBOX, HOME), "stale");
    let why = text_of(&outcomes[&(SANDBOX.to_owned(), HOME.to_owned())]["why"]);
    assert!(why.contains("says something else") && why.contains("production"), "{why}");
    assert_eq!(outcome(&outcomes, HUB, HOME), "written");

    let other = stage.policy_file(&stage.yaml.replace("prodops", "produser"));
    let path = format!("{plan}.other");
    stage.runasctl(&[], &["plan", "--policy", &other, "--out", &path]).ends(2);
    stage.aws.clear_log();
    let ran = stage.apply(&path, &[]).ends(1);
    ran.complains_of(&["the plan was made by policy", "the function would undo what is written; fix: push"]);
    assert_eq!(stage.written_to(), [""; 0]);
}

#[test]
fn it_stops_when_too_much_fails_and_the_next_run_does_the_rest() {
    let stage = Stage::set();
    let plan = stage.make_plan(&["--region", HOME]);
    let denied = json!({"service": "ssm", "action": "CreateDocument", "code": "AccessDeniedException", "times": 1});
    stage.aws.faults(&json!([denied]));
    let outcomes = stage.outcomes(&plan, 1, &[]);
    let mut words: Vec<String> = outcomes.values().map(|entry| text_of(&entry["outcome"])).collect();
    words.sort();
    assert_eq!(words, ["failed", "not_begun", "not_begun", "not_begun", "not_begun"], "the canary failed");

    let denied = json!({"service": "ssm", "action": "CreateDocument", "code": "AccessDeniedException", "times": 2});
    stage.aws.faults(&json!([denied]));
    let arguments = ["--canary", "0", "--wave", "1", "--max-failures", "2", "--concurrency", "1"];
    let ran = stage.apply(&plan, &arguments).ends(1);
    assert!(ran.out.contains("Applied, of 5 targets: 2 failed, 3 not begun."), "{}", ran.out);
    assert_eq!(stage.written_to().len(), 2, "the same once more, and another one");

    let ran = stage.apply(&plan, &[]).ends(0);
    assert!(ran.out.contains("Applied, of 5 targets: 5 written."), "{}", ran.out);
    for account in [HUB, PAYMENTS, SEARCH, SANDBOX, MANAGEMENT] {
        stage.assert_right(account, HOME);
    }
    assert!(kinds(&stage.alerts()).contains(&"unreachable".to_owned()), "a denied write is alerted as always");
}

#[test]
fn a_run_that_is_killed_at_any_moment_is_taken_up() {
    let moments = [
        json!({"service": "ssm", "action": "UpdateDocument"}),
        json!({"service": "ssm", "action": "UpdateDocument", "when": "after"}),
        json!({"service": "ssm", "action": "UpdateDocumentDefaultVersion"}),
        json!({"service": "dynamodb", "action": "TransactWriteItems"}),
        json!({"service": "dynamodb", "action": "TransactWriteItems", "when": "after"}),
        json!({"service": "sns", "action": "Publish"}),
        // The second of three.
        json!({"service": "ssm", "action": "UpdateDocumentDefaultVersion", "skip": 1}),
    ];
    for moment in moments {
        let stage = Stage::set();
        for region in REGIONS {
            let mut inputs = lza_inputs();
            inputs["cloudWatchLogGroupName"] = json!(format!("sessions-{region}"));
            stage.pipeline(SANDBOX).creates(region, &inputs);
        }
        let plan = stage.make_plan(&["--account", SANDBOX]);
        stage.killed_at(&plan, &moment);
        let ran = stage.apply(&plan, &[]).ends(0);
        for region in REGIONS {
            stage.assert_right(SANDBOX, region);
            assert_eq!(stage.document(SANDBOX, region).latest(), 2, "one version in all: {moment} {ran:#?}");
            assert_eq!(stage.status(SANDBOX, region), "in_sync", "{moment}");
        }
        assert_eq!(kinds(&stage.alerts()), ["adopted"; 3], "each once: {moment}");
        stage.apply(&plan, &[]).ends(0).complains_of(&["3 of 3 targets were done by a run before"]);
    }
}

#[test]
fn a_document_that_was_deleted_to_be_made_anew_is_made_anew_after_a_kill() {
    let stage = Stage::set();
    let content = json!({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "x",
        "inputs": {"runCommand": ["id"]}}]});
    let ssm = stage.administrator(SANDBOX, "erin@example.com").ssm(FRANKFURT);
    let request = ssm.create_document().name(runas_reactor::domain::target::DOCUMENT_NAME).content(content.to_string());
    let request = request.document_type(aws_sdk_ssm::types::DocumentType::Command);
    stage.run(request.send()).expect("the name is free");
    let plan = stage.make_plan(&["--account", SANDBOX, "--region", FRANKFURT]);
    stage.killed_at(&plan, &json!({"service": "ssm", "action": "CreateDocument"}));
    assert!(stage.find(SANDBOX, FRANKFURT).is_none(), "it was deleted");
    stage.apply(&plan, &[]).ends(0);
    stage.assert_right(SANDBOX, FRANKFURT);
}

#[test]
fn nothing_is_done_without_a_word_and_not_by_two_at_a_time() {
    let stage = Stage::set();
    let plan = stage.make_plan(&["--account", SANDBOX]);
    stage.runasctl(&[], &["apply", &plan]).ends(64).complains_of(&["there is no terminal to ask at; fix: --yes"]);
    stage.runasctl(&[("RUNAS_TOPIC_ARN", "")], &["apply", &plan, "--yes"]).ends(64).complains_of(&["--topic-arn"]);
    stage.apply("/nowhere", &[]).ends(1).complains_of(&["cannot read /nowhere", "fix: "]);
    stage.apply(&stage.policy_file(&stage.yaml), &[]).ends(1).complains_of(&["is no plan", "fix: "]);
    let journal = journal_of(&plan);
    let held = File::create(&journal).expect("it can be made");
    held.lock().expect("it can be locked");
    stage.apply(&plan, &[]).ends(1).complains_of(&["is being applied at this moment"]);
    drop(held);
    fs::write(&journal, "{\"schema_version\":1,\"plan\":\"another\"}\n").expect("it can be written");
    stage.apply(&plan, &[]).ends(1).complains_of(&["is of another plan, or damaged; fix: "]);
    fs::remove_file(&journal).expect("it is there");

    let text = fs::read_to_string(&plan).expect("it is there");
    fs::write(&plan, text.replace("\"ops\"", "\"root\"")).expect("it can be written");
    stage.apply(&plan, &[]).ends(1).complains_of(&["was changed after it was made; fix: make a new plan"]);
    assert_eq!(stage.written_to(), [""; 0]);
    assert!(stage.find(SANDBOX, HOME).is_none());
}
