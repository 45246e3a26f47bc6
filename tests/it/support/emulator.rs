//! AWS on loopback: `tests/emulator/server.py` in a Python environment of its own.
//!
//! The environment is built once in the target directory. Servers take about a second to start, so they are kept for the
//! next test of this process and emptied in between; no two tests share one at the same time. A server ends when its
//! standard input does, so none outlives the process, however that ends.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Child;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use serde_json::{Value, json};

use super::clock::Clock;
use super::{http, python};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/emulator");

static IDLE: Mutex<Vec<Server>> = Mutex::new(Vec::new());
static ENVIRONMENT: LazyLock<PathBuf> = LazyLock::new(|| python::environment("emulator"));

/// An AWS of one test's own, empty at the start.
pub(crate) struct Emulator(Option<Server>);

/// The keys of a role session, for the callers that a test plays.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) token: String,
}

impl Emulator {
    /// An idle server, or else a new one.
    pub(crate) fn start() -> Self {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let server = idle.filter(|server| server.post("reset", &Value::Null).is_ok());
        let server = server.unwrap_or_else(Server::start);
        server.clock.set_ahead(0);
        Self(Some(server))
    }

    /// The time as AWS has it, for the programs that are to share it.
    pub(crate) fn clock(&self) -> Arc<Clock> {
        Arc::clone(&self.server().clock)
    }

    /// The endpoint of every service.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server().address)
    }

    /// The same for one program, by whose name its faults and its log are kept apart from those of others.
    pub(crate) fn url_via(&self, name: &str) -> String {
        format!("{}/via/{name}", self.url())
    }

    /// Forgets everything: accounts, documents, switches, faults, log and trail. Calls still being delayed are dropped.
    pub(crate) fn reset(&self) {
        self.post("reset", &Value::Null);
    }

    /// Replaces what goes wrong next; the members of a fault are listed in `bed.py`.
    pub(crate) fn faults(&self, faults: &Value) {
        self.post("x/faults", faults);
    }

    /// Replaces what goes wrong next for one program.
    pub(crate) fn faults_via(&self, name: &str, faults: &Value) {
        self.post(&format!("x/faults?via={name}"), faults);
    }

    /// How often the faults for one program have struck.
    pub(crate) fn reached_via(&self, name: &str) -> u64 {
        list(self.get(&format!("x/faults?via={name}"))).iter().filter_map(|fault| fault["reached"].as_u64()).sum()
    }

    /// The faults with what remains of them: `times`, `skip`, and `reached`.
    pub(crate) fn faults_left(&self) -> Vec<Value> {
        list(self.get("x/faults"))
    }

    /// Waits until every fault was reached at least once. A fault counts as reached before its delay.
    pub(crate) fn await_faults(&self, patience: Duration) {
        let end = Instant::now() + patience;
        while !self.faults_left().iter().all(|fault| fault["reached"] != json!(0)) {
            assert!(Instant::now() < end, "a fault was not reached: {:?}", self.faults_left());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Changes how AWS behaves; the switches are listed in `bed.py`.
    pub(crate) fn switches(&self, switches: &Value) {
        self.post("x/switches", switches);
    }

    /// All calls since the start or the last `clear_log`, in the order of their arrival.
    pub(crate) fn log(&self) -> Vec<Value> {
        list(self.get("x/log")["calls"].take())
    }

    /// The calls of one program since the start.
    pub(crate) fn log_via(&self, name: &str) -> Vec<Value> {
        list(self.get(&format!("x/log?via={name}"))["calls"].take())
    }

    pub(crate) fn clear_log(&self) {
        self.server().ask("DELETE", "x/log", &Value::Null).unwrap_or_else(|why| panic!("{why}"));
    }

    /// The events about document writes since `cursor`, which moves on.
    pub(crate) fn trail(&self, cursor: &mut u64) -> Vec<Value> {
        self.trail_of(cursor, None)
    }

    /// The same for one account, or for all.
    pub(crate) fn trail_of(&self, cursor: &mut u64, account: Option<&str>) -> Vec<Value> {
        let account = account.map(|account| format!("&account={account}")).unwrap_or_default();
        let mut page = self.get(&format!("x/trail?since={cursor}{account}"));
        *cursor = page["next"].as_u64().unwrap_or(*cursor);
        list(page["events"].take())
    }

    /// What is in a queue, visible or not, looked at without a trace.
    pub(crate) fn messages(&self, account: &str, region: &str, queue: &str) -> Vec<Value> {
        list(self.get(&format!("x/messages?account={account}&region={region}&queue={queue}")))
    }

    /// Each `AssumeRole` so far, with the session policy it carried.
    pub(crate) fn assumed(&self) -> Vec<Value> {
        list(self.get("x/assumed")["roles"].take())
    }

    /// Every document by account, region and name, read without leaving a trace.
    pub(crate) fn documents(&self) -> Value {
        self.get("x/documents")
    }

    /// The documents of one account by region and name.
    pub(crate) fn documents_of(&self, account: &str) -> Value {
        self.get(&format!("x/documents?account={account}"))[account].take()
    }

    /// A session of any role in any account, without a call of `AssumeRole`.
    pub(crate) fn credentials(&self, role_arn: &str, session_name: &str) -> Credentials {
        let keys = self.post("x/credentials", &json!({"role_arn": role_arn, "session_name": session_name}));
        let key = |name: &str| keys[name].as_str().unwrap_or_default().to_owned();
        Credentials { access_key: key("access_key"), secret_key: key("secret_key"), token: key("token") }
    }

    /// Makes a role that IAM knows, and whose use it remembers.
    pub(crate) fn make_role(&self, account: &str, name: &str) {
        self.post("x/roles", &json!({"account": account, "name": name}));
    }

    /// The same with `path`, `tags` and `trust` policy.
    pub(crate) fn make_role_of(&self, role: &Value) {
        self.post("x/roles", role);
    }

    /// Makes a user with tags, for IAM to tell of.
    pub(crate) fn make_user(&self, account: &str, name: &str, tags: &Value) {
        self.post("x/users", &json!({"account": account, "name": name, "tags": tags}));
    }

    /// What SDK clients are made of. They try once: a test wants to see each answer.
    pub(crate) fn sdk(&self, keys: &Credentials, region: &str) -> SdkConfig {
        let Credentials { access_key, secret_key, token } = keys.clone();
        let credentials = aws_credential_types::Credentials::new(access_key, secret_key, Some(token), None, "tests");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(self.url())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config(RetryConfig::disabled())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .build()
    }

    fn get(&self, path: &str) -> Value {
        self.server().ask("GET", path, &Value::Null).unwrap_or_else(|why| panic!("{why}"))
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.server().post(path, body).unwrap_or_else(|why| panic!("{why}"))
    }

    fn server(&self) -> &Server {
        self.0.as_ref().unwrap_or_else(|| panic!("the server is there until the emulator is dropped"))
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).extend(self.0.take());
    }
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => panic!("the emulator should have sent a list: {other}"),
    }
}

struct Server {
    child: Child,
    address: SocketAddr,
    clock: Arc<Clock>,
}

impl Server {
    fn start() -> Self {
        let clock = Arc::new(Clock::new());
        let [preload, file] = &clock.variables();
        let variables = [preload, file].map(|(name, value)| (*name, value.as_str()));
        let (child, address) = python::serve(&ENVIRONMENT, SOURCES, &[], &variables);
        Self { child, address, clock }
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.ask("POST", path, body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let what = format!("{method} /moto-api/{path}");
        let (status, answer) =
            http::call(self.address, method, &format!("/moto-api/{path}"), body.to_string().as_bytes())
                .map_err(|why| format!("{what}: the emulator does not answer: {why}"))?;
        let text = String::from_utf8_lossy(&answer);
        if status != 200 {
            return Err(format!("{what}: {status} {text}"));
        }
        serde_json::from_str(&text).map_err(|why| format!("{what}: {why}: {text}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The interpreter in which the emulator's packages are installed.
pub(crate) fn python() -> PathBuf {
    python::of(&ENVIRONMENT)
}
