//! The hub's components, read for an operator: queues, topic, rules, schedule and event source mappings. Schedules and
//! mappings are found by the queue that they use, whatever their names.

use std::borrow::Cow;

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};

use super::client::{Clients, Lazy};
use super::fault::Call;
use super::http_call::{self, Endpoint, HttpCall, encoded};
use crate::domain::target::Region;
use crate::domain::text::{ID_CHARS_MAX, clean};
use crate::ports::{Fault, FaultClass};

const QUEUE: Call = Call::read("GetQueueAttributes");
const TOPIC: Call = Call::read("GetTopicAttributes");
const SCHEDULES: Call = Call::read("ListSchedules");
const FEEDS: Call = Call::read("ListEventSourceMappings");
const RULES: Call = Call::read("ListRules");

/// A page holds up to 100 schedules [bc scheduler]; the limit is generous.
const PAGES_MAX: usize = 50;

/// Read-only access to the hub.
pub struct HubView {
    sqs: Lazy<aws_sdk_sqs::Client>,
    sns: Lazy<aws_sdk_sns::Client>,
    scheduler: Endpoint,
    events: Endpoint,
    lambda: Endpoint,
    region: Region,
}

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueState {
    /// Its ARN.
    pub arn: String,
    /// Messages that can be received.
    pub waiting: u64,
    /// Messages in flight or delayed.
    pub under_way: u64,
    /// The ARN of its dead-letter queue, where it has one.
    pub dead_letters: Option<String>,
}

/// The number of subscriptions to a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscriptions {
    /// Subscriptions that receive messages.
    pub confirmed: u64,
    /// Subscriptions that are not yet confirmed.
    pub pending: u64,
}

/// A schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// Whether it is enabled.
    pub enabled: bool,
}

/// A rule of EventBridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Whether it is enabled.
    pub enabled: bool,
}

/// An event source mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Its id.
    pub id: String,
    /// The ARN of the function that it feeds.
    pub function: String,
    /// Its state as Lambda names it: `Enabled`, `Disabled`, or a transition such as `Enabling`.
    pub state: String,
}

impl HubView {
    pub(super) fn new(region: &Region, clients: &Clients) -> Self {
        let (sqs, sns) = (clients.sqs(), clients.sns());
        Self {
            sqs,
            sns,
            scheduler: clients.of_operators(),
            events: clients.of_operators(),
            lambda: clients.lambda(),
            region: region.clone(),
        }
    }

    /// A queue. SQS's numbers are approximate [docs: sqs `GetQueueAttributes`].
    ///
    /// # Errors
    /// The queue does not exist, or the answer is incomplete.
    pub async fn queue(&self, url: &str) -> Result<QueueState, Fault> {
        let request = self.sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All);
        let attributes = request.send().await.map_err(|error| QUEUE.failed(&error))?.attributes.unwrap_or_default();
        let number = |name| attributes.get(&name).and_then(|text| text.parse().ok()).unwrap_or(0_u64);
        let redrive: Option<Value> =
            attributes.get(&QueueAttributeName::RedrivePolicy).and_then(|text| serde_json::from_str(text).ok());
        let arn = attributes.get(&QueueAttributeName::QueueArn);
        Ok(QueueState {
            arn: arn.cloned().ok_or_else(|| unread(QUEUE, "the answer names no queue"))?,
            waiting: number(QueueAttributeName::ApproximateNumberOfMessages),
            under_way: number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
                .saturating_add(number(QueueAttributeName::ApproximateNumberOfMessagesDelayed)),
            dead_letters: redrive.as_ref().and_then(|redrive| text(redrive, "deadLetterTargetArn")),
        })
    }

    /// The number of subscriptions to a topic.
    ///
    /// # Errors
    /// The topic does not exist, or the answer is incomplete.
    pub async fn subscriptions(&self, topic_arn: &str) -> Result<Subscriptions, Fault> {
        let request = self.sns.get_topic_attributes().topic_arn(topic_arn);
        let attributes = request.send().await.map_err(|error| TOPIC.failed(&error))?.attributes.unwrap_or_default();
        let number = |name| attributes.get(name).and_then(|text| text.parse().ok());
        Ok(Subscriptions {
            confirmed: number("SubscriptionsConfirmed").ok_or_else(|| unread(TOPIC, "the answer counts nothing"))?,
            pending: number("SubscriptionsPending").unwrap_or_default(),
        })
    }

    /// The schedules that send to a queue.
    ///
    /// # Errors
    /// They cannot be listed.
    pub async fn schedules(&self, queue_arn: &str) -> Result<Vec<Schedule>, Fault> {
        let mut found = Vec::new();
        let mut path = "/schedules?MaxResults=100".to_owned();
        for _ in 0..PAGES_MAX {
            let page = self.get("scheduler", SCHEDULES, &self.scheduler, path).await?;
            let Some(schedules) = page.get("Schedules").and_then(Value::as_array) else {
                return Err(unread(SCHEDULES, "the answer has no Schedules"));
            };
            let of_stack = schedules
                .iter()
                .filter(|it| it.get("Target").and_then(|target| text(target, "Arn")).as_deref() == Some(queue_arn));
            found.extend(of_stack.map(|it| Schedule {
                name: text(it, "Name").unwrap_or_default(),
                enabled: text(it, "State").as_deref() == Some("ENABLED"),
            }));
            let Some(token) = page.get("NextToken").and_then(Value::as_str) else { return Ok(found) };
            path = format!("/schedules?MaxResults=100&NextToken={}", encoded(token));
        }
        Err(unread(SCHEDULES, "there are more schedules than are read"))
    }

    /// The rules of a bus whose names begin with this. The reactor has few: the first page holds all.
    ///
    /// # Errors
    /// They cannot be listed.
    pub async fn rules(&self, bus: &str, prefix: &str) -> Result<Vec<Rule>, Fault> {
        let question = json!({ "EventBusName": bus, "NamePrefix": prefix }).to_string();
        let shape = HttpCall {
            service: "events",
            call: RULES,
            method: "POST",
            path: Cow::Borrowed("/"),
            target: Some("AWSEvents.ListRules"),
            content_type: "application/x-amz-json-1.1",
            read: http_call::json,
        };
        let page = self.ask(shape, &self.events, question).await?;
        let Some(rules) = page.get("Rules").and_then(Value::as_array) else {
            return Err(unread(RULES, "the answer has no Rules"));
        };
        let rule = |it: &Value| Rule {
            name: text(it, "Name").unwrap_or_default(),
            enabled: text(it, "State").as_deref() == Some("ENABLED"),
        };
        Ok(rules.iter().map(rule).collect())
    }

    /// The event source mappings of a queue. A queue has few: the first page holds all.
    ///
    /// # Errors
    /// They cannot be listed.
    pub async fn feeds(&self, queue_arn: &str) -> Result<Vec<Feed>, Fault> {
        let path = format!("/2015-03-31/event-source-mappings/?EventSourceArn={}", encoded(queue_arn));
        let page = self.get("lambda", FEEDS, &self.lambda, path).await?;
        let Some(feeds) = page.get("EventSourceMappings").and_then(Value::as_array) else {
            return Err(unread(FEEDS, "the answer has no EventSourceMappings"));
        };
        let feed = |it: &Value| Feed {
            id: text(it, "UUID").unwrap_or_default(),
            function: text(it, "FunctionArn").unwrap_or_default(),
            state: text(it, "State").unwrap_or_default(),
        };
        Ok(feeds.iter().map(feed).collect())
    }

    /// Makes a GET call [bc scheduler, lambda: `rest-json`].
    async fn get(&self, service: &'static str, call: Call, endpoint: &Endpoint, path: String) -> Result<Value, Fault> {
        let path = Cow::Owned(path);
        let content_type = "application/json";
        let shape = HttpCall { service, call, method: "GET", path, target: None, content_type, read: http_call::json };
        self.ask(shape, endpoint, String::new()).await
    }

    async fn ask(&self, shape: HttpCall, endpoint: &Endpoint, question: String) -> Result<Value, Fault> {
        let Some(credentials) = endpoint.sdk.credentials_provider() else {
            let why = "there are no credentials to ask with";
            return Err(shape.call.fault(FaultClass::Invalid, "NoCredentials", why));
        };
        shape.prepare(endpoint, self.region.as_str(), credentials).ask(question).await
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    Some(clean(value.get(name)?.as_str()?, ID_CHARS_MAX * 2))
}

fn unread(call: Call, what: &str) -> Fault {
    call.fault(FaultClass::Transient, "Incomplete", what)
}
