//! Callers of AWS, as CloudTrail records them.

use serde_json::{Value, json};

use crate::domain::target::AccountId;

/// The session of the reactor.
pub(super) const REACTOR: &str = "runas-reactor-simulated";

/// A principal that calls AWS, as CloudTrail records it.
#[derive(Clone, Debug)]
pub struct Caller {
    /// CloudTrail's `userIdentity`.
    pub identity: Value,
    /// The user agent.
    pub agent: &'static str,
}

impl Caller {
    /// A session of a role; `role` may carry a path.
    pub fn role(account: &AccountId, role: &str, session: &str) -> Self {
        let name = role.rsplit('/').next().unwrap_or(role);
        let identity = json!({
            "type": "AssumedRole",
            "principalId": format!("AROASIMULATED:{session}"),
            "arn": format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"),
            "accountId": account,
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "arn": format!("arn:aws:iam::{account}:role/{role}"),
                    "accountId": account,
                    "userName": name,
                },
                "attributes": { "mfaAuthenticated": "false" },
            },
        });
        Self { identity, agent: "aws-sdk-rust" }
    }

    /// The ARN of the role behind the session, or of the user.
    pub(super) fn arn(&self) -> String {
        let issuer = self.identity.pointer("/sessionContext/sessionIssuer/arn");
        let arn = issuer.or_else(|| self.identity.get("arn")).and_then(Value::as_str);
        arn.unwrap_or_default().to_owned()
    }

    /// Whether it is the reactor.
    pub(super) fn is_reactor(&self) -> bool {
        self.identity.get("arn").and_then(Value::as_str).is_some_and(|arn| arn.rsplit('/').next() == Some(REACTOR))
    }

    /// An account administrator through Identity Center.
    pub fn administrator(account: &AccountId, name: &str) -> Self {
        let role = "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_AdministratorAccess_0123456789abcdef";
        Self { agent: "Mozilla/5.0", ..Self::role(account, role, name) }
    }

    /// An on-call engineer with the break-glass permission set.
    pub fn break_glass(account: &AccountId, name: &str) -> Self {
        let role = "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_BreakGlass_0123456789abcdef";
        Self { agent: "Mozilla/5.0", ..Self::role(account, role, name) }
    }

    /// Landing Zone Accelerator's custom resource.
    pub fn lza(account: &AccountId) -> Self {
        let role = "AWSAccelerator-SecurityResou-CustomSessionManagerLo-SIMULATED";
        Self { agent: "AwsSolution/SO0199/v1.15.5", ..Self::role(account, role, "SessionManagerSettings") }
    }
}
