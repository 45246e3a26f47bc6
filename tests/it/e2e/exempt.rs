//! `runasctl exempt`: exemptions of the policy in the table, each change a version with its reason.

use std::thread;

use serde_json::{Value, json};

use super::operator::Ran;
use super::stage::{APPLIANCE, HOME, PATIENCE, SANDBOX, Stage, text_of};

const TERMS: [&str; 6] = ["--reason", "vendor's image: \"v2\"", "--owner", "team-net", "--until", "2099-03-31"];

impl Stage {
    /// A policy in force that an operator has commented.
    fn with_comments(&self) -> String {
        let yaml = self
            .yaml
            .replace("exemptions:\n", "# Left alone.\nexemptions:   # with an end\n  # until it is replaced\n");
        assert_ne!(yaml, self.yaml);
        let file = self.policy_file(&yaml);
        let push = ["policy", "push", &file, "-m", "first", "--accounts-from", "organizations"];
        self.runasctl(&[], &push).ends(0);
        yaml
    }

    fn exempt(&self, arguments: &[&str]) -> Ran {
        let counted: &[&str] = if arguments[0] == "list" { &[] } else { &["--accounts-from", "organizations"] };
        self.runasctl(&[], &[&["exempt"], arguments, counted].concat())
    }

    fn exempted(&self) -> Vec<Value> {
        let mut listed = self.exempt(&["list", "-o", "json"]).ends(0).data();
        listed["exemptions"].take().as_array().expect("a list").clone()
    }

    fn shown_policy(&self) -> String {
        self.runasctl(&[], &["policy", "show"]).ends(0).out
    }
}

#[test]
fn exemption_is_a_version_of_the_policy_with_its_reason_and_comments_stay() {
    let stage = Stage::set();
    let yaml = stage.with_comments();
    let ran = stage.exempt(&[&["add", SANDBOX], &TERMS[..]].concat()).ends(0);
    assert!(
        ran.out.contains("3 targets are no longer enforced") && ran.out.contains("version 2 is in force"),
        "{ran:?}"
    );
    let added = format!(
        "exemptions:   # with an end\n  - accounts: [\"{SANDBOX}\"]\n    reason: \"vendor's image: \\\"v2\\\"\"\n    \
         owner: \"team-net\"\n    expires: 2099-03-31\n  # until it is replaced\n"
    );
    let expected = yaml.replace("exemptions:   # with an end\n  # until it is replaced\n", &added);
    assert_eq!(stage.shown_policy(), expected);
    let history = stage.runasctl(&[], &["policy", "history", "-o", "json"]).ends(0).data();
    let message = text_of(&history["versions"][0]["message"]);
    assert_eq!(message, format!("exempt {SANDBOX} until 2099-03-31 (team-net): vendor's image: \"v2\""));

    let listed = stage.exempted();
    let [first, second] = &listed[..] else { panic!("{listed:#?}") };
    assert_eq!((&first["accounts"], &second["accounts"]), (&json!([SANDBOX]), &json!([APPLIANCE])), "it ends first");
    assert_eq!((&first["owner"], &first["ended"]), (&json!("team-net"), &json!(false)));
    let text = stage.exempt(&["list"]).ends(0).out;
    assert!(text.starts_with("2099-03-31  ") && text.contains("team-net: vendor's image"), "{text}");

    let prolonged =
        [&["add", SANDBOX], &TERMS[..4], &["--until", "2099-12-31", "--after", "enforce", "--replace"]].concat();
    stage.exempt(&prolonged).ends(0);
    assert_eq!((&stage.exempted()[1]["expires"], stage.exempted().len()), (&json!("2099-12-31"), 2));
    stage.exempt(&["remove", SANDBOX, "--reason", "has its users now"]).ends(0);
    assert_eq!(stage.shown_policy(), yaml, "as if nothing had been");
}

#[test]
fn the_function_leaves_alone_what_was_exempted_and_enforces_what_no_longer_is() {
    let stage = Stage::set();
    stage.with_comments();
    stage.exempt(&[&["add", SANDBOX], &TERMS[..]].concat()).ends(0);
    let alice = stage.administrator(SANDBOX, "alice");
    alice.creates(HOME, &json!({"runAsEnabled": false}));
    let lambda = stage.lambda_with(&[("RUNAS_POLICY", "table")]);
    stage.deliver(&stage.events());
    stage.settle(&lambda);
    assert!(!stage.is_right(SANDBOX, HOME), "exempt");
    drop(lambda);
    stage.exempt(&["remove", SANDBOX, "--reason", "over"]).ends(0);
    let lambda = stage.lambda_with(&[("RUNAS_POLICY", "table")]);
    alice.edits(HOME, &json!({"idleSessionTimeout": "20"}));
    stage.deliver(&stage.events());
    stage.settle(&lambda);
    stage.assert_right(SANDBOX, HOME);
}

#[test]
fn what_cannot_be_is_refused_and_the_policy_in_force_stays() {
    let stage = Stage::set();
    stage.exempt(&["list"]).ends(1).complains_of(&["no policy was pushed yet", "fix: "]);
    stage.with_comments();
    let add = |places: &[&str], more: &[&str]| stage.exempt(&[&["add"], places, more].concat());
    add(&[SANDBOX], &TERMS[..4]).ends(64).complains_of(&["--until"]);
    add(&[SANDBOX], &TERMS[2..]).ends(64).complains_of(&["--reason"]);
    add(&[SANDBOX], &[&TERMS[..4], &["--until", "2020-01-01"]].concat())
        .ends(64)
        .complains_of(&["a day that is not over"]);
    add(&[&format!("{SANDBOX}/{HOME}")], &TERMS).ends(64).complains_of(&["name the account only"]);
    add(&[APPLIANCE], &TERMS).ends(1).complains_of(&["--replace"]);
    add(&[APPLIANCE, SANDBOX], &TERMS).ends(1).complains_of(&["error[overlapping_rules]", "the policy in force stays"]);
    let nameless = [&TERMS[..2], &["--owner", "", "--until", "2099-03-31"]].concat();
    add(&[SANDBOX], &nameless).ends(1).complains_of(&["error[bad_value]"]);
    let remove = |places: &[&str]| stage.exempt(&[&["remove"], places, &["--reason", "x"]].concat());
    remove(&[SANDBOX]).ends(1).complains_of(&["no exemption names exactly these", "exempt list"]);
    remove(&[APPLIANCE, SANDBOX]).ends(1).complains_of(&[&format!("one names {APPLIANCE}")]);
    let dry = [&TERMS[..], &["--dry-run"]].concat();
    assert!(add(&[SANDBOX], &dry).ends(0).out.contains("3 targets are no longer enforced"));
    let limited = [&TERMS[..], &["--limit", "2"]].concat();
    add(&[SANDBOX], &limited).ends(1).complains_of(&["3 targets become different at once, more than 2"]);
    assert_eq!(stage.rows()["POLICY CURRENT"]["version"], json!(1));

    stage.put_policy(&stage.yaml.replace("runAsDefaultUser: prodops", "runAsDefaultUser: payops"), Some(1));
    add(&[SANDBOX], &TERMS).ends(1).complains_of(&["no version as it was pushed", "fix: "]);
}

#[test]
fn list_in_brackets_is_not_edited() {
    let stage = Stage::set();
    let (before, after) = stage.yaml.split_once("exemptions:\n").expect("exemptions");
    let (item, after) = after.split_once('\n').expect("one of them");
    let yaml = format!("{before}exemptions: [{}]\n{after}", item.trim_start().trim_start_matches("- "));
    let file = stage.policy_file(&yaml);
    stage.runasctl(&[], &["policy", "push", &file, "-m", "first", "--accounts-from", "organizations"]).ends(0);
    let ran = stage.exempt(&[&["add", SANDBOX], &TERMS[..]].concat()).ends(1);
    ran.complains_of(&["laid out in a way that is not edited here", "`runasctl policy show`"]);
    stage.exempt(&["remove", APPLIANCE, "--reason", "x"]).ends(1).complains_of(&["laid out in a way"]);
}

#[test]
fn of_two_operators_at_once_one_is_refused() {
    let stage = Stage::set();
    stage.with_comments();
    let other = stage.yaml.replace("runAsDefaultUser: prodops", "runAsDefaultUser: payops");
    // The slow one has read version 1, and counts accounts while the other pushes version 2.
    stage.aws.faults(&json!([{"action": "TransactWriteItems", "delay_ms": 6_000}]));
    let variables = stage.variables(&[]);
    let ran = thread::scope(|scope| {
        let arguments = [&["exempt", "add", SANDBOX, "--accounts-from", "organizations"], &TERMS[..]].concat();
        let slow = scope.spawn(move || Ran::of(&variables, &arguments));
        stage.aws.await_faults(3 * PATIENCE);
        stage.put_policy(&other, Some(2));
        slow.join().expect("it does not panic")
    });
    ran.ends(1).complains_of(&["another operator pushed a policy meanwhile, and nothing was written"]);
    assert_eq!(stage.exempted().len(), 1);

    // Or between its reading of the text and its push.
    stage.runasctl(&[], &["policy", "rollback", "1", "-m", "back", "--accounts-from", "organizations"]).ends(0);
    stage.aws.faults(&json!([{"service": "sts", "action": "GetCallerIdentity", "delay_ms": 6_000}]));
    let variables = stage.variables(&[]);
    let ran = thread::scope(|scope| {
        let arguments = [&["exempt", "add", SANDBOX, "--accounts-from", "organizations"], &TERMS[..]].concat();
        let slow = scope.spawn(move || Ran::of(&variables, &arguments));
        stage.aws.await_faults(3 * PATIENCE);
        stage.put_policy(&other, Some(9));
        slow.join().expect("it does not panic")
    });
    ran.ends(1).complains_of(&["another operator pushed a policy meanwhile, and nothing was written"]);
    assert_eq!(stage.rows()["POLICY CURRENT"]["version"], json!(9));
}
