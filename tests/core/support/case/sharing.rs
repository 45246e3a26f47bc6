//! With whom a scenario's document is shared.

use runas_reactor::domain::edit::{Action, Sharing};
use runas_reactor::domain::fact::{CallFact, Facts};
use runas_reactor::domain::observation::{Shares, Unreadable};
use runas_reactor::domain::sharing::is_open;

use super::{Scenario, Who};

impl Scenario {
    /// The document is shared with these accounts, and no longer with those.
    pub(crate) fn shares(&mut self, who: Who, added: &[&str], removed: &[&str]) -> CallFact {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<String>>();
        let sharing = Sharing { added: owned(added), removed: owned(removed) };
        let shares = &mut self.doc().shares;
        shares.extend(sharing.added.clone());
        shares.retain(|account| !sharing.removed.contains(account));
        let mut call = self.call(who, Action::SharingChanged);
        call.edit.sharing = Some(sharing);
        call
    }

    /// The accounts that the document is shared with.
    pub(crate) fn shared_with(&self) -> Vec<&str> {
        self.document.iter().flat_map(|document| &document.shares).map(String::as_str).collect()
    }

    /// With whom a read shows the document to be shared, where a call asks for it.
    pub(super) fn asked_shares(&self, facts: &Facts) -> Option<Shares> {
        let asked = self.resolution.undoes_sharing() && is_open(facts);
        let document = self.document.as_ref().filter(|_| asked)?;
        Some(match self.shares_obstacle {
            Some(obstacle) => Shares::Unknown(Unreadable { obstacle, detail: "AccessDenied: no".to_owned() }),
            None => Shares::With(document.shares.clone()),
        })
    }
}
