//! `runasctl replay`: decides a stored case again, or runs events on a simulated organisation.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::decode::{Inputs, read};
use super::printer::Printer;
use super::{ExitStatus, Output};
use crate::domain::case::{Case, Decision};
use crate::domain::decide::decide;
use crate::domain::decode::{Decoded, batch, decode};
use crate::domain::judgement::judge;
use crate::domain::policy::Policy;
use crate::domain::settle::attach;
use crate::domain::target::{AccountFacts, AccountId, AccountState};
use crate::domain::time::Time;
use crate::policy_file;
use crate::ports::Clock as _;
use crate::reactor::{BatchReport, PolicySource, Reactor};
use crate::sim::drive::run_for;
use crate::sim::{Account, Sim, Switches};

/// Virtual time for replayed events to settle, in seconds.
const SETTLE_S: i64 = 900;
const POLICY: &str = include_str!("demo/policy.yaml");

/// Decide stored cases again, or run events on a simulated organisation.
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// Files with a stored case, an event or an SQS batch each; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The policy that events are run by; the demo's where none is named. A case carries its own.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// Runs the command. A case whose decision differs from the stored one is an error.
pub fn run(args: &ReplayArgs, output: Output, printer: &Printer, now: Time) -> ExitStatus {
    let Inputs { texts, unreadable } = read(&args.files, &mut std::io::stdin());
    let policy = match policy(args, now) {
        Ok(policy) => policy,
        Err(problem) => {
            printer.error(&problem);
            return ExitStatus::Error;
        }
    };
    let mut status = if unreadable.is_empty() { ExitStatus::Success } else { ExitStatus::Error };
    for problem in unreadable {
        printer.error(&problem);
    }
    let mut results = Vec::new();
    for (file, text) in &texts {
        let result = match case(text) {
            Some(stored) => decided_again(file, &stored),
            None => played(file, text, &policy, now),
        };
        match result {
            Ok(result) => {
                if result.get("same") == Some(&Value::Bool(false)) {
                    status = ExitStatus::Error;
                }
                results.push(result);
            }
            Err(problem) => {
                printer.error(&problem);
                status = ExitStatus::Error;
            }
        }
    }
    match output {
        Output::Json => printer.data(&format!("{:#}\n", Value::from(results))),
        Output::Table => results.iter().for_each(|result| printer.data(&shown(result))),
    }
    status
}

fn policy(args: &ReplayArgs, now: Time) -> Result<Policy, String> {
    let (name, text) = match &args.policy {
        Some(path) => {
            let text = std::fs::read_to_string(path);
            (path.display().to_string(), text.map_err(|error| format!("cannot read {}: {error}", path.display()))?)
        }
        None => ("the demo's policy".to_owned(), POLICY.to_owned()),
    };
    policy_file::parse(&name, &text, now).map(|(policy, _)| policy).map_err(|problems| problems.to_string())
}

/// Parses a stored case: a history entry with its contents, or a case by itself.
fn case(text: &str) -> Option<Value> {
    let mut stored: Value = serde_json::from_str(text).ok()?;
    if stored.get("observation").is_some() && stored.get("resolution").is_some() {
        return Some(json!({ "case": stored }));
    }
    if let Some(contents) = stored.get("contents").cloned() {
        let contents: BTreeMap<String, String> = serde_json::from_value(contents).ok()?;
        attach(&mut stored, &contents);
    }
    let inner = stored.get("case")?;
    if inner.get("case").is_some() { Some(inner.clone()) } else { Some(stored) }
}

/// Decides a stored case again, and compares the decisions.
pub(super) fn decided_again(file: &str, stored: &Value) -> Result<Value, String> {
    let read = |key: &str| stored.get(key).cloned().unwrap_or_default();
    let case: Case = serde_json::from_value(read("case")).map_err(|error| format!("{file}: no case: {error}"))?;
    let decision = decide(&case, &judge(&case));
    let before: Option<Decision> = serde_json::from_value(read("decision")).ok();
    let same = before.as_ref().map(|before| *before == decision);
    Ok(json!({ "file": file, "target": case.target, "decision": decision, "same": same }))
}

/// Runs events on an organisation that has exactly the accounts they concern.
fn played(file: &str, text: &str, policy: &Policy, now: Time) -> Result<Value, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(async {
        let bodies: Vec<String> = batch(text).into_iter().map(|message| message.body).collect();
        let sim = Sim::new(Switches::PLAIN, now, 1);
        sim.push_policy(policy.clone());
        for account in accounts(&bodies) {
            sim.put_account(there(account, policy, sim.now()));
        }
        for body in &bodies {
            sim.enqueue(body);
        }
        let reactor = Reactor::new(sim, PolicySource::Table);
        let reports = run_for(&reactor, SETTLE_S).await;
        Ok(result(file, reactor.world(), &reports))
    })
}

fn accounts(bodies: &[String]) -> BTreeSet<AccountId> {
    let about = |body: &String| match decode(body) {
        Decoded::Signal(event) => event.signal.account().cloned(),
        Decoded::Ignored { .. } | Decoded::Untrusted { .. } | Decoded::Undecodable { .. } => None,
    };
    bodies.iter().filter_map(about).collect()
}

fn there(account: AccountId, policy: &Policy, now: Time) -> Account {
    Account {
        facts: AccountFacts { name: String::new(), ou_path: Vec::new(), state: AccountState::Active, account },
        roles: policy.roles().iter().map(|role| (role.clone(), now)).collect(),
        ready: now,
        regions_off: BTreeSet::new(),
        opted_in: BTreeSet::new(),
    }
}

fn result(file: &str, sim: &Sim, reports: &[BatchReport]) -> Value {
    let reconciled = reports.iter().flat_map(|report| &report.reconciled).map(|reconciled| {
        let decision = reconciled.decision.as_ref();
        json!({ "target": reconciled.target, "status": reconciled.status, "decision": decision, "applied": reconciled.applied })
    });
    let pairs = |pairs: Vec<&(String, String)>| pairs.iter().map(|(_, why)| why.clone()).collect::<Vec<_>>();
    json!({
        "file": file,
        "reconciled": reconciled.collect::<Vec<_>>(),
        "ignored": pairs(reports.iter().flat_map(|report| &report.ignored).collect()),
        "undecodable": pairs(reports.iter().flat_map(|report| &report.undecodable).collect()),
        "alerts": sim.alerts(),
    })
}

fn shown(result: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let reasons = |decision: &Value| list(decision.get("reasons")).iter().map(text).collect::<Vec<_>>().join("; ");
    let place = |of: &Value| {
        let part = |key: &str| of.pointer(&format!("/target/{key}")).map(text).unwrap_or_default();
        format!("{}/{}", part("account"), part("region"))
    };
    let mut shown = format!("{}\n", result.get("file").map(text).unwrap_or_default());
    if let Some(decision) = result.get("decision") {
        let same = match result.get("same").and_then(Value::as_bool) {
            Some(true) => " (as it was decided then)",
            Some(false) => " (NOT as it was decided then)",
            None => "",
        };
        let _ = writeln!(shown, "  {}  {}{same}", place(result), reasons(decision));
    }
    for reconciled in list(result.get("reconciled")) {
        let why = reconciled.get("decision").map(&reasons).unwrap_or_default();
        let status = reconciled.get("status").map(text).unwrap_or_default();
        let _ = writeln!(shown, "  {}  {status}: {why}", place(&reconciled));
    }
    for key in ["ignored", "undecodable"] {
        for why in list(result.get(key)) {
            let _ = writeln!(shown, "  {key}: {}", text(&why));
        }
    }
    for alert in list(result.get("alerts")) {
        let part = |key: &str| alert.get(key).map(text).unwrap_or_default();
        let _ = writeln!(shown, "  alert ({}): {}", part("severity"), part("subject"));
    }
    shown
}
