//! AWS for unit tests: it gives the scripted answers one after the other, and keeps the requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

use crate::config::{Connection, Endpoints, Trust};

#[derive(Clone, Debug)]
pub(super) struct Scripted {
    answers: Arc<Mutex<VecDeque<Value>>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Scripted {
    pub(super) fn new(answers: impl IntoIterator<Item = Value>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), asked: Arc::default() }
    }

    /// The configuration of clients that reach nothing else.
    pub(super) fn sdk(&self) -> SdkConfig {
        let connector = self.clone();
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(keys())
            .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(connector.clone())))
            .build()
    }

    /// The bodies of the requests.
    pub(super) fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }
}

impl HttpConnector for Scripted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let question = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        self.asked.lock().unwrap().push(question);
        let answer = self.answers.lock().unwrap().pop_front().unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from(answer.to_string()))))
    }
}

/// A connection without endpoints of its own.
pub(super) fn connection() -> Connection {
    let region = "eu-west-1".parse().unwrap();
    let (endpoints, trust) = (Endpoints::default(), Trust::Amazon);
    Connection { region, trust, endpoints, max_attempts: 1, fips: false, dual_stack: false }
}

pub(super) fn keys() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new("id", "secret", None, None, "test"))
}
