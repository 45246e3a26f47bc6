//! IAM's decisions, by a simulator that knows every action with its resources and keys: `tests/iam/decide.mjs`, on a Node.js
//! and with packages of its own, both pinned by hashes.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::node::Node;

const PROGRAM: &str = "decide.mjs";

static SIMULATOR: LazyLock<Node> = LazyLock::new(|| Node::install("iam", &[PROGRAM], None));

/// One call of a principal whose own policies allow everything, unless it says which they are.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Call {
    session: String,
    principal: String,
    action: String,
    resource: String,
    account: String,
    context: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<Value>,
    #[serde(rename = "resourcePolicy", skip_serializing_if = "Option::is_none")]
    resource_policy: Option<Value>,
}

impl Call {
    /// A call by the session of a role, or by a user or root, in the account of that principal.
    pub(crate) fn new(principal: &str, action: &str, resource: &str) -> Self {
        let parts: Vec<&str> = principal.splitn(6, ':').collect();
        let session = match parts[5].strip_prefix("role/") {
            Some(path) => {
                let name = path.rsplit('/').next().unwrap_or(path);
                format!("arn:{}:sts::{}:assumed-role/{name}/session", parts[1], parts[4])
            }
            None => principal.to_owned(),
        };
        Self {
            session,
            principal: principal.to_owned(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            account: parts[4].to_owned(),
            context: Map::new(),
            identity: None,
            limit: None,
            resource_policy: None,
        }
    }

    /// The same on a resource of another account, whose own policy this is.
    pub(crate) fn on(mut self, account: &str, policy: &Value) -> Self {
        account.clone_into(&mut self.account);
        self.resource_policy = Some(policy.clone());
        self
    }

    /// The same with a condition key.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.context.insert(key.to_owned(), value.into());
        self
    }

    /// The same with a condition key that has several values.
    pub(crate) fn with_all(mut self, key: &str, values: &[&str]) -> Self {
        self.context.insert(key.to_owned(), json!(values));
        self
    }

    /// Who does what to what, for the message of a test that fails.
    pub(crate) fn words(&self) -> String {
        format!("{} {} on {}", self.principal, self.action, self.resource)
    }
}

/// Whether each call is allowed where these service control policies are attached. Denied is only what they deny explicitly;
/// everything else that is not allowed, and what IAM does not know, fails the test.
pub(crate) fn allowed(policies: &[Value], calls: &[Call]) -> Vec<bool> {
    let decisions = decisions(policies, calls);
    let allowed = decisions.iter().zip(calls).map(|(decision, call)| match decision.as_str() {
        "Allowed" => true,
        "ExplicitlyDenied" => false,
        other => panic!("{}: {other}", call.words()),
    });
    allowed.collect()
}

/// What IAM decides of each call where these service control policies are attached: `Allowed`, `ExplicitlyDenied` or
/// `ImplicitlyDenied`.
pub(crate) fn decisions(policies: &[Value], calls: &[Call]) -> Vec<String> {
    let decisions: Vec<String> = SIMULATOR.run(PROGRAM, &json!({ "policies": policies, "calls": calls }));
    assert_eq!(decisions.len(), calls.len());
    decisions
}
