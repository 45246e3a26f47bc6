//! The Lambda service around one execution environment: the real binary, driven through the Runtime API.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::clock::Clock;
use super::http::{self, Message};

const PREFIX: &str = "/2018-06-01/runtime/";
const FUNCTION: &str = "runas-reactor";
const REGION: &str = "eu-west-1";

/// One execution environment. It is killed on drop.
pub(crate) struct Lambda {
    child: Mutex<Child>,
    service: Arc<Service>,
    logs: Arc<Mutex<Vec<String>>>,
    clock: Arc<Clock>,
}

/// How an invocation ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The function answered.
    Reply(Value),
    /// The function, or its start, reported an error.
    Error(Value),
    /// The process ended without an answer: by itself, by [`Lambda::kill`], or at the deadline, where AWS kills it too.
    Died,
}

/// An invocation under way.
pub(crate) struct Invocation<'a> {
    lambda: &'a Lambda,
    id: String,
    deadline: Instant,
}

/// What the Runtime API's threads share with the test.
#[derive(Default)]
struct Service {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    started: u64,
    waiting: VecDeque<(String, String, Vec<u8>)>,
    outcomes: BTreeMap<String, Outcome>,
    init_error: Option<Value>,
    over: bool,
}

/// The function that cargo built, or the one that `RUNAS_TEST_BINARY` names, such as the packaged one.
pub(crate) fn binary() -> String {
    packaged().unwrap_or_else(|| env!("CARGO_BIN_EXE_runas-reactor").to_owned())
}

/// Whether the tests drive a binary that was packaged for Lambda: it is built without the command line's features.
pub(crate) fn is_packaged() -> bool {
    packaged().is_some()
}

#[expect(clippy::disallowed_methods, reason = "the gate drives the packaged binary through the same tests")]
fn packaged() -> Option<String> {
    std::env::var("RUNAS_TEST_BINARY").ok()
}

impl Lambda {
    /// Starts the function's [`binary`].
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_by(&Arc::new(Clock::new()), variables)
    }

    /// The same, by the clock of a test.
    pub(crate) fn start_by(clock: &Arc<Clock>, variables: &[(&str, &str)]) -> Self {
        Self::start_program(Command::new(binary()), clock, variables)
    }

    /// Starts any program as the function, with nothing in its environment but what Lambda sets and `variables`.
    pub(crate) fn start_command(command: Command, variables: &[(&str, &str)]) -> Self {
        Self::start_program(command, &Arc::new(Clock::new()), variables)
    }

    /// Starts the broker's function, by the clock of a test.
    pub(crate) fn start_broker(clock: &Arc<Clock>, variables: &[(&str, &str)]) -> Self {
        Self::start_program(Command::new(env!("CARGO_BIN_EXE_runas-broker")), clock, variables)
    }

    fn start_program(mut command: Command, clock: &Arc<Clock>, variables: &[(&str, &str)]) -> Self {
        let service = Arc::<Service>::default();
        let api = service.listen();
        command.env_clear().envs(reserved_variables()).env("AWS_LAMBDA_RUNTIME_API", api.to_string());
        command.envs(variables.iter().copied()).envs(clock.variables());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|why| panic!("cannot start {command:?}: {why}"));
        let logs = Arc::default();
        collect(child.stdout.take(), &logs);
        collect(child.stderr.take(), &logs);
        Self { child: Mutex::new(child), service, logs, clock: Arc::clone(clock) }
    }

    /// Invokes the function and waits for the end.
    pub(crate) fn invoke(&self, event: &Value, deadline: Duration) -> Outcome {
        self.begin(event, deadline).wait()
    }

    /// Invokes the function; the test goes on meanwhile.
    pub(crate) fn begin(&self, event: &Value, deadline: Duration) -> Invocation<'_> {
        let until = self.clock.now().plus_ms(i64::try_from(deadline.as_millis()).unwrap_or(i64::MAX));
        let mut state = self.service.lock();
        state.started += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", state.started);
        state.waiting.push_back((id.clone(), until.ms().to_string(), event.to_string().into_bytes()));
        self.service.changed.notify_all();
        Invocation { lambda: self, id, deadline: Instant::now() + deadline }
    }

    /// The process, for a test that kills it at a certain moment.
    pub(crate) fn id(&self) -> u32 {
        lock(&self.child).id()
    }

    /// Kills the process at once, as when the machine under it is gone.
    pub(crate) fn kill(&self) {
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }

    /// The lines written so far, to stdout and to stderr, in the order of their arrival.
    pub(crate) fn logs(&self) -> Vec<String> {
        lock(&self.logs).clone()
    }

    /// Waits for a line that contains `text`; what is written arrives a little after what is answered.
    pub(crate) fn await_log(&self, text: &str, patience: Duration) -> String {
        self.await_logs(text, 1, patience).remove(0)
    }

    /// Waits for so many lines that contain `text`.
    pub(crate) fn await_logs(&self, text: &str, count: usize, patience: Duration) -> Vec<String> {
        let end = Instant::now() + patience;
        loop {
            let lines: Vec<String> = self.logs().into_iter().filter(|line| line.contains(text)).collect();
            if lines.len() >= count {
                return lines;
            }
            assert!(Instant::now() < end, "{count} lines with {text:?} are not in {:#?}", self.logs());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the process ends by itself; `None` where a signal ended it.
    pub(crate) fn exit_code(&self, patience: Duration) -> Option<i32> {
        let end = Instant::now() + patience;
        loop {
            match lock(&self.child).try_wait() {
                Ok(Some(status)) => return status.code(),
                _ => assert!(Instant::now() < end, "it still runs: {:#?}", self.logs()),
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn has_ended(&self) -> bool {
        !matches!(lock(&self.child).try_wait(), Ok(None))
    }
}

impl Drop for Lambda {
    /// Whatever a test is about, every line that the function wrote meanwhile has each key once.
    fn drop(&mut self) {
        self.service.lock().over = true;
        self.service.changed.notify_all();
        self.kill();
        if !thread::panicking() {
            let twice: Vec<String> = self.logs().into_iter().filter(|line| has_a_key_twice(line)).collect();
            assert!(twice.is_empty(), "log lines with a key twice: {twice:#?}");
        }
    }
}

/// Whether a line is a JSON object one of whose own keys stands there more than once, which parsers pass over in silence.
pub(crate) fn has_a_key_twice(line: &str) -> bool {
    struct Keys(usize);
    impl<'de> serde::Deserialize<'de> for Keys {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Count;
            impl<'de> serde::de::Visitor<'de> for Count {
                type Value = Keys;

                fn expecting(&self, text: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    text.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut entries: A) -> Result<Keys, A::Error> {
                    let mut count = 0;
                    while entries.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {
                        count += 1;
                    }
                    Ok(Keys(count))
                }
            }
            deserializer.deserialize_map(Count)
        }
    }
    let (all, different) = (serde_json::from_str::<Keys>(line), serde_json::from_str::<Value>(line));
    matches!((all, different), (Ok(Keys(all)), Ok(Value::Object(different))) if all > different.len())
}

impl Invocation<'_> {
    /// Waits for the end of the invocation.
    pub(crate) fn wait(self) -> Outcome {
        let Self { lambda, id, deadline } = self;
        loop {
            let ended = lambda.has_ended();
            let mut state = lambda.service.lock();
            if let Some(outcome) = state.outcomes.remove(&id) {
                return outcome;
            }
            if let Some(error) = state.init_error.take() {
                return Outcome::Error(error);
            }
            if ended {
                return Outcome::Died;
            }
            if Instant::now() >= deadline {
                drop(state);
                lambda.kill();
                return Outcome::Died;
            }
            drop(lambda.service.changed.wait_timeout(state, Duration::from_millis(10)));
        }
    }
}

impl Service {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Serves the Runtime API on a port of the system's choice.
    fn listen(self: &Arc<Self>) -> SocketAddr {
        let bound = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.unwrap_or_else(|why| panic!("cannot listen on loopback: {why}"));
        let service = Arc::clone(self);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let service = Arc::clone(&service);
                // A broken connection is the function's affair; the test sees it as an invocation without an answer.
                thread::spawn(move || service.serve(&stream));
            }
        });
        address
    }

    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let (mut from, mut to) = (BufReader::new(stream), stream);
        while let Some(request) = Message::read(&mut from)? {
            let path = request.first_line.split(' ').nth(1).and_then(|path| path.strip_prefix(PREFIX));
            match path.unwrap_or_default().split('/').collect::<Vec<_>>()[..] {
                ["invocation", "next"] => {
                    let Some((id, until, event)) = self.next() else {
                        return Ok(());
                    };
                    http::answer(&mut to, "200 OK", &invocation_headers(&id, &until), &event)?;
                }
                ["invocation", id, end @ ("response" | "error")] => {
                    let body = serde_json::from_slice(&request.body).unwrap_or_default();
                    let outcome = if end == "response" { Outcome::Reply(body) } else { Outcome::Error(body) };
                    self.lock().outcomes.insert(id.to_owned(), outcome);
                    self.changed.notify_all();
                    http::answer(&mut to, "202 Accepted", "", br#"{"status":"OK"}"#)?;
                }
                ["init", "error"] => {
                    self.lock().init_error = Some(serde_json::from_slice(&request.body).unwrap_or_default());
                    self.changed.notify_all();
                    http::answer(&mut to, "202 Accepted", "", br#"{"status":"OK"}"#)?;
                }
                _ => http::answer(&mut to, "404 Not Found", "", b"{}")?,
            }
        }
        Ok(())
    }

    /// Waits for an invocation; `None` when the test is over.
    fn next(&self) -> Option<(String, String, Vec<u8>)> {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.over;
        let state = self.changed.wait_while(self.lock(), idle);
        state.unwrap_or_else(PoisonError::into_inner).waiting.pop_front()
    }
}

fn invocation_headers(id: &str, until: &str) -> String {
    format!(
        "Lambda-Runtime-Aws-Request-Id: {id}\r\n\
         Lambda-Runtime-Deadline-Ms: {until}\r\n\
         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:{REGION}:123456789012:function:{FUNCTION}\r\n\
         Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0\r\n"
    )
}

/// The variables that Lambda itself sets for a function on provided.al2023.
fn reserved_variables() -> [(&'static str, &'static str); 17] {
    [
        ("AWS_ACCESS_KEY_ID", "ASIATESTBEDFUNCTION0"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_LAMBDA_FUNCTION_NAME", FUNCTION),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/runas-reactor"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]00000000000000000000000000000000"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("LANG", "en_US.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
        ("TZ", ":UTC"),
        ("_HANDLER", "bootstrap"),
    ]
}

fn collect(output: Option<impl Read + Send + 'static>, into: &Arc<Mutex<Vec<String>>>) {
    let into = Arc::clone(into);
    thread::spawn(move || {
        for line in output.into_iter().flat_map(|output| BufReader::new(output).lines()) {
            lock(&into).push(line.unwrap_or_else(|why| format!("(not text: {why})")));
        }
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
