//! Lambda's `Invoke` for one function: a call that its resource policy admits reaches the real binary.

use std::io::BufReader;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{self, Message};
use super::lambda::{Lambda, Outcome};

/// As long as the template lets the broker run.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The endpoint of Lambda in the function's region.
pub(crate) struct Endpoint {
    address: SocketAddr,
    service: Arc<Service>,
}

struct Service {
    function: Lambda,
    path: String,
    /// The access key that the function's resource policy admits.
    admitted: String,
    invoked: Mutex<Vec<Value>>,
}

impl Endpoint {
    /// Serves `function` by its ARN to callers that sign with the access key `admitted`.
    pub(crate) fn serve(function: Lambda, arn: &str, admitted: &str) -> Self {
        let path = format!("/2015-03-31/functions/{}/invocations", arn.replace(':', "%3A"));
        let service = Service { function, path, admitted: admitted.to_owned(), invoked: Mutex::default() };
        let service = Arc::new(service);
        let bound = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.unwrap_or_else(|why| panic!("cannot listen on loopback: {why}"));
        let serving = Arc::clone(&service);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let service = Arc::clone(&serving);
                // A broken connection is the caller's affair; the test sees it as a call without an answer.
                thread::spawn(move || service.answer(&stream));
            }
        });
        Self { address, service }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The function behind it.
    pub(crate) fn function(&self) -> &Lambda {
        &self.service.function
    }

    /// The payloads that reached the function.
    pub(crate) fn invoked(&self) -> Vec<Value> {
        self.service.invoked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Service {
    fn answer(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let (mut from, mut to) = (BufReader::new(stream), stream);
        while let Some(request) = Message::read(&mut from)? {
            let (status, headers, body) = self.invoke(&request);
            http::answer(&mut to, status, headers, body.to_string().as_bytes())?;
        }
        Ok(())
    }

    /// [bc lambda]: errors of the service by their status and a header, errors of the function by another header.
    fn invoke(&self, request: &Message) -> (&'static str, &'static str, Value) {
        if request.first_line.split(' ').nth(1) != Some(self.path.as_str()) {
            let message = json!({"Type": "User", "Message": format!("Function not found: {}", request.first_line)});
            return ("404 Not Found", "x-amzn-ErrorType: ResourceNotFoundException\r\n", message);
        }
        let signature = request.header("authorization").unwrap_or_default();
        let in_lambda = signature.contains("/lambda/aws4_request");
        if !in_lambda || !signature.contains(&format!("Credential={}/", self.admitted)) {
            let message = json!({"Message": "User is not authorized to perform: lambda:InvokeFunction"});
            return ("403 Forbidden", "x-amzn-ErrorType: AccessDeniedException\r\n", message);
        }
        let payload: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        self.invoked.lock().unwrap_or_else(PoisonError::into_inner).push(payload.clone());
        match self.function.invoke(&payload, TIMEOUT) {
            Outcome::Reply(answer) => ("200 OK", "", answer),
            Outcome::Error(error) => ("200 OK", "X-Amz-Function-Error: Unhandled\r\n", error),
            Outcome::Died => {
                let error = json!({"errorType": "Runtime.ExitError", "errorMessage": "Runtime exited"});
                ("200 OK", "X-Amz-Function-Error: Unhandled\r\n", error)
            }
        }
    }
}
