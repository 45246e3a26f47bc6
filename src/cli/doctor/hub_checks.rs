//! Checks of the hub's state.

use super::report::{Check, CheckOutcome};
use crate::aws::hub_view::{Feed, QueueState, Rule, Schedule, Subscriptions};
use crate::aws::ledger::policy_store::Current;
use crate::cli::login::fix_with;
use crate::cli::plan::show::counted;
use crate::cli::status::age;
use crate::domain::policy::Policy;
use crate::domain::sweep::Sweep;
use crate::domain::time::{DAY_MS, Time};
use crate::ports::{Fault, FaultClass};

#[cfg(test)]
mod tests;

/// Maximum age of a complete sweep: four are due in that time, unless the schedule differs.
const SWEPT_MAX_MS: i64 = DAY_MS;

/// Checks that need the queue's ARN.
pub(super) const NEED_QUEUE: [&str; 2] = ["feed", "schedule"];

/// The hub's bus.
pub(super) const BUS: &str = "runas-reactor";
/// The rules of infra/hub.yaml.
const RULES: [&str; 6] = [
    "runas-reactor-documents",
    "runas-reactor-organization",
    "runas-reactor-control-tower",
    "runas-reactor-regions",
    "runas-reactor-bypasses",
    "runas-reactor-tampering",
];

/// How a push of the policy in force would end today.
pub(super) enum Reviewed {
    /// It would be accepted.
    Taken { warnings: usize },
    /// It would be refused, for this first reason.
    Refused(String),
    /// Its text cannot be read.
    Unread(Fault),
}

/// The dead letters that were received.
pub(super) struct Letters {
    /// When the oldest was sent.
    pub(super) oldest: Option<Time>,
    /// The reason of the oldest.
    pub(super) reason: String,
}

/// A component that did not answer: a missing one is wrong, any other is unknown.
fn unanswered(name: &'static str, service: &str, fault: &Fault, output: &str) -> Check {
    if fault.class == FaultClass::NotFound {
        let fix =
            format!("give the stack's output {output} (infra/hub.yaml) and the hub's region; or deploy infra/hub.yaml");
        return Check::new(name, CheckOutcome::wrong(fault.to_string(), fix), "it is not there");
    }
    let fix = fix_with(fault, &format!("{service}:{}", fault.call));
    Check::new(name, CheckOutcome::not_known(fault.to_string(), fix), "it did not answer")
}

/// A policy is in force, the function can read it, and it names this hub.
pub(super) fn policy(
    current: &Result<Option<Current>, Fault>,
    reviewed: Option<&Reviewed>,
    queue: Option<&QueueState>,
) -> Check {
    let check = |outcome, what: &str| Check::new("policy", outcome, what);
    let current = match current {
        Ok(Some(current)) => current,
        Ok(None) => {
            let fix = "`runasctl policy push policy.yaml -m REASON --accounts-from organizations`";
            return check(
                CheckOutcome::wrong("no policy was pushed: the function does nothing", fix),
                "none is in force",
            );
        }
        Err(fault) => return unanswered("policy", "dynamodb", fault, "TableName as --table or RUNAS_TABLE"),
    };
    let policy = match &current.policy {
        Ok(policy) => policy,
        Err(error) => {
            let fix = "`runasctl policy push` a good one, or `runasctl policy rollback` to an earlier version";
            return check(CheckOutcome::wrong(error.to_string(), fix), "the function cannot read the one in force");
        }
    };
    let label = current.version.as_ref().map_or_else(
        || "one that was not pushed is in force".to_owned(),
        |version| format!("v{} of {} is in force", version.number, version.at),
    );
    if let Some(elsewhere) = queue.and_then(|queue| elsewhere(&queue.arn, policy)) {
        let fix =
            "log in to the hub account and region; or mend `hub_account` and `home_region` of the policy, and push it";
        return check(CheckOutcome::wrong(elsewhere, fix), &format!("{label}, and is about another hub"));
    }
    match reviewed {
        Some(Reviewed::Refused(why)) => {
            let fix = "mend it, see `runasctl policy check`, and push it";
            check(CheckOutcome::wrong(why, fix), &format!("{label}, and would be refused today"))
        }
        Some(Reviewed::Unread(fault)) => {
            let fix = fix_with(fault, &format!("dynamodb:{}", fault.call));
            check(CheckOutcome::not_known(fault.to_string(), fix), &format!("{label}, and its text cannot be read"))
        }
        Some(Reviewed::Taken { warnings: 1.. }) => {
            check(CheckOutcome::Right, &format!("{label}; `runasctl policy check` has warnings about it"))
        }
        Some(Reviewed::Taken { warnings: 0 }) | None => check(CheckOutcome::Right, &label),
    }
}

/// The hub's actual place, if it differs from the policy's.
fn elsewhere(queue_arn: &str, policy: &Policy) -> Option<String> {
    let mut parts = queue_arn.split(':').skip(3);
    let (region, account) = (parts.next()?, parts.next()?);
    let (home, hub) = (policy.home_region().as_str(), policy.hub_account().as_str());
    let said = format!("the queue is in {account}/{region}, and the policy says {hub}/{home}");
    ((region, account) != (home, hub)).then_some(said)
}

/// A sweep was completed recently, and none has stalled.
pub(super) fn sweep(sweep: &Result<Option<Sweep>, Fault>, now: Time) -> Check {
    let check = |outcome, what: &str| Check::new("sweep", outcome, what);
    let sweep = match sweep {
        Ok(Some(sweep)) => sweep,
        Ok(None) => {
            let cause = "the schedule has sent no message since the policy was pushed, or the function did not get it";
            return check(CheckOutcome::not_known(cause, SWEEP_FIX), "there was none yet");
        }
        Err(fault) => return unanswered("sweep", "dynamodb", fault, "TableName as --table or RUNAS_TABLE"),
    };
    if sweep.has_stalled(now) {
        let cause =
            format!("it met {} and last moved {} ago", accounts(sweep.accounts), age(now.since(sweep.last_progress)));
        let fix = "see the dead letters, and the function's log for this id: the next sweep begins anew";
        return check(CheckOutcome::wrong(format!("sweep {}: {cause}", sweep.id), fix), "the last one stopped midway");
    }
    match sweep.completed().map(|began| now.since(began)) {
        None => check(
            CheckOutcome::not_known("it is under way", "run doctor again in some minutes"),
            "the first has not ended yet",
        ),
        Some(ms) if ms > SWEPT_MAX_MS => {
            let cause = "the schedule is off or sends elsewhere, or the function does not get its messages";
            check(CheckOutcome::wrong(cause, SWEEP_FIX), &format!("the last complete one began {} ago", age(ms)))
        }
        Some(ms) => check(CheckOutcome::Right, &format!("the last complete one began {} ago", age(ms))),
    }
}

const SWEEP_FIX: &str =
    "see schedule, feed and dead letters here; the schedule comes every six hours unless the template says otherwise";

fn accounts(count: u64) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), "account")
}

/// The queue exists and has a redrive policy.
pub(super) fn queue(queue: &Result<QueueState, Fault>, dead: Option<&QueueState>) -> Check {
    let queue = match queue {
        Ok(queue) => queue,
        Err(fault) => return unanswered("queue", "sqs", fault, "QueueUrl as --queue-url or RUNAS_QUEUE_URL"),
    };
    let what = format!("{} waiting, {} under way", queue.waiting, queue.under_way);
    let outcome = match (&queue.dead_letters, dead) {
        (None, _) => CheckOutcome::wrong(
            "it has no redrive policy: a message that crashes the function comes for a week",
            REDEPLOY,
        ),
        (Some(arn), Some(dead)) if *arn != dead.arn => CheckOutcome::wrong(
            format!("messages that are received too often go to {arn}, not to {}", dead.arn),
            REDEPLOY,
        ),
        (Some(_), _) => CheckOutcome::Right,
    };
    Check::new("queue", outcome, what)
}

const REDEPLOY: &str = "deploy infra/hub.yaml again, and give its outputs QueueUrl and DeadLetterUrl";

/// The dead-letter queue is empty.
pub(super) fn dead_letters(dead: &Result<QueueState, Fault>, seen: Option<&Letters>, now: Time) -> Check {
    let dead = match dead {
        Ok(dead) => dead,
        Err(fault) => {
            return unanswered("dead_letters", "sqs", fault, "DeadLetterUrl as --dead-letter-url or RUNAS_DLQ_URL");
        }
    };
    let count = dead.waiting.saturating_add(dead.under_way);
    if count == 0 {
        return Check::new("dead_letters", CheckOutcome::Right, "nothing was put aside");
    }
    let oldest = seen.and_then(|seen| seen.oldest).map(|sent| format!(", the oldest {} ago", age(now.since(sent))));
    let messages = counted(usize::try_from(count).unwrap_or(usize::MAX), "message");
    let cause = seen.map_or_else(
        || "the function could not work on them, or EventBridge could not deliver them".to_owned(),
        |seen| format!("of the oldest: {}", seen.reason),
    );
    let fix = "`runasctl redrive list`; then `runasctl redrive send` puts them back to work, or `redrive drop` away";
    Check::new(
        "dead_letters",
        CheckOutcome::wrong(cause, fix),
        format!("{messages} put aside{}", oldest.unwrap_or_default()),
    )
}

/// An enabled event source mapping feeds the function.
pub(super) fn feed(feeds: &Result<Vec<Feed>, Fault>) -> Check {
    let check = |outcome, what: &str| Check::new("feed", outcome, what);
    let feeds = match feeds {
        Ok(feeds) => feeds,
        Err(fault) => return unanswered("feed", "lambda", fault, "QueueUrl"),
    };
    let function = |feed: &Feed| feed.function.rsplit(':').next().unwrap_or_default().to_owned();
    if let Some(on) = feeds.iter().find(|feed| feed.state == "Enabled") {
        return check(CheckOutcome::Right, &format!("the queue feeds the function {}", function(on)));
    }
    match feeds.first() {
        None => check(
            CheckOutcome::wrong("no event source mapping reads the queue", REDEPLOY),
            "nothing feeds the function",
        ),
        Some(off) if ["Disabled", "Disabling"].contains(&off.state.as_str()) => {
            let cause = format!("the event source mapping of the function {} is {}", function(off), off.state);
            let fix = format!("`aws lambda update-event-source-mapping --uuid {} --enabled`", off.id);
            check(CheckOutcome::wrong(cause, fix), "nothing feeds the function")
        }
        Some(between) => {
            let cause = format!("the event source mapping of the function {} is {}", function(between), between.state);
            check(CheckOutcome::not_known(cause, "run doctor again in a minute"), "it is being changed")
        }
    }
}

/// An enabled schedule sends to the queue.
pub(super) fn schedule(schedules: &Result<Vec<Schedule>, Fault>) -> Check {
    let check = |outcome, what: &str| Check::new("schedule", outcome, what);
    let schedules = match schedules {
        Ok(schedules) => schedules,
        Err(fault) => return unanswered("schedule", "scheduler", fault, "QueueUrl"),
    };
    if let Some(on) = schedules.iter().find(|schedule| schedule.enabled) {
        return check(CheckOutcome::Right, &format!("{} begins the sweeps", on.name));
    }
    match schedules.first() {
        None => check(CheckOutcome::wrong("no schedule sends to the queue", REDEPLOY), "nothing begins sweeps"),
        Some(off) => {
            let cause = format!("the schedule {} is switched off", off.name);
            let fix = format!(
                "switch it on: `aws scheduler update-schedule --state ENABLED` with its other settings as \
                 `aws scheduler get-schedule --name {}` shows them",
                off.name
            );
            check(CheckOutcome::wrong(cause, fix), "nothing begins sweeps")
        }
    }
}

/// Every rule of the hub is there and enabled. Those in the accounts are beyond the operator's rights: the member role may
/// not list rules.
pub(super) fn rules(rules: &Result<Vec<Rule>, Fault>) -> Check {
    let check = |outcome, what: &str| Check::new("rules", outcome, what);
    let rules = match rules {
        Ok(rules) => rules,
        Err(fault) => return unanswered("rules", "events", fault, "BusArn"),
    };
    let missing: Vec<&str> = RULES.into_iter().filter(|name| !rules.iter().any(|rule| rule.name == *name)).collect();
    let off: Vec<&str> = rules.iter().filter(|rule| !rule.enabled).map(|rule| rule.name.as_str()).collect();
    let what = "events of accounts do not all reach the function";
    match (missing.as_slice(), off.as_slice()) {
        ([], []) => check(CheckOutcome::Right, &format!("{} are enabled", counted(rules.len(), "rule"))),
        ([], [first, ..]) => {
            let fix = format!("`aws events enable-rule --event-bus-name {BUS} --name {first}`");
            check(CheckOutcome::wrong(format!("disabled: {}", off.join(", ")), fix), what)
        }
        (missing, _) => {
            let cause = format!("missing: {}", missing.join(", "));
            check(CheckOutcome::wrong(cause, "deploy infra/hub.yaml again; it has each of them"), what)
        }
    }
}

/// A check that is impossible without the queue's ARN.
pub(super) fn without_queue(name: &'static str) -> Check {
    let outcome = CheckOutcome::not_known("it is found by the queue, which did not answer", "see to the queue first");
    Check::new(name, outcome, "it could not be looked for")
}

/// Alerts have at least one confirmed subscriber.
pub(super) fn alerts(subscriptions: &Result<Subscriptions, Fault>) -> Check {
    let subscriptions = match subscriptions {
        Ok(subscriptions) => subscriptions,
        Err(fault) => return unanswered("alerts", "sns", fault, "TopicArn as --topic-arn or RUNAS_TOPIC_ARN"),
    };
    let count = |number| counted(usize::try_from(number).unwrap_or(usize::MAX), "subscriber");
    let Subscriptions { confirmed, pending } = *subscriptions;
    let what = match pending {
        0 => count(confirmed),
        pending => format!("{}, and {} not confirmed", count(confirmed), count(pending)),
    };
    let outcome = match (confirmed, pending) {
        (1.., _) => CheckOutcome::Right,
        (0, 0) => CheckOutcome::wrong(
            "nothing subscribes to the topic",
            "`aws sns subscribe`, or AlertEmail of infra/hub.yaml",
        ),
        (0, 1..) => {
            CheckOutcome::wrong("no subscription was confirmed", "follow the link that SNS has sent to each subscriber")
        }
    };
    Check::new("alerts", outcome, what)
}
