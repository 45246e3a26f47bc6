//! What one reconciliation led to.

use runas_reactor::domain::finding::Alert;
use runas_reactor::domain::record::Record;

use super::Reconciliation;

impl Reconciliation {
    pub(crate) fn alerts(&self) -> &[Alert] {
        self.settlement.commit.as_ref().map_or(&[], |commit| &commit.alerts)
    }

    pub(crate) fn kinds(&self) -> Vec<&str> {
        self.alerts().iter().map(|alert| alert.kind.as_str()).collect()
    }

    /// The alert of a kind.
    pub(crate) fn alert(&self, kind: &str) -> &Alert {
        let found = self.alerts().iter().find(|alert| alert.kind == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {:?}", self.kinds()))
    }

    /// Seconds until the message that follows, where one does.
    pub(crate) fn delay(&self) -> Option<u32> {
        self.settlement.next.as_ref().map(|(_, delay)| *delay)
    }

    pub(crate) fn record(&self) -> &Record {
        self.settlement.commit.as_ref().map_or(&self.case.record, |commit| &commit.record)
    }
}

/// The kinds of all alerts of some reconciliations.
pub(crate) fn kinds(reconciliations: &[Reconciliation]) -> Vec<&str> {
    reconciliations.iter().flat_map(Reconciliation::kinds).collect()
}
