//! Reads the date of a role's last use with `iam:GetRole`.

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::error::ErrorMetadata;
use serde_json::{Value, json};

use crate::aws::fault::Call;
use crate::aws::iam::{Iam, answered, text_at};
use crate::broker::RoleUse;
use crate::ports::{Fault, FaultClass};

const CALL: Call = Call::read("GetRole").in_member();

/// When a role was last used, in the account that the credentials belong to.
pub(super) async fn role_use(iam: &Iam, role: &str, credentials: SharedCredentialsProvider) -> Result<RoleUse, Fault> {
    let answer = match iam.ask(CALL, ("RoleName", role), last_used, credentials).await {
        Ok(answer) => answer,
        Err(fault) if fault.class == FaultClass::NotFound && fault.code == "NoSuchEntity" => {
            return Ok(RoleUse::Missing);
        }
        Err(fault) => return Err(fault),
    };
    // An answer about another role, or about none, is incomplete.
    if answer.get("RoleName").and_then(Value::as_str) != Some(role) {
        return Err(CALL.fault(FaultClass::Transient, "Incomplete", "the answer is not about the role"));
    }
    match answer.get("LastUsedDate").and_then(Value::as_str) {
        None | Some("") => Ok(RoleUse::Never),
        Some(date) => {
            let date = date.parse().map(RoleUse::Last);
            date.map_err(|error: crate::domain::time::TimeError| {
                CALL.fault(FaultClass::Transient, "Incomplete", &error.to_string())
            })
        }
    }
}

/// The role's name and last use, or the error.
fn last_used(response: &HttpResponse) -> Result<Value, OrchestratorError<ErrorMetadata>> {
    answered(response, |text| {
        let date = text_at(text, &["GetRoleResult", "Role", "RoleLastUsed", "LastUsedDate"])?;
        Ok(json!({ "RoleName": text_at(text, &["GetRoleResult", "Role", "RoleName"])?, "LastUsedDate": date }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in the API reference.
    const ANSWER: &str = r#"<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult><Role>
        <Path>/</Path><RoleName>RunasReactorMember</RoleName><Description>a &amp; b</Description>
        <RoleLastUsed><LastUsedDate>2026-11-20T17:09:20Z</LastUsedDate><Region>eu-west-1</Region></RoleLastUsed>
        </Role></GetRoleResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetRoleResponse>"#;

    #[test]
    fn the_last_use_is_found_where_it_is_and_nowhere_else() {
        let date = ["GetRoleResult", "Role", "RoleLastUsed", "LastUsedDate"];
        assert_eq!(text_at(ANSWER, &date).unwrap().as_deref(), Some("2026-11-20T17:09:20Z"));
        let name = ["GetRoleResult", "Role", "RoleName"];
        assert_eq!(text_at(ANSWER, &name).unwrap().as_deref(), Some("RunasReactorMember"));
        for unused in ["<RoleLastUsed/>", "<RoleLastUsed></RoleLastUsed>", ""] {
            let (before, rest) = ANSWER.split_once("<RoleLastUsed>").unwrap();
            let (_, after) = rest.split_once("</RoleLastUsed>").unwrap();
            assert_eq!(text_at(&format!("{before}{unused}{after}"), &date).unwrap(), None, "{unused}");
        }
        assert!(text_at("no XML", &date).is_err());
    }
}
