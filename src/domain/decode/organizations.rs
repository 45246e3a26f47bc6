//! Events of AWS Organizations [docs: orgs_cloudtrail-integration]: results that the service itself reports, and calls. All
//! arise in the acting account, in us-east-1 (us-gov-west-1, cn-northwest-1 in the other partitions).

use std::collections::BTreeSet;

use serde_json::Value;

use super::arn::Arn;
use super::envelope::{Parsed, Record, ignored, undecodable};
use super::lenient::{Object, text_at};
use super::state::State;
use crate::domain::signal::Signal;
use crate::domain::target::AccountId;
use crate::domain::text::quote;

/// `AWS Service Event via CloudTrail`.
pub(super) fn happened(record: Record<'_>) -> Parsed {
    match record.name {
        "CreateAccountResult" => created(&record.of_known_version()?),
        "CloseAccountResult" => closed(&record.of_known_version()?),
        "AccountJoinedOrganization" => {
            let record = record.of_known_version()?;
            let account = named_account(&record)?;
            record.event(Signal::AccountJoined { account })
        }
        "AccountDepartedOrganization" => {
            let record = record.of_known_version()?;
            let account = named_account(&record)?;
            record.event(Signal::AccountLeft { account })
        }
        name => ignored(format!("{} of Organizations neither brings nor takes an account", quote(name))),
    }
}

/// `AWS API Call via CloudTrail`.
pub(super) fn called(record: Record<'_>) -> Parsed {
    let signal: fn(AccountId) -> Signal = match record.name {
        "MoveAccount" => |account| Signal::AccountMoved { account },
        "RemoveAccountFromOrganization" => |account| Signal::AccountLeft { account },
        "CreateAccount" | "CreateGovCloudAccount" | "CloseAccount" => {
            return ignored(format!("{} only asks for it; a later event reports the result", record.name));
        }
        name => return ignored(format!("the call {} moves no account", quote(name))),
    };
    let record = record.of_known_version()?;
    if let Some(code) = record.failed() {
        return ignored(format!("{} failed with {code}: nothing moved", record.name));
    }
    let account =
        record.part("requestParameters").and_then(|parameters| text_at(parameters, "accountId")?.parse().ok());
    match account {
        Some(account) => record.event(signal(account)),
        None => undecodable(format!("{} names no account in `requestParameters.accountId`", record.name)),
    }
}

fn created(record: &Record<'_>) -> Parsed {
    let status = record.status("createAccountStatus")?;
    // A failure names no account. `govCloudAccountId` of a pair is in another partition, out of the reactor's reach.
    let account: Option<AccountId> = text_at(status, "accountId").and_then(|id| id.parse().ok());
    match (State::read(status), account) {
        (State::Succeeded, Some(account)) => record.event(Signal::AccountVended { account }),
        (State::Succeeded, None) => undecodable("CreateAccountResult succeeded, and names no account"),
        (State::Failed(why), account) => record.event(Signal::VendFailed { account, why }),
        (State::InProgress, _) => ignored("the account is still being created; a later event reports its end"),
    }
}

fn closed(record: &Record<'_>) -> Parsed {
    let status = record.status("closeAccountStatus")?;
    let account: Option<AccountId> = text_at(status, "accountId").and_then(|id| id.parse().ok());
    match (State::read(status), account) {
        (State::Succeeded, Some(account)) => record.event(Signal::AccountClosed { account }),
        (State::Succeeded, None) => undecodable("CloseAccountResult succeeded, and names no account"),
        (State::Failed(why), _) => ignored(format!("the account was not closed: {why}")),
        (State::InProgress, _) => ignored("the account is still being closed; a later event reports its end"),
    }
}

/// The account that joined or departed. AWS documents only the names of the method and time fields, so the id is searched
/// in the whole of `serviceEventDetails`.
fn named_account(record: &Record<'_>) -> Parsed<AccountId> {
    let reporter = record.envelope.account()?;
    let mut found = record.part("serviceEventDetails").map(candidates).unwrap_or_default();
    for ids in &mut found {
        ids.remove(&reporter);
    }
    let mut best = found.into_iter().find(|ids| !ids.is_empty()).unwrap_or_default().into_iter();
    match (best.next(), best.next()) {
        (Some(account), None) => Ok(account),
        (Some(_), Some(_)) => {
            undecodable(format!("{} names more than one account; a sweep will see who is there", record.name))
        }
        (None, _) => undecodable(format!("{} names no account; a sweep will see who is there", record.name)),
    }
}

/// All account ids in `details`, by likelihood: under `accountId`, under a similar key, in the ARN of an account, in any
/// other text of twelve digits.
fn candidates(details: &Object) -> [BTreeSet<AccountId>; 4] {
    let mut found: [BTreeSet<AccountId>; 4] = Default::default();
    let [named, alike, in_arn, any] = &mut found;
    let mut open: Vec<(&str, &Value)> = details.iter().map(|(key, value)| (key.as_str(), value)).collect();
    while let Some((key, value)) = open.pop() {
        let key_plain = key.replace(['_', '-'], "").to_ascii_lowercase();
        if names_another_account(&key_plain, value) {
            continue;
        }
        let text = match value {
            Value::Object(inner) => {
                open.extend(inner.iter().map(|(key, value)| (key.as_str(), value)));
                continue;
            }
            Value::Array(inner) => {
                open.extend(inner.iter().map(|value| (key, value)));
                continue;
            }
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) => continue,
        };
        if let Ok(id) = text.parse::<AccountId>() {
            match key_plain.as_str() {
                "accountid" => named.insert(id),
                key if key.ends_with("accountid") || key.ends_with("account") => alike.insert(id),
                _ => any.insert(id),
            };
        } else if let Some(id) = account_in_arn(&text) {
            in_arn.insert(id);
        }
    }
    found
}

/// Keys that name the organisation, its management account or the actor. An object may well be called
/// `accountJoinedOrganizationStatus`.
fn names_another_account(key: &str, value: &Value) -> bool {
    let others = ["management", "master", "payer", "delegated", "admin", "owner", "caller", "requester", "recipient"];
    others.iter().any(|word| key.contains(word)) || (key.contains("organization") && !value.is_object())
}

/// `arn:aws:organizations::MANAGEMENT:account/o-exampleorgid/ACCOUNT`.
fn account_in_arn(text: &str) -> Option<AccountId> {
    let resource = Arn::parse(text).filter(|arn| arn.service == "organizations")?.resource;
    resource.strip_prefix("account/")?.rsplit('/').next()?.parse().ok()
}
