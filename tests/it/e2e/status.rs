//! What operators read from the ledger of an organisation of twenty-five accounts, whose rows the function itself has written.

use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::time::Time;
use serde_json::{Value, json};

use super::operator::Ran;
use super::organisation::{DEPLOY, LOCKED, WORKLOADS, workload};
use super::queue::work;
use super::stage::{APPLIANCE, HOME, MANAGEMENT, MEMBERS, PAYMENTS, PILOT, REGIONS, Stage};
use crate::support::lambda::Lambda;

impl Stage {
    fn reads(&self, arguments: &[&str]) -> Ran {
        self.runasctl(&[], arguments)
    }

    /// The function has checked every target.
    fn swept(&self) -> Lambda {
        let lambda = self.lambda_with(&[("RUNAS_POLICY", "table")]);
        let workloads = (1..=WORKLOADS).map(workload);
        let accounts = workloads.chain(MEMBERS.into_iter().chain([MANAGEMENT]).map(str::to_owned));
        for account in accounts {
            self.deliver(&REGIONS.map(|region| work(&account, region, Cause::Sweep)));
            // An account at a time: a batch has to be done before the function's time is up, on any machine.
            assert_eq!(self.pump(&lambda), 0);
        }
        lambda
    }

    /// A transcript without what differs from run to run: times, ages, ids of OUs and digests.
    fn transcript(&self, ran: &Ran) -> String {
        let text = format!("{}exit {:?}\n--- stderr\n{}", ran.out, ran.code.unwrap_or(-1), ran.err);
        let mut redacted = String::new();
        for line in self.redacted(&text).split_inclusive('\n') {
            let words = line.split_inclusive([' ', ',', ')', '\n']).map(|word| {
                let bare = word.trim_end_matches([' ', ',', ')', '\n']);
                let end = word.get(bare.len()..).unwrap_or_default();
                if bare.parse::<Time>().is_ok() {
                    format!("TIME{end}")
                } else if bare.starts_with("ou-") {
                    format!("OU{end}")
                } else {
                    word.to_owned()
                }
            });
            redacted.push_str(&without_age(&words.collect::<String>()));
        }
        redacted
    }
}

/// The columns of ages of `status`, and what is said of the last news.
fn without_age(line: &str) -> String {
    if let Some((before, _)) = line.split_once("; the last event came ") {
        return format!("{before}; the last event came AGE ago\n");
    }
    let is_row = line.get(12..26).is_some_and(|account| account.trim().parse::<u64>().is_ok());
    match (is_row, line.get(..68), line.get(85..)) {
        (true, Some(before), Some(after)) => format!("{before}     AGE      AGE{after}"),
        _ => line.to_owned(),
    }
}

#[test]
fn an_operator_sees_what_stands_how_what_happened_and_why() {
    let stage = Stage::found();
    let file = stage.policy_file(&stage.yaml);
    let push = ["policy", "push", &file, "-m", "first", "--accounts-from", "organizations"];
    let refused = stage.reads(&push).ends(1);
    insta::assert_snapshot!("push_refused", stage.transcript(&refused));
    let wave = refused.err.split("say --wave ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    stage.reads(&[push.as_slice(), &["--wave", wave]].concat()).ends(0);
    // Nobody has checked yet, and the ledger does not even know whom.
    let lambda = stage.swept();

    let status = stage.reads(&["status"]).ends(3);
    insta::assert_snapshot!("status", stage.transcript(&status));
    let data = stage.reads(&["status", "-o", "json"]).ends(3).data();
    assert_eq!((&data["accounts"], &data["policy"]), (&json!(25), &json!("v1")));
    let counted: u64 = data["counts"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!((counted, data["targets"].as_array().map(Vec::len)), (75, Some(75)));

    let locked = workload(LOCKED);
    let one = stage.reads(&["status", "--account", &locked, "-o", "json"]).ends(3).data();
    assert_eq!(one["counts"], json!({"unreachable": 3}));
    stage.reads(&["status", "--account", PAYMENTS]).ends(0);
    stage.reads(&["status", "--account", APPLIANCE]).ends(0);
    stage.reads(&["status", "--account", PILOT]).ends(2);
    let drifted = stage.reads(&["status", "--status", "drifted", "-o", "json"]).ends(2).data();
    assert_eq!(drifted["counts"], json!({"drifted": 3}), "the pilot is only watched");
    let of_all = data["targets"].as_array().unwrap().iter().filter(|target| target["status"] == "drifted");
    let without_age = |target: &Value| -> Value {
        let fields = target.as_object().unwrap().iter().filter(|(name, _)| !name.ends_with("age_s"));
        fields.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let indexed: Vec<Value> = drifted["targets"].as_array().unwrap().iter().map(without_age).collect();
    assert_eq!(indexed, of_all.map(without_age).collect::<Vec<_>>(), "the index says the same as the table");
    let production = ou_of(&stage);
    let below = stage.reads(&["status", "--ou", &production, "-o", "json"]).ends(0).data();
    assert_eq!((&below["accounts"], &below["counts"]), (&json!(2), &json!({"in_sync": 6})));

    stage.administrator(PAYMENTS, "alice@example.com").edits(HOME, &json!({"runAsEnabled": false}));
    stage.events().into_iter().filter(|event| event["account"] == PAYMENTS).for_each(|event| stage.deliver(&[event]));
    assert_eq!(stage.pump(&lambda), 0);
    let place = format!("{PAYMENTS}/{HOME}");
    let history = stage.reads(&["history", &place, "-o", "json"]).ends(0).data();
    let who: Vec<&str> = history["lines"].as_array().unwrap().iter().filter_map(|line| line["who"].as_str()).collect();
    assert!(who.iter().any(|who| who.contains("Admin (alice@example.com) wrote version ")), "{history:#}");
    stage.reads(&["history", &place, "--limit", "1"]).ends(0).complains_of(&["there is more; raise --limit"]);
    let explained = stage.reads(&["explain", &place, "-o", "json"]).ends(0).data();
    assert_eq!((&explained["same"], &explained["case"]["policy"]), (&json!(true), &json!("v1")));

    let deploy = format!("{}/{HOME}", workload(DEPLOY));
    insta::assert_snapshot!("history", stage.transcript(&stage.reads(&["history", &deploy]).ends(0)));
    insta::assert_snapshot!("explain", stage.transcript(&stage.reads(&["explain", &deploy]).ends(0)));
    stage.reads(&["explain", PAYMENTS]).ends(64).complains_of(&["names no region; fix: say"]);
    stage.reads(&["explain", "999999999999/eu-west-1"]).ends(1).complains_of(&["the ledger has no such case"]);
}

/// The OU of production, as the policy names it.
fn ou_of(stage: &Stage) -> String {
    let rest = stage.yaml.split("ous: [").nth(1).unwrap_or_default();
    rest.split(']').next().unwrap_or_default().to_owned()
}
