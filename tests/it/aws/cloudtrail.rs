//! CloudTrail's event history: asked as often as CloudTrail allows, and never taken for empty because it did not answer.

use runas_reactor::ports::{Clock as _, FaultClass, Lookup, World as _};
use serde_json::json;

use super::*;

async fn called(world: &AwsWorld) -> Result<Vec<runas_reactor::domain::edit::Edit>, Fault> {
    let lookup = Lookup::Since(world.now().plus_ms(-3_600_000));
    world.documents().lookup_events(&target(), &access(), &lookup).await
}

#[tokio::test]
async fn pages_are_half_a_second_apart_and_the_newest_150_calls_of_a_name_are_read() {
    let hub = Hub::new().await;
    let (world, admin) = (hub.world(), hub.admin());
    hub.admin_creates(&target()).await;
    for number in 0..160 {
        let document = json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": { "kmsKeyId": number.to_string() } });
        let request = admin.update_document().name(NAME).document_version("$LATEST").content(document.to_string());
        request.send().await.unwrap();
    }
    let edits = called(&world).await.unwrap();
    let versions: Vec<u64> = edits.iter().filter_map(|edit| edit.action.made_version()).collect();
    assert_eq!((versions.iter().max(), versions.iter().filter(|version| **version > 1).min()), (Some(&161), Some(&12)));

    let lookups: Vec<f64> = hub.aws.log().iter().filter(|call| call["action"] == "LookupEvents").map(started).collect();
    assert_eq!(lookups.len(), 6, "three pages of one name, and one of each other");
    let gaps: Vec<f64> = lookups.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap >= 500.0), "{gaps:?}");
}

fn started(call: &Value) -> f64 {
    call["started_ms"].as_f64().unwrap()
}

#[tokio::test]
async fn a_throttle_is_a_fault_and_no_answer() {
    let hub = Hub::new().await;
    hub.admin_creates(&target()).await;
    hub.aws.faults(&json!([{"action": "LookupEvents", "code": "ThrottlingException", "times": 9}]));
    let fault = called(&hub.impatient()).await.unwrap_err();
    assert_eq!((fault.class, fault.call), (FaultClass::Throttled, "LookupEvents"));
}
