//! Marks changes that deserve review before they are written.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::document::{FieldChange, REVIEWED_FIELDS};

/// Why a change is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli) enum Risk {
    /// Sessions that run as this user today will run as another one.
    UserInUse,
    /// Sessions that run as a user today will run as `ssm-user`, which has all rights.
    RunAsOff,
    /// Code that runs in every session changes.
    RunsCode,
    /// The encryption key changes; users without access to it cannot start sessions.
    Key,
    /// Session logs go elsewhere, or nowhere.
    Logs,
}

impl Risk {
    /// The mark's text, shown behind the values.
    pub(in crate::cli) fn in_words(self) -> &'static str {
        match self {
            Self::UserInUse => "sessions run as another user today",
            Self::RunAsOff => "sessions become ssm-user",
            Self::RunsCode => "runs in every session",
            Self::Key => "who may not use the key cannot start sessions",
            Self::Logs => "sessions are logged elsewhere",
        }
    }
}

/// The mark of a change; `in_use` are the users that sessions may run as today.
pub(super) fn risk(change: &FieldChange, in_use: &BTreeSet<String>) -> Option<Risk> {
    if is_blank(change.from.as_ref()) && is_blank(change.to.as_ref()) {
        return None;
    }
    match change.field.as_str() {
        "runAsDefaultUser" => {
            let to = change.to.as_ref().and_then(Value::as_str).unwrap_or_default();
            in_use.iter().any(|user| user != to).then_some(Risk::UserInUse)
        }
        "runAsEnabled" => (change.to == Some(Value::Bool(false))).then_some(Risk::RunAsOff),
        "shellProfile" => Some(Risk::RunsCode),
        "kmsKeyId" => Some(Risk::Key),
        field if REVIEWED_FIELDS.contains(&field) => Some(Risk::Logs),
        _ => None,
    }
}

/// Whether a value is absent or empty.
fn is_blank(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Object(fields)) => fields.values().all(|field| is_blank(Some(field))),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(field: &str, from: Option<Value>, to: Option<Value>, in_use: &[&str]) -> Option<Risk> {
        let in_use = in_use.iter().map(|user| (*user).to_owned()).collect();
        risk(&FieldChange { field: field.to_owned(), from, to }, &in_use)
    }

    #[test]
    fn a_user_is_marked_where_sessions_run_as_another_one() {
        let user = |from: &str, in_use: &[&str]| of("runAsDefaultUser", Some(json!(from)), Some(json!("ops")), in_use);
        assert_eq!(user("deploy", &["deploy"]), Some(Risk::UserInUse));
        assert_eq!(user("deploy", &[]), None, "Run As is off: nobody runs as deploy");
        assert_eq!(user("", &[]), None);
        assert_eq!(user("", &["ops"]), None, "the default version has it right already");
        assert_eq!(user("", &["deploy"]), Some(Risk::UserInUse), "of the default version");
    }

    #[test]
    fn switching_run_as_on_is_what_it_is_all_for_and_switching_it_off_is_marked() {
        assert_eq!(of("runAsEnabled", Some(json!(false)), Some(json!(true)), &[]), None);
        assert_eq!(of("runAsEnabled", Some(json!(true)), Some(json!(false)), &["ops"]), Some(Risk::RunAsOff));
    }

    #[test]
    fn what_runs_code_or_sends_sessions_elsewhere_is_marked_unless_it_was_nothing_and_stays_nothing() {
        let shell = json!({"linux": "cd", "windows": ""});
        assert_eq!(of("shellProfile", None, Some(shell.clone()), &[]), Some(Risk::RunsCode));
        assert_eq!(of("shellProfile", Some(shell), None, &[]), Some(Risk::RunsCode));
        assert_eq!(of("shellProfile", None, Some(json!({"linux": "", "windows": ""})), &[]), None);
        assert_eq!(of("kmsKeyId", Some(json!("")), Some(json!("alias/x")), &[]), Some(Risk::Key));
        for field in ["s3BucketName", "s3KeyPrefix", "cloudWatchLogGroupName"] {
            assert_eq!(of(field, Some(json!("a")), Some(json!("b")), &[]), Some(Risk::Logs), "{field}");
            assert_eq!(of(field, None, Some(json!("")), &[]), None, "{field}");
        }
        assert_eq!(of("s3EncryptionEnabled", Some(json!(true)), Some(json!(false)), &[]), Some(Risk::Logs));
        assert_eq!(of("idleSessionTimeout", Some(json!("60")), Some(json!("15")), &[]), None);
    }
}
