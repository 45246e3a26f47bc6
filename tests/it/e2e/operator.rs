//! `runasctl` as an operator in the hub account runs it.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};

use runas_reactor::config;
use serde_json::Value;

use super::stage::{HOME, Stage};

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ran {
    pub(super) fn new(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// A command with nothing in its environment but these variables.
    pub(super) fn of(variables: &BTreeMap<String, String>, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runasctl"));
        command.args(arguments).env_clear().envs(variables).stdin(Stdio::null());
        Self::new(command.output().expect("the command can be run"))
    }

    #[track_caller]
    pub(super) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// What it wrote for programs.
    #[track_caller]
    pub(super) fn data(&self) -> Value {
        let data: Value = serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("{why}: {self:#?}"));
        assert_eq!(data["schema_version"], 1);
        data
    }

    #[track_caller]
    pub(super) fn complains_of(&self, words: &[&str]) {
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {self:#?}");
        }
    }
}

impl Stage {
    /// A command with the variables of the function; others replace them, and an empty one counts as not set.
    pub(super) fn runasctl(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        Ran::of(&self.variables(variables), arguments)
    }

    /// What such a command finds in its environment.
    pub(super) fn variables(&self, others: &[(&str, &str)]) -> BTreeMap<String, String> {
        let (url, table) = (self.aws.url(), self.hub.table());
        let mut all = BTreeMap::from([
            (config::TABLE, table.as_str()),
            (config::TOPIC_ARN, &self.hub.topic),
            (config::QUEUE_URL, &self.hub.queue),
            (config::DLQ_URL, &self.hub.dlq),
            (config::REGION, HOME),
            (config::ENDPOINT, &url),
            (config::MAX_ATTEMPTS, "1"),
            ("AWS_ACCESS_KEY_ID", &self.hub.keys.access_key),
            ("AWS_SECRET_ACCESS_KEY", &self.hub.keys.secret_key),
            ("AWS_SESSION_TOKEN", &self.hub.keys.token),
            // Nobody asks the machine that the tests run on.
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ]);
        let clock = self.aws.clock().variables();
        all.extend(clock.iter().map(|(name, value)| (*name, value.as_str())));
        all.extend(others.iter().copied());
        all.retain(|_, value| !value.is_empty());
        all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}
