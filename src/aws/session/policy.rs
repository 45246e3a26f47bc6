//! The session policy: it limits a session, whatever the role permits.

#[cfg(feature = "cli")]
use crate::domain::target::PREFLIGHT;
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

/// The limit of STS [bc sts; docs: `reference_iam-quotas`]. The policy's length depends on the
/// scope and the partition's name; of [`Scope::Role`] also on the role's.
#[cfg(test)]
const CHARS_MAX: usize = 2_048;

/// What a session may reach.
#[derive(Clone, Debug)]
pub(in crate::aws) enum Scope {
    /// One account's document in all its regions, and the list of those regions.
    Document,
    /// The event history. `LookupEvents` supports no resource limits [ps: service `cloudtrail`], so a session has either
    /// this scope or another, never both.
    History,
    /// One account's document and nothing else: the broker's grant.
    Gap,
    /// The record of one role by name, for the broker's check of its last use.
    Role(String),
    /// To ask the managed nodes of one account with one document, in all its regions.
    #[cfg(feature = "cli")]
    Nodes,
}

/// A session policy; `of` is the only constructor.
pub(super) struct SessionPolicy(String);

impl SessionPolicy {
    pub(super) fn of(scope: &Scope, partition: &str, account: &AccountId) -> Self {
        let statements = match scope {
            Scope::Document => {
                // [docs: accounts security_iam_id-based-policy-examples]: the account as its own resource.
                let itself = format!("arn:{partition}:account::{account}:account");
                [document(partition, account), allow(r#""account:ListRegions""#, &itself)].join(",")
            }
            Scope::History => allow(r#""cloudtrail:LookupEvents""#, "*"),
            Scope::Gap => document(partition, account),
            Scope::Role(name) => allow(r#""iam:GetRole""#, &format!("arn:{partition}:iam::{account}:role/{name}")),
            #[cfg(feature = "cli")]
            Scope::Nodes => nodes(partition, account),
        };
        Self(format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#))
    }

    pub(super) fn into_json(self) -> String {
        self.0
    }
}

/// The nine calls on the one document.
fn document(partition: &str, account: &AccountId) -> String {
    let actions: Vec<String> = ACTIONS.iter().map(|action| format!("\"ssm:{action}\"")).collect();
    allow(&actions.join(","), &format!("arn:{partition}:ssm:*:{account}:document/{DOCUMENT_NAME}"))
}

/// Run Command has to be allowed on the document and on each node, EC2 instances and hybrid ones; the calls that read know no
/// resources [ps: service `ssm`].
#[cfg(feature = "cli")]
fn nodes(partition: &str, account: &AccountId) -> String {
    let ask = [
        format!("arn:{partition}:ssm:*:{account}:document/{PREFLIGHT}"),
        format!("arn:{partition}:ec2:*:{account}:instance/*"),
        format!("arn:{partition}:ssm:*:{account}:managed-instance/*"),
    ];
    let ask = ask.iter().map(|resource| allow(r#""ssm:SendCommand""#, resource));
    let read = allow(r#""ssm:DescribeInstanceInformation","ssm:ListCommandInvocations""#, "*");
    ask.chain([read]).collect::<Vec<_>>().join(",")
}

fn allow(actions: &str, resource: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":[{actions}],"Resource":"{resource}"}}"#)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn it_allows_nine_calls_on_one_document_of_one_account_and_to_list_its_regions() {
        let account: AccountId = "444455556666".parse().unwrap();
        let text = SessionPolicy::of(&Scope::Document, "aws-us-gov", &account).into_json();
        assert!(text.len() <= CHARS_MAX, "{}", text.len());
        let policy: Value = serde_json::from_str(&text).unwrap();
        let [statement, regions] = policy["Statement"].as_array().unwrap().as_slice() else { panic!("{policy}") };
        let itself = "arn:aws-us-gov:account::444455556666:account";
        assert_eq!(*regions, json!({"Effect": "Allow", "Action": ["account:ListRegions"], "Resource": itself}));
        assert_eq!(statement["Effect"], "Allow");
        assert_eq!(statement["Resource"], "arn:aws-us-gov:ssm:*:444455556666:document/SSM-SessionManagerRunShell");
        let expected: Vec<String> = ACTIONS.iter().map(|action| format!("ssm:{action}")).collect();
        assert_eq!(statement["Action"], json!(expected));
        assert_eq!(statement.as_object().unwrap().len(), 3);
    }

    #[test]
    fn the_other_allows_one_call_that_reads() {
        let account: AccountId = "444455556666".parse().unwrap();
        let policy: Value =
            serde_json::from_str(&SessionPolicy::of(&Scope::History, "aws", &account).into_json()).unwrap();
        let statement = json!({"Effect": "Allow", "Action": ["cloudtrail:LookupEvents"], "Resource": "*"});
        assert_eq!(policy["Statement"], json!([statement]));
    }

    #[test]
    fn nodes_are_asked_with_one_document_and_no_other() {
        let account: AccountId = "444455556666".parse().unwrap();
        let text = SessionPolicy::of(&Scope::Nodes, "aws-cn", &account).into_json();
        assert!(text.len() <= CHARS_MAX, "{}", text.len());
        let policy: Value = serde_json::from_str(&text).unwrap();
        let statements = policy["Statement"].as_array().unwrap();
        let asked: Vec<&Value> = statements.iter().filter(|it| it["Action"] == json!(["ssm:SendCommand"])).collect();
        let resources = [
            "arn:aws-cn:ssm:*:444455556666:document/RunasReactorPreflight",
            "arn:aws-cn:ec2:*:444455556666:instance/*",
            "arn:aws-cn:ssm:*:444455556666:managed-instance/*",
        ];
        assert_eq!(asked.iter().map(|it| &it["Resource"]).collect::<Vec<_>>(), resources);
        let read = json!(["ssm:DescribeInstanceInformation", "ssm:ListCommandInvocations"]);
        assert_eq!(statements[3], json!({"Effect": "Allow", "Action": read, "Resource": "*"}));
        assert_eq!(statements.len(), 4);
    }

    #[test]
    fn broker_grants_nine_calls_only_and_probes_with_one() {
        let account: AccountId = "444455556666".parse().unwrap();
        let statements = |scope: &Scope| {
            let policy: Value = serde_json::from_str(&SessionPolicy::of(scope, "aws", &account).into_json()).unwrap();
            policy["Statement"].as_array().unwrap().clone()
        };
        assert_eq!(statements(&Scope::Gap), &statements(&Scope::Document)[..1]);
        let role = "arn:aws:iam::444455556666:role/RunasReactorMember";
        let look = json!({"Effect": "Allow", "Action": ["iam:GetRole"], "Resource": role});
        assert_eq!(statements(&Scope::Role("RunasReactorMember".to_owned())), [look]);
    }
}
