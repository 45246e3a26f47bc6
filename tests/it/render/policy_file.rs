//! `runasctl render` of a policy file.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which the setting for tests does not reach")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// How a command ended.
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ran {
    #[track_caller]
    pub(super) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }

    /// The service control policies, each with its name.
    pub(super) fn policies(&self) -> Vec<(String, Value)> {
        let policies = self.json()["policies"].as_array().unwrap().clone();
        policies.into_iter().map(|it| (it["name"].as_str().unwrap().to_owned(), it["policy"].clone())).collect()
    }
}

/// `runasctl` with nothing in its environment, in which no policy can be found.
pub(super) fn runasctl(arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runasctl"));
    let output = command.args(arguments).env_clear().stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

pub(super) fn example() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("infra/policy.example.yaml");
    std::fs::read_to_string(path).unwrap()
}

/// A policy file, in a directory that goes away with it.
pub(super) struct PolicyFile {
    directory: TempDir,
}

impl PolicyFile {
    pub(super) fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("policy.yaml"), text).unwrap();
        Self { directory }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// `runasctl render …` of this policy.
    pub(super) fn render(&self, arguments: &[&str]) -> Ran {
        let policy = self.path("policy.yaml").display().to_string();
        runasctl(&[&["render"], arguments, &["--policy", &policy]].concat())
    }

    /// The service control policies of this policy, of a hub that the role `Deployer` deploys.
    pub(super) fn scp(&self, arguments: &[&str]) -> Ran {
        self.render(&[&["scp", "--hub-deployer", "Deployer"], arguments].concat())
    }
}
