//! The ports over the AWS SDK, each method against the emulator: what a call does there, and what its failures mean here.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers are parts of tests"
)]

mod broker;
mod cloudtrail;
mod directory;
mod documents;
mod ledger;
mod notifier;
mod session;

use std::collections::BTreeSet;

use runas_reactor::aws::AwsWorld;
use runas_reactor::config;
use runas_reactor::domain::document::{Body, Content};
use runas_reactor::domain::finding::{Alert, Severity};
use runas_reactor::domain::observation::{Observation, Seen};
use runas_reactor::domain::target::Target;
use runas_reactor::domain::time::Time;
use runas_reactor::ports::{Access, Documents as _, Fault, World as _};
use serde_json::{Value, json};

use crate::support::hub::{Hub, TABLE};

const NAME: &str = "SSM-SessionManagerRunShell";
const MEMBER: &str = "444455556666";
const ROLE: &str = "RunasReactorMember";
const HOME: &str = "eu-west-1";

fn target_in(region: &str) -> Target {
    Target::new(MEMBER.parse().expect("an account"), region.parse().expect("a region"))
}

fn target() -> Target {
    target_in(HOME)
}

fn access_by(roles: &[&str]) -> Access {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    Access { roles, gap_roles: Vec::new(), correlation: "c/1".to_owned() }
}

fn access() -> Access {
    access_by(&[ROLE])
}

fn content(user: &str) -> Content {
    Content::minimal().overlaid(&[("runAsDefaultUser".to_owned(), json!(user))].into())
}

fn text(user: &str) -> String {
    content(user).render(0)
}

async fn observe(world: &AwsWorld) -> Result<Observation, Fault> {
    world.documents().observe(&target(), &access(), &BTreeSet::new()).await
}

async fn seen(world: &AwsWorld) -> Seen {
    match observe(world).await.expect("the document can be read") {
        Observation::Present(seen) => *seen,
        other => panic!("the document is there, and not {other:?}"),
    }
}

/// The Run As user that a body names.
fn user(body: &Body) -> String {
    let input = body.content().and_then(|content| content.input("runAsDefaultUser"));
    input.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn alert(id: &str) -> Alert {
    Alert {
        id: id.to_owned(),
        account: MEMBER.parse().expect("an account"),
        region: Some(HOME.parse().expect("a region")),
        severity: Severity::High,
        kind: "edit_reverted".to_owned(),
        incident: None,
        subject: "Run As was switched off".to_owned(),
        text: "Somebody switched it off.\nIt is on again.".to_owned(),
        data: json!({ "versions": [1, 2] }),
        at: Time::from_ms(1_790_000_000_000),
    }
}
