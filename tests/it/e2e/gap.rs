//! The gap: a new account in which no member role works yet, reached through the broker, which is the other real binary.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_ssm::error::ProvideErrorMetadata as _;
use runas_reactor::config::broker::{MAX_AGE_HOURS, MEMBER_ROLE};
use runas_reactor::config::{self, BROKER, ENDPOINT, ENDPOINT_LAMBDA};
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::target::DOCUMENT_NAME;
use runas_reactor::domain::time::{MINUTE_MS, Time};
use serde_json::{Value, json};

use super::landing_zone::{GAP_ROLE, quarantine};
use super::queue::{kinds, work};
use super::stage::{HOME, HUB, MANAGEMENT, PATIENCE, REGIONS, SEARCH, Stage, text_of};
use crate::support::emulator::Credentials;
use crate::support::invoke::Endpoint;
use crate::support::lambda::{Lambda, Outcome};

const NEWCOMER: &str = "888899990000";
const MEMBER: &str = "RunasReactorMember";
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:runas-broker";
const HOURS: i64 = 72;

/// An organisation whose administrator role trusts the management account alone, with a broker there.
struct Gap {
    stage: Stage,
    broker: Endpoint,
    policy: String,
}

impl Gap {
    fn set() -> Self {
        let mut stage = Stage::set();
        let roles = "  roles: [RunasReactorMember]\n";
        stage.yaml = stage.yaml.replace(roles, &format!("{roles}  gap_roles: [{GAP_ROLE}]\n"));
        // The emulator's tokens last an hour.
        stage.yaml = stage.yaml.replace("retry_for_minutes: 120", "retry_for_minutes: 20");
        let policy = stage.file("gap.json", &stage.policy().compiled());
        let function = broker(&stage);
        let broker = Endpoint::serve(function, FUNCTION, &stage.hub.keys.access_key);
        let gap = Self { stage, broker, policy };
        gap.deny(&[]);
        gap
    }

    /// A new account without a member role.
    fn vend(&self) -> Value {
        let vended = self.stage.vend(NEWCOMER);
        self.deny(&[json!({"account": NEWCOMER, "role": MEMBER})]);
        vended
    }

    /// Roles that cannot be assumed, beside the gap role by the hub.
    fn deny(&self, roles: &[Value]) {
        let gap_role = json!({"role": GAP_ROLE, "caller": HUB});
        let denied = [roles, &[gap_role]].concat();
        self.stage.aws.switches(&json!({ "denied_roles": denied }));
    }

    fn reactor(&self) -> Lambda {
        self.reactor_with(&[])
    }

    fn reactor_with(&self, others: &[(&str, &str)]) -> Lambda {
        let url = self.broker.url();
        let variables = [(config::POLICY, self.policy.as_str()), (BROKER, FUNCTION), (ENDPOINT_LAMBDA, &url)];
        self.stage.lambda_with(&[&variables, others].concat())
    }

    /// The sessions of the gap role that STS has given, in their order.
    fn gap_sessions(&self) -> Vec<Value> {
        let assumed = self.stage.aws.assumed().into_iter();
        assumed.filter(|role| role["role"] == GAP_ROLE && role["outcome"] == "ok").collect()
    }

    /// Why a target of the new account is not right.
    fn why(&self, region: &str) -> String {
        text_of(&self.stage.rows_of(NEWCOMER, "REGION#")[&format!("REGION#{region}")]["why"])
    }

    /// Asks the broker by hand, with the payload as it is.
    fn ask(&self, payload: &Value) -> Value {
        match self.broker.function().invoke(payload, PATIENCE) {
            Outcome::Reply(answer) => answer,
            other => panic!("{payload}: {other:?}; {:#?}", self.broker.function().logs()),
        }
    }

    /// What `runasctl status` says of the new account.
    #[track_caller]
    fn assert_says(&self, words: &str) {
        let status = self.stage.runasctl(&[], &["status", "--account", NEWCOMER]).ends(0);
        assert!(status.out.contains(words), "{}", status.out);
    }

    #[track_caller]
    fn refused(&self, payload: &Value, cause: &str) {
        let line = "\"outcome\":\"refused\"";
        let before = self.broker.function().logs().iter().filter(|logged| logged.contains(line)).count();
        let answer = self.ask(payload);
        let refused = &answer["refused"];
        assert!(text_of(&refused["cause"]).contains(cause), "{payload}: {answer}");
        assert!(!text_of(&refused["fix"]).is_empty(), "{answer}");
        self.broker.function().await_logs(line, before + 1, PATIENCE);
    }
}

fn broker(stage: &Stage) -> Lambda {
    let keys = stage.aws.credentials(&format!("arn:aws:iam::{MANAGEMENT}:role/RunasBroker"), "runas-broker");
    let url = stage.aws.url_via("broker");
    let hours = HOURS.to_string();
    let variables = [
        (MEMBER_ROLE, MEMBER),
        (MAX_AGE_HOURS, &hours),
        (ENDPOINT, &url),
        ("AWS_ACCESS_KEY_ID", &keys.access_key),
        ("AWS_SECRET_ACCESS_KEY", &keys.secret_key),
        ("AWS_SESSION_TOKEN", &keys.token),
    ];
    Lambda::start_broker(&Arc::clone(&stage.aws.clock()), &variables)
}

/// The policy that a session of the gap role has to carry: nine calls on one document in one account.
#[track_caller]
fn assert_reaches_one_document(session: &Value, account: &str) {
    let statements = session["policy"]["Statement"].as_array().expect("a session policy");
    let [statement] = statements.as_slice() else { panic!("one statement: {session}") };
    assert_eq!(statement["Effect"], "Allow");
    assert_eq!(statement["Resource"], format!("arn:aws:ssm:*:{account}:document/{DOCUMENT_NAME}"));
    let actions: BTreeSet<String> = statement["Action"].as_array().expect("a list").iter().map(text_of).collect();
    let expected = [
        "CreateDocument",
        "DeleteDocument",
        "DescribeDocument",
        "DescribeDocumentPermission",
        "GetDocument",
        "ListDocumentVersions",
        "ModifyDocumentPermission",
        "UpdateDocument",
        "UpdateDocumentDefaultVersion",
    ];
    assert_eq!(actions, expected.iter().map(|action| format!("ssm:{action}")).collect());
    assert_eq!(statement.as_object().map(serde_json::Map::len), Some(3), "{statement}");
}

#[test]
fn quarantined_account_without_a_member_role_is_configured_in_every_governed_region() {
    let gap = Gap::set();
    let stage = &gap.stage;
    let vended = gap.vend();
    quarantine(stage, NEWCOMER);
    let reactor = gap.reactor();
    stage.deliver(&[vended]);
    assert_eq!(stage.pump(&reactor), 0);
    for region in REGIONS {
        stage.assert_right(NEWCOMER, region);
        assert_eq!(stage.document(NEWCOMER, region).latest(), 1);
    }
    stage.settle(&reactor);
    assert_eq!(stage.alerts(), [], "the reactor's own calls are known by the gap role");
    for region in REGIONS {
        let row = &stage.rows_of(NEWCOMER, "REGION#")[&format!("REGION#{region}")];
        assert_eq!(row["status"], "in_sync", "{row}");
        assert!(text_of(&row["record"]).contains("\"echoes\""), "its own event has come back: {row}");
    }

    assert_eq!(gap.broker.invoked(), [json!({"account": NEWCOMER})], "one question serves all regions");
    let [look, assumed] = &gap.gap_sessions()[..] else { panic!("{:#?}", gap.gap_sessions()) };
    let get_role = json!([{"Effect": "Allow", "Action": ["iam:GetRole"],
        "Resource": format!("arn:aws:iam::{NEWCOMER}:role/{MEMBER}")}]);
    assert_eq!(look["policy"]["Statement"], get_role);
    assert_reaches_one_document(assumed, NEWCOMER);
    for session in [look, assumed] {
        assert_eq!((&session["account"], &session["duration"]), (&json!(NEWCOMER), &json!(900)));
        assert_eq!(session["caller_role"], format!("arn:aws:iam::{MANAGEMENT}:role/RunasBroker"));
    }
    let hub_tried = stage.aws.assumed().into_iter().filter(|role| role["caller_account"] == HUB);
    assert!(hub_tried.clone().count() > 0);
    assert!(hub_tried.clone().all(|role| role["role"] == MEMBER), "{:#?}", hub_tried.collect::<Vec<_>>());
    let granted = gap.broker.function().await_log("\"outcome\":\"granted\"", PATIENCE);
    let granted: Value = serde_json::from_str(&granted).expect("JSON");
    assert_eq!((&granted["account"], &granted["role"]), (&json!(NEWCOMER), &json!(GAP_ROLE)));
    assert!(text_of(&granted["why"]).contains("has no RunasReactorMember"), "{granted}");
    assert!(text_of(&assumed["session_name"]).ends_with(&text_of(&granted["correlation"])), "{assumed} {granted}");
}

#[test]
fn account_without_a_broker_waits_and_says_why() {
    let gap = Gap::set();
    let vended = gap.vend();
    let reactor = gap.reactor_with(&[(BROKER, "")]);
    gap.stage.deliver(&[vended]);
    assert_eq!(gap.stage.pump(&reactor), 0);
    for region in REGIONS {
        assert!(gap.stage.find(NEWCOMER, region).is_none());
        assert!(
            gap.why(region).contains("no role admits the reactor (tried RunasReactorMember)"),
            "{}",
            gap.why(region)
        );
    }
    assert_eq!((gap.broker.invoked(), gap.gap_sessions()), (vec![], vec![]));
}

#[test]
fn old_account_whose_member_role_was_used_is_refused_and_status_and_alert_say_so() {
    let gap = Gap::set();
    let stage = &gap.stage;
    stage.push_policy();
    stage.aws.make_role(SEARCH, MEMBER);
    let reactor = gap.reactor_with(&[(config::POLICY, "table")]);
    stage.prepare(&reactor, &[(SEARCH, HOME)]);
    stage.assert_right(SEARCH, HOME);
    assert_eq!(gap.broker.invoked(), Vec::<Value>::new(), "its member role works");

    gap.deny(&[json!({"account": SEARCH, "role": MEMBER})]);
    stage.aws.switches(&json!({"old_accounts": [{"account": SEARCH}]}));
    let reactor = gap.reactor_with(&[(config::POLICY, "table")]);
    stage.deliver(&[work(SEARCH, HOME, Cause::Sweep)]);
    assert_eq!(stage.pump(&reactor), 0);
    let [look] = &gap.gap_sessions()[..] else { panic!("{:#?}", gap.gap_sessions()) };
    assert_eq!(
        look["policy"]["Statement"][0]["Action"],
        json!(["iam:GetRole"]),
        "no session that reaches the document"
    );
    let alerts = stage.alerts();
    assert_eq!(kinds(&alerts), ["unreachable"]);
    let (cause, fix) = ("RunasReactorMember was last used at 20", "let RunasReactorMember work again");
    alerts[0].assert_says(&["no broker access", cause, "not within 72 hours", fix]);
    let status = stage.runasctl(&[], &["status", "--account", SEARCH, "-o", "json"]).ends(3).data();
    let target =
        status["targets"].as_array().and_then(|targets| targets.iter().find(|target| target["region"] == HOME));
    let why = text_of(&target.expect("the target is listed")["why"]);
    assert!(why.contains(cause) && why.contains(fix), "{why}");
    let refused = gap.broker.function().await_log("\"outcome\":\"refused\"", PATIENCE);
    let refused: Value = serde_json::from_str(&refused).expect("JSON");
    assert_eq!((&refused["account"], &refused["role"]), (&json!(SEARCH), &json!(GAP_ROLE)));
    assert!(text_of(&refused["why"]).contains(cause) && text_of(&refused["fix"]).contains(fix), "{refused}");
    assert!(!text_of(&refused["correlation"]).is_empty(), "{refused}");
}

#[test]
fn old_account_that_no_member_role_ever_reached_is_served() {
    let gap = Gap::set();
    let stage = &gap.stage;
    let old = json!({"old_accounts": [{"account": SEARCH}]});
    gap.deny(&[json!({"account": SEARCH, "role": MEMBER})]);
    stage.aws.switches(&old);
    stage.aws.make_role(SEARCH, MEMBER);
    let reactor = gap.reactor();
    stage.deliver(&[work(SEARCH, HOME, Cause::Sweep)]);
    assert_eq!(stage.pump(&reactor), 0);
    stage.assert_right(SEARCH, HOME);
    gap.broker.function().await_log("no use of RunasReactorMember is on record", PATIENCE);
}

#[test]
fn member_role_that_begins_to_work_ends_the_use_of_the_gap_role() {
    let gap = Gap::set();
    let stage = &gap.stage;
    let vended = gap.vend();
    let reactor = gap.reactor();
    stage.deliver(&[vended]);
    stage.settle(&reactor);
    stage.assert_right(NEWCOMER, HOME);
    gap.deny(&[]);
    gap.assert_says("member role not yet, events from 3 of 3 regions");
    // A session of fifteen minutes is used until it has five to live.
    stage.pass(11 * 60);
    stage.administrator(NEWCOMER, "alice").edits(HOME, &json!({"runAsEnabled": false}));
    stage.settle(&reactor);
    stage.assert_right(NEWCOMER, HOME);
    assert_eq!(gap.broker.invoked().len(), 1, "it was not asked again");
    let last =
        stage.aws.assumed().into_iter().rev().find(|role| role["account"] == NEWCOMER && role["outcome"] == "ok");
    assert_eq!(last.expect("a session")["role"], MEMBER);
    gap.assert_says("member role after 11 min, events from 3 of 3 regions");
}

#[test]
fn new_account_whose_events_never_arrive_is_observed_and_alerted() {
    let gap = Gap::set();
    let stage = &gap.stage;
    let reactor = gap.reactor();
    stage.deliver(&[gap.vend()]);
    assert_eq!(stage.pump(&reactor), 0);
    stage.assert_right(NEWCOMER, HOME);
    gap.assert_says("events from 0 of 3 regions");
    for _ in 0..4 {
        assert_eq!(stage.queued()[1], 3, "a message for each region is on its way");
        stage.pass(5 * 60);
        assert_eq!(stage.pump(&reactor), 0);
    }
    assert_eq!(kinds(&stage.alerts()), ["forwarder_blind"; 3]);
    assert_eq!(stage.queued(), [0, 0, 0], "nothing waits any more");
}

#[test]
fn broker_that_does_not_answer_is_why_an_account_waits() {
    let gap = Gap::set();
    let vended = gap.vend();
    // The resource policy names the function's role: another's keys are turned away by AWS.
    let other = gap.stage.aws.credentials(&format!("arn:aws:iam::{HUB}:role/Developer"), "mallory");
    let foreign_broker = Endpoint::serve(broker(&gap.stage), FUNCTION, &other.access_key);
    let reactor = gap.reactor_with(&[(ENDPOINT_LAMBDA, &foreign_broker.url())]);
    gap.stage.deliver(std::slice::from_ref(&vended));
    assert_eq!(gap.stage.pump(&reactor), 0, "waiting is no failed receive");
    let why = gap.why(HOME);
    assert!(why.contains("no broker access: Invoke: AccessDeniedException"), "{why}");
    assert!(why.contains("fix: allow the function's role lambda:InvokeFunction"), "{why}");
    assert_eq!(foreign_broker.invoked(), Vec::<Value>::new());

    // A broker that dies says nothing; the reactor says where to look.
    gap.broker.function().kill();
    let reactor = gap.reactor();
    gap.stage.deliver(&[vended]);
    assert_eq!(gap.stage.pump(&reactor), 0);
    let why = gap.why(HOME);
    assert!(why.contains("FunctionError Unhandled: Runtime exited; fix: see the broker's log"), "{why}");
}

#[test]
fn payload_and_account_are_checked_and_nothing_is_assumed_for_what_is_refused() {
    let gap = Gap::set();
    gap.vend();
    for payload in [
        json!({}),
        json!("888899990000"),
        json!({"account": "8888999900001"}),
        json!({"account": "*"}),
        json!({"account": NEWCOMER, "role": "Admin"}),
        json!({"account": NEWCOMER, "policy": {"Version": "2012-10-17", "Statement": []}}),
        json!({"Records": [{"body": "{}"}]}),
    ] {
        gap.refused(&payload, "the payload is not an account and nothing else");
    }
    gap.refused(&json!({"account": MANAGEMENT}), "is the management account");
    gap.refused(&json!({"account": "000011112222"}), "the organisation has no account");
    let client = gap.stage.organizations();
    gap.stage.run(client.close_account().account_id(SEARCH).send()).expect("an account can be closed");
    gap.refused(&json!({"account": SEARCH}), "is not active but SUSPENDED");
    assert_eq!(gap.gap_sessions(), Vec::<Value>::new());
}

#[test]
fn credentials_of_the_broker_reach_the_one_document_of_the_one_account_and_nothing_else() {
    let gap = Gap::set();
    let stage = &gap.stage;
    gap.vend();
    let granted = gap.ask(&json!({"account": NEWCOMER}))["granted"].clone();
    assert_eq!(granted["role"], GAP_ROLE);
    let expires: Time = text_of(&granted["expiration"]).parse().expect("a time");
    assert!((1..=15 * MINUTE_MS).contains(&expires.since(stage.aws.clock().now())), "{expires}");
    let log = gap.broker.function().logs().join("\n");
    for secret in ["secret_access_key", "session_token"] {
        assert!(!log.contains(&text_of(&granted[secret])), "{secret} is in the log");
    }
    let key = |name: &str| text_of(&granted[name]);
    let keys = Credentials {
        access_key: key("access_key_id"),
        secret_key: key("secret_access_key"),
        token: key("session_token"),
    };
    stage.administrator(NEWCOMER, "alice").creates(HOME, &json!({"runAsEnabled": false}));
    let sdk = stage.sdk(&keys, HOME);
    let ssm = aws_sdk_ssm::Client::new(&sdk);
    stage.run(ssm.get_document().name(DOCUMENT_NAME).send()).expect("this document can be read");
    let other = stage.run(ssm.get_document().name("AWS-RunShellScript").send()).unwrap_err();
    assert_eq!(other.code(), Some("AccessDeniedException"));
    let command = stage.run(ssm.send_command().document_name(DOCUMENT_NAME).send()).unwrap_err();
    assert_eq!(command.code(), Some("AccessDeniedException"));
    let sts = aws_sdk_sts::Client::new(&sdk);
    let admin = format!("arn:aws:iam::{NEWCOMER}:role/Admin");
    let chained = stage.run(sts.assume_role().role_arn(admin).role_session_name("further").send()).unwrap_err();
    assert_eq!(chained.code(), Some("AccessDenied"));
    let users = stage.run(aws_sdk_sqs::Client::new(&sdk).list_queues().send()).unwrap_err();
    assert_eq!(users.code(), Some("AccessDeniedException"));
}

#[test]
fn gap_role_in_a_young_account_whose_member_role_was_used_is_alerted_once() {
    let gap = Gap::set();
    let stage = &gap.stage;
    stage.aws.make_role(SEARCH, MEMBER);
    let reactor = gap.reactor();
    stage.prepare(&reactor, &[(SEARCH, HOME)]);
    gap.deny(&[json!({"account": SEARCH, "role": MEMBER})]);
    let reactor = gap.reactor();
    for region in REGIONS {
        stage.deliver(&[work(SEARCH, region, Cause::Sweep)]);
        assert_eq!(stage.pump(&reactor), 0);
        stage.assert_right(SEARCH, region);
    }
    let alerts = stage.alerts();
    assert_eq!(kinds(&alerts), ["gap_role_used"]);
    alerts[0].assert_says(&["account 444455556666 was reached through AWSControlTowerExecution", "last used at 20"]);
    reactor.await_log("gap role used in an account whose member role was used before", PATIENCE);
}

#[test]
fn member_role_that_a_quarantine_keeps_from_the_document_does_not_work() {
    let gap = Gap::set();
    let stage = &gap.stage;
    let vended = stage.vend(NEWCOMER);
    quarantine(stage, NEWCOMER);
    let reactor = gap.reactor();
    stage.deliver(&[vended]);
    assert_eq!(stage.pump(&reactor), 0);
    for region in REGIONS {
        stage.assert_right(NEWCOMER, region);
    }
    assert_eq!(gap.broker.invoked().len(), 1);
    stage.settle(&reactor);
    assert_eq!(stage.alerts(), []);

    // Once the account is old, the broker refuses, and what the SCP said is what there is to say.
    stage.aws.make_role(NEWCOMER, MEMBER);
    stage.aws.switches(&json!({"old_accounts": [{"account": NEWCOMER}]}));
    let reactor = gap.reactor();
    stage.deliver(&[work(NEWCOMER, HOME, Cause::Sweep)]);
    assert_eq!(stage.pump(&reactor), 0);
    let why = gap.why(HOME);
    assert!(why.contains("no broker access: RunasReactorMember was last used"), "{why}");
    assert!(
        why.contains("denied by a service control policy: account 888899990000: no role admits the reactor"),
        "{why}"
    );
}
