//! The broker: a small function in the management account that stands between the reactor and the administrator roles that
//! every account has from its first minute.
//!
//! In a new account, and under a quarantine SCP, no role of the reactor's works yet; the management access role does
//! (`AWSControlTowerExecution`), and it may do anything. So the reactor never gets it. It asks the broker for an account,
//! and gets a session of fifteen minutes that can make nine calls on one document in that account: the broker adds the
//! session policy itself. Nothing else in the question counts, and the broker judges by what AWS says:
//!
//! 1. Organizations knows the account, it is active, and it is not the management account.
//! 2. The account joined less than the configured hours ago, or IAM shows no use of its member role.
//!
//! Whether the member role was used is read with a session of the gap role that can do nothing but `iam:GetRole` on that
//! role. A role that is not there was not used. IAM keeps the date of the last use for 400 days and promises no delay for it
//! [docs: `API_RoleLastUsed`]: a working role is used by a sweep a day, so its date does not go stale, and a date that is late
//! prolongs the gap by hours. An administrator of the account who recreates the role clears its date, and gains nothing:
//! credentials go to the reactor alone and reach no further than the member role's.
//!
//! Who may ask is the business of the function's resource policy, which names the role of the reactor's function; AWS
//! enforces it. Each answer is one log line.

use std::future::Future;

use serde_json::Value;

use crate::domain::target::AccountId;
use crate::domain::text::{MESSAGE_CHARS_MAX, NAME_CHARS_MAX, clean};
use crate::domain::time::Time;
use crate::ports::Fault;

mod eligibility;
pub mod function;
#[cfg(test)]
mod tests;
pub mod wire;

pub use eligibility::{AccountStatus, Described, RoleUse, Terms};
use wire::{Answer, Granted, Refusal, Request};

/// What the broker asks of AWS, each with no more rights than the question takes.
pub trait Management {
    /// What Organizations says of an account; `None` where it knows no such account.
    fn describe(&self, account: &AccountId) -> impl Future<Output = Result<Option<Described>, Fault>> + Send;

    /// Whether the account's member role was ever used, read by the gap role.
    fn member_role_use(
        &self,
        account: &AccountId,
        correlation: &str,
    ) -> impl Future<Output = Result<RoleUse, Fault>> + Send;

    /// A session of the gap role that reaches the one document of the account.
    fn document_session(
        &self,
        account: &AccountId,
        correlation: &str,
    ) -> impl Future<Output = Result<Granted, Fault>> + Send;
}

/// Answers one question, and logs the answer. `correlation` is the id of the invocation: it stands in the log line and in the
/// name of the role session, so that each leads to the other.
pub async fn answer<M: Management>(
    management: &M,
    terms: &Terms,
    payload: Value,
    correlation: &str,
    now: Time,
) -> Answer {
    let request = match question(payload) {
        Ok(request) => request,
        Err(refusal) => return refuse("none", terms, correlation, refusal),
    };
    let account = &request.account;
    match grant(management, terms, account, correlation, now).await {
        Ok((granted, why)) => {
            let role = &terms.gap_role;
            tracing::info!(%account, role, outcome = "granted", why, correlation, "gap role");
            Answer::Granted(granted)
        }
        Err(refusal) => refuse(account.as_str(), terms, correlation, refusal),
    }
}

/// The credentials, and why they are given.
async fn grant<M: Management>(
    management: &M,
    terms: &Terms,
    account: &AccountId,
    correlation: &str,
    now: Time,
) -> Result<(Granted, String), Refusal> {
    let described = management.describe(account).await.map_err(|fault| undescribed(&fault))?;
    let described = described.ok_or_else(|| Refusal::unknown(account))?;
    described.check(account)?;
    let role_use = management.member_role_use(account, correlation).await;
    let why = terms.judge(&described, role_use.as_ref(), now)?;
    let granted = management.document_session(account, correlation).await;
    let granted = granted.map_err(|fault| unassumed(&terms.gap_role, &fault))?;
    let member_role_used = role_use.ok().and_then(RoleUse::last);
    Ok((Granted { member_role_used, ..granted }, why))
}

fn refuse(account: &str, terms: &Terms, correlation: &str, refusal: Refusal) -> Answer {
    let (role, Refusal { cause, fix }) = (&terms.gap_role, &refusal);
    tracing::warn!(account, role, outcome = "refused", why = cause, fix, correlation, "gap role");
    Answer::Refused(refusal)
}

fn question(payload: Value) -> Result<Request, Refusal> {
    // A derived reader takes a list of the fields' values as well.
    let read =
        if payload.is_object() { serde_json::from_value(payload) } else { Err(serde::de::Error::custom("no object")) };
    read.map_err(|error: serde_json::Error| Refusal {
        cause: format!("the payload is not an account and nothing else: {}", clean(&error.to_string(), NAME_CHARS_MAX)),
        fix: r#"send {"account":"<12 digits>"}; only the reactor's function is meant to ask"#.to_owned(),
    })
}

fn undescribed(fault: &Fault) -> Refusal {
    let fix = if fault.retryable() {
        "the reactor asks again by itself"
    } else {
        "run the broker in the management account, and allow its role organizations:DescribeAccount"
    };
    Refusal { cause: clean(&fault.to_string(), MESSAGE_CHARS_MAX), fix: fix.to_owned() }
}

fn unassumed(gap_role: &str, fault: &Fault) -> Refusal {
    let fix = if fault.retryable() {
        "the reactor asks again by itself".to_owned()
    } else {
        format!(
            "let {gap_role} exist in the account and trust the management account, and let the broker's role assume it"
        )
    };
    Refusal { cause: clean(&fault.to_string(), MESSAGE_CHARS_MAX), fix }
}
