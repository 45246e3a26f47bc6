//! Asks the broker for a session where no member role works. The request uses the function's own credentials; the session
//! reaches one document in one account for fifteen minutes.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::error::ErrorMetadata;
use serde_json::{Value, json};

use super::Session;
use crate::aws::client::Clients;
use crate::aws::fault::Call;
use crate::aws::http_call::{self, Endpoint, HttpCall, encoded};
use crate::broker::wire::{Answer, Granted, Refusal};
use crate::config::FunctionArn;
use crate::domain::target::{AccountId, Region};
use crate::ports::{Fault, FaultClass};

const CALL: Call = Call::read("Invoke");

/// The broker's function.
pub(in crate::aws) struct Broker {
    shape: HttpCall,
    endpoint: Endpoint,
    region: Region,
}

impl Broker {
    pub(in crate::aws) fn new(function: &FunctionArn, clients: &Clients) -> Self {
        // [bc lambda]: the ARN names a function of another account; without a header, the invocation is synchronous.
        let path = format!("/2015-03-31/functions/{}/invocations", encoded(&function.arn));
        let shape = HttpCall {
            service: "lambda",
            call: CALL,
            method: "POST",
            path: Cow::Owned(path),
            target: None,
            content_type: "application/json",
            read: invoked,
        };
        Self { shape, endpoint: clients.lambda(), region: function.region.clone() }
    }

    /// A session in the account. The policy must list its role in `gap_roles`, or the reactor's calls would look foreign.
    pub(super) async fn session(&self, account: &AccountId, gap_roles: &[String]) -> Result<Session, Refusal> {
        let granted = match self.ask(account).await {
            Ok(Answer::Granted(granted)) => granted,
            Ok(Answer::Refused(refusal)) => return Err(refusal),
            Err(fault) => return Err(unasked(&fault)),
        };
        if !gap_roles.contains(&granted.role) {
            return Err(Refusal {
                cause: format!("the broker works through {}, which the policy does not name", granted.role),
                fix: format!("add {} to access.gap_roles of the policy", granted.role),
            });
        }
        Ok(session(granted))
    }

    async fn ask(&self, account: &AccountId) -> Result<Answer, Fault> {
        let Some(credentials) = self.endpoint.sdk.credentials_provider() else {
            return Err(CALL.fault(FaultClass::Invalid, "NoCredentials", "there are no credentials to ask with"));
        };
        let call = self.shape.prepare(&self.endpoint, self.region.as_str(), credentials);
        let answer = call.ask(json!({ "account": account }).to_string()).await?;
        // An error of serde may quote the value, which holds secrets.
        serde_json::from_value(answer).map_err(|_| call.unread("the answer is neither credentials nor a refusal"))
    }
}

fn session(granted: Granted) -> Session {
    let Granted { access_key_id, secret_access_key, session_token, expiration, role, member_role_used } = granted;
    let expiry = u64::try_from(expiration.ms()).ok();
    let expiry = expiry.map(|ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms));
    let credentials = Credentials::new(access_key_id, secret_access_key, Some(session_token), expiry, "runas-broker");
    Session { credentials, expires: expiration, role, member_role_used }
}

/// The refusal for a broker that gave no answer.
fn unasked(fault: &Fault) -> Refusal {
    let fix = match fault.code.as_str() {
        "AccessDeniedException" => "allow the function's role lambda:InvokeFunction on the broker, there and here",
        "ResourceNotFoundException" => "deploy the broker, or mend the variable BROKER",
        code if code.starts_with(FAILED) => "see the broker's log in the management account",
        _ => "the reactor asks again by itself; if that does not help, see the broker's log and its throttles",
    };
    Refusal { cause: fault.to_string(), fix: fix.to_owned() }
}

/// Prefix of the code for an error inside the broker's function.
const FAILED: &str = "FunctionError";

/// The function's answer. A failed function returns a successful call with an error header [bc lambda].
fn invoked(response: &HttpResponse) -> Result<Value, OrchestratorError<ErrorMetadata>> {
    let answer = http_call::json(response)?;
    let Some(kind) = response.headers().get("x-amz-function-error") else { return Ok(answer) };
    let message = answer.get("errorMessage").and_then(Value::as_str).unwrap_or("no message");
    let error = ErrorMetadata::builder().code(format!("{FAILED} {kind}")).message(message);
    Err(OrchestratorError::operation(error.build()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broker_without_an_answer_is_a_refusal_that_says_what_to_do() {
        let fix = |code: &str| unasked(&CALL.answered(Some(code), 400, "said so")).fix;
        assert!(fix("AccessDeniedException").contains("lambda:InvokeFunction"));
        assert!(fix("ResourceNotFoundException").starts_with("deploy the broker"));
        assert!(fix("FunctionError Unhandled").starts_with("see the broker's log"));
        assert!(fix("TooManyRequestsException").contains("asks again by itself"));
    }

    #[test]
    fn answer_of_a_function_that_failed_is_an_error() {
        let answered = |failed: bool| {
            let mut response = HttpResponse::new(200.try_into().unwrap(), r#"{"errorMessage":"out of memory"}"#.into());
            if failed {
                response.headers_mut().insert("x-amz-function-error", "Unhandled");
            }
            invoked(&response)
        };
        assert_eq!(answered(false).unwrap(), json!({ "errorMessage": "out of memory" }));
        let error = answered(true).unwrap_err();
        let said = error.as_operation_error().unwrap();
        assert_eq!((said.code(), said.message()), (Some("FunctionError Unhandled"), Some("out of memory")));
    }
}
