//! Python programs of the test bed, each set with its packages in a virtual environment of its own.
//!
//! An environment is built once in the target directory, from `tests/NAME/requirements.txt`, which names all that is installed,
//! and pins it by its hash. A program ends when its standard input does, so none outlives the tests, however they end.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The least Python that the pinned packages support.
const PYTHON: (u32, u32) = (3, 10);

/// The interpreter of an environment.
pub(crate) fn of(environment: &Path) -> PathBuf {
    environment.join("bin/python")
}

/// Starts `server.py` of a directory; answers with the loopback address that it says it listens on.
pub(crate) fn serve(
    environment: &Path,
    sources: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (Child, SocketAddr) {
    let mut command = Command::new(of(environment));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("AWS_") || name.starts_with("MOTO_")) {
            command.env_remove(name);
        }
    }
    command.arg(Path::new(sources).join("server.py")).args(arguments).envs(variables.iter().copied());
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child =
        child.unwrap_or_else(|why| panic!("cannot start the emulator: {why}; fix: delete {}", environment.display()));
    let mut line = String::new();
    let read = child.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut line));
    let port = serde_json::from_str(&line).ok().and_then(|ready: Value| u16::try_from(ready["port"].as_u64()?).ok());
    let Some(port) = port else {
        panic!("the emulator did not start ({read:?}, {line:?}); its own words are on stderr, above");
    };
    (child, SocketAddr::from(([127, 0, 0, 1], port)))
}

/// The virtual environment of `tests/NAME`, built by the first test that needs it while all others, of any process, wait.
pub(crate) fn environment(name: &str) -> PathBuf {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name).join("requirements.txt");
    let pinned = fs::read(&requirements).unwrap_or_else(|why| panic!("cannot read {}: {why}", requirements.display()));
    let digest = Sha256::digest(&pinned).iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(name);
    let environment = home.join(format!("venv-{digest}"));
    let lock = fs::create_dir_all(&home).and_then(|()| File::create(environment.with_extension("lock")));
    let lock = lock.unwrap_or_else(|why| panic!("cannot write to {}: {why}", home.display()));
    lock.lock().unwrap_or_else(|why| panic!("cannot lock {}: {why}", home.display()));
    let complete = environment.join("complete");
    if !(complete.exists() && of(&environment).exists()) {
        build(&environment, &requirements);
        File::create(&complete).unwrap_or_else(|why| panic!("cannot write {}: {why}", complete.display()));
    }
    environment
}

fn build(environment: &Path, requirements: &Path) {
    let _ = fs::remove_dir_all(environment);
    run(
        Command::new(system_python()).args(["-m", "venv"]).arg(environment),
        "cannot make a virtual environment; fix: install Python's venv module (Debian and Ubuntu: apt install python3-venv)",
    );
    run(
        Command::new(of(environment))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--require-hashes",
                "--no-deps",
                "-r",
            ])
            .arg(requirements),
        "cannot install the emulator's packages; fix: let pip reach a package index that has the pinned files (pip config, PIP_INDEX_URL)",
    );
}

/// The first Python on the path that is young enough; `RUNAS_TEST_PYTHON` goes first.
#[expect(clippy::disallowed_methods, reason = "the test bed has no configuration but this")]
fn system_python() -> String {
    let chosen = std::env::var("RUNAS_TEST_PYTHON").into_iter();
    let version = "import sys; print(*sys.version_info[:2])";
    let young = |name: &String| {
        let output = Command::new(name).args(["-c", version]).stderr(Stdio::null()).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let mut numbers = text.split_whitespace().filter_map(|number| number.parse().ok());
        numbers.next().zip(numbers.next()).is_some_and(|version: (u32, u32)| version >= PYTHON)
    };
    chosen.chain(["python3", "python"].map(str::to_owned)).find(young).unwrap_or_else(|| {
        panic!(
            "the integration tests emulate AWS with Python {}.{} or later, and there is none on the path; \
             fix: install it (Debian and Ubuntu: apt install python3 python3-venv), or name it in RUNAS_TEST_PYTHON",
            PYTHON.0, PYTHON.1
        )
    })
}

fn run(command: &mut Command, on_failure: &str) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|why| panic!("{on_failure}; cause: {why}"));
    let said = String::from_utf8_lossy(if output.stderr.is_empty() { &output.stdout } else { &output.stderr });
    assert!(output.status.success(), "{on_failure}; cause: {said}");
}
