//! The AWS CLI as scripts find it on the path.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::support::python;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli");
const COMMAND: &str = include_str!("../../cli/aws.py");

const UNPACK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli2/unpack.py");

static ENVIRONMENT: LazyLock<PathBuf> = LazyLock::new(|| python::environment("cli"));
static VERSION_2: LazyLock<String> = LazyLock::new(unpack);

/// The CLI, and what was called by it.
pub(crate) struct AwsCli {
    /// Version 1 is loaded once.
    child: Option<Child>,
    /// Its port, or the program.
    served: String,
    files: TempDir,
}

impl AwsCli {
    pub(crate) fn version_1() -> Self {
        let (child, address) = python::serve(&ENVIRONMENT, SOURCES, &[], &[]);
        Self::of(Some(child), address.port().to_string())
    }

    /// The program that AWS builds, which takes most of a second for each call.
    pub(crate) fn version_2() -> Self {
        Self::of(None, VERSION_2.clone())
    }

    fn of(child: Option<Child>, served: String) -> Self {
        let files = TempDir::new().unwrap_or_else(|why| panic!("cannot make a directory: {why}"));
        let command = fs::OpenOptions::new().create_new(true).write(true).mode(0o755).open(files.path().join("aws"));
        let interpreter = python::of(&ENVIRONMENT);
        // Neither the site's packages nor the environment: it starts in a tenth of the time.
        let text = format!("#!{} -SE\n{COMMAND}", interpreter.display());
        let written = command.and_then(|mut file| file.write_all(text.as_bytes()));
        written.unwrap_or_else(|why| panic!("cannot write to {}: {why}", files.path().display()));
        Self { child, served, files }
    }

    /// The variables that programs need to find it.
    pub(crate) fn variables(&self) -> [(&'static str, String); 3] {
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.files.path().display());
        [("PATH", path), ("RUNAS_TEST_AWS_CLI", self.served.clone()), ("RUNAS_TEST_AWS_LOG", self.log())]
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
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

fn unpack() -> String {
    let environment = python::environment("cli2");
    let folder = environment.with_file_name(format!("{}-program", environment.file_name().unwrap().display()));
    let output = Command::new(python::of(&environment)).arg(UNPACK).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
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
