//! A wall clock that a test moves on, for programs that it starts: the function's real binary and the emulator see the same
//! time, so that a lease, a pause or a minute of patience takes none.
//!
//! The programs are the real ones: `clock.c` is preloaded into them, and adds to what the system's clock says.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use runas_reactor::domain::time::Time;
use tempfile::NamedTempFile;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/clock.c");

static LIBRARY: LazyLock<PathBuf> = LazyLock::new(build);

/// Starts as the system's clock.
pub(crate) struct Clock {
    file: NamedTempFile,
    ahead_ms: AtomicI64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let file = NamedTempFile::new().unwrap_or_else(|why| panic!("cannot make a file: {why}"));
        let clock = Self { file, ahead_ms: AtomicI64::new(0) };
        clock.set_ahead(0);
        clock
    }

    /// What a program needs in its environment to go by this clock.
    pub(crate) fn variables(&self) -> [(&'static str, String); 2] {
        let name = |path: &Path| path.display().to_string();
        [("LD_PRELOAD", name(&LIBRARY)), ("RUNAS_TEST_CLOCK", name(self.file.path()))]
    }

    pub(crate) fn advance(&self, ms: i64) {
        self.set_ahead(self.ahead_ms.load(Ordering::SeqCst) + ms);
    }

    pub(crate) fn set_ahead(&self, ms: i64) {
        self.ahead_ms.store(ms, Ordering::SeqCst);
        let file: &File = self.file.as_file();
        file.write_all_at(&ms.to_ne_bytes(), 0).unwrap_or_else(|why| panic!("cannot set the clock: {why}"));
    }

    /// The time as the programs see it.
    #[expect(clippy::disallowed_methods, reason = "programs under test read the system's clock")]
    pub(crate) fn now(&self) -> Time {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::from_ms(i64::try_from(now.as_millis()).unwrap_or_default()).plus_ms(self.ahead_ms.load(Ordering::SeqCst))
    }
}

fn build() -> PathBuf {
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("clock-{}.so", std::process::id()));
    let mut compiler = Command::new("cc");
    let output = compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(SOURCE).output();
    let output = output.unwrap_or_else(|why| panic!("cannot start cc, which Rust links with: {why}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let shared = library.with_file_name("clock.so");
    fs::rename(&library, &shared).unwrap_or_else(|why| panic!("cannot rename {}: {why}", library.display()));
    shared
}
