//! Reads the hub: ledger, queues, topic, rules, schedule and event source mapping.

use super::hub_checks::{self as judge, Letters, Reviewed};
use super::report::Check;
use crate::aws::hub_view::{HubView, QueueState};
use crate::aws::ledger::policy_store::{Current, PolicyStore};
use crate::aws::operator::Operator;
use crate::cli::redrive::received::{Filter, ReceivedBatch};
use crate::domain::bypass::RULE_PREFIX;
use crate::domain::policy::Policy;
use crate::domain::sweep::Sweep;
use crate::domain::time::Time;
use crate::policy_file;
use crate::ports::Fault;

/// Dead letters received to find the oldest, and then made visible again.
const LETTERS_MAX: usize = 100;

/// The names of the hub's components.
pub(super) struct Names {
    pub(super) table: String,
    pub(super) topic_arn: String,
    pub(super) queue_url: String,
    pub(super) dead_letter_url: String,
}

/// The state of the hub.
pub(super) struct Hub {
    pub(super) checks: Vec<Check>,
    /// The policy in force, if it can be read.
    pub(super) policy: Option<Policy>,
    /// When the last complete sweep began.
    pub(super) swept: Option<Time>,
}

/// Reads the hub and checks it.
pub(super) async fn examine(operator: &Operator, names: &Names, now: Time) -> Hub {
    let (view, book, ledger) =
        (operator.hub_view(), operator.policy_store(&names.table), operator.ledger_view(&names.table));
    let current = book.current().await;
    let reviewed = review(&book, &current, now).await;
    let sweep = ledger.sweep().await;
    let (queue, dead) = (view.queue(&names.queue_url).await, view.queue(&names.dead_letter_url).await);
    let mut checks = vec![
        judge::policy(&current, reviewed.as_ref(), queue.as_ref().ok()),
        judge::sweep(&sweep, now),
        judge::queue(&queue, dead.as_ref().ok()),
        judge::dead_letters(&dead, letters(operator, names, &dead).await.as_ref(), now),
    ];
    checks.extend(fed(&view, &queue).await);
    checks.push(judge::rules(&view.rules(judge::BUS, RULE_PREFIX).await));
    checks.push(judge::alerts(&view.subscriptions(&names.topic_arn).await));
    let policy = current.ok().flatten().and_then(|current| current.policy.ok());
    Hub { checks, policy, swept: sweep.ok().flatten().as_ref().and_then(Sweep::completed) }
}

/// Checks the policy's text again, as a push would today.
async fn review(book: &PolicyStore, current: &Result<Option<Current>, Fault>, now: Time) -> Option<Reviewed> {
    let number = current.as_ref().ok()?.as_ref()?.version.as_ref()?.number;
    let pushed = match book.version(number).await {
        Ok(pushed) => pushed?,
        Err(fault) => return Some(Reviewed::Unread(fault)),
    };
    Some(match policy_file::parse(&format!("version {number}"), &pushed.yaml, now) {
        Ok((_, lints)) => Reviewed::Taken { warnings: lints.len() },
        Err(problems) => {
            let first = problems.problems.first().map(|first| first.problem.message.clone());
            Reviewed::Refused(first.unwrap_or_default())
        }
    })
}

/// Receives some dead letters, where there are any; they are hidden from others for a moment.
async fn letters(operator: &Operator, names: &Names, dead: &Result<QueueState, Fault>) -> Option<Letters> {
    dead.as_ref().ok().filter(|dead| dead.waiting > 0)?;
    let queue = operator.dead_letters(&names.dead_letter_url);
    let received = ReceivedBatch::gather(&queue, Filter::All, LETTERS_MAX).await.ok()?;
    // A message that stays hidden becomes visible by itself within two minutes.
    let _ = received.give_back(&queue, &std::collections::BTreeSet::new()).await;
    let oldest = received.letters.first()?;
    Some(Letters { oldest: oldest.sent, reason: oldest.reason() })
}

/// Schedule and mapping are found by the queue's ARN, which only the queue's answer gives.
async fn fed(view: &HubView, queue: &Result<QueueState, Fault>) -> [Check; 2] {
    match queue {
        Ok(queue) => {
            let (feeds, schedules) = (view.feeds(&queue.arn).await, view.schedules(&queue.arn).await);
            [judge::feed(&feeds), judge::schedule(&schedules)]
        }
        Err(_) => judge::NEED_QUEUE.map(judge::without_queue),
    }
}
