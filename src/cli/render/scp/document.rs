//! Statements on who may change the document, or the tag that decides before it who sessions run as.

use super::{Ground, Statement};
use crate::domain::bypass::RUN_AS_TAG;
use crate::domain::target::DOCUMENT_NAME;

/// Every SSM action that changes a document, its sharing, its tags or its resource policy [docs: service authorization
/// reference, Systems Manager]. A move of the default version changes what sessions run as.
pub(super) const ACTIONS: [&str; 10] = [
    "ssm:AddTagsToResource",
    "ssm:CreateDocument",
    "ssm:DeleteDocument",
    "ssm:DeleteResourcePolicy",
    "ssm:ModifyDocumentPermission",
    "ssm:PutResourcePolicy",
    "ssm:RemoveTagsFromResource",
    "ssm:UpdateDocument",
    "ssm:UpdateDocumentDefaultVersion",
    "ssm:UpdateDocumentMetadata",
];

/// Every action that gives a principal or a session the tag, or takes it away [docs: service authorization reference, IAM
/// and STS]. A session that Identity Center or another identity provider opens has no principal of the account behind it,
/// and the statement's condition leaves a call without one alone.
const TAG_ACTIONS: [&str; 7] = [
    "iam:CreateRole",
    "iam:CreateUser",
    "iam:TagRole",
    "iam:TagUser",
    "iam:UntagRole",
    "iam:UntagUser",
    "sts:TagSession",
];

pub(super) fn statements(ground: &Ground<'_>) -> Vec<Statement> {
    let document = ground.installation.partition.arn("ssm", "*", "*", &format!("document/{DOCUMENT_NAME}"));
    let tags = Statement::deny("Tags", &TAG_ACTIONS, vec!["*".to_owned()], ground.principals.all());
    vec![Statement::deny("Document", &ACTIONS, vec![document], ground.principals.all()), tags.where_tagged(RUN_AS_TAG)]
}
