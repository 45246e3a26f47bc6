//! Calls `AssumeRole`, always with the session policy: only this module holds the STS client.

use aws_credential_types::Credentials;
use aws_sdk_sts::Client;

use super::Session;
use super::policy::{Scope, SessionPolicy};
use crate::aws::client::Lazy;
use crate::aws::fault::Call;
use crate::domain::target::AccountId;
use crate::domain::time::Time;
use crate::ports::{Fault, FaultClass};

pub(super) const CALL: &str = "AssumeRole";

/// The shortest life that STS gives [bc sts: 900 to 43,200 s]; a stolen session is worth least. Role chaining allows at
/// most 3,600 s [docs: `id_roles_terms-and-concepts`], but reuse is rare: a batch or sweep visits an account within
/// seconds, and seldom again within the hour.
const DURATION_S: i32 = 900;

const NAME_PREFIX: &str = "runas-reactor-";
/// [bc sts] `RoleSessionName`: 2 to 64 of `[\w+=,.@-]`.
const NAME_MAX: usize = 64;

pub(in crate::aws) struct ScopedSts {
    client: Lazy<Client>,
    partition: &'static str,
    scope: Scope,
}

impl ScopedSts {
    /// The client uses the regional endpoint of the function's region: tokens of the global endpoint are not valid in all
    /// regions [docs: `id_credentials_temp_region-endpoints`].
    pub(in crate::aws) fn new(client: Lazy<Client>, partition: &'static str, scope: Scope) -> Self {
        Self { client, partition, scope }
    }

    pub(in crate::aws) async fn assume(
        &self,
        account: &AccountId,
        role: &str,
        correlation: &str,
    ) -> Result<Session, Fault> {
        let call = Call::read(CALL);
        let partition = self.partition;
        let answer = self
            .client
            .assume_role()
            .role_arn(format!("arn:{partition}:iam::{account}:role/{}", role.trim_start_matches('/')))
            .role_session_name(session_name(correlation))
            .duration_seconds(DURATION_S)
            .policy(SessionPolicy::of(&self.scope, partition, account).into_json())
            .send()
            .await
            .map_err(|error| call.failed(&error))?;
        let Some(issued) = answer.credentials else {
            return Err(call.fault(FaultClass::Transient, "Incomplete", "the answer holds no credentials"));
        };
        let expires = issued.expiration.to_millis().map_or(Time::ZERO, Time::from_ms);
        let expiry = std::time::SystemTime::try_from(issued.expiration).ok();
        let credentials = Credentials::new(
            issued.access_key_id,
            issued.secret_access_key,
            Some(issued.session_token),
            expiry,
            "runas-reactor",
        );
        Ok(Session { credentials, expires, role: role.to_owned(), member_role_used: None })
    }
}

/// Names the session after the signal, so that the account's `CloudTrail` leads back to it.
fn session_name(correlation: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    NAME_PREFIX.chars().chain(correlation.chars().map(fits)).take(NAME_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_names_are_what_sts_takes() {
        assert_eq!(
            session_name("2b6a5c1e-0d7f-4f0e-9a31-6c2f5d8e7a10"),
            "runas-reactor-2b6a5c1e-0d7f-4f0e-9a31-6c2f5d8e7a10"
        );
        assert_eq!(session_name("a/b c:ö"), "runas-reactor-a-b-c--");
        assert_eq!(session_name(&"x".repeat(200)).len(), 64);
        assert_eq!(session_name(""), "runas-reactor-");
    }
}
