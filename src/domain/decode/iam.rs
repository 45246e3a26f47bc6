//! Calls of IAM: the Run As tag of roles and users, and changes of roles. IAM is global: its events arise in one region of
//! each partition (us-east-1), in the account of the call.
//!
//! A denied call whose request CloudTrail omits names neither tag nor role, and is ignored.

use serde_json::Value;

use super::bypass::{event, name};
use super::envelope::{Parsed, Record, ignored};
use super::lenient::{Object, field, str_at};
use crate::domain::bypass::{Bearer, BypassAct, RUN_AS_TAG, RoleChange};
use crate::domain::text::{ID_CHARS_MAX, NAME_CHARS_MAX, clean, quote};

pub(super) fn parse(record: Record<'_>) -> Parsed {
    let act = record.part("requestParameters").and_then(|asked| act(record.name, asked));
    match act {
        Some(act) => event(record, act),
        None => ignored(format!("the call {} sets no tag {RUN_AS_TAG} and changes no role", quote(record.name))),
    }
}

fn act(call: &str, asked: &Object) -> Option<BypassAct> {
    let role = || Bearer::Role(name(asked, "roleName"));
    let user = || Bearer::User(name(asked, "userName"));
    match call {
        "TagRole" => tagged(asked, role(), false),
        "TagUser" => tagged(asked, user(), false),
        "CreateRole" => tagged(asked, role(), true),
        "CreateUser" => tagged(asked, user(), true),
        "UntagRole" => is_untagged(asked).then(|| BypassAct::Untagged { bearer: role() }),
        "UntagUser" => is_untagged(asked).then(|| BypassAct::Untagged { bearer: user() }),
        _ => role_changed(call, asked),
    }
}

/// IAM ignores the case of keys, and which one Session Manager reads is documented for `SSMSessionRunAs` only: any counts.
fn is_run_as(key: &str) -> bool {
    key.eq_ignore_ascii_case(RUN_AS_TAG)
}

fn list<'a>(asked: &'a Object, key: &str) -> impl Iterator<Item = &'a Value> {
    field(asked, key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().iter()
}

fn tagged(asked: &Object, bearer: Bearer, created: bool) -> Option<BypassAct> {
    let mut tags = list(asked, "tags").filter_map(Value::as_object);
    let (key, tag) = tags.find_map(|tag| Some((str_at(tag, "key").filter(|key| is_run_as(key))?, tag)))?;
    let user = clean(str_at(tag, "value").unwrap_or_default(), NAME_CHARS_MAX);
    if user.is_empty() {
        return (!created).then_some(BypassAct::Untagged { bearer });
    }
    Some(BypassAct::Tagged { bearer, key: clean(key, ID_CHARS_MAX), user, created })
}

fn is_untagged(asked: &Object) -> bool {
    list(asked, "tagKeys").filter_map(Value::as_str).any(is_run_as)
}

fn role_changed(call: &str, asked: &Object) -> Option<BypassAct> {
    let change = match call {
        "DeleteRole" => RoleChange::Deleted,
        "UpdateAssumeRolePolicy" => RoleChange::TrustChanged,
        "PutRolePolicy" => RoleChange::PolicyWritten(name(asked, "policyName")),
        "DeleteRolePolicy" => RoleChange::PolicyDeleted(name(asked, "policyName")),
        "AttachRolePolicy" => RoleChange::PolicyAttached(name(asked, "policyArn")),
        "DetachRolePolicy" => RoleChange::PolicyDetached(name(asked, "policyArn")),
        "PutRolePermissionsBoundary" => RoleChange::BoundarySet,
        "DeleteRolePermissionsBoundary" => RoleChange::BoundaryDeleted,
        _ => return None,
    };
    Some(BypassAct::Role { name: name(asked, "roleName"), change })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tag_that_is_taken_away_counts_in_any_case_and_no_other_does() {
        let untagged = |call: &str, keys: &[&str]| {
            let asked = json!({ "roleName": "Developer", "userName": "build", "tagKeys": keys });
            act(call, asked.as_object().unwrap())
        };
        let (role, user) = (Bearer::Role("Developer".to_owned()), Bearer::User("build".to_owned()));
        for (call, bearer) in [("UntagRole", role), ("UntagUser", user)] {
            let expected = Some(BypassAct::Untagged { bearer });
            assert_eq!(untagged(call, &["team", RUN_AS_TAG]), expected);
            assert_eq!(untagged(call, &["ssmsessionrunas"]), expected);
            assert_eq!(untagged(call, &["team"]), None, "{call}");
        }
    }
}
