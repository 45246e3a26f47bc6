//! The organisation's events, as EventBridge delivers them.

use serde_json::{Value, json};

use super::caller::Caller;
use super::{Sim, State};
use crate::domain::decode::from_history;
use crate::domain::edit::{Action, Edit, Sharing};
use crate::domain::target::{AccountId, DOCUMENT_NAME, Target, partition};
use crate::domain::time::{SECOND_MS, Time};
use crate::ports::{Clock as _, Lookup};

/// One call on a document, for the timeline.
#[derive(Clone, Debug)]
pub struct Called {
    /// When it was made.
    pub at: Time,
    /// When it ended, which its event says in whole seconds.
    pub ended: Time,
    /// The name of the session or user.
    pub who: String,
    /// The account and region.
    pub target: Target,
    /// What it did.
    pub action: Action,
    /// Its error code.
    pub failed: Option<String>,
    /// The ARN of the role or user.
    pub arn: String,
    /// CloudTrail's `eventID`.
    pub event: String,
    /// The delivery of its event.
    pub fate: Fate,
    /// The text that it wrote.
    pub text: Option<String>,
    /// With whom it shared the document.
    pub sharing: Option<Sharing>,
}

/// What a call asks for, beyond its action.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Request<'a> {
    /// The text to write.
    pub(super) text: Option<&'a str>,
    /// With whom to share the document.
    pub(super) sharing: Option<&'a Sharing>,
}

/// The delivery of one event to the hub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It arrives a few seconds later.
    #[default]
    Prompt,
    /// It arrives, and again a moment later.
    Twice,
    /// It arrives after this long, in seconds; EventBridge retries for a day.
    Late(u32),
    /// It arrives, and again after this long, in seconds, from an archive.
    Replayed(u32),
    /// It never arrives.
    Lost,
}

/// Delay from a call to its message in the hub's queue, by way of CloudTrail and two event buses.
const DELIVERY_MS: i64 = 2_000;
const DELIVERY_SPREAD_MS: i64 = 1_500;

/// Delay from a call to its entry in the event history.
const HISTORY_MS: i64 = 300_000;

impl Sim {
    /// The calls on a document that CloudTrail's event history holds.
    pub(super) fn history(&self, target: &Target, lookup: &Lookup) -> Vec<Edit> {
        let until = self.now().plus_ms(-HISTORY_MS);
        let state = self.state();
        let calls = state.history.iter().rev().take_while(|(at, ..)| match lookup {
            Lookup::Since(since) => at >= since,
            Lookup::Event(_) => true,
        });
        let there = calls.filter(|(at, place, _)| *at <= until && place == target);
        let edits = there.filter_map(|(_, _, record)| from_history(record, target));
        let request = |edit: &Edit| match lookup {
            Lookup::Since(_) => true,
            Lookup::Event(id) => edit.id == *id,
        };
        edits.filter(request).collect()
    }
}

impl State {
    /// Records a call on a document and sends its event.
    pub(super) fn record_call(
        &mut self,
        target: &Target,
        caller: &Caller,
        action: Action,
        request: Request<'_>,
        failed: Option<String>,
        now: Time,
    ) {
        let who = caller.identity.get("arn").and_then(Value::as_str).and_then(|arn| arn.rsplit('/').next());
        let who = who.unwrap_or("unknown").to_owned();
        let event = self.next_id();
        let ended = now.plus_ms(self.goes_on_ms(caller, now));
        self.calls.push(Called {
            at: now,
            ended,
            who,
            target: target.clone(),
            action,
            failed: failed.clone(),
            arn: caller.arn(),
            event: event.clone(),
            fate: self.fates.front().copied().unwrap_or_default(),
            text: request.text.map(str::to_owned),
            sharing: request.sharing.cloned(),
        });
        let (name, parameters, response) = call(action, request.sharing);
        let arn = format!(
            "arn:{}:ssm:{}:{}:document/{DOCUMENT_NAME}",
            partition(&target.region),
            target.region,
            target.account
        );
        let mut detail = json!({
            "eventVersion": "1.11",
            "userIdentity": caller.identity,
            "eventTime": whole_second(ended.plus_ms(self.skew_ms)),
            "eventSource": "ssm.amazonaws.com",
            "eventName": name,
            "awsRegion": target.region,
            "sourceIPAddress": "203.0.113.10",
            "userAgent": caller.agent,
            "requestParameters": parameters,
            "responseElements": if failed.is_none() { response } else { Value::Null },
            "eventID": event,
            "readOnly": false,
            "resources": [{ "accountId": target.account, "ARN": arn }],
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": target.account,
            "eventCategory": "Management",
        });
        if let (Some(code), Some(map)) = (failed, detail.as_object_mut()) {
            map.insert("errorCode".to_owned(), code.into());
        }
        self.history.push((now.plus_ms(self.skew_ms), target.clone(), detail.to_string()));
        self.send_event("aws.ssm", "AWS API Call via CloudTrail", target, &detail, now);
    }

    /// For how long a call goes on once its change is made. The reactor has its answer at once. Another caller's calls of one
    /// moment follow one another, so that none of them ends later than the next one.
    fn goes_on_ms(&self, caller: &Caller, now: Time) -> i64 {
        if caller.is_reactor() {
            return 0;
        }
        // No chance of the story's: its other steps stay as they are.
        let seed = now.since(Time::ZERO).unsigned_abs();
        let mixed = caller.arn().bytes().fold(seed, |mixed, byte| mixed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let mixed = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        i64::try_from(mixed % (self.slow_ms + 1)).unwrap_or(0)
    }

    fn send_event(&mut self, source: &str, detail_type: &str, from: &Target, detail: &Value, now: Time) {
        let body = json!({
            "version": "0",
            "id": self.next_id(),
            "detail-type": detail_type,
            "source": source,
            "account": from.account,
            "time": whole_second(now),
            "region": from.region,
            "resources": [],
            "detail": detail,
        });
        let spread = i64::from(self.chance()) % DELIVERY_SPREAD_MS;
        let due = now.plus_ms(DELIVERY_MS + spread);
        let after = |seconds: u32| due.plus_ms(i64::from(seconds) * SECOND_MS);
        // Account events are late at worst, never lost: a sweep does not ask where an account is.
        let fate = match self.fates.pop_front().unwrap_or_default() {
            Fate::Lost if source != "aws.ssm" => Fate::Late(600),
            fate => fate,
        };
        let dues = match fate {
            Fate::Prompt => vec![due],
            Fate::Twice => vec![due, after(1)],
            Fate::Late(seconds) => vec![after(seconds)],
            Fate::Replayed(seconds) => vec![due, after(seconds)],
            Fate::Lost => Vec::new(),
        };
        for due in dues {
            self.queue.push(body.to_string(), due);
        }
    }
}

fn call(action: Action, sharing: Option<&Sharing>) -> (&'static str, Value, Value) {
    let named = |mut more: Value| {
        if let Some(map) = more.as_object_mut() {
            map.insert("name".to_owned(), DOCUMENT_NAME.into());
        }
        more
    };
    let described = |version: Option<u64>| {
        let version = version.map(|version| version.to_string());
        json!({ "documentDescription": { "name": DOCUMENT_NAME, "documentVersion": version, "latestVersion": version } })
    };
    match action {
        Action::Created => ("CreateDocument", named(json!({ "documentType": "Session" })), described(Some(1))),
        Action::Updated { version } => {
            ("UpdateDocument", named(json!({ "documentVersion": "$LATEST" })), described(version))
        }
        Action::DefaultMoved { version } => {
            let version = version.map(|version| version.to_string());
            let response = json!({ "description": { "name": DOCUMENT_NAME, "defaultVersion": version } });
            ("UpdateDocumentDefaultVersion", named(json!({ "documentVersion": version })), response)
        }
        Action::Deleted => ("DeleteDocument", named(json!({})), Value::Null),
        Action::VersionDeleted { version } => {
            let version = version.map(|version| version.to_string());
            ("DeleteDocument", named(json!({ "documentVersion": version })), Value::Null)
        }
        Action::SharingChanged => {
            let Sharing { added, removed } = sharing.cloned().unwrap_or_default();
            let request = json!({ "permissionType": "Share", "accountIdsToAdd": added, "accountIdsToRemove": removed });
            ("ModifyDocumentPermission", named(request), Value::Null)
        }
    }
}

impl Sim {
    /// Sets the fate of the next event; further fates queue up behind it.
    pub fn next_fate(&self, fate: Fate) {
        self.state().fates.push_back(fate);
    }

    /// Makes every event from now on arrive promptly.
    pub fn no_more_fates(&self) {
        self.state().fates.clear();
    }

    /// Organizations reports a created account to the management account.
    pub fn account_created(&self, management: &Target, account: &AccountId) {
        let now = self.now();
        self.state().vended.insert(account.clone(), now);
        let details =
            json!({ "createAccountStatus": { "id": "car-simulated", "state": "SUCCEEDED", "accountId": account } });
        self.organizations_event(management, "CreateAccountResult", &details);
    }

    /// When Organizations reported a new account.
    pub fn vended_at(&self, account: &str) -> Option<Time> {
        let state = self.state();
        state.vended.iter().find(|(id, _)| id.as_str() == account).map(|(_, at)| *at)
    }

    /// Organizations reports a departed account to the management account.
    pub fn account_departed(&self, management: &Target, account: &AccountId) {
        self.organizations_event(management, "AccountDepartedOrganization", &json!({ "accountId": account }));
    }

    /// Organizations reports a closed account to the management account.
    pub fn account_closed(&self, management: &Target, account: &AccountId) {
        let details = json!({ "closeAccountStatus": { "accountId": account, "state": "SUCCEEDED" } });
        self.organizations_event(management, "CloseAccountResult", &details);
    }

    /// Organizations reports a joined account to the management account.
    pub fn account_joined(&self, management: &Target, account: &AccountId) {
        self.organizations_event(management, "AccountJoinedOrganization", &json!({ "accountId": account }));
    }

    /// CloudTrail reports a move of an account to another OU to the management account.
    pub fn account_moved(&self, management: &Target, account: &AccountId) {
        let now = self.now();
        let mut state = self.state();
        let detail = json!({
            "eventVersion": "1.11",
            "userIdentity": { "type": "AssumedRole", "accountId": management.account },
            "eventTime": whole_second(now),
            "eventSource": "organizations.amazonaws.com",
            "eventName": "MoveAccount",
            "awsRegion": management.region,
            "requestParameters": { "accountId": account },
            "responseElements": null,
            "eventID": state.next_id(),
            "eventType": "AwsApiCall",
            "recipientAccountId": management.account,
        });
        state.send_event("aws.organizations", "AWS API Call via CloudTrail", management, &detail, now);
    }

    /// Account Management reports to an account that one of its regions was enabled or disabled.
    pub fn region_switched(&self, target: &Target, on: bool) {
        let now = self.now();
        let status = if on { "ENABLED" } else { "DISABLED" };
        let detail = json!({ "accountId": target.account, "regionName": target.region, "status": status });
        self.state().send_event("aws.account", "Region Opt-In Status Change", target, &detail, now);
    }

    /// An event of Organizations, delivered in `from`. A forger can send the same event from elsewhere.
    pub fn organizations_event(&self, from: &Target, name: &str, details: &Value) {
        let now = self.now();
        let mut state = self.state();
        let detail = json!({
            "eventVersion": "1.11",
            "userIdentity": { "accountId": from.account, "invokedBy": "AWS Internal" },
            "eventTime": whole_second(now),
            "eventSource": "organizations.amazonaws.com",
            "eventName": name,
            "awsRegion": from.region,
            "sourceIPAddress": "AWS Internal",
            "eventID": state.next_id(),
            "eventType": "AwsServiceEvent",
            "recipientAccountId": from.account,
            "serviceEventDetails": details,
        });
        state.send_event("aws.organizations", "AWS Service Event via CloudTrail", from, &detail, now);
    }
}

/// CloudTrail and EventBridge report whole seconds.
fn whole_second(now: Time) -> Time {
    Time::from_ms(now.ms().div_euclid(SECOND_MS) * SECOND_MS)
}
