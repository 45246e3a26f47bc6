//! How several messages about one target are coalesced.

use super::*;
use crate::domain::edit::{Action, Edit};
use crate::domain::principal::Principal;
use Cause::{AccountLifecycle, DocumentEvent, Sweep};

fn edit(id: &str) -> Edit {
    Edit {
        id: id.to_owned(),
        at: Time::ZERO,
        action: Action::Created,
        principal: Principal::unknown(),
        failed: None,
        agent: String::new(),
        source_ip: String::new(),
        sharing: None,
    }
}

/// Work that began at this second, with these events.
fn work(cause: Cause, second: i64, events: &[&str]) -> Work {
    Work {
        target: Target::new("444455556666".parse().unwrap(), "eu-west-1".parse().unwrap()),
        cause,
        edits: events.iter().map(|id| edit(id)).collect(),
        correlation: format!("second {second}"),
        since: Time::from_ms(second * 1_000),
        requeues: 0,
        not_before: None,
    }
}

/// The group of messages with these receive counts.
fn group(works: Vec<(Work, u32)>) -> Group {
    let mut groups = BTreeMap::new();
    for (number, (work, receives)) in works.into_iter().enumerate() {
        let message = Message { id: number.to_string(), receives, ..Message::default() };
        join_group(&mut groups, work, &message);
    }
    groups.into_values().next().unwrap()
}

#[test]
fn group_was_received_before_if_one_of_its_messages_was() {
    let again =
        |receives: [u32; 2]| group(receives.map(|receives| (work(DocumentEvent, 1, &[]), receives)).to_vec()).again;
    assert_eq!([[1, 1], [2, 1], [1, 2], [2, 2]].map(again), [false, true, true, true]);
}

#[test]
fn group_is_named_after_its_first_event() {
    let named = |events: [&[&str]; 3]| {
        let works = events.iter().zip(1..).map(|(events, second)| (work(DocumentEvent, second, events), 1));
        group(works.collect()).work.correlation
    };
    assert_eq!(named([&[], &[], &[]]), "second 1");
    assert_eq!(named([&[], &["a"], &["b"]]), "second 2");
    assert_eq!(named([&["a"], &["b"], &[]]), "second 1");
}

#[test]
fn new_account_outranks_a_touch_and_a_touch_a_routine_observation() {
    let joined = |first, second| {
        let work = group(vec![(work(first, 2, &[]), 1), (work(second, 1, &[]), 1)]).work;
        (work.cause, work.since.ms() / 1_000)
    };
    assert_eq!(
        [AccountLifecycle, DocumentEvent, Sweep].map(|second| joined(AccountLifecycle, second)),
        [(AccountLifecycle, 2); 3]
    );
    assert_eq!(
        [AccountLifecycle, DocumentEvent, Sweep].map(|second| joined(Sweep, second)),
        [(AccountLifecycle, 1), (DocumentEvent, 1), (Sweep, 2)]
    );
    // A new event does not make work that was tried for a while young again.
    assert_eq!(
        [AccountLifecycle, DocumentEvent, Sweep].map(|second| joined(DocumentEvent, second)),
        [(AccountLifecycle, 1), (DocumentEvent, 1), (DocumentEvent, 2)]
    );
}

#[test]
fn group_keeps_each_event_once_and_the_fewest_requeues() {
    let requeued = |work: Work, requeues| (Work { requeues, ..work }, 1);
    let works =
        vec![requeued(work(DocumentEvent, 1, &["a", "b"]), 3), requeued(work(DocumentEvent, 2, &["b", "c"]), 2)];
    let group = group(works);
    let ids: Vec<&str> = group.work.edits.iter().map(|edit| edit.id.as_str()).collect();
    assert_eq!((ids, group.work.requeues), (vec!["a", "b", "c"], 2));
    assert_eq!(group.messages.len(), 2);
}
