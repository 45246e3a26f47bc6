//! The broker: a small function in the management account, between the reactor and the administrator roles that every
//! account has from its first minute.
//!
//! In a new account, and under a quarantine SCP, no role of the reactor's works yet. The management access role works
//! (`AWSControlTowerExecution`), but may do anything, so the reactor never gets it. The reactor requests an account from
//! the broker, and receives a session of fifteen minutes that can make nine calls on one document in it. The broker adds
//! the session policy itself. It reads nothing else from the request, and grants it by what AWS says:
//!
//! 1. Organizations knows the account, it is active, and it is not the management account.
//! 2. The account joined less than the configured hours ago, or IAM shows no use of its member role.
//!
//! The broker reads the member role's last use with a session of the gap role that can only call `iam:GetRole` on it. A
//! missing role counts as unused. IAM keeps the date of the last use for 400 days, without a promised delay [docs:
//! `API_RoleLastUsed`]. Sweeps use a working role daily, so its date stays fresh; a late date prolongs the gap by hours. An
//! account administrator who recreates the role clears its date and gains nothing. Credentials go to the reactor alone, and
//! reach no further than the member role's.
//!
//! The function's resource policy admits only the role of the reactor's function; AWS enforces it. Each answer is one log
//! line.

use std::future::Future;

use serde_json::Value;

use crate::domain::target::AccountId;
use crate::domain::text::{MESSAGE_CHARS_MAX, NAME_CHARS_MAX, clean};
use crate::domain::time::Time;
use crate::ports::Fault;

mod eligibility;
#[cfg(test)]
mod tests;
pub mod wire;

pub use eligibility::{AccountStatus, Described, RoleUse, Terms};
use wire::{Answer, Granted, Refusal, Request};

/// The broker's requests to AWS, each with no more rights than it needs.
pub trait Management {
    /// The account in Organizations; `None` where the organisation has no such account.
    fn describe(&self, account: &AccountId) -> impl Future<Output = Result<Option<Described>, Fault>> + Send;

    /// The use of the account's member role, read with the gap role.
    fn member_role_use(
        &self,
        account: &AccountId,
        correlation: &str,
    ) -> impl Future<Output = Result<RoleUse, Fault>> + Send;

    /// A session of the gap role that reaches only the account's document.
    fn document_session(
        &self,
        account: &AccountId,
        correlation: &str,
    ) -> impl Future<Output = Result<Granted, Fault>> + Send;
}

/// Answers one request and logs the answer. `correlation` is the invocation's id; the log line and the role session's name
/// both carry it.
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

/// The credentials, and the reason for granting them.
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
    // Serde's derived reader would also accept a list of the field values.
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
