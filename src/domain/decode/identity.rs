//! The caller: all forms of `userIdentity` [docs: cloudtrail-event-reference-user-identity], reduced to what identifies it.
//!
//! The ARN of a role session ends in a name that the caller chose: a session called `AWSAccelerator-…` fools LZA's own
//! `RevertScpChanges`. So a session is known by the ARN of its **role**.

use serde_json::Value;

use super::arn::{Arn, is_sound};
use super::lenient::{Object, object_at, str_at, text_at};
use crate::domain::principal::Principal;
use crate::domain::text::{ID_CHARS_MAX, NAME_CHARS_MAX, clean};

/// The caller that `userIdentity` describes. Never fails: an unreadable identity is an unknown principal, whose edits are
/// alerted nevertheless. A call through an AWS service (`invokedBy`) keeps the identity that it was made for.
pub(super) fn principal(identity: Option<&Value>) -> Principal {
    let Some(identity) = identity.and_then(Value::as_object) else {
        return Principal::unknown();
    };
    let kind = match str_at(identity, "type") {
        Some(kind) => clean(kind, ID_CHARS_MAX),
        None if is_service_alone(identity) => "AWSService".to_owned(),
        None => Principal::unknown().kind,
    };
    let arn = arn(identity, &kind);
    let name = name(identity, &kind).map(|name| clean(&name, NAME_CHARS_MAX)).filter(|name| !name.is_empty());
    Principal { kind, arn, name }
}

/// Service events often have no `type`, only `accountId` and `invokedBy`.
fn is_service_alone(identity: &Object) -> bool {
    str_at(identity, "invokedBy").is_some()
        && ["arn", "userName", "principalId", "sessionContext"]
            .iter()
            .all(|key| identity.get(*key).is_none_or(Value::is_null))
}

fn issuer(identity: &Object) -> Option<&Object> {
    object_at(object_at(identity, "sessionContext")?, "sessionIssuer")
}

/// The ARN to match against the policy.
fn arn(identity: &Object, kind: &str) -> Option<String> {
    let own = str_at(identity, "arn").filter(|arn| is_sound(arn));
    let issued_by = issuer(identity).and_then(|issuer| str_at(issuer, "arn")).filter(|arn| is_sound(arn));
    match kind {
        // Neither is a role session; `GetSessionToken` leaves an empty issuer.
        "Root" | "IAMUser" => own.and_then(lasting),
        // The caller of GetFederationToken chose the name; the IAM user or root who called is the issuer.
        "FederatedUser" => issued_by.map(str::to_owned),
        _ => issued_by.map(str::to_owned).or_else(|| own.and_then(lasting)),
    }
}

/// An ARN without a part that the caller chose: the same, or the role's for a role session. A session's ARN lacks the
/// role's path, so the derived ARN names the role without it.
fn lasting(own: &str) -> Option<String> {
    let arn = Arn::parse(own)?;
    if arn.service != "sts" {
        return Some(own.to_owned());
    }
    let role = arn.resource.strip_prefix("assumed-role/")?.split('/').next().filter(|role| !role.is_empty())?;
    Some(format!("arn:{}:iam::{}:role/{role}", arn.partition, arn.account))
}

/// The display name.
fn name(identity: &Object, kind: &str) -> Option<String> {
    let user = || text_at(identity, "userName");
    let principal_id = || text_at(identity, "principalId");
    let on_behalf_of = || object_at(identity, "onBehalfOf").and_then(|user| text_at(user, "userId"));
    let invoked_by = || text_at(identity, "invokedBy");
    match kind {
        // `userName` is the account's alias, where one is set.
        "Root" => user().or_else(|| Some("root".to_owned())),
        "IAMUser" => user().or_else(|| last_segment(identity)),
        "AssumedRole" | "Role" | "FederatedUser" => session(identity).or_else(user).or_else(|| last_segment(identity)),
        "AWSService" => invoked_by().or_else(user).or_else(principal_id),
        "AWSAccount" => user().or_else(|| text_at(identity, "accountId")).or_else(principal_id),
        _ => user().or_else(|| session(identity)).or_else(on_behalf_of).or_else(invoked_by).or_else(principal_id),
    }
}

/// The name of the session: what follows the role in the session's ARN, or the colon in `principalId`.
fn session(identity: &Object) -> Option<String> {
    let of_arn = str_at(identity, "arn").and_then(Arn::parse).filter(|arn| arn.service == "sts").and_then(|arn| {
        match arn.resource.split_once('/')? {
            ("assumed-role", session) => session.split_once('/').map(|(_role, name)| name),
            ("federated-user", name) => Some(name),
            _ => None,
        }
    });
    let of_id = || str_at(identity, "principalId").and_then(|id| id.split_once(':')).map(|(_id, name)| name);
    of_arn.or_else(of_id).filter(|name| !name.is_empty()).map(str::to_owned)
}

fn last_segment(identity: &Object) -> Option<String> {
    str_at(identity, "arn").and_then(Arn::parse)?.resource.rsplit('/').next().map(str::to_owned)
}
