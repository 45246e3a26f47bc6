//! Reads the date of a role's last use with `iam:GetRole`.

use std::borrow::Cow;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use serde_json::{Value, json};

use crate::aws::by_hand::{Shape, Way, encoded};
use crate::aws::client::Clients;
use crate::aws::fault::Call;
use crate::broker::RoleUse;
use crate::config::Connection;
use crate::domain::target::partition;
use crate::ports::{Fault, FaultClass};

const CALL: Call = Call::read("GetRole").in_member();
/// IAM speaks AWS's query protocol [bc iam].
static GET_ROLE: Shape = Shape {
    service: "iam",
    call: CALL,
    method: "POST",
    path: Cow::Borrowed("/"),
    target: None,
    content_type: "application/x-www-form-urlencoded",
    read: role,
};

/// How to reach IAM, which has one endpoint in each partition.
pub(super) struct Iam {
    way: Way,
    region: &'static str,
}

impl Iam {
    pub(super) fn new(connection: &Connection, clients: &Clients) -> Self {
        // [bc iam: endpoint rule set].
        let (region, endpoint) = match partition(&connection.region) {
            "aws-cn" => ("cn-north-1", "https://iam.cn-north-1.amazonaws.com.cn"),
            "aws-us-gov" => ("us-gov-west-1", "https://iam.us-gov.amazonaws.com"),
            _ if connection.fips => ("us-east-1", "https://iam-fips.amazonaws.com"),
            _ => ("us-east-1", "https://iam.amazonaws.com"),
        };
        let Way { sdk, endpoint: given } = clients.iam();
        Self { way: Way { sdk, endpoint: given.or_else(|| Some(endpoint.to_owned())) }, region }
    }

    /// When a role was last used, in the account that the credentials belong to.
    pub(super) async fn role_use(&self, role: &str, credentials: SharedCredentialsProvider) -> Result<RoleUse, Fault> {
        let question = format!("Action=GetRole&Version=2010-05-08&RoleName={}", encoded(role));
        let answer = match GET_ROLE.prepare(&self.way, self.region, credentials).ask(question).await {
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
}

/// The role's name and last use, or the error.
fn role(response: &HttpResponse) -> Result<Value, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    let text = std::str::from_utf8(body).map_err(OrchestratorError::other)?;
    let at = |path: &[&str]| text_at(text, path).map_err(OrchestratorError::other);
    if response.status().is_success() {
        let last_used = at(&["GetRoleResult", "Role", "RoleLastUsed", "LastUsedDate"])?;
        return Ok(json!({ "RoleName": at(&["GetRoleResult", "Role", "RoleName"])?, "LastUsedDate": last_used }));
    }
    let mut error = ErrorMetadata::builder();
    if let Some(code) = at(&["Error", "Code"])? {
        error = error.code(code);
    }
    if let Some(message) = at(&["Error", "Message"])? {
        error = error.message(message);
    }
    Err(OrchestratorError::operation(error.build()))
}

/// The text of the first element on a path below the root; `None` where there is none.
fn text_at(document: &str, path: &[&str]) -> Result<Option<String>, XmlDecodeError> {
    below(&mut Document::new(document).root_element()?, path)
}

fn below(element: &mut ScopedDecoder<'_, '_>, path: &[&str]) -> Result<Option<String>, XmlDecodeError> {
    let Some((name, rest)) = path.split_first() else {
        return try_data(element).map(|text| Some(text.trim().to_owned()));
    };
    while let Some(mut next) = element.next_tag() {
        if next.start_el().matches(name) {
            return below(&mut next, rest);
        }
    }
    Ok(None)
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
