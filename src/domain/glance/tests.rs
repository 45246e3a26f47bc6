use super::*;
use crate::domain::document::Content;
use crate::domain::record::{Accounted, Incident, Record};

fn at(ms: i64) -> Time {
    Time::from_ms(ms)
}

fn glance() -> Glance {
    Glance {
        document_type: "Session".to_owned(),
        status: Status::Active,
        latest: 3,
        default: 3,
        created: Some(at(7)),
        hash: "abc".to_owned(),
    }
}

/// A target in sync at version 3, and what was written down when it was found so.
fn loaded() -> Loaded {
    let record = Record {
        generation: 4,
        standing: Standing::InSync,
        accepted: Some(Content::minimal()),
        accounted: Some(Accounted { version: 3, created: Some(at(7)), landed: None, base: None, body: None }),
        ..Record::default()
    };
    Loaded { record, noted: Some(Noted { at: at(9), print: glance().print() }), ..Loaded::default() }
}

#[test]
fn the_same_print_brings_back_what_was_there() {
    let Some(Observation::Present(seen)) = remembered(&loaded(), &glance()) else { panic!("it is as it was") };
    assert_eq!((seen.latest.number, seen.latest.body.clone()), (3, Body::Valid(Content::minimal())));
    assert_eq!((&seen.default, seen.latest_created(), seen.latest_status()), (&seen.latest, at(7), Status::Active));
    assert!(seen.is_session() && !seen.older_exist);
    let mut other = loaded();
    let body = Body::Invalid { why: "kept as it was found".to_owned() };
    other.record.accounted.as_mut().unwrap().body = Some(body.clone());
    let Some(Observation::Present(seen)) = remembered(&other, &glance()) else { panic!("it is as it was") };
    assert_eq!(seen.latest.body, body, "where the document is not the accepted content, the record says what it is");
}

#[test]
fn whatever_is_different_takes_a_full_look() {
    let differences: [fn(&mut Glance); 6] = [
        |glance| glance.document_type = "Command".to_owned(),
        |glance| glance.status = Status::Failed,
        |glance| (glance.latest, glance.default) = (4, 4),
        |glance| glance.default = 2,
        |glance| glance.created = Some(at(8)),
        |glance| glance.hash = "abd".to_owned(),
    ];
    for (nth, different) in differences.into_iter().enumerate() {
        let mut glance = glance();
        different(&mut glance);
        assert_eq!(remembered(&loaded(), &glance), None, "difference {nth}");
    }
}

#[test]
fn a_document_that_cannot_be_in_sync_has_no_print() {
    let wrong: [fn(&mut Glance); 5] = [
        |glance| glance.document_type = "Command".to_owned(),
        |glance| glance.status = Status::Pending,
        |glance| glance.default = 2,
        |glance| glance.created = None,
        |glance| glance.hash.clear(),
    ];
    for (nth, wrong) in wrong.into_iter().enumerate() {
        let mut glance = glance();
        wrong(&mut glance);
        assert_eq!(glance.print(), None, "{nth}");
    }
}

#[test]
fn a_record_that_is_not_calmly_in_sync_takes_a_full_look() {
    let incident = || Incident {
        id: "i".to_owned(),
        opened: at(0),
        summary: String::new(),
        opponents: Vec::new(),
        edits: 1,
        escalated: false,
        announce_end: true,
    };
    for standing in [
        Standing::New,
        Standing::Drifted,
        Standing::Exempt,
        Standing::Held,
        Standing::BackingOff,
        Standing::Waiting,
        Standing::Unreachable,
    ] {
        let mut loaded = loaded();
        loaded.record.standing = standing;
        assert_eq!(remembered(&loaded, &glance()), None, "{standing:?}");
    }
    let mut troubled = loaded();
    troubled.record.incident = Some(incident());
    assert_eq!(remembered(&troubled, &glance()), None);
    let unsettling: [fn(&mut Loaded); 5] = [
        |loaded| loaded.noted = None,
        |loaded| loaded.noted.as_mut().unwrap().print = None,
        |loaded| loaded.record.accounted = None,
        |loaded| loaded.record.accounted.as_mut().unwrap().version = 2,
        |loaded| loaded.record.accounted.as_mut().unwrap().created = None,
    ];
    for (nth, unsettling) in unsettling.into_iter().enumerate() {
        let mut loaded = loaded();
        unsettling(&mut loaded);
        assert_eq!(remembered(&loaded, &glance()), None, "{nth}");
    }
}
