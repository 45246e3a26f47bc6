use super::*;
use crate::cli::doctor::report::Remedy;
use crate::domain::sweep::StartResult;
use crate::domain::time::{HOUR_MS, MINUTE_MS};
use crate::policy_file;

const NOW: Time = Time::from_ms(1_800_000_000_000);
const QUEUE_ARN: &str = "arn:aws:sqs:eu-west-1:222233334444:runas";
const DEAD_ARN: &str = "arn:aws:sqs:eu-west-1:222233334444:runas-dlq";
const YAML: &str = include_str!("../../../../infra/policy.example.yaml");

fn fault(class: FaultClass, call: &'static str) -> Fault {
    Fault { class, call, code: "Code".to_owned(), message: "why".to_owned(), outcome_unknown: false }
}

fn state(arn: &str, waiting: u64, dead_letters: Option<&str>) -> QueueState {
    QueueState { arn: arn.to_owned(), waiting, under_way: 0, dead_letters: dead_letters.map(str::to_owned) }
}

#[track_caller]
fn wrong(check: &Check) -> &Remedy {
    match &check.outcome {
        CheckOutcome::Wrong(remedy) => remedy,
        other => panic!("{other:?}: {check:?}"),
    }
}

#[track_caller]
fn not_known(check: &Check) -> &Remedy {
    match &check.outcome {
        CheckOutcome::NotKnown(remedy) => remedy,
        other => panic!("{other:?}: {check:?}"),
    }
}

#[track_caller]
fn right(check: &Check) {
    assert_eq!(check.outcome, CheckOutcome::Right, "{check:?}");
}

fn in_force() -> Current {
    let (policy, _) = policy_file::parse("policy", YAML, NOW).unwrap();
    Current { policy: Ok(policy), version: None }
}

#[test]
fn what_is_denied_is_not_known_and_names_the_right_and_what_is_not_there_is_wrong() {
    let denied = |call| fault(FaultClass::Denied, call);
    let checks = [
        (policy(&Err(denied("GetItem")), None, None), "dynamodb:GetItem"),
        (sweep(&Err(denied("GetItem")), NOW), "dynamodb:GetItem"),
        (queue(&Err(denied("GetQueueAttributes")), None), "sqs:GetQueueAttributes"),
        (dead_letters(&Err(denied("GetQueueAttributes")), None, NOW), "sqs:GetQueueAttributes"),
        (feed(&Err(denied("ListEventSourceMappings"))), "lambda:ListEventSourceMappings"),
        (schedule(&Err(denied("ListSchedules"))), "scheduler:ListSchedules"),
        (rules(&Err(denied("ListRules"))), "events:ListRules"),
        (alerts(&Err(denied("GetTopicAttributes"))), "sns:GetTopicAttributes"),
    ];
    for (check, right) in &checks {
        assert!(not_known(check).fix.starts_with(&format!("allow {right} to the role that you use")), "{check:?}");
    }
    let gone = queue(&Err(fault(FaultClass::NotFound, "GetQueueAttributes")), None);
    assert!(wrong(&gone).fix.contains("QueueUrl as --queue-url or RUNAS_QUEUE_URL"), "{gone:?}");
    not_known(&queue(&Err(fault(FaultClass::Transient, "GetQueueAttributes")), None));
}

#[test]
fn a_policy_has_to_be_there_readable_and_about_this_hub() {
    right(&policy(&Ok(Some(in_force())), None, Some(&state(QUEUE_ARN, 0, None))));
    assert!(wrong(&policy(&Ok(None), None, None)).fix.contains("policy push"));
    let elsewhere = state("arn:aws:sqs:eu-west-3:222233334444:runas", 0, None);
    let cause = &wrong(&policy(&Ok(Some(in_force())), None, Some(&elsewhere))).cause.clone();
    assert_eq!(cause, "the queue is in 222233334444/eu-west-3, and the policy says 222233334444/eu-west-1");
    let broken = Current { policy: Policy::from_compiled("{}"), version: None };
    assert!(wrong(&policy(&Ok(Some(broken)), None, None)).fix.contains("rollback"));

    let reviewed = |reviewed: &Reviewed| policy(&Ok(Some(in_force())), Some(reviewed), None);
    right(&reviewed(&Reviewed::Taken { warnings: 0 }));
    let warned = reviewed(&Reviewed::Taken { warnings: 2 });
    right(&warned);
    assert!(warned.what.contains("has warnings"), "{warned:?}");
    assert_eq!(wrong(&reviewed(&Reviewed::Refused("no region".to_owned()))).cause, "no region");
    not_known(&reviewed(&Reviewed::Unread(fault(FaultClass::Transient, "GetItem"))));
}

#[test]
fn a_sweep_has_to_have_ended_within_a_day_and_none_may_stand_still() {
    let begun = |at| match Sweep::begin(None, "s-1", at) {
        StartResult::New(sweep, _) => *sweep,
        StartResult::UnderWay(_) => panic!("there was none before"),
    };
    let ended = |ms_ago: i64| {
        let mut sweep = begun(NOW.plus_ms(-ms_ago));
        sweep.done(NOW.plus_ms(-ms_ago + MINUTE_MS), true);
        sweep
    };
    not_known(&sweep(&Ok(None), NOW));
    not_known(&sweep(&Ok(Some(begun(NOW.plus_ms(-MINUTE_MS)))), NOW));
    let stalled = sweep(&Ok(Some(begun(NOW.plus_ms(-HOUR_MS)))), NOW);
    assert!(wrong(&stalled).cause.contains("sweep s-1: it met 0 accounts and last moved 1 h ago"), "{stalled:?}");
    right(&sweep(&Ok(Some(ended(23 * HOUR_MS))), NOW));
    let old = sweep(&Ok(Some(ended(25 * HOUR_MS))), NOW);
    assert!(wrong(&old).fix.contains("schedule"), "{old:?}");
    assert_eq!(old.what, "the last complete one began 1 d ago");
}

#[test]
fn queue_has_the_dead_letter_queue_that_redrive_reads() {
    let dead = state(DEAD_ARN, 0, None);
    right(&queue(&Ok(state(QUEUE_ARN, 7, Some(DEAD_ARN))), Some(&dead)));
    wrong(&queue(&Ok(state(QUEUE_ARN, 7, None)), Some(&dead)));
    let other = queue(&Ok(state(QUEUE_ARN, 7, Some("arn:aws:sqs:eu-west-1:222233334444:other"))), Some(&dead));
    assert!(wrong(&other).cause.contains(":other, not to"), "{other:?}");
}

#[test]
fn dead_letters_are_counted_with_age_and_reason() {
    right(&dead_letters(&Ok(state(DEAD_ARN, 0, None)), None, NOW));
    let seen = Letters { oldest: Some(NOW.plus_ms(-2 * DAY_MS)), reason: "no JSON".to_owned() };
    let three = dead_letters(&Ok(state(DEAD_ARN, 3, None)), Some(&seen), NOW);
    assert_eq!(three.what, "3 messages put aside, the oldest 2 d ago");
    assert_eq!(wrong(&three).cause, "of the oldest: no JSON");
    assert!(wrong(&three).fix.contains("runasctl redrive list"));
    let held = QueueState { under_way: 1, ..state(DEAD_ARN, 0, None) };
    wrong(&dead_letters(&Ok(held), None, NOW));
}

#[test]
fn the_function_is_fed_by_a_mapping_that_is_on() {
    let feeds = |state: &str| {
        let function = "arn:aws:lambda:eu-west-1:222233334444:function:runas-reactor".to_owned();
        Ok(vec![Feed { id: "u-1".to_owned(), function, state: state.to_owned() }])
    };
    right(&feed(&feeds("Enabled")));
    let off = feed(&feeds("Disabled"));
    assert_eq!(wrong(&off).fix, "`aws lambda update-event-source-mapping --uuid u-1 --enabled`");
    assert!(wrong(&off).cause.contains("runas-reactor is Disabled"), "{off:?}");
    not_known(&feed(&feeds("Enabling")));
    wrong(&feed(&Ok(Vec::new())));
}

#[test]
fn a_schedule_that_is_on_sends_to_the_queue() {
    let one = |enabled| Schedule { name: "Sweep".to_owned(), enabled };
    right(&schedule(&Ok(vec![one(false), one(true)])));
    assert!(wrong(&schedule(&Ok(vec![one(false)]))).cause.contains("Sweep is switched off"));
    wrong(&schedule(&Ok(Vec::new())));
}

#[test]
fn alerts_have_a_confirmed_subscriber() {
    let subscriptions = |confirmed, pending| alerts(&Ok(Subscriptions { confirmed, pending }));
    right(&subscriptions(1, 4));
    assert!(wrong(&subscriptions(0, 1)).fix.contains("link"));
    assert!(wrong(&subscriptions(0, 0)).fix.contains("subscribe"));
}

#[test]
fn every_rule_of_the_hub_has_to_be_there_and_enabled() {
    let template = include_str!("../../../../infra/hub.yaml");
    let named = template.lines().filter_map(|line| line.strip_prefix("      Name: runas-reactor-"));
    let mut named: Vec<String> = named.map(|name| format!("runas-reactor-{name}")).collect();
    let mut known: Vec<String> = RULES.map(str::to_owned).to_vec();
    named.sort();
    known.sort();
    assert_eq!(named, known, "left: the rules of infra/hub.yaml; right: those that are looked for");

    let all: Vec<Rule> = RULES.map(|name| Rule { name: name.to_owned(), enabled: true }).to_vec();
    right(&rules(&Ok(all.clone())));
    let missing = Ok(all[1..].to_vec());
    assert!(wrong(&rules(&missing)).cause.contains("missing: runas-reactor-documents"));
    let mut off = all;
    off.iter_mut().filter(|rule| rule.name == "runas-reactor-tampering").for_each(|rule| rule.enabled = false);
    let fix = "`aws events enable-rule --event-bus-name runas-reactor --name runas-reactor-tampering`";
    assert_eq!(wrong(&rules(&Ok(off))).fix, fix);
}
