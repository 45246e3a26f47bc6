//! What Control Tower and LZA do to an account.

use aws_sdk_organizations::Client as Organizations;
use aws_sdk_organizations::types::PolicyType;
use serde_json::json;

use super::stage::{Stage, VIRGINIA, manager};

/// The role that Control Tower makes in a new account.
pub(super) const GAP_ROLE: &str = "AWSControlTowerExecution";

impl Stage {
    /// Organizations, as the management account sees it.
    pub(super) fn organizations(&self) -> Organizations {
        Organizations::new(&self.sdk(&manager(&self.aws), VIRGINIA))
    }
}

/// Everything but the exempt principals may do nothing, as LZA has it for an account that its pipeline has not reached. The
/// answer is the policy's id.
pub(super) fn quarantine(stage: &Stage, account: &str) -> String {
    let exempt = json!(["arn:aws:iam::*:role/AWSAccelerator*", format!("arn:aws:iam::*:role/{GAP_ROLE}")]);
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": exempt}}}]});
    let client = stage.organizations();
    let request =
        client.create_policy().name(format!("Quarantine of {account}")).description("no access until LZA is through");
    let request = request.r#type(PolicyType::ServiceControlPolicy).content(policy.to_string());
    let made = stage.run(request.send()).expect("a policy can be made").policy.expect("a policy");
    let id = made.policy_summary.and_then(|summary| summary.id).expect("an id");
    stage.run(client.attach_policy().policy_id(&id).target_id(account).send()).expect("a policy can be attached");
    id
}
