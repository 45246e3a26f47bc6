//! The calls that the function makes: how few, in which order, and how little each may reach.

use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::target::DOCUMENT_NAME;
use serde_json::{Value, json};

use super::callers::lza_inputs;
use super::queue::{handed_back, kinds, work};
use super::stage::{HOME, HUB, PATIENCE, PAYMENTS, REGIONS, SEARCH, Stage, text_of};

#[test]
fn every_session_in_an_account_reaches_one_document_and_is_shared_by_the_regions() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    let targets = [PAYMENTS, SEARCH].into_iter().flat_map(|account| REGIONS.map(|region| (account, region)));
    stage.deliver(&targets.map(|(account, region)| work(account, region, Cause::Sweep)).collect::<Vec<_>>());
    stage.settle(&lambda);
    let assumed = stage.aws.assumed();
    let mut accounts: Vec<&str> = assumed.iter().filter_map(|role| role["account"].as_str()).collect();
    accounts.sort_unstable();
    assert_eq!(accounts, [PAYMENTS, SEARCH], "one session an account, for all its regions, writes and echoes");
    for role in &assumed {
        let account = text_of(&role["account"]);
        assert_eq!((&role["role"], &role["caller_account"]), (&json!("RunasReactorMember"), &json!(HUB)));
        assert_eq!(
            (&role["region"], &role["duration"]),
            (&json!(HOME), &json!(900)),
            "our region's endpoint, for short"
        );
        assert!(text_of(&role["session_name"]).starts_with("runas-reactor-test-"), "leads back to the cause: {role}");
        let statements = role["policy"]["Statement"].as_array().expect("a session policy, always");
        let [statement, itself] = &statements[..] else { panic!("two statements: {role}") };
        assert_eq!(itself["Action"], json!(["account:ListRegions"]));
        assert_eq!(statement["Effect"], "Allow");
        assert_eq!(statement["Resource"], format!("arn:aws:ssm:*:{account}:document/{DOCUMENT_NAME}"));
        let actions: Vec<String> = statement["Action"].as_array().unwrap().iter().map(text_of).collect();
        assert!(actions.iter().all(|action| action.starts_with("ssm:") && !action.contains('*')), "{actions:?}");
    }
    let in_members = stage.aws.log().into_iter().filter(|call| call["account"] != HUB);
    for call in in_members.filter(|call| call["service"] != "organizations") {
        assert_eq!((&call["service"], &call["target"]), (&json!("ssm"), &json!(DOCUMENT_NAME)), "{call}");
    }
}

#[test]
fn a_warm_correction_is_a_chain_of_three_calls_and_its_intent() {
    let stage = Stage::set();
    stage.pipeline(PAYMENTS).creates(HOME, &lza_inputs());
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(PAYMENTS, HOME)]);
    stage.administrator(PAYMENTS, "alice@example.com").edits(HOME, &json!({"runAsEnabled": false}));
    let events = stage.events();
    stage.deliver(&events);
    let batch = stage.receive();
    stage.aws.clear_log();
    // Slow enough for calls at the same time to be seen as such.
    stage.aws.switches(&json!({"delay_ms": 80}));
    assert_eq!(stage.invoke(&lambda, &batch), 0);
    stage.aws.switches(&json!({"delay_ms": 0}));
    stage.assert_right(PAYMENTS, HOME);

    let by_reactor = |call: &Value| text_of(&call["session"]).starts_with("runas-reactor");
    let log: Vec<Value> =
        stage.aws.log().into_iter().filter(by_reactor).filter(|call| call["action"] != "DeleteMessage").collect();
    let named = |action: &str| log.iter().filter(|call| call["action"] == action).cloned().collect::<Vec<_>>();
    let began = |call: &Value| call["started_ms"].as_f64().unwrap();
    let ended = |call: &Value| call["ended_ms"].as_f64().unwrap();
    let document: Vec<String> =
        stage.calls("ssm").iter().filter(|call| by_reactor(call)).map(|call| text_of(&call["action"])).collect();
    let mut looks = document[..3].to_vec();
    looks.sort();
    assert_eq!(looks, ["GetDocument", "GetDocument", "ListDocumentVersions"]);
    // SSM answers `Updating`, so that one look at the status comes in between; it is the only one.
    assert_eq!(document[3..], ["UpdateDocument", "DescribeDocument", "UpdateDocumentDefaultVersion"]);

    let [update, promotion] = ["UpdateDocument", "UpdateDocumentDefaultVersion"].map(|action| named(action).remove(0));
    let mut beside = [named("GetDocument"), named("ListDocumentVersions"), named("BatchGetItem")].concat();
    beside.retain(|call| began(call) < began(&update));
    let first_end = beside.iter().map(ended).fold(f64::INFINITY, f64::min);
    let last_start = beside.iter().map(began).fold(0.0, f64::max);
    assert_eq!(beside.len(), 4);
    assert!(last_start < first_end, "looked at document and table at the same time: {beside:#?}");
    assert!(beside.iter().all(|call| ended(call) <= began(&update)));
    assert!(ended(&update) <= began(&promotion));
    let [commits, alerts] = ["TransactWriteItems", "Publish"].map(named);
    let [intent, commit, ..] = &commits[..] else { panic!("an intent, and what came of it: {commits:#?}") };
    assert!(beside.iter().all(|call| ended(call) <= began(intent)) && ended(intent) <= began(&update));
    assert!(
        ended(&promotion) <= began(commit) && ended(commit) <= began(&alerts[0]),
        "nothing else before the document"
    );
    let others: Vec<String> =
        log.iter().filter(|call| began(call) < ended(&promotion)).map(|call| text_of(&call["service"])).collect();
    assert!(
        others.iter().all(|service| service == "ssm" || service == "dynamodb"),
        "no role, no organisation: {others:?}"
    );
}

#[test]
fn known_account_is_not_looked_up_again() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(PAYMENTS, HOME)]);
    stage.administrator(PAYMENTS, "alice@example.com").edits(HOME, &json!({"runAsEnabled": false}));
    stage.settle(&stage.lambda());
    stage.assert_right(PAYMENTS, HOME);
    assert_eq!(stage.actions("organizations"), Vec::<String>::new());
}

#[test]
fn document_written_by_another_caller_at_the_same_moment_is_observed_again() {
    let stage = Stage::set();
    stage.pipeline(PAYMENTS).creates(HOME, &lza_inputs());
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(PAYMENTS, HOME)]);
    let alice = stage.administrator(PAYMENTS, "alice@example.com");
    alice.edits(HOME, &json!({"runAsEnabled": false}));
    stage.deliver(&stage.events());
    let batch = stage.receive();
    // Our update is held while the pipeline writes.
    stage.aws.faults(&json!([{"service": "ssm", "action": "UpdateDocument", "delay_ms": 400}]));
    let invocation = lambda.begin(&batch.event(), PATIENCE);
    stage.aws.await_faults(PATIENCE);
    stage.pipeline(PAYMENTS).writes(HOME, &json!({"cloudWatchLogGroupName": "AWSAccelerator-sessions-2027"}));
    let outcome = invocation.wait();
    assert_eq!(handed_back(&outcome, &lambda).len(), 0);
    let refused: Vec<Value> =
        stage.calls("ssm").into_iter().filter(|call| call["outcome"] == "InvalidDocumentVersion").collect();
    assert_eq!(refused.len(), 1, "a stale decision overwrites nobody");
    stage.settle(&lambda);
    stage.assert_right(PAYMENTS, HOME);
    assert_eq!(stage.document(PAYMENTS, HOME).inputs()["cloudWatchLogGroupName"], "AWSAccelerator-sessions-2027");
    let raised = stage.alerts();
    assert!(
        kinds(&raised).iter().all(|kind| kind != "attempt_denied"),
        "our own call is nobody's attempt: {raised:#?}"
    );
}
