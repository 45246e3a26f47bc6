//! The AWS CLI as scripts find it on the path.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::LazyLock;

use tempfile::TempDir;

use super::python;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli");
const COMMAND: &str = include_str!("../../cli/aws.py");

static ENVIRONMENT: LazyLock<PathBuf> = LazyLock::new(|| python::environment("cli"));

/// The CLI, loaded once, and what was called by it.
pub(crate) struct AwsCli {
    child: Child,
    port: String,
    files: TempDir,
}

impl AwsCli {
    pub(crate) fn start() -> Self {
        let (child, address) = python::serve(&ENVIRONMENT, SOURCES, &[], &[]);
        let files = TempDir::new().unwrap_or_else(|why| panic!("cannot make a directory: {why}"));
        let command = fs::OpenOptions::new().create_new(true).write(true).mode(0o755).open(files.path().join("aws"));
        let interpreter = python::of(&ENVIRONMENT);
        // Neither the site's packages nor the environment: it starts in a tenth of the time.
        let text = format!("#!{} -SE\n{COMMAND}", interpreter.display());
        let written = command.and_then(|mut file| file.write_all(text.as_bytes()));
        written.unwrap_or_else(|why| panic!("cannot write to {}: {why}", files.path().display()));
        Self { child, port: address.port().to_string(), files }
    }

    /// The variables that programs need to find it.
    pub(crate) fn variables(&self) -> [(&'static str, String); 3] {
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.files.path().display());
        [("PATH", path), ("RUNAS_TEST_AWS_CLI", self.port.clone()), ("RUNAS_TEST_AWS_LOG", self.log())]
    }

    fn log(&self) -> String {
        self.files.path().join("calls").display().to_string()
    }

    /// The arguments of each call since the last time that this was asked.
    pub(crate) fn calls(&self) -> Vec<Vec<String>> {
        let lines = fs::read_to_string(self.log()).unwrap_or_default();
        let _ = fs::remove_file(self.log());
        let call = |line: &str| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
        lines.lines().map(call).collect()
    }
}

impl Drop for AwsCli {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A directory with nothing in it but some of the system's commands.
pub(crate) fn commands_alone(names: &[&str]) -> TempDir {
    let files = TempDir::new().unwrap_or_else(|why| panic!("cannot make a directory: {why}"));
    for name in names {
        let found = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(name)).into_iter().find(|it| it.exists());
        let found = found.unwrap_or_else(|| panic!("the system has no {name}"));
        symlink(found, files.path().join(name)).unwrap_or_else(|why| panic!("cannot link {name}: {why}"));
    }
    files
}

/// A program of the environment.
pub(crate) fn program(name: &str) -> PathBuf {
    python::of(&ENVIRONMENT).with_file_name(name)
}
