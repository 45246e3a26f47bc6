//! Administrators and pipelines who write to documents, with the rights of their roles.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::ProvideErrorMetadata;
use aws_sdk_ssm::types::{DocumentPermissionType, DocumentType};
use runas_reactor::domain::target::DOCUMENT_NAME;
use serde_json::{Value, json};

use super::stage::Stage;
use crate::support::emulator::Credentials;

/// Where LZA's sessions are logged.
pub(super) const LOG_GROUP: &str = "AWSAccelerator-sessionmanager-logs";

/// What LZA creates: logging, and Run As off.
pub(super) fn lza_inputs() -> Value {
    json!({
        "cloudWatchLogGroupName": LOG_GROUP, "cloudWatchEncryptionEnabled": true, "cloudWatchStreamingEnabled": true,
        "s3BucketName": "", "s3KeyPrefix": "", "s3EncryptionEnabled": true, "kmsKeyId": "",
        "runAsEnabled": false, "runAsDefaultUser": "",
    })
}

/// A principal that works in one account.
pub(super) struct Caller<'a> {
    stage: &'a Stage,
    account: &'a str,
    pub(super) role: String,
    keys: Credentials,
}

impl Stage {
    /// An engineer who came through Identity Center with the permission set of administrators.
    pub(super) fn administrator<'a>(&'a self, account: &'a str, name: &str) -> Caller<'a> {
        self.caller(account, "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef", name)
    }

    /// The same engineer in an emergency.
    pub(super) fn break_glass<'a>(&'a self, account: &'a str, name: &str) -> Caller<'a> {
        let role = "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_BreakGlass_0123456789abcdef";
        self.caller(account, role, name)
    }

    /// The landing zone's pipeline.
    pub(super) fn pipeline<'a>(&'a self, account: &'a str) -> Caller<'a> {
        self.caller(account, "AWSAccelerator-SessionManagerSettings", "AwsSolutions-Accelerator")
    }

    pub(super) fn caller<'a>(&'a self, account: &'a str, role: &str, name: &str) -> Caller<'a> {
        let role = format!("arn:aws:iam::{account}:role/{role}");
        let keys = self.aws.credentials(&role, name);
        Caller { stage: self, account, role, keys }
    }

    /// A principal that may read the document and nothing else.
    pub(super) fn restrained<'a>(&'a self, account: &'a str, name: &str) -> Caller<'a> {
        let caller = self.administrator(account, name);
        let sts = aws_sdk_sts::Client::new(&self.sdk(&caller.keys, "eu-west-1"));
        let read = json!({"Version": "2012-10-17", "Statement":
            [{"Effect": "Allow", "Action": "ssm:GetDocument", "Resource": "*"}]});
        let request = sts.assume_role().role_arn(&caller.role).role_session_name(name).policy(read.to_string());
        let keys = self.run(request.send()).expect("the role can be assumed").credentials.expect("keys");
        let keys = Credentials {
            access_key: keys.access_key_id,
            secret_key: keys.secret_access_key,
            token: keys.session_token,
        };
        Caller { keys, ..caller }
    }
}

impl Caller<'_> {
    pub(super) fn ssm(&self, region: &str) -> Client {
        Client::new(&self.stage.sdk(&self.keys, region))
    }

    /// Creates the document with these inputs.
    pub(super) fn creates(&self, region: &str, inputs: &Value) {
        let content = json!({"schemaVersion": "1.0", "description": "Document to hold regional settings for Session Manager",
            "sessionType": "Standard_Stream", "inputs": inputs});
        let request = self.ssm(region).create_document().name(DOCUMENT_NAME).document_type(DocumentType::Session);
        self.stage.run(request.content(content.to_string()).send()).expect("the document is not there yet");
    }

    /// Writes the latest version back with other inputs, as the API does: the default version stays. `null` takes an
    /// input out.
    pub(super) fn writes(&self, region: &str, edit: &Value) -> u64 {
        let mut content = self.stage.document(self.account, region).content();
        for (name, value) in edit.as_object().expect("inputs") {
            let inputs = content["inputs"].as_object_mut().expect("a document has inputs");
            inputs.remove(name);
            if !value.is_null() {
                inputs.insert(name.clone(), value.clone());
            }
        }
        let request = self.ssm(region).update_document().name(DOCUMENT_NAME).document_version("$LATEST");
        self.stage.run(request.content(content.to_string()).send()).expect("the document can be written");
        self.stage.document(self.account, region).latest()
    }

    /// Writes, and makes that the default, as the console does.
    pub(super) fn edits(&self, region: &str, edit: &Value) -> u64 {
        let version = self.writes(region, edit);
        self.promotes(region, version);
        version
    }

    pub(super) fn promotes(&self, region: &str, version: u64) {
        let request = self.ssm(region).update_document_default_version().name(DOCUMENT_NAME);
        self.stage.run(request.document_version(version.to_string()).send()).expect("the version is there");
    }

    pub(super) fn deletes(&self, region: &str) {
        let request = self.ssm(region).delete_document().name(DOCUMENT_NAME);
        self.stage.run(request.send()).expect("the document is there");
    }

    /// Lets other accounts use the document.
    pub(super) fn shares(&self, region: &str, accounts: &[&str]) {
        let request = self.ssm(region).modify_document_permission().name(DOCUMENT_NAME);
        let accounts = accounts.iter().map(ToString::to_string).collect();
        let request = request.permission_type(DocumentPermissionType::Share).set_account_ids_to_add(Some(accounts));
        self.stage.run(request.send()).expect("the document can be shared");
    }

    /// The accounts that the document is shared with.
    pub(super) fn shared_with(&self, region: &str) -> Vec<String> {
        let request = self.ssm(region).describe_document_permission().name(DOCUMENT_NAME);
        let answer = self.stage.run(request.permission_type(DocumentPermissionType::Share).send());
        answer.expect("the document is there").account_ids.unwrap_or_default()
    }

    /// Tries to delete the document and may not.
    pub(super) fn fails_to_delete(&self, region: &str) {
        let request = self.ssm(region).delete_document().name(DOCUMENT_NAME);
        let refused = self.stage.run(request.send()).expect_err("it is denied");
        assert_eq!(refused.code(), Some("AccessDeniedException"));
    }
}
