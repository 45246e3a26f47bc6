//! The writers of the document: administrators, pipelines, the reactor itself.

use serde_json::{Value, json};

use super::Sim;
use super::caller::Caller;
use super::documents::Call;
use crate::domain::edit::Sharing;
use crate::domain::target::Target;
use crate::ports::{Fault, Written};

impl Sim {
    /// `CreateDocument`.
    pub fn create(&self, target: &Target, caller: &Caller, content: &Value) -> Result<Written, Fault> {
        let text = content.to_string();
        self.change(target, caller, &Call::Create { document_type: "Session", text: &text, name: None })
    }

    /// `CreateDocument` with another type.
    pub fn create_of_type(&self, target: &Target, caller: &Caller, kind: &str, text: &str) -> Result<Written, Fault> {
        self.change(target, caller, &Call::Create { document_type: kind, text, name: None })
    }

    /// `UpdateDocument` on `$LATEST` with exactly this text.
    pub fn update_text(&self, target: &Target, caller: &Caller, text: &str) -> Result<Written, Fault> {
        self.change(target, caller, &Call::Update { base: None, text, name: None })
    }

    /// The same with a version name.
    pub fn update_named(&self, target: &Target, caller: &Caller, text: &str, name: &str) -> Result<Written, Fault> {
        self.change(target, caller, &Call::Update { base: None, text, name: Some(name) })
    }

    /// `UpdateDocument` on `$LATEST` with some inputs changed; the new version becomes the default.
    pub fn edit_inputs(&self, target: &Target, caller: &Caller, inputs: &Value) -> Result<u64, Fault> {
        let mut body = self.latest_body(target);
        if let (Some(there), Some(inputs)) =
            (body.pointer_mut("/inputs").and_then(Value::as_object_mut), inputs.as_object())
        {
            there.extend(inputs.clone());
        }
        let written = self.update_text(target, caller, &body.to_string())?;
        self.move_default(target, caller, written.version)?;
        Ok(written.version)
    }

    /// `UpdateDocumentDefaultVersion`.
    pub fn move_default(&self, target: &Target, caller: &Caller, version: u64) -> Result<(), Fault> {
        self.change(target, caller, &Call::Promote { version }).map(drop)
    }

    /// `DeleteDocument`.
    pub fn delete_document(&self, target: &Target, caller: &Caller) -> Result<(), Fault> {
        self.change(target, caller, &Call::Delete).map(drop)
    }

    /// `DeleteDocument` of one version.
    pub fn delete_version(&self, target: &Target, caller: &Caller, version: u64) -> Result<(), Fault> {
        self.change(target, caller, &Call::DeleteVersion { version }).map(drop)
    }

    /// `ModifyDocumentPermission`.
    pub fn share(&self, target: &Target, caller: &Caller, sharing: &Sharing) -> Result<(), Fault> {
        self.change(target, caller, &Call::Share(sharing)).map(drop)
    }

    /// The write of LZA up to 1.13: its eight inputs replace everything, with Run As off.
    pub fn old_lza_writes(&self, target: &Target, log_group: &str) -> Result<(), Fault> {
        self.pipeline_writes(target, log_group, &Value::Null)
    }

    /// The write of the AWS sample's custom resource: a whole new document with Run As off, as the default version.
    pub fn sample_writes(&self, target: &Target, log_group: &str) -> Result<(), Fault> {
        let caller = Caller::lza(&target.account);
        let body = json!({
            "schemaVersion": "1.0",
            "description": "Document to hold regional settings for Session Manager",
            "sessionType": "Standard_Stream",
            "inputs": {
                "cloudWatchEncryptionEnabled": true,
                "cloudWatchLogGroupName": log_group,
                "cloudWatchStreamingEnabled": true,
                "idleSessionTimeout": "20",
                "kmsKeyId": "",
                "maxSessionDuration": "60",
                "runAsDefaultUser": "",
                "runAsEnabled": false,
                "s3BucketName": "",
                "s3EncryptionEnabled": true,
                "s3KeyPrefix": "",
            },
        });
        if self.document(target).is_none() {
            return self.create(target, &caller, &body).map(drop);
        }
        let written = self.update_text(target, &caller, &body.to_string())?;
        self.move_default(target, &caller, written.version)
    }

    /// The write of LZA from 1.14 on: keeps the two Run As fields of the **default** version, replaces everything else by
    /// its eight inputs, and never moves the default. It creates a missing document with Run As off [LZA 1.15.5].
    pub fn lza_writes(&self, target: &Target, log_group: &str) -> Result<(), Fault> {
        let document = self.document(target);
        let kept = document.as_ref().map(|document| document.inputs(document.default)).unwrap_or_default();
        self.pipeline_writes(target, log_group, &kept)
    }

    fn pipeline_writes(&self, target: &Target, log_group: &str, kept: &Value) -> Result<(), Fault> {
        let caller = Caller::lza(&target.account);
        let body = json!({
            "schemaVersion": "1.0",
            "description": "Document to hold regional settings for Session Manager",
            "sessionType": "Standard_Stream",
            "inputs": {
                "cloudWatchEncryptionEnabled": true,
                "cloudWatchLogGroupName": log_group,
                "kmsKeyId": "1234abcd-12ab-34cd-56ef-1234567890ab",
                "s3BucketName": "",
                "s3EncryptionEnabled": false,
                "s3KeyPrefix": "",
                "runAsEnabled": kept.get("runAsEnabled").cloned().unwrap_or(Value::Bool(false)),
                "runAsDefaultUser": kept.get("runAsDefaultUser").cloned().unwrap_or_else(|| "".into()),
            },
        });
        match self.document(target) {
            Some(_) => self.update_text(target, &caller, &body.to_string()).map(drop),
            None => self.create(target, &caller, &body).map(drop),
        }
    }

    fn latest_body(&self, target: &Target) -> Value {
        let document = self.document(target);
        let text = document.and_then(|document| document.versions.get(&document.latest()).map(|v| v.text.clone()));
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }
}
