//! Which accounts are served. Pure: what AWS said goes in, the verdict comes out, each with its reason.

use super::wire::Refusal;
use crate::domain::target::AccountId;
use crate::domain::time::{HOUR_MS, Time};
use crate::ports::Fault;

/// What the broker's operator has laid down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The role that is assumed, by name.
    pub gap_role: String,
    /// The role that the reactor works through as soon as it can, by name.
    pub member_role: String,
    /// How long after it joined an account is served in any case, in hours.
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
    /// It cannot, in the word of Organizations.
    Other(String),
}

/// What IAM says of the use of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleUse {
    /// There is no such role.
    Missing,
    /// No use of it is on record.
    Never,
    /// When it was last used.
    Last(Time),
}

impl RoleUse {
    /// When the role was last used, where it was.
    pub fn last(self) -> Option<Time> {
        match self {
            Self::Missing | Self::Never => None,
            Self::Last(at) => Some(at),
        }
    }
}

impl Described {
    /// Refuses accounts that are served in no case.
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
    /// Organizations knows no such account.
    pub(super) fn unknown(account: &AccountId) -> Self {
        Self {
            cause: format!("the organisation has no account {account}"),
            fix: "a new account is known within minutes; any other is none of the broker's".to_owned(),
        }
    }
}

impl Terms {
    /// Why credentials are given, or why they are not.
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
