//! One consistent read of everything that a reconciliation needs.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::items::{self, Item};
use super::keys::Key;
use super::{DynamoLedger, READ, corrupt};
use crate::aws::clock;
use crate::domain::record::Loaded;
use crate::domain::target::Target;
use crate::ports::{Fault, FaultClass};

/// Keys in one `BatchGetItem` (API model).
pub(super) const KEYS_MAX: usize = 100;
/// Attempts for unprocessed keys, which `DynamoDB` wants requested again after a pause [docs: `API_BatchGetItem`].
const TRIES: u32 = 6;
const PAUSE_MS: u64 = 25;

impl DynamoLedger {
    pub(super) async fn load_consistent(&self, target: &Target, edit_ids: &BTreeSet<String>) -> Result<Loaded, Fault> {
        let (meta, region, incident) = (Key::meta(&target.account), Key::region(target), Key::incident(target));
        let edits: Vec<(Key, &String)> = edit_ids.iter().map(|id| (Key::seen(target, id), id)).collect();
        let seen = edits.iter().map(|(key, _)| key);
        let keys: Vec<Key> = [&meta, &region, &incident].into_iter().chain(seen).cloned().collect();
        let mut rows = BTreeMap::new();
        for chunk in keys.chunks(KEYS_MAX) {
            self.read(chunk, &mut rows).await?;
        }
        let mut loaded = Loaded::default();
        if let Some(row) = rows.get(meta.sort()) {
            loaded.facts = items::facts_from(row).map_err(|what| corrupt(&what))?;
        }
        if let Some(row) = rows.get(region.sort()) {
            loaded.record = items::record_from(row).map_err(|what| corrupt(&what))?;
            loaded.last_check = items::last_check_from(row);
        }
        if let Some(row) = rows.get(incident.sort()) {
            loaded.record.incident = Some(items::incident_from(row).map_err(|what| corrupt(&what))?);
        }
        let now = clock::now();
        let seen = edits.iter().filter(|(key, _)| rows.get(key.sort()).is_some_and(|row| !items::is_expired(row, now)));
        loaded.seen = seen.map(|(_, id)| (*id).clone()).collect();
        Ok(loaded)
    }

    /// Reads rows by sort key; all keys belong to one account.
    pub(super) async fn read(&self, keys: &[Key], rows: &mut BTreeMap<String, Item>) -> Result<(), Fault> {
        let mut keys: Vec<Item> = keys.iter().cloned().map(Key::into_item).collect();
        for round in 0..TRIES {
            if round > 0 {
                clock::sleep((PAUSE_MS << round) + u64::from(clock::jitter()) % PAUSE_MS).await;
            }
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .build()
                .map_err(|error| READ.fault(FaultClass::Invalid, "Build", &error.to_string()))?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, wanted)
                .send()
                .await
                .map_err(|error| READ.failed(&error))?;
            for row in answer.responses.into_iter().flatten().flat_map(|(_, rows)| rows) {
                if let Some(sort) = Key::sort_of(&row).map(str::to_owned) {
                    rows.insert(sort, row);
                }
            }
            keys = answer.unprocessed_keys.into_iter().flatten().flat_map(|(_, left)| left.keys).collect();
            if keys.is_empty() {
                return Ok(());
            }
        }
        Err(READ.fault(FaultClass::Throttled, "UnprocessedKeys", "the table does not keep up"))
    }
}
