use std::collections::BTreeMap;

use super::*;

fn complete() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        (REGION, "eu-west-1"),
        (TABLE, "runas-ledger"),
        (TOPIC_ARN, "arn:aws:sns:eu-west-1:222233334444:runas-alerts"),
        (QUEUE_URL, "https://sqs.eu-west-1.amazonaws.com/222233334444/runas"),
        (DLQ_URL, "https://sqs.eu-west-1.amazonaws.com/222233334444/runas-dlq"),
    ])
}

fn read(vars: &BTreeMap<&'static str, &'static str>) -> Result<Config, ConfigProblems> {
    Config::from_vars(|name| vars.get(name).map(|text| (*text).to_owned()))
}

#[test]
fn the_required_variables_are_enough() {
    let config = read(&complete()).unwrap();
    assert_eq!(config.policy, PolicyLocation::Table);
    assert_eq!(config.connection.trust, Trust::Amazon);
    assert_eq!(config.connection.max_attempts, 3);
    assert_eq!(config.connection.endpoints, Endpoints::default());
}

#[test]
fn the_optional_variables_are_honoured() {
    let mut vars = complete();
    vars.extend([
        (POLICY, "file:policies/compiled.json"),
        (TRUST, "native"),
        (MAX_ATTEMPTS, "1"),
        (FIPS, "True"),
        (DUAL_STACK, "false"),
        (ENDPOINT, "http://127.0.0.1:5000"),
        (ENDPOINT_SSM, "http://[::1]:5001/"),
    ]);
    let config = read(&vars).unwrap();
    assert_eq!(config.policy, PolicyLocation::File("policies/compiled.json".into()));
    assert_eq!(config.connection.trust, Trust::Native);
    assert_eq!(config.connection.max_attempts, 1);
    assert_eq!((config.connection.fips, config.connection.dual_stack), (true, false));
    assert_eq!(config.connection.endpoints.default.as_deref(), Some("http://127.0.0.1:5000"));
    assert_eq!(config.connection.endpoints.ssm.as_deref(), Some("http://[::1]:5001/"));
    assert_eq!(config.connection.endpoints.sts, None);
}

#[test]
fn an_empty_environment_names_every_required_variable() {
    let ConfigProblems(problems) = read(&BTreeMap::new()).unwrap_err();
    let named: Vec<_> = problems.iter().map(|problem| problem.variable).collect();
    assert_eq!(named, [REGION, TABLE, TOPIC_ARN, QUEUE_URL, DLQ_URL]);
    assert!(problems.iter().all(|problem| problem.cause == "not set" && !problem.fix.is_empty()));
}

#[test]
fn all_problems_are_reported_at_once() {
    let vars = BTreeMap::from([
        (REGION, "Ireland"),
        (TABLE, ""),
        (TOPIC_ARN, "arn:aws:sqs:eu-west-1:222233334444:runas-alerts"),
        (CHAT_TOPIC_ARN, "runas-chat"),
        (QUEUE_URL, "https://sqs.eu-west-1.amazonaws.com/runas"),
        (DLQ_URL, "runas-dlq"),
        (POLICY, "s3://bucket/policy"),
        (TRUST, "everybody"),
        (MAX_ATTEMPTS, "0"),
        (FIPS, "yes"),
        (ENDPOINT, "127.0.0.1:5000"),
        (ENDPOINT_SNS, "http://"),
        (BROKER, "runas-broker"),
    ]);
    let problems = read(&vars).unwrap_err();
    let named: Vec<_> = problems.0.iter().map(|problem| problem.variable).collect();
    let connection = [REGION, TRUST, MAX_ATTEMPTS, FIPS, ENDPOINT, ENDPOINT_SNS];
    let expected = [&connection[..], &[TABLE, TOPIC_ARN, CHAT_TOPIC_ARN, QUEUE_URL, DLQ_URL, POLICY, BROKER]].concat();
    assert_eq!(named, expected);
    let text = problems.to_string();
    assert!(text.starts_with("the environment cannot be used (13 to fix)\n  AWS_REGION: `Ireland`"), "{text}");
}

#[test]
fn a_topic_elsewhere_is_a_problem() {
    let mut vars = complete();
    vars.insert(TOPIC_ARN, "arn:aws:sns:us-east-1:222233334444:runas-alerts");
    let problems = read(&vars).unwrap_err();
    assert_eq!(problems.0.first().unwrap().cause, "the topic is in us-east-1, the reactor in eu-west-1");
}

#[test]
fn other_partitions_trust_the_system() {
    let mut vars = complete();
    vars.insert(REGION, "cn-north-1");
    vars.insert(TOPIC_ARN, "arn:aws-cn:sns:cn-north-1:222233334444:runas-alerts");
    assert_eq!(read(&vars).unwrap().connection.trust, Trust::Native);
}

#[test]
fn the_broker_is_a_function_of_any_account_and_no_other_thing() {
    let read_broker = |arn: &'static str| {
        let mut vars = complete();
        vars.insert(BROKER, arn);
        read(&vars).map(|config| config.broker)
    };
    let arn = "arn:aws:lambda:us-east-1:111122223333:function:runas-broker";
    let expected = FunctionArn { arn: arn.to_owned(), region: "us-east-1".parse().unwrap() };
    assert_eq!(read_broker(arn).unwrap(), Some(expected));
    assert!(read_broker("arn:aws-cn:lambda:cn-north-1:111122223333:function:runas-broker:live").unwrap().is_some());
    assert_eq!(read_broker("").unwrap(), None);
    for wrong in [
        "arn:aws:lambda:us-east-1:111122223333:function:",
        "arn:aws:lambda:us-east-1:111122223333:function:runas-broker:",
        "arn:aws:lambda:us-east-1:1111:function:runas-broker",
        "arn:aws:lambda:Virginia:111122223333:function:runas-broker",
        "arn:aws:iam:us-east-1:111122223333:function:runas-broker",
        "arn:aws:lambda:us-east-1:111122223333:function:runas-broker/../other",
    ] {
        let problems = read_broker(wrong).unwrap_err();
        assert_eq!(problems.0.first().unwrap().variable, BROKER, "{wrong}");
    }
}

#[test]
fn the_broker_has_settings_of_its_own() {
    use broker::{BrokerConfig, GAP_ROLE, MAX_AGE_HOURS, MEMBER_ROLE};
    let read = |vars: &[(&'static str, &'static str)]| {
        let vars: BTreeMap<_, _> = vars.iter().copied().collect();
        BrokerConfig::from_vars(|name| vars.get(name).map(|text| (*text).to_owned()))
    };
    let required = [(REGION, "eu-west-1"), (MEMBER_ROLE, "RunasReactorMember"), (MAX_AGE_HOURS, "72")];
    let config = read(&required).unwrap();
    assert_eq!((config.gap_role.as_str(), config.max_age_hours), ("AWSControlTowerExecution", 72));
    let config = read(&[&required[..], &[(GAP_ROLE, "OrganizationAccountAccessRole")]].concat()).unwrap();
    assert_eq!(config.gap_role, "OrganizationAccountAccessRole");
    let wrong = [(GAP_ROLE, "path/Role"), (MEMBER_ROLE, "arn:aws:iam::444455556666:role/R"), (MAX_AGE_HOURS, "0")];
    let named: Vec<_> = read(&wrong).unwrap_err().0.iter().map(|problem| problem.variable).collect();
    assert_eq!(named, [REGION, GAP_ROLE, MEMBER_ROLE, MAX_AGE_HOURS]);
}
