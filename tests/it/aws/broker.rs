//! The broker's session, where no member role works: when it is asked for, what it serves for, and what a refusal says.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use runas_reactor::domain::observation::Observation;
use runas_reactor::domain::time::{MINUTE_MS, Time};
use runas_reactor::ports::{AccountAccess, Clock as _, Documents as _, FaultClass, Relapse, World as _};
use serde_json::json;

use super::*;
use crate::support::http::{Message as Http, answer};

const GAP_ROLE: &str = "AWSControlTowerExecution";
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:runas-broker";
const FAILED: &str = "X-Amz-Function-Error: Unhandled\r\n";
const USED: Time = Time::from_ms(1_790_000_000_000);

/// Lambda's endpoint with the broker behind it, which gives one answer; and the requests so far.
struct Broker {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Broker {
    fn answering(headers: &'static str, body: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::default());
        let requests = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (body, requests) = (body.clone(), Arc::clone(&requests));
                std::thread::spawn(move || serve(&stream, headers, &body, &requests));
            }
        });
        Self { address, asked }
    }

    fn refusing() -> Self {
        Self::answering("", json!({"refused": {"cause": "the account is too old", "fix": "deploy the member role"}}))
    }

    /// It grants a session that STS has given for a role.
    async fn granting(hub: &Hub, role: &str, member_role_used: Option<Time>) -> Self {
        let sts = aws_sdk_sts::Client::new(&hub.aws.sdk(&hub.keys, HOME));
        let assume =
            sts.assume_role().role_session_name("broker").role_arn(format!("arn:aws:iam::{MEMBER}:role/{role}"));
        let keys = assume.send().await.unwrap().credentials.unwrap();
        hub.aws.clear_log();
        let granted = json!({
            "access_key_id": keys.access_key_id, "secret_access_key": keys.secret_access_key,
            "session_token": keys.session_token, "role": role, "member_role_used": member_role_used,
            "expiration": hub.world().now().plus_ms(15 * MINUTE_MS),
        });
        Self::answering("", json!({ "granted": granted }))
    }

    fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }

    fn world(&self, hub: &Hub) -> AwsWorld {
        let url = format!("http://{}", self.address);
        let variables = [(config::BROKER, FUNCTION), (config::ENDPOINT_LAMBDA, &url), (config::MAX_ATTEMPTS, "1")];
        hub.world_with(&hub.keys, &variables)
    }
}

fn serve(stream: &TcpStream, headers: &str, body: &Value, requests: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(stream);
    while let Ok(Some(request)) = Http::read(&mut reader) {
        requests.lock().unwrap().push(serde_json::from_slice(&request.body).unwrap());
        let mut writer = stream;
        answer(&mut writer, "200 OK", headers, body.to_string().as_bytes()).unwrap();
    }
}

fn gap_access() -> Access {
    Access { gap_roles: vec![GAP_ROLE.to_owned()], ..access() }
}

async fn look(world: &AwsWorld) -> Result<Observation, Fault> {
    world.documents().observe(&target(), &gap_access(), &BTreeSet::new()).await
}

async fn entered(world: &AwsWorld) -> AccountAccess {
    world.documents().account_access(&target().account, &gap_access()).await
}

fn member_role_denied() -> Value {
    json!({"denied_roles": [{"account": MEMBER, "role": ROLE}]})
}

fn assumed(hub: &Hub) -> usize {
    hub.aws.assumed().len()
}

#[tokio::test]
async fn broker_is_asked_once_where_the_member_role_is_denied_and_not_otherwise() {
    let hub = Hub::new().await;
    let broker = Broker::granting(&hub, GAP_ROLE, None).await;
    let world = broker.world(&hub);
    let before = assumed(&hub);
    look(&world).await.unwrap();
    assert_eq!((broker.asked().len(), assumed(&hub) - before), (0, 1), "the member role works");
    assert_eq!(entered(&world).await, AccountAccess { by_member_role: true, relapse: None });

    hub.aws.switches(&member_role_denied());
    let world = broker.world(&hub);
    for _ in 0..2 {
        assert!(matches!(look(&world).await, Ok(Observation::Absent)));
    }
    assert_eq!(broker.asked(), [json!({"account": MEMBER})]);
    assert_eq!(entered(&world).await, AccountAccess { by_member_role: false, relapse: None });

    // A throttle says nothing about the role.
    hub.aws.faults(&json!([{"service": "sts", "code": "Throttling", "status": 400}]));
    assert_eq!(look(&broker.world(&hub)).await.unwrap_err().class, FaultClass::Throttled);
    assert_eq!(broker.asked().len(), 1);
}

#[tokio::test]
async fn policy_without_a_gap_role_asks_no_broker() {
    let hub = Hub::new().await;
    let broker = Broker::granting(&hub, GAP_ROLE, None).await;
    hub.aws.switches(&member_role_denied());
    let world = broker.world(&hub);
    assert_eq!(observe(&world).await.unwrap_err().class, FaultClass::Denied);
    assert_eq!(broker.asked().len(), 0);
}

#[tokio::test]
async fn gap_role_in_an_account_whose_member_role_was_used_is_reported_once() {
    let hub = Hub::new().await;
    let broker = Broker::granting(&hub, GAP_ROLE, Some(USED)).await;
    hub.aws.switches(&member_role_denied());
    let world = broker.world(&hub);
    look(&world).await.unwrap();
    let relapse = Relapse { role: GAP_ROLE.to_owned(), member_role_used: USED };
    assert_eq!(entered(&world).await.relapse, Some(relapse));
    assert_eq!(entered(&world).await.relapse, None);
}

#[tokio::test]
async fn refusal_has_its_fix_and_serves_all_targets_of_the_account_for_a_while() {
    let hub = Hub::new().await;
    let broker = Broker::refusing();
    hub.aws.switches(&member_role_denied());
    let world = broker.world(&hub);
    for _ in 0..3 {
        let fault = look(&world).await.unwrap_err();
        let said = "no broker access: the account is too old; fix: deploy the member role; ";
        assert!(fault.class == FaultClass::Denied && fault.message.starts_with(said), "{fault}");
        assert!(!fault.message.contains("service control policy"), "{fault}");
    }
    assert_eq!(broker.asked().len(), 1);
}

#[tokio::test]
async fn session_of_a_role_that_the_policy_does_not_name_and_a_broker_that_fails_are_refusals() {
    let hub = Hub::new().await;
    let other = Broker::granting(&hub, "OrganizationAccountAccessRole", None).await;
    let failed = Broker::answering(FAILED, json!({"errorMessage": "no region", "errorType": "Runtime.ExitError"}));
    hub.aws.switches(&member_role_denied());
    for (broker, cause, fix) in [
        (other, "OrganizationAccountAccessRole, which the policy does not name", "access.gap_roles"),
        (failed, "no region", "the broker's log in the management account"),
    ] {
        let message = look(&broker.world(&hub)).await.unwrap_err().message;
        assert!(message.contains(cause) && message.contains(fix), "{message}");
    }
}

/// A quarantine denies the member role's calls, and not its session.
#[tokio::test]
async fn member_role_whose_calls_an_scp_denies_is_left_alone_while_the_gap_role_is_used() {
    let hub = Hub::new().await;
    let broker = Broker::granting(&hub, GAP_ROLE, None).await;
    let world = broker.world(&hub);
    deny_by_scp(&hub, 1);
    assert!(matches!(look(&world).await, Ok(Observation::Absent)));
    let before = assumed(&hub);
    world.documents().observe(&target_in("us-east-1"), &gap_access(), &BTreeSet::new()).await.unwrap();
    assert_eq!((broker.asked().len(), assumed(&hub)), (1, before));
    assert!(!entered(&world).await.by_member_role);
}

#[tokio::test]
async fn refusal_after_an_scp_names_the_scp() {
    let hub = Hub::new().await;
    let broker = Broker::refusing();
    let world = broker.world(&hub);
    deny_by_scp(&hub, 9);
    let fault = look(&world).await.unwrap_err();
    let said = "no broker access: the account is too old; fix: deploy the member role; \
                denied by a service control policy: ";
    assert!(fault.class == FaultClass::DeniedByScp && fault.message.starts_with(said), "{fault}");
    assert!(fault.message.len() > said.len(), "and what AWS says");
}

/// The next observations meet a service control policy.
fn deny_by_scp(hub: &Hub, times: usize) {
    let message = "not authorized to perform: ssm:GetDocument with an explicit deny in a service control policy";
    hub.aws.faults(&json!([{"service": "ssm", "code": "AccessDeniedException", "message": message, "times": times}]));
}
