use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::json;

use super::*;

/// A table that answers with so many pages, one row each.
#[derive(Clone, Debug)]
struct Pages {
    left: Arc<AtomicUsize>,
}

impl HttpConnector for Pages {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let left = self.left.fetch_sub(1, Ordering::Relaxed) - 1;
        let mut answer = json!({ "Items": [{ "PK": { "S": left.to_string() } }] });
        if left > 0 {
            answer["LastEvaluatedKey"] = answer["Items"][0].clone();
        }
        let body = SdkBody::from(answer.to_string());
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), body)))
    }
}

fn query(pages: usize) -> QueryFluentBuilder {
    let pages = Pages { left: Arc::new(AtomicUsize::new(pages)) };
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(pages.clone())));
    aws_sdk_dynamodb::Client::from_conf(config.build()).query().table_name("ledger")
}

#[tokio::test]
async fn all_pages_are_read_and_more_than_there_may_be_are_a_fault_and_no_shorter_list() {
    for pages in 1..=5 {
        assert_eq!(all_of(query(pages), 5).await.unwrap().len(), pages);
    }
    let fault = all_of(query(6), 5).await.unwrap_err();
    assert_eq!((fault.class, fault.code.as_str(), fault.retryable()), (FaultClass::Invalid, "Endless", false));
}

#[tokio::test]
async fn first_rows_say_whether_there_are_more() {
    for (pages, limit, pages_max, expected) in
        [(3, 5, 9, (3, false)), (3, 3, 9, (3, false)), (3, 2, 9, (2, true)), (3, 5, 2, (2, true))]
    {
        let (rows, more) = first_of(query(pages), limit, pages_max).await.unwrap();
        assert_eq!((rows.len(), more), expected, "{pages} pages, at most {limit} rows of {pages_max} pages");
    }
}
