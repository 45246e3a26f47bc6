//! Statements on who may change the document.

use super::{Ground, Statement};
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

pub(super) fn statements(ground: &Ground<'_>) -> Vec<Statement> {
    let document = ground.installation.partition.arn("ssm", "*", "*", &format!("document/{DOCUMENT_NAME}"));
    vec![Statement::deny("Document", &ACTIONS, vec![document], ground.principals.all())]
}
