//! What happens in the organisation, and how it ends when nothing goes wrong.

use aws_sdk_ssm::types::DocumentType;
use runas_reactor::domain::signal::Cause;
use runas_reactor::domain::target::DOCUMENT_NAME;
use serde_json::json;

use crate::e2e::queue::{created, work};
use crate::e2e::stage::{HOME, MANAGEMENT, REGIONS, Stage};

const LOG_GROUP: &str = "AWSAccelerator-sessionmanager-logs";
const NEW_LOG_GROUP: &str = "AWSAccelerator-sessions-2027";

/// What there is of an account before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Before {
    Nothing,
    /// LZA's document.
    Created,
    /// The same, and the reactor has put it right.
    Known,
}

/// One thing that happens to one account.
pub(super) struct Story {
    pub(super) before: Before,
    /// The events of it reach the function.
    pub(super) has_event: bool,
    pub(super) happens: fn(&Stage, &str),
    /// What on-call hears of it, once each, in the order of the alphabet.
    pub(super) alerts: &'static [&'static str],
    /// Versions that we write because of it.
    pub(super) puts: usize,
    /// Messages that are put aside.
    pub(super) undecodable: usize,
    /// A message looks again later whether our own events come back.
    pub(super) watched: bool,
    pub(super) regions: &'static [&'static str],
    /// An input that the policy does not own, and what it is in the end.
    pub(super) kept: Option<(&'static str, &'static str)>,
}

const EDIT: Story = Story {
    before: Before::Known,
    has_event: true,
    happens: |_, _| {},
    alerts: &["edit_reverted"],
    puts: 1,
    undecodable: 0,
    watched: false,
    regions: &[HOME],
    kept: Some(("cloudWatchLogGroupName", LOG_GROUP)),
};

pub(super) const DRIFT: Story = Story {
    happens: |stage, account| {
        let edit = json!({"runAsEnabled": false, "cloudWatchLogGroupName": "alices-logs"});
        stage.administrator(account, "alice@example.com").edits(HOME, &edit);
    },
    ..EDIT
};

/// The same without an event; a sweep finds it.
pub(super) const MISSED_EVENT: Story = Story {
    has_event: false,
    happens: |stage, account| {
        (DRIFT.happens)(stage, account);
        stage.events();
        stage.deliver(&[work(account, HOME, Cause::Sweep)]);
    },
    ..DRIFT
};

pub(super) const DELETION: Story =
    Story { happens: |stage, account| stage.administrator(account, "mallory@example.com").deletes(HOME), ..EDIT };

pub(super) const OTHER_TYPE: Story = Story {
    happens: |stage, account| {
        // Of two versions of one number that are made within moments nobody can tell which call made which.
        stage.pass(4);
        let mallory = stage.administrator(account, "mallory@example.com");
        mallory.deletes(HOME);
        let command = json!({"schemaVersion": "2.2", "description": "x", "mainSteps": []}).to_string();
        let request = mallory.ssm(HOME).create_document().name(DOCUMENT_NAME).document_type(DocumentType::Command);
        stage.run(request.content(command).send()).expect("it is gone");
    },
    ..EDIT
};

pub(super) const ROLLBACK: Story = Story {
    happens: |stage, account| stage.administrator(account, "mallory@example.com").promotes(HOME, 1),
    puts: 0,
    ..EDIT
};

pub(super) const VENDED: Story = Story {
    before: Before::Nothing,
    happens: |stage, account| stage.deliver(&[created(account, MANAGEMENT, &format!("vend-{account}"))]),
    alerts: &[],
    puts: 3,
    watched: true,
    regions: &REGIONS,
    kept: None,
    ..EDIT
};

pub(super) const TRUSTED: Story = Story {
    happens: |stage, account| {
        let edit = json!({"cloudWatchLogGroupName": NEW_LOG_GROUP, "runAsEnabled": false});
        stage.pipeline(account).writes(HOME, &edit);
    },
    alerts: &["edit_kept"],
    kept: Some(("cloudWatchLogGroupName", NEW_LOG_GROUP)),
    ..EDIT
};

pub(super) const UNDECODABLE: Story = Story {
    before: Before::Nothing,
    happens: |stage, _| stage.deliver_texts(&["{ this is not JSON"]),
    alerts: &["undecodable_message"],
    puts: 0,
    undecodable: 1,
    regions: &[],
    ..EDIT
};

pub(super) const FIRST_SIGHT: Story = Story { before: Before::Created, alerts: &["adopted", "edit_reverted"], ..DRIFT };
