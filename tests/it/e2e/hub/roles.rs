//! The roles that the stacks have made, and what each is allowed, which tests take away from it.

use serde_json::{Value, json};

use super::Deployed;
use crate::deploy::cloud::Place;
use crate::e2e::stage::{HOME, HUB, MANAGEMENT, text_of};

/// A role with the one policy that its template gives it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role<'a> {
    pub(super) account: &'a str,
    pub(super) name: &'a str,
    pub(super) policy: &'a str,
}

pub(super) const REACTOR: Role<'static> = Role { account: HUB, name: "RunasReactor", policy: "function" };
pub(super) const BROKER: Role<'static> = Role { account: MANAGEMENT, name: "RunasBroker", policy: "broker" };

impl Role<'_> {
    fn place(&self) -> Place<'_> {
        Place { account: self.account, region: HOME }
    }
}

impl Deployed {
    pub(super) fn policy_of(&self, role: &Role<'_>) -> Value {
        let policy = json!({"RoleName": role.name, "PolicyName": role.policy});
        self.hub.cloud.aws_in(role.place(), "iam", "get_role_policy", &policy)["PolicyDocument"].take()
    }

    pub(super) fn put_policy(&self, role: &Role<'_>, policy: &Value) {
        let put = json!({"RoleName": role.name, "PolicyName": role.policy, "PolicyDocument": policy.to_string()});
        self.hub.cloud.aws_in(role.place(), "iam", "put_role_policy", &put);
    }

    /// Lets a role do this and nothing else in the hub account; answers with the variables of a session of it.
    pub(super) fn session_of(&self, name: &str, rights: &[&str]) -> [(&'static str, String); 3] {
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": format!("arn:aws:iam::{HUB}:root")}}]});
        if !self.hub.aws("iam", "list_roles", &json!({})).to_string().contains(&format!("role/{name}\"")) {
            let role = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
            self.hub.aws("iam", "create_role", &role);
        }
        let policy =
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": rights, "Resource": "*"}]});
        let policy = json!({"RoleName": name, "PolicyName": "operator", "PolicyDocument": policy.to_string()});
        self.hub.aws("iam", "put_role_policy", &policy);
        let role = json!({"RoleArn": format!("arn:aws:iam::{HUB}:role/{name}"), "RoleSessionName": "operator"});
        let keys = self.hub.aws("sts", "assume_role", &role)["Credentials"].take();
        let key = |name: &str| text_of(&keys[name]);
        [
            ("AWS_ACCESS_KEY_ID", key("AccessKeyId")),
            ("AWS_SECRET_ACCESS_KEY", key("SecretAccessKey")),
            ("AWS_SESSION_TOKEN", key("SessionToken")),
        ]
    }

    /// Functions that start now remember nothing: neither sessions, nor the policy or the accounts of a minute ago.
    pub(super) fn start_afresh(&self) {
        self.start_function(HUB, "runas-reactor", 60);
        self.start_function(MANAGEMENT, "runas-broker", 15);
    }

    fn start_function(&self, account: &str, function: &str, timeout: u32) {
        let configuration = json!({"FunctionName": function, "Timeout": timeout});
        let place = Place { account, region: HOME };
        self.hub.cloud.aws_in(place, "lambda", "update_function_configuration", &configuration);
    }
}

/// The actions that a policy allows, in its order.
pub(super) fn actions_of(policy: &Value) -> Vec<String> {
    let allows = policy["Statement"].as_array().expect("statements").iter().filter(|it| it["Effect"] == "Allow");
    let actions = allows.flat_map(|statement| match &statement["Action"] {
        Value::Array(actions) => actions.iter().map(text_of).collect(),
        action => vec![text_of(action)],
    });
    actions.collect()
}

/// The policy without one of its actions.
pub(super) fn without(action: &str, policy: &Value) -> Value {
    let mut policy = policy.clone();
    let statements = policy["Statement"].as_array_mut().expect("statements").iter_mut();
    for statement in statements.filter(|statement| statement["Effect"] == "Allow") {
        match &mut statement["Action"] {
            Value::Array(actions) => actions.retain(|one| one != action),
            one if one == action => *one = json!("none:None"),
            _ => {}
        }
    }
    policy
}
