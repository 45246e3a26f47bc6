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
    assert_eq!(config.policy, PolicySource::Table);
    assert_eq!(config.trust, Trust::Amazon);
    assert_eq!(config.max_attempts, 3);
    assert_eq!(config.endpoints, Endpoints::default());
}

#[test]
fn the_optional_variables_are_honoured() {
    let mut vars = complete();
    vars.extend([
        (POLICY, "file:policies/compiled.json"),
        (TRUST, "native"),
        (MAX_ATTEMPTS, "1"),
        (ENDPOINT, "http://127.0.0.1:5000"),
        (ENDPOINT_SSM, "http://[::1]:5001/"),
    ]);
    let config = read(&vars).unwrap();
    assert_eq!(config.policy, PolicySource::File("policies/compiled.json".into()));
    assert_eq!(config.trust, Trust::Native);
    assert_eq!(config.max_attempts, 1);
    assert_eq!(config.endpoints.default.as_deref(), Some("http://127.0.0.1:5000"));
    assert_eq!(config.endpoints.ssm.as_deref(), Some("http://[::1]:5001/"));
    assert_eq!(config.endpoints.sts, None);
}

#[test]
fn an_empty_environment_names_every_required_variable() {
    let ConfigProblems(problems) = read(&BTreeMap::new()).unwrap_err();
    let named: Vec<_> = problems.iter().map(|problem| problem.variable).collect();
    assert_eq!(named, [REGION, TABLE, TOPIC_ARN, QUEUE_URL, DLQ_URL]);
    assert!(problems.iter().all(|problem| problem.cause == "not set" && !problem.fix.is_empty()));
}

#[test]
fn all_problems_are_told_at_once() {
    let vars = BTreeMap::from([
        (REGION, "Ireland"),
        (TABLE, ""),
        (TOPIC_ARN, "arn:aws:sqs:eu-west-1:222233334444:runas-alerts"),
        (QUEUE_URL, "https://sqs.eu-west-1.amazonaws.com/runas"),
        (DLQ_URL, "runas-dlq"),
        (POLICY, "s3://bucket/policy"),
        (TRUST, "everybody"),
        (MAX_ATTEMPTS, "0"),
        (ENDPOINT, "127.0.0.1:5000"),
        (ENDPOINT_SNS, "http://"),
    ]);
    let problems = read(&vars).unwrap_err();
    let named: Vec<_> = problems.0.iter().map(|problem| problem.variable).collect();
    let expected = [REGION, TABLE, TOPIC_ARN, QUEUE_URL, DLQ_URL, POLICY, TRUST, MAX_ATTEMPTS, ENDPOINT, ENDPOINT_SNS];
    assert_eq!(named, expected);
    let text = problems.to_string();
    assert!(text.starts_with("the environment cannot be used (10 to fix)\n  AWS_REGION: `Ireland`"), "{text}");
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
    assert_eq!(read(&vars).unwrap().trust, Trust::Native);
}
