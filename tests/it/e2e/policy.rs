//! `runasctl policy` on the table: what is pushed is what the function works by, what is wrong or too much is refused, and an
//! earlier version comes back.

use std::thread;

use runas_reactor::domain::signal::Cause;
use serde_json::{Value, json};

use super::operator::Ran;
use super::queue::work;
use super::stage::{HOME, PATIENCE, PAYMENTS, Stage, text_of};

impl Stage {
    /// Pushes a policy with this text.
    fn push(&self, yaml: &str, more: &[&str]) -> Ran {
        let file = self.path_of("policy.yaml", yaml);
        self.runasctl(&[], &[&["policy", "push", &file, "--message", "because"], more].concat())
    }

    /// A file with this text, and its path.
    fn path_of(&self, name: &str, text: &str) -> String {
        self.file(name, text).trim_start_matches("file:").to_owned()
    }

    /// Pushes the first policy, which counts the accounts that Organizations knows.
    fn push_first(&self) {
        self.push(&self.yaml, &["--accounts-from", "organizations"]).ends(0);
    }

    fn policy_history(&self) -> Value {
        self.runasctl(&[], &["policy", "history", "-o", "json"]).ends(0).data()
    }

    /// A function that starts now looks at a target, and everything comes to rest.
    fn looked_at_anew(&self) {
        let lambda = self.lambda_with(&[("RUNAS_POLICY", "table")]);
        self.deliver(&[work(PAYMENTS, HOME, Cause::Sweep)]);
        self.settle(&lambda);
    }

    fn user_in_payments(&self) -> String {
        text_of(&self.document(PAYMENTS, HOME).inputs()["runAsDefaultUser"])
    }

    fn decided_by(&self) -> String {
        text_of(&self.rows_of(PAYMENTS, "REGION#")["REGION#eu-west-1"]["policy"])
    }
}

#[test]
fn what_is_pushed_is_what_the_function_works_by_and_what_is_rolled_back_too() {
    let stage = Stage::set();
    let ran = stage.push(&stage.yaml, &[]).ends(1);
    ran.complains_of(&["the ledger knows no account yet", "--accounts-from organizations"]);
    stage.push_first();
    stage.looked_at_anew();
    assert_eq!((stage.user_in_payments().as_str(), stage.decided_by().as_str()), ("prodops", "v1"));

    let wrong = stage.yaml.replace("runAsDefaultUser: prodops", "runAsDefaultUser: root");
    stage.push(&wrong, &[]).ends(1).complains_of(&["error[unsafe_user]", "the policy in force stays"]);
    assert_eq!(stage.policy_history()["in_force"], 1);

    let other = stage.yaml.replace("runAsDefaultUser: prodops", "runAsDefaultUser: payops");
    let ran = stage.push(&other, &["-o", "json"]).ends(0).data();
    assert_eq!((&ran["pushed"], &ran["version"], &ran["on"]), (&json!(true), &json!(2), &json!(1)), "{ran}");
    assert_eq!(ran["changes"][0]["path"], "scopes[production].preferences.runAsDefaultUser");
    assert_eq!(ran["rewritten"], 3, "the ledger knows one account of production: {ran}");
    stage.looked_at_anew();
    assert_eq!((stage.user_in_payments().as_str(), stage.decided_by().as_str()), ("payops", "v2"));

    stage.runasctl(&[], &["policy", "rollback", "1", "-m", "payops does not exist"]).ends(0);
    stage.looked_at_anew();
    assert_eq!((stage.user_in_payments().as_str(), stage.decided_by().as_str()), ("prodops", "v3"));
    let history = stage.policy_history();
    let line = |at: usize, key: &str| history["versions"][at][key].clone();
    assert_eq!((line(0, "version"), line(0, "rollback_of")), (json!(3), json!(1)));
    assert_eq!((line(0, "digest"), line(0, "message")), (line(2, "digest"), json!("payops does not exist")));
    assert!(text_of(&line(0, "by")).ends_with(":assumed-role/RunasReactor/runas-reactor"), "{history}");
}

#[test]
fn a_version_is_kept_as_it_was_pushed_and_the_same_again_is_none() {
    let stage = Stage::set();
    stage.push_first();
    let again = stage.push(&format!("# only a remark\n{}", stage.yaml), &[]).ends(0);
    again.complains_of(&["version 1 says the same already; nothing was pushed"]);
    assert_eq!(stage.policy_history()["versions"].as_array().map(Vec::len), Some(1));
    let shown = stage.runasctl(&[], &["policy", "show"]).ends(0);
    assert_eq!(shown.out, stage.yaml);
    let shown = stage.runasctl(&[], &["policy", "show", "--version", "1", "-o", "json"]).ends(0).data();
    assert_eq!(shown["policy"], serde_json::from_str::<Value>(&stage.policy().compiled()).unwrap());
    stage.runasctl(&[], &["policy", "show", "--version", "7"]).ends(1).complains_of(&["no version 7"]);
    stage.runasctl(&[], &["policy", "rollback", "7", "-m", "x"]).ends(1).complains_of(&["no version 7"]);
}

#[test]
fn policy_written_into_the_table_without_push_is_reported_and_replaced() {
    let stage = Stage::set();
    stage.runasctl(&[], &["policy", "show"]).ends(1).complains_of(&["no policy was pushed yet", "fix: "]);
    stage.push_policy();
    stage.runasctl(&[], &["policy", "show"]).ends(0).complains_of(&["by hand"]);
    stage.push(&stage.yaml, &["--accounts-from", "organizations"]).ends(0);
    // Over a version.
    let other = stage.yaml.replace("runAsDefaultUser: prodops", "runAsDefaultUser: payops");
    stage.put_policy(&other, Some(1));
    let shown = stage.runasctl(&[], &["policy", "show"]).ends(0);
    shown.complains_of(&["what is in force is not version 1 as it was pushed", "`runasctl policy rollback 1`"]);
    stage.runasctl(&[], &["policy", "rollback", "1", "-m", "tampered", "--accounts-from", "organizations"]).ends(0);
    stage.looked_at_anew();
    assert_eq!((stage.user_in_payments().as_str(), stage.decided_by().as_str()), ("prodops", "v2"));
}

#[test]
fn a_push_on_top_of_something_else_than_was_compared_with_is_refused() {
    let stage = Stage::set();
    stage.push_first();
    stage.aws.faults(&json!([{"action": "TransactWriteItems", "delay_ms": 6_000}]));
    let yaml = |user: &str| stage.yaml.replace("runAsDefaultUser: prodops", &format!("runAsDefaultUser: {user}"));
    let slow = stage.path_of("slow.yaml", &yaml("slow"));
    let variables = stage.variables(&[]);
    let ran = thread::scope(|scope| {
        let arguments = ["policy", "push", slow.as_str(), "-m", "slow", "--accounts-from", "organizations"];
        let slow = scope.spawn(move || Ran::of(&variables, &arguments));
        stage.aws.await_faults(3 * PATIENCE);
        stage.put_policy(&yaml("quick"), Some(2));
        slow.join().expect("it does not panic")
    });
    ran.ends(1).complains_of(&["another operator pushed a policy meanwhile, and nothing was written"]);
    assert_eq!(stage.rows()["POLICY CURRENT"]["version"], json!(2));
    assert_eq!(stage.policy_history()["versions"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_policy_for_another_hub_is_not_pushed_here() {
    let stage = Stage::set();
    let other = stage.yaml.replace("hub_account: \"222233334444\"", "hub_account: \"333344445555\"");
    stage.push(&other, &[]).ends(64).complains_of(&["in account 333344445555", "logged in to 222233334444"]);
    assert_eq!(stage.rows().len(), 0);
}

#[test]
fn what_does_not_fit_into_the_table_is_refused_before_it_is_sent() {
    let stage = Stage::set();
    let accounts: Vec<String> = (0..16_000).map(|number| format!("\"{number:012}\"")).collect();
    let scope = format!("  - name: many\n    mode: observe\n    accounts: [{}]\nexemptions:", accounts.join(","));
    let big = stage.yaml.replace("exemptions:", &scope);
    let ran = stage.push(&big, &["--accounts-from", "organizations"]).ends(1);
    ran.complains_of(&["that fit into an item of the table; fix: name OUs instead of single accounts"]);
    assert_eq!(stage.rows().len(), 0);
}

#[test]
fn what_is_rendered_from_the_table_is_what_is_rendered_from_the_file() {
    let stage = Stage::set();
    let render = ["render", "scp", "--hub-deployer", "Deployer"];
    stage.runasctl(&[], &render).ends(1).complains_of(&["the ledger holds no policy; fix: push one, or name a file"]);
    stage.push_first();
    let file = stage.path_of("policy.yaml", &stage.yaml);
    let from_file = stage.runasctl(&[], &[&render[..], &["--policy", &file]].concat()).ends(0);
    assert_eq!(stage.runasctl(&[], &render).ends(0).data(), from_file.data());
    let page = stage.runasctl(&[], &["render", "runbook"]).ends(0);
    assert!(page.out.contains("Rendered from policy `v1` "), "{}", page.out);
}
