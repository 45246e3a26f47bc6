//! Calls on documents and on Organizations, through an interceptor.

use std::collections::BTreeSet;

use super::{About, Intercepted, Interceptor};
use crate::domain::edit::Edit;
use crate::domain::observation::{DocumentStatus, Observation};
use crate::domain::quick_check::QuickCheck;
use crate::domain::target::{AccountFacts, AccountId, OuId, Region, Target};
use crate::ports::{Access, AccountAccess, Directory, Documents, Fault, Lookup, Page, World, Written};

impl<W: World, I: Interceptor<W>> Documents for Intercepted<W, I> {
    async fn observe(&self, target: &Target, access: &Access, between: &BTreeSet<u64>) -> Result<Observation, Fault> {
        self.on("observe", target, access, self.world.documents().observe(target, access, between)).await
    }

    async fn quick_check(&self, target: &Target, access: &Access) -> Result<QuickCheck, Fault> {
        self.on("quick_check", target, access, self.world.documents().quick_check(target, access)).await
    }

    async fn lookup_events(&self, target: &Target, access: &Access, lookup: &Lookup) -> Result<Vec<Edit>, Fault> {
        self.on("lookup_events", target, access, self.world.documents().lookup_events(target, access, lookup)).await
    }

    async fn create(&self, target: &Target, access: &Access, text: &str, name: &str) -> Result<Written, Fault> {
        self.on("create", target, access, self.world.documents().create(target, access, text, name)).await
    }

    async fn update(
        &self,
        target: &Target,
        access: &Access,
        base: u64,
        text: &str,
        name: &str,
    ) -> Result<Written, Fault> {
        self.on("update", target, access, self.world.documents().update(target, access, base, text, name)).await
    }

    async fn status(&self, target: &Target, access: &Access, version: u64) -> Result<DocumentStatus, Fault> {
        self.on("status", target, access, self.world.documents().status(target, access, version)).await
    }

    async fn promote(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        self.on("promote", target, access, self.world.documents().promote(target, access, version)).await
    }

    async fn shares(&self, target: &Target, access: &Access) -> Result<BTreeSet<String>, Fault> {
        self.on("shares", target, access, self.world.documents().shares(target, access)).await
    }

    async fn unshare(&self, target: &Target, access: &Access, accounts: &[String]) -> Result<(), Fault> {
        self.on("unshare", target, access, self.world.documents().unshare(target, access, accounts)).await
    }

    async fn delete(&self, target: &Target, access: &Access) -> Result<(), Fault> {
        self.on("delete", target, access, self.world.documents().delete(target, access)).await
    }

    async fn prune(&self, target: &Target, access: &Access, version: u64) -> Result<(), Fault> {
        self.on("prune", target, access, self.world.documents().prune(target, access, version)).await
    }

    async fn account_access(&self, account: &AccountId, access: &Access) -> AccountAccess {
        self.world.documents().account_access(account, access).await
    }
}

impl<W: World, I: Interceptor<W>> Directory for Intercepted<W, I> {
    async fn account(&self, account: &AccountId) -> Result<Option<AccountFacts>, Fault> {
        self.meet("account", About::Other, self.world.directory().account(account)).await
    }

    async fn ous_in(&self, parent: &OuId, page: Option<&str>) -> Result<Page<OuId>, Fault> {
        self.meet("ous_in", About::Other, self.world.directory().ous_in(parent, page)).await
    }

    async fn accounts_in(&self, path: &[OuId], page: Option<&str>) -> Result<Page<AccountFacts>, Fault> {
        self.meet("accounts_in", About::Other, self.world.directory().accounts_in(path, page)).await
    }

    async fn enabled_regions(&self, account: &AccountId, access: &Access) -> Result<BTreeSet<Region>, Fault> {
        self.meet("enabled_regions", About::Other, self.world.directory().enabled_regions(account, access)).await
    }

    async fn accounts(&self, under: Option<&OuId>) -> Result<Vec<AccountId>, Fault> {
        self.meet("accounts", About::Other, self.world.directory().accounts(under)).await
    }
}
