//! An organisation of twenty-five accounts in three regions, as one is found before anything was enforced in it.

use aws_sdk_ssm::types::DocumentType;
use runas_reactor::domain::target::DOCUMENT_NAME;
use serde_json::{Value, json};

use super::callers::lza_inputs;
use super::stage::{APPLIANCE, FRANKFURT, HOME, MANAGEMENT, MEMBERS, REGIONS, SANDBOX, Stage, VIRGINIA};

/// Accounts of workloads, beside those of the stage.
pub(super) const WORKLOADS: u32 = 18;
/// No document anywhere.
pub(super) const NEW: [u32; 3] = [6, 7, 8];
/// Sessions run as another user.
pub(super) const DEPLOY: u32 = 9;
/// A shell profile is set.
pub(super) const PROFILED: u32 = 10;
/// A role that is not the reactor's.
pub(super) const LOCKED: u32 = 11;
/// A region that is not enabled.
pub(super) const WITHOUT_FRANKFURT: u32 = 12;
/// A document of another type.
pub(super) const COMMAND: u32 = 13;
/// Right already.
pub(super) const RIGHT: [u32; 5] = [14, 15, 16, 17, 18];

/// The account of a workload, 1 to [`WORKLOADS`].
pub(super) fn workload(number: u32) -> String {
    format!("1000000000{number:02}")
}

impl Stage {
    /// Twenty-five accounts. LZA has written its document into most; the rest is as the constants above say.
    pub(super) fn found() -> Self {
        let stage = Self::set();
        stage.open_workloads();
        let usual = |number: &u32| ![NEW.as_slice(), &[DEPLOY, COMMAND], &RIGHT].concat().contains(number);
        for account in (1..=WORKLOADS).filter(usual).map(workload) {
            stage.everywhere(&account, &lza_inputs());
        }
        for account in MEMBERS.into_iter().chain([MANAGEMENT]) {
            stage.everywhere(account, &lza_inputs());
        }
        for account in RIGHT.map(workload) {
            stage.everywhere(&account, &with(json!({"runAsEnabled": true, "runAsDefaultUser": "ops"})));
        }
        stage.made_by_hand();
        stage.aws.switches(&json!({
            "denied_roles": [{"account": workload(LOCKED), "role": "RunasReactorMember"}],
            "regions_off": [{"account": workload(WITHOUT_FRANKFURT), "region": FRANKFURT}],
        }));
        stage.events();
        stage.aws.clear_log();
        stage
    }

    fn made_by_hand(&self) {
        let deploy = workload(DEPLOY);
        let alice = self.administrator(&deploy, "alice@example.com");
        alice.creates(
            HOME,
            &with(json!({"runAsEnabled": true, "runAsDefaultUser": "deploy", "maxSessionDuration": "60"})),
        );
        alice.creates(VIRGINIA, &with(json!({"runAsEnabled": "{{ enabled }}", "runAsDefaultUser": "ops"})));
        alice.creates(FRANKFURT, &lza_inputs());
        let profile = json!({"linux": "cd /srv; exec bash", "windows": ""});
        self.administrator(&workload(PROFILED), "bob@example.com").edits(HOME, &json!({"shellProfile": profile}));
        // Right in the latest version, and the default is another one.
        let right = json!({"runAsEnabled": true, "runAsDefaultUser": "ops"});
        self.administrator(SANDBOX, "carol@example.com").writes(HOME, &right);
        self.administrator(APPLIANCE, "dan@example.com").edits(HOME, &json!({"runAsDefaultUser": "admin"}));
        let account = workload(COMMAND);
        for region in [HOME, FRANKFURT] {
            self.administrator(&account, "erin@example.com").creates(region, &lza_inputs());
        }
        let content = json!({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "x",
            "inputs": {"runCommand": ["id"]}}]});
        let ssm = self.administrator(&account, "erin@example.com").ssm(VIRGINIA);
        let request = ssm.create_document().name(DOCUMENT_NAME).document_type(DocumentType::Command);
        self.run(request.content(content.to_string()).send()).expect("the name is free");
    }

    /// LZA creates the document with these inputs.
    fn everywhere(&self, account: &str, inputs: &Value) {
        for region in REGIONS {
            self.pipeline(account).creates(region, inputs);
        }
    }

    fn open_workloads(&self) {
        let accounts: Vec<String> = (1..=WORKLOADS).map(workload).collect();
        self.aws.switches(&json!({"next_accounts": accounts}));
        let client = self.organizations();
        for number in 1..=WORKLOADS {
            let (name, email) = (format!("app-{number:02}"), format!("app-{number:02}@example.com"));
            self.run(client.create_account().account_name(name).email(email).send()).expect("an account can be made");
        }
    }

    /// The organisation's policy as a file, and its path.
    pub(super) fn policy_file(&self, yaml: &str) -> String {
        self.file("policy.yaml", yaml).trim_start_matches("file:").to_owned()
    }

    /// What of a transcript is not the same in the next run.
    pub(super) fn redacted(&self, text: &str) -> String {
        let policy = self.policy();
        let directory = self.policy_file(&self.yaml);
        let directory = directory.trim_end_matches("policy.yaml");
        text.replace(policy.digest(), "POLICY-SHA256").replace(policy.label(), "POLICY").replace(directory, "")
    }
}

/// What LZA writes, with some of it changed by hand.
fn with(changes: Value) -> Value {
    let mut inputs = lza_inputs();
    if let (Some(inputs), Value::Object(changes)) = (inputs.as_object_mut(), changes) {
        inputs.extend(changes);
    }
    inputs
}
