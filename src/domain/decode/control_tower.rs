//! Lifecycle events of Control Tower [docs: controltower lifecycle-events]. They arrive in the management account, in
//! Control Tower's home region. API calls of the same names only request the work, and are not followed.

use super::envelope::{Parsed, Record, ignored, undecodable};
use super::lenient::{object_at, str_at, text_at};
use super::state::State;
use crate::domain::signal::Signal;
use crate::domain::target::{AccountId, OuId};
use crate::domain::text::quote;

pub(super) fn parse(record: Record<'_>) -> Parsed {
    match record.name {
        "CreateManagedAccount" => account(&record.of_known_version()?, "createManagedAccountStatus", vended),
        // The enrolment of an existing account, and every retry, arrive as an update.
        "UpdateManagedAccount" => account(&record.of_known_version()?, "updateManagedAccountStatus", enrolled),
        "RegisterOrganizationalUnit" => unit(&record.of_known_version()?),
        "EnableBaseline" => baseline(&record.of_known_version()?),
        name => ignored(format!("the lifecycle event {} neither brings nor enrols an account", quote(name))),
    }
}

fn vended(account: AccountId) -> Signal {
    Signal::AccountVended { account }
}

fn enrolled(account: AccountId) -> Signal {
    Signal::AccountEnrolled { account }
}

fn account(record: &Record<'_>, key: &str, done: fn(AccountId) -> Signal) -> Parsed {
    let status = record.status(key)?;
    // Whether a failure names the account is not documented.
    let account = object_at(status, "account").and_then(|account| text_at(account, "accountId")?.parse().ok());
    ended(record, State::read(status), account, done)
}

/// The work on an account succeeded, failed, or is not over.
fn ended(record: &Record<'_>, state: State, account: Option<AccountId>, done: fn(AccountId) -> Signal) -> Parsed {
    match (state, account) {
        (State::Succeeded, Some(account)) => record.event(done(account)),
        (State::Succeeded, None) => undecodable(format!("{} succeeded, and names no account", record.name)),
        (State::Failed(why), account) => record.event(Signal::VendFailed { account, why }),
        (State::InProgress, _) => ignored(still_under_way(record)),
    }
}

fn unit(record: &Record<'_>) -> Parsed {
    let status = record.status("registerOrganizationalUnitStatus")?;
    let unit = object_at(status, "organizationalUnit");
    let ou = unit.and_then(|unit| str_at(unit, "organizationalUnitId")?.parse().ok());
    registered(record, State::read(status), ou)
}

/// The event lists no accounts, so the reactor walks the OU.
fn registered(record: &Record<'_>, state: State, ou: Option<OuId>) -> Parsed {
    match (state, ou) {
        (State::Succeeded, Some(ou)) => record.event(Signal::OuRegistered { ou }),
        (State::Succeeded, None) => undecodable(format!("{} succeeded, and names no OU", record.name)),
        (State::Failed(why), _) => ignored(format!("{} did not succeed: {why}", record.name)),
        (State::InProgress, _) => ignored(still_under_way(record)),
    }
}

/// The account or OU is the last segment of `targetIdentifier`, an ARN such as
/// `arn:aws:organizations::111122223333:account/o-exampleorgid/444455556666`; there is no `state` beside it.
fn baseline(record: &Record<'_>) -> Parsed {
    let status = record.status("enableBaselineStatus")?;
    let details = object_at(status, "enabledBaselineDetails").unwrap_or(status);
    let target = str_at(details, "targetIdentifier").and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
    let state = State::read(details);
    if let Ok(ou) = target.parse::<OuId>() {
        return registered(record, state, Some(ou));
    }
    match target.parse::<AccountId>() {
        Ok(account) => ended(record, state, Some(account), enrolled),
        Err(_) => undecodable("`targetIdentifier` of EnableBaseline names neither an account nor an OU"),
    }
}

fn still_under_way(record: &Record<'_>) -> String {
    format!("{} is still under way; a later event reports its end", record.name)
}
