//! What the plays have in common: a permission that is taken away, what shows of it, and time that passes.

use std::cell::RefCell;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::deploy::cloud::Cloud;
use crate::e2e::hub::Deployed;
use crate::e2e::hub::roles::{Role, without};
use crate::e2e::stage::text_of;

/// Longer than a failed message is hidden.
pub(super) const WAIT_SECONDS: i64 = 16 * 60;
/// Between two looks, in the time of the machine.
const PAUSE: Duration = Duration::from_millis(150);
/// Looks at which no function runs until they count as being at rest.
const QUIET: usize = 4;
/// Lines of the function's log that a failed wait shows.
const LINES: usize = 60;

/// What an operator sees of a permission that is missing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sign {
    /// A line of the function's log with these words, which names the action.
    Log(&'static str),
    /// An alert of this kind about the place, with these words in it.
    Alert(&'static str, &'static str),
    /// What `runasctl status` says why.
    Status(&'static str),
    /// A message that nothing takes out of the queue: after an hour the alarm `Behind`.
    Queue,
}

/// A deployment with the alerts that it has sent.
pub(super) struct Play {
    pub(super) deployed: Deployed,
    alerts_seen: RefCell<Vec<Value>>,
}

impl Play {
    pub(super) fn of(deployed: Deployed) -> Self {
        Self { deployed, alerts_seen: RefCell::default() }
    }

    /// Carries events and alerts.
    pub(super) fn hear(&self) {
        self.deployed.forward();
        self.alerts_seen.borrow_mut().extend(self.deployed.alerts());
    }

    pub(super) fn come_to_rest(&self) {
        self.deployed.come_to_rest();
        self.hear();
    }

    /// Takes the action away; answers with what gives it back.
    pub(super) fn take(&self, role: &Role<'_>, action: &str) -> Value {
        let whole = self.deployed.policy_of(role);
        self.deployed.put_policy(role, &without(action, &whole));
        whole
    }

    /// How often the action was denied.
    pub(super) fn denials(&self, role: &str, action: &str) -> usize {
        self.deployed.did(role, action, false)
    }

    /// Waits until the action was denied more often than that, and for the moment is not any more.
    #[track_caller]
    pub(super) fn await_denial(&self, role: &str, action: &str, known: usize) -> usize {
        let mut before = known;
        let rests = || {
            let now = self.denials(role, action);
            let rests = now > known && now == before;
            before = now;
            rests
        };
        self.until(&format!("{action} is denied"), rests, || self.deployed.hub.logs());
        before
    }

    /// Carries events and alerts until it is so.
    #[track_caller]
    fn until(&self, what: &str, mut is_so: impl FnMut() -> bool, explain: impl Fn() -> String) {
        let is_over = || {
            self.hear();
            thread::sleep(PAUSE);
            is_so()
        };
        Cloud::wait_and_explain(what, is_over, explain);
    }

    /// Lets time pass until it is so, whenever the functions are at rest: what they are about would be out of time.
    #[track_caller]
    pub(super) fn pass_until(&self, what: &str, is_so: impl Fn() -> bool, explain: impl Fn() -> String) {
        let mut quiet = 0;
        let is_over = || {
            quiet = if self.deployed.hub.is_busy() { 0 } else { quiet + 1 };
            if quiet >= QUIET {
                self.deployed.stage.pass(WAIT_SECONDS);
                quiet = 0;
            }
            is_so()
        };
        self.until(what, is_over, explain);
    }

    /// The document is right, the ledger knows it, and an alert about the place has these words.
    pub(super) fn is_undone(&self, (account, region): (&str, &str), words: &str) -> bool {
        let about = |alert: &Value| alert["account"] == account && alert["region"] == region;
        let alerted = self.alerts_seen.borrow().iter().any(|alert| about(alert) && alert.to_string().contains(words));
        alerted && self.is_right((account, region))
    }

    pub(super) fn is_right(&self, (account, region): (&str, &str)) -> bool {
        self.deployed.status(account, region) == "in_sync" && self.deployed.stage.is_right(account, region)
    }

    /// The alerts about a place, since the last call that forgot them.
    pub(super) fn alerts(&self, account: &str) -> Vec<Value> {
        self.alerts_seen.borrow().iter().filter(|alert| alert["account"] == account).cloned().collect()
    }

    pub(super) fn any_alert(&self, is_so: impl Fn(&Value) -> bool) -> bool {
        self.alerts_seen.borrow().iter().any(is_so)
    }

    pub(super) fn forget(&self) {
        self.alerts_seen.borrow_mut().clear();
    }

    /// Whether the operator has seen it.
    pub(super) fn shows(&self, sign: Sign, action: &str, place: (&str, &str)) -> bool {
        match sign {
            Sign::Log(words) => {
                let logs = self.deployed.hub.logs();
                logs.lines().any(|line| line.contains(words) && line.contains(action))
            }
            Sign::Alert(kind, words) => {
                let has = |alert: &Value| alert["kind"] == kind && alert.to_string().contains(words);
                self.alerts(place.0).iter().any(has)
            }
            Sign::Status(words) => self.why(place).contains(words),
            Sign::Queue => self.deployed.messages_in(&self.deployed.hub.outputs["QueueUrl"]) > 0,
        }
    }

    #[track_caller]
    pub(super) fn await_sign(&self, sign: Sign, action: &str, place: (&str, &str)) {
        let what = format!("{action} shows as {sign:?}");
        self.until(&what, || self.shows(sign, action, place), || self.explained(place));
    }

    /// What the ledger says why a target is not right.
    pub(super) fn why(&self, (account, region): (&str, &str)) -> String {
        let key = json!({"PK": {"S": format!("ACCOUNT#{account}")}, "SK": {"S": format!("REGION#{region}")}});
        let table = self.deployed.hub.id("Table");
        let row = self.deployed.hub.aws("dynamodb", "get_item", &json!({"TableName": table, "Key": key}));
        text_of(&row["Item"]["why"]["S"])
    }

    /// What is known of a place, and what the functions wrote last.
    pub(super) fn explained(&self, place: (&str, &str)) -> String {
        let logs = self.deployed.hub.logs();
        let lines: Vec<&str> = logs.lines().filter(|line| line.contains("\"message\"")).collect();
        let last = &lines[lines.len().saturating_sub(LINES)..];
        format!("{:#?}; {}; {}", self.alerts(place.0), self.why(place), last.join("\n"))
    }

    /// Nothing waits any more for an operator.
    #[track_caller]
    pub(super) fn nothing_was_put_aside(&self) {
        assert_eq!(self.dead(), 0, "dead letters");
    }

    pub(super) fn dead(&self) -> u32 {
        self.deployed.messages_in(&self.deployed.hub.outputs["DeadLetterUrl"])
    }

    /// An administrator writes a document that the reactor knows, and the event gets lost.
    pub(super) fn lost_edit(&self, (account, region): (&str, &str), name: &str, user: &str) {
        let stage = &self.deployed.stage;
        stage.administrator(account, name).edits(region, &json!({"runAsDefaultUser": user}));
        stage.events();
    }

    /// A place has a document that the reactor has put right, and nothing is left to do about it: what comes later than an edit
    /// whose event got lost would find it before the sweep does, which alone asks for its name.
    pub(super) fn settles(&self, (account, region): (&str, &str)) {
        let stage = &self.deployed.stage;
        if stage.find(account, region).is_none() {
            stage.administrator(account, "alice").creates(region, &json!({"runAsEnabled": false}));
        }
        self.come_to_rest();
        stage.pass(WAIT_SECONDS);
        self.come_to_rest();
        stage.assert_right(account, region);
    }

    /// A sweep begins, as the schedule has it.
    pub(super) fn sweep(&self) {
        self.deployed.hub.run_schedule("Sweep");
    }
}
