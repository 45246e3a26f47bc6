//! Which accounts get credentials. Pure: AWS's answers go in, a grant or refusal with its reason comes out.

use super::wire::Refusal;
use crate::domain::target::AccountId;
use crate::domain::time::{HOUR_MS, Time};
use crate::ports::Fault;

/// The conditions that the broker's operator sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The role that is assumed, by name.
    pub gap_role: String,
    /// The role that the reactor uses as soon as it can, by name.
    pub member_role: String,
    /// Hours after joining during which an account gets credentials in any case.
    pub max_age_hours: u32,
}

/// An account as Organizations describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The organisation's management account.
    pub management_account: AccountId,
    /// Whether the account can be used.
    pub status: AccountStatus,
    /// When it was created in the organisation, or joined it.
    pub joined: Option<Time>,
}

/// Whether an account can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// It can.
    Active,
    /// It cannot; the status as Organizations names it.
    Other(String),
}

/// The use of a role, as IAM reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleUse {
    /// There is no such role.
    Missing,
    /// IAM has no use of it on record.
    Never,
    /// When it was last used.
    Last(Time),
}

impl RoleUse {
    /// When the role was last used; `None` where it never was.
    pub fn last(self) -> Option<Time> {
        match self {
            Self::Missing | Self::Never => None,
            Self::Last(at) => Some(at),
        }
    }
}

impl Described {
    /// Refuses accounts that never get credentials.
    pub(super) fn check(&self, account: &AccountId) -> Result<(), Refusal> {
        if self.management_account == *account {
            return Err(Refusal {
                cause: format!("account {account} is the management account"),
                fix: "deploy the member role there: neither a gap role nor an SCP reaches it".to_owned(),
            });
        }
        match &self.status {
            AccountStatus::Active => Ok(()),
            AccountStatus::Other(status) => Err(Refusal {
                cause: format!("account {account} is not active but {status}"),
                fix: "wait until it is active, or take it out of the policy".to_owned(),
            }),
        }
    }
}

impl Refusal {
    /// The refusal of an account that Organizations does not list.
    pub(super) fn unknown(account: &AccountId) -> Self {
        Self {
            cause: format!("the organisation has no account {account}"),
            fix: "a new account is known within minutes; any other is none of the broker's".to_owned(),
        }
    }
}

impl Terms {
    /// The reason for granting credentials, or the refusal.
    pub(super) fn judge(
        &self,
        described: &Described,
        role_use: Result<&RoleUse, &Fault>,
        now: Time,
    ) -> Result<String, Refusal> {
        let role = &self.member_role;
        let age = described.joined.map(|joined| now.since(joined));
        let young = age.is_some_and(|age| age < i64::from(self.max_age_hours) * HOUR_MS);
        let age = age.map_or("at an unknown time".to_owned(), |age| format!("{} hours ago", age.max(0) / HOUR_MS));
        match role_use {
            Ok(RoleUse::Missing) => Ok(format!("the account has no {role}; it joined {age}")),
            Ok(RoleUse::Never) => Ok(format!("no use of {role} is on record; the account joined {age}")),
            Ok(RoleUse::Last(at)) if young => Ok(format!("the account joined {age}; {role} was last used at {at}")),
            Err(fault) if young => Ok(format!("the account joined {age}; the use of {role} is not known: {fault}")),
            Ok(RoleUse::Last(at)) => Err(Refusal {
                cause: format!(
                    "{role} was last used at {at}, and the account joined {age}, not within {} hours",
                    self.max_age_hours
                ),
                fix: format!(
                    "let {role} work again: it has to exist, trust the reactor's role, and be denied by no SCP"
                ),
            }),
            Err(fault) => Err(Refusal {
                cause: format!("the account joined {age}, and whether {role} was ever used is not known: {fault}"),
                fix: format!("deploy {role}, or let {} trust the management account again", self.gap_role),
            }),
        }
    }
}
