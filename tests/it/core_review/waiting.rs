//! Waiting, backing off, and messages that follow messages.

use runas_reactor::domain::case::{Verdict, WaitsOn};
use runas_reactor::domain::decide::decide;
use runas_reactor::domain::observation::Status;
use runas_reactor::domain::principal::Attribution::{Trusted, Untrusted};
use runas_reactor::domain::record::{Heat, Incident};
use runas_reactor::domain::signal::Cause;

use super::cases::*;

#[test]
fn a_long_chain_of_messages_does_not_make_a_pending_version_usable() {
    // The vend watch of a slow account, or a hold, has come to hop 30 when a pipeline creates the document.
    let mut case = case();
    case.cause = Cause::Vended;
    case.hop = 30;
    case.observation = document(&[(1, 98, body(&right_but("runAsEnabled", false)))], 1);
    seen(&mut case).versions[0].status = Status::Pending;
    let decision = decide(&case);
    assert!(matches!(decision.verdict, Verdict::Unsettled { .. }), "{decision:?}");
    assert_eq!(decision.write, None);
    // What is still pending minutes later will not become usable by waiting.
    case.now = at(600);
    assert!(!matches!(decide(&case).verdict, Verdict::Unsettled { .. }));
}

#[test]
fn a_stale_answer_at_the_end_of_a_long_chain_is_not_believed() {
    let mut case = case();
    case.hop = 30;
    case.record = in_sync(6, 99);
    case.observation = document(&[(5, 50, body(&right_but("s3BucketName", "old")))], 5);
    assert!(matches!(decide(&case).verdict, Verdict::Unsettled { .. }));
}

#[test]
fn mallory_gains_nothing_from_a_war_of_pipelines() {
    let mut case = case();
    case.record = in_sync(6, 0);
    case.record.heat = Heat { milli: 8_000, at: at(80), backoffs: 6, not_before: Some(at(380)) };
    case.observation = document(&[(6, 0, body(&right())), (7, 98, body(&right_but("runAsEnabled", false)))], 7);
    case.edits = vec![wrote("a", 98, 7, Trusted)];
    assert_eq!(decide(&case).wait.unwrap().until, at(380));
    case.edits = vec![wrote("a", 98, 7, Untrusted)];
    assert!(decide(&case).write.is_some());
    // Ten seconds after the last write at the latest, also for the message that comes then.
    case.record.heat.at = at(95);
    let (decision, settlement) = settled(&case);
    let wait = decision.wait.unwrap();
    assert_eq!((wait.on, wait.until), (WaitsOn::EditWar, at(105)));
    case.record = settlement.commit.unwrap().record;
    case.now = at(105);
    case.edits = Vec::new();
    assert!(decide(&case).write.is_some());
}

#[test]
fn a_war_is_watched_by_one_chain_of_messages() {
    let mut case = case();
    case.record = in_sync(6, 90);
    case.record.heat = Heat { milli: 6_000, at: at(90), backoffs: 1, not_before: Some(at(92)) };
    case.record.incident = Some(Incident {
        id: "i".to_owned(),
        opened: at(0),
        summary: "x".to_owned(),
        opponents: vec!["x".to_owned()],
        edits: 7,
        escalated: true,
        announce_end: true,
    });
    case.observation = document(&[(6, 90, body(&right()))], 6);
    let mut followers = 0;
    for n in 0..20 {
        case.now = at(100 + n);
        let (_, settlement) = settled(&case);
        followers += usize::from(settlement.next.is_some());
        if let Some(commit) = settlement.commit {
            case.record = commit.record;
        }
    }
    assert_eq!(followers, 1);
    // The chain goes on from its own message.
    case.now = at(100 + 601);
    assert!(settled(&case).1.next.is_some());
}
