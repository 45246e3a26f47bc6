//! The session policy: what a session may do, whatever the role behind it may.

use crate::domain::target::{AccountId, DOCUMENT_NAME};

/// The calls that `documents` makes; each can be limited to one document
/// [ps: `iam-definition.json`, service `ssm`, resource type `document`].
pub(super) const ACTIONS: [&str; 9] = [
    "CreateDocument",
    "DeleteDocument",
    "DescribeDocument",
    "DescribeDocumentPermission",
    "GetDocument",
    "ListDocumentVersions",
    "ModifyDocumentPermission",
    "UpdateDocument",
    "UpdateDocumentDefaultVersion",
];

/// STS takes no longer one [bc sts; docs: `reference_iam-quotas`]. Ours has the same length for every account but for the
/// partition's name.
#[cfg(test)]
const CHARS_MAX: usize = 2_048;

/// A session policy for the one document of one account, in all its regions. There is no other way to make one.
pub(super) struct DocumentOnly(String);

impl DocumentOnly {
    pub(super) fn of(partition: &str, account: &AccountId) -> Self {
        let actions: Vec<String> = ACTIONS.iter().map(|action| format!("\"ssm:{action}\"")).collect();
        Self(format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{}],"Resource":"arn:{partition}:ssm:*:{account}:document/{DOCUMENT_NAME}"}}]}}"#,
            actions.join(",")
        ))
    }

    pub(super) fn into_json(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn it_allows_nine_calls_on_one_document_of_one_account() {
        let account: AccountId = "444455556666".parse().unwrap();
        let text = DocumentOnly::of("aws-us-gov", &account).into_json();
        assert!(text.len() <= CHARS_MAX, "{}", text.len());
        let policy: Value = serde_json::from_str(&text).unwrap();
        let [statement] = policy["Statement"].as_array().unwrap().as_slice() else { panic!("one statement") };
        assert_eq!(statement["Effect"], "Allow");
        assert_eq!(statement["Resource"], "arn:aws-us-gov:ssm:*:444455556666:document/SSM-SessionManagerRunShell");
        let expected: Vec<String> = ACTIONS.iter().map(|action| format!("ssm:{action}")).collect();
        assert_eq!(statement["Action"], json!(expected));
        assert_eq!(statement.as_object().unwrap().len(), 3);
    }
}
