//! Roles, users and Identity Center's attributes, read with an operator's own credentials: the member role may not ask for them.

use std::borrow::Cow;

use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::error::ErrorMetadata;
use serde_json::{Value, json};

use super::client::Clients;
use super::fault::Call;
use super::http_call::{self, Endpoint, HttpCall};
use super::iam::{Iam, answered, pairs_at, text_at};
use crate::domain::target::{AccountId, Region};
use crate::ports::{Fault, FaultClass};

const GET_ROLE: Call = Call::read("GetRole");
const GET_USER: Call = Call::read("GetUser");
const INSTANCES: Call = Call::read("ListInstances");
const ATTRIBUTES: Call = Call::read("DescribeInstanceAccessControlAttributeConfiguration");

/// A page holds up to 100 instances [bc sso-admin], and an account sees few.
const PAGES_MAX: usize = 5;

/// The principals of the account that the credentials belong to.
pub struct Principals {
    iam: Iam,
    identity_center: Endpoint,
}

/// A role or user, as IAM describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// With its path.
    pub arn: String,
    /// Tags by key.
    pub tags: Vec<(String, String)>,
    /// The trust policy of a role, as text.
    pub trust: Option<String>,
}

/// What Identity Center passes on of its users' attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attributes {
    /// Nothing: attributes for access control are off.
    Off,
    /// These tags, each with the source of its value. External identity providers may send others, which no call shows
    /// [bc sso-admin: `DescribeInstanceAccessControlAttributeConfiguration`].
    On(Vec<(String, String)>),
}

impl Principals {
    pub(super) fn new(home: &Region, clients: &Clients) -> Self {
        Self { iam: Iam::new(home, clients), identity_center: clients.of_operators() }
    }

    /// The role with this name.
    ///
    /// # Errors
    /// There is none, or IAM denies it.
    pub async fn role(&self, name: &str) -> Result<Described, Fault> {
        self.describe(GET_ROLE, ("RoleName", name), role).await
    }

    /// The user with this name.
    ///
    /// # Errors
    /// There is none, or IAM denies it.
    pub async fn user(&self, name: &str) -> Result<Described, Fault> {
        self.describe(GET_USER, ("UserName", name), user).await
    }

    async fn describe(&self, call: Call, named: (&str, &str), read: http_call::Read) -> Result<Described, Fault> {
        let credentials = self.iam.own_credentials().ok_or_else(|| no_credentials(call))?;
        let answer = self.iam.ask(call, named, read, credentials).await?;
        let text = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
        // An answer about another principal, or about none, is incomplete.
        let arn = text("Arn").filter(|arn| arn.rsplit('/').next() == Some(named.1));
        let arn = arn.ok_or_else(|| call.fault(FaultClass::Transient, "Incomplete", "the answer is not about it"))?;
        let pair = |pair: &Value| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.as_str()?.to_owned()));
        let tags = answer.get("Tags").and_then(Value::as_array).into_iter().flatten().filter_map(pair).collect();
        Ok(Described { arn, tags, trust: text("Trust").map(|trust| decoded(&trust)) })
    }

    /// The attributes of the organisation's instance in Identity Center's home region. Account instances have no permission
    /// sets, and so no roles.
    ///
    /// # Errors
    /// These credentials see no such instance, or may not ask: only the management account and a delegated administrator may.
    pub async fn attributes(&self, home: &Region, owner: &AccountId) -> Result<Attributes, Fault> {
        let credentials = || self.identity_center.sdk.credentials_provider().ok_or_else(|| no_credentials(INSTANCES));
        let (endpoint, region) = (&self.identity_center, home.as_str());
        let list = sso(INSTANCES, "SWBExternalService.ListInstances").prepare(endpoint, region, credentials()?);
        let (instances, whole) = list.list(&json!({ "MaxResults": 100 }), "Instances", PAGES_MAX).await?;
        let of_organization =
            |it: &&Value| it.get("OwnerAccountId").is_some_and(|id| id.as_str() == Some(owner.as_str()));
        let found = instances.iter().find(of_organization).and_then(|it| it.get("InstanceArn")).and_then(Value::as_str);
        let Some(instance) = found.filter(|_| whole) else {
            let what = format!("no instance of account {owner} is visible in {home}");
            return Err(INSTANCES.fault(FaultClass::NotFound, "NoInstance", &what));
        };
        let describe = sso(ATTRIBUTES, "SWBExternalService.DescribeInstanceAccessControlAttributeConfiguration");
        match describe
            .prepare(endpoint, region, credentials()?)
            .ask(json!({ "InstanceArn": instance }).to_string())
            .await
        {
            Ok(answer) => attributes(&answer),
            Err(fault) if fault.code == "ResourceNotFoundException" => Ok(Attributes::Off),
            Err(fault) => Err(fault),
        }
    }
}

fn sso(call: Call, target: &'static str) -> HttpCall {
    let content_type = "application/x-amz-json-1.1";
    let path = Cow::Borrowed("/");
    HttpCall { service: "sso", call, method: "POST", path, target: Some(target), content_type, read: http_call::json }
}

/// [bc sso-admin]: a mapping's source has one item.
fn attributes(answer: &Value) -> Result<Attributes, Fault> {
    let mapping = |it: &Value| {
        let source = it.pointer("/Value/Source")?.as_array()?.iter().filter_map(Value::as_str).collect::<Vec<_>>();
        Some((it.get("Key")?.as_str()?.to_owned(), source.join(", ")))
    };
    let listed = answer.pointer("/InstanceAccessControlAttributeConfiguration/AccessControlAttributes");
    let mappings = listed.and_then(Value::as_array).map(|listed| listed.iter().map(mapping).collect::<Option<_>>());
    match (answer.get("Status").and_then(Value::as_str), mappings) {
        (Some("ENABLED"), Some(Some(mappings))) => Ok(Attributes::On(mappings)),
        // Being created, or failed: what sessions carry now is not said.
        (Some(status), _) if status != "ENABLED" => {
            Err(ATTRIBUTES.fault(FaultClass::Transient, "NotSettled", &format!("the configuration is {status}")))
        }
        _ => Err(ATTRIBUTES.fault(FaultClass::Transient, "Incomplete", "the answer names no attributes")),
    }
}

fn no_credentials(call: Call) -> Fault {
    call.fault(FaultClass::Invalid, "NoCredentials", "there are no credentials to ask with")
}

fn role(response: &HttpResponse) -> Result<Value, OrchestratorError<ErrorMetadata>> {
    answered(response, |text| {
        let trust = text_at(text, &["GetRoleResult", "Role", "AssumeRolePolicyDocument"])?;
        let tags = pairs_at(text, &["GetRoleResult", "Role", "Tags"])?;
        Ok(json!({ "Arn": text_at(text, &["GetRoleResult", "Role", "Arn"])?, "Tags": tags, "Trust": trust }))
    })
}

fn user(response: &HttpResponse) -> Result<Value, OrchestratorError<ErrorMetadata>> {
    answered(response, |text| {
        let tags = pairs_at(text, &["GetUserResult", "User", "Tags"])?;
        Ok(json!({ "Arn": text_at(text, &["GetUserResult", "User", "Arn"])?, "Tags": tags }))
    })
}

/// Undoes the percent-encoding of a policy in IAM's answers [docs: IAM `API_GetRole`].
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| byte == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        let decoded = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(decoded.unwrap_or(byte));
        rest = if decoded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_is_decoded_and_what_is_no_escape_stays() {
        assert_eq!(decoded("%7B%22Version%22%3A%222012-10-17%22%7D"), r#"{"Version":"2012-10-17"}"#);
        assert_eq!(decoded("100% %zz %e2%82%ac %2"), "100% %zz € %2");
    }

    #[test]
    fn tags_are_read_in_their_order_and_nothing_else() {
        let answer = r"<GetUserResponse><GetUserResult><User><Arn>arn:aws:iam::1:user/a</Arn><Tags>
            <member><Key>team</Key><Value>a &amp; b</Value></member>
            <member><Value>ops</Value><Key>SSMSessionRunAs</Key></member></Tags></User></GetUserResult></GetUserResponse>";
        let tags = pairs_at(answer, &["GetUserResult", "User", "Tags"]).unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(tags, [pair("team", "a & b"), pair("SSMSessionRunAs", "ops")]);
        assert_eq!(pairs_at("<GetUserResponse/>", &["GetUserResult"]).unwrap(), []);
    }

    #[test]
    fn only_an_enabled_configuration_says_what_sessions_carry() {
        let answer = |status: &str, attributes: &Value| {
            attributes_of(&json!({ "Status": status, "InstanceAccessControlAttributeConfiguration": attributes }))
        };
        let mapped =
            json!({ "AccessControlAttributes": [{ "Key": "k", "Value": { "Source": ["${path:userName}"] } }] });
        let on = Attributes::On(vec![("k".to_owned(), "${path:userName}".to_owned())]);
        assert_eq!(answer("ENABLED", &mapped), Ok(on));
        assert_eq!(answer("CREATION_IN_PROGRESS", &mapped), Err("NotSettled".to_owned()));
        assert_eq!(answer("ENABLED", &json!({})), Err("Incomplete".to_owned()));
        assert_eq!(answer("ENABLED", &json!({ "AccessControlAttributes": [{}] })), Err("Incomplete".to_owned()));
    }

    fn attributes_of(answer: &Value) -> Result<Attributes, String> {
        attributes(answer).map_err(|fault| fault.code)
    }
}
