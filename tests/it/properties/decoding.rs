//! Messages.

use proptest::prelude::*;
use runas_reactor::domain::decode::batch;
use serde_json::Value;

use super::cases;
use super::invariants::decoding;
use super::values::any_value;
use crate::decode::fixtures::{all_files, text};

proptest! {
    #![proptest_config(cases(384))]

    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>) {
        decoding::bytes(&bytes);
    }

    #[test]
    fn an_event_with_bytes_of_another_is_answered(
        file in prop::sample::select(all_files()),
        other in prop::sample::select(all_files()),
        places: [prop::sample::Index; 3],
    ) {
        let (file, other) = (text(&file).into_bytes(), text(&other).into_bytes());
        let [at, from, until] = places.map(|place| place.index(other.len().max(1)));
        let graft = other.get(from.min(until)..from.max(until)).unwrap_or_default();
        let cut = at.min(file.len());
        decoding::bytes(&[&file[..cut], graft, &file[cut..]].concat());
    }

    #[test]
    fn an_event_says_the_same_whatever_its_layout_and_never_another_account_than_its_own(
        file in prop::sample::select(all_files()),
        place: prop::sample::Index,
        new in any_value(),
        account in "[0-9]{12}",
    ) {
        for message in batch(&text(&file)) {
            let Ok(mut value) = serde_json::from_str::<Value>(&message.body) else { continue };
            let Some(envelope) = value.as_object_mut() else { continue };
            envelope.insert("account".to_owned(), account.clone().into());
            if let Some(detail) = envelope.get_mut("detail").and_then(Value::as_object_mut) {
                for claim in ["account", "accountId", "recipientAccountId", "region", "awsRegion"] {
                    detail.insert(claim.to_owned(), "999988887777".into());
                }
                let fields: Vec<String> = detail.keys().cloned().collect();
                detail.insert(place.get::<String>(&fields).clone(), new.clone());
            }
            decoding::body(&value.to_string());
        }
    }
}

#[test]
fn every_sample_event_keeps_the_promises() {
    for file in all_files() {
        decoding::text(&text(&file));
    }
}
