//! Organizations: accounts, the way up to the root, and the accounts below an OU.

use aws_sdk_organizations::Client;
use runas_reactor::domain::target::{AccountFacts, AccountId, AccountState, OuId};
use runas_reactor::ports::{Directory as _, FaultClass, World as _};
use serde_json::json;

use super::*;

const MANAGER_ROLE: &str = "arn:aws:iam::111122223333:role/Admin";

/// An organisation: root / top / nested, with one account in each and the management account in the root.
struct Organization {
    hub: Hub,
    client: Client,
    world: AwsWorld,
    root: String,
    top: String,
    nested: String,
}

const IN_ROOT: &str = "444455556660";
const IN_TOP: &str = "444455556661";
const IN_NESTED: &str = "444455556662";

impl Organization {
    async fn new() -> Self {
        let hub = Hub::new().await;
        let keys = hub.aws.credentials(MANAGER_ROLE, "manager");
        hub.aws.switches(&json!({"next_accounts": [IN_ROOT, IN_TOP, IN_NESTED]}));
        let client = Client::new(&hub.aws.sdk(&keys, "us-east-1"));
        client.create_organization().send().await.unwrap();
        let root = client.list_roots().send().await.unwrap().roots.unwrap()[0].id.clone().unwrap();
        let top = ou(&client, &root, "top").await;
        let nested = ou(&client, &top, "nested").await;
        for (account, parent) in [(IN_ROOT, &root), (IN_TOP, &top), (IN_NESTED, &nested)] {
            let request = client.create_account().account_name(format!("name of {account}"));
            request.email(format!("{account}@example.com")).send().await.unwrap();
            if *parent != root {
                move_to(&client, account, &root, parent).await;
            }
        }
        let world = hub.world_with(&keys, &[]);
        hub.aws.clear_log();
        Self { hub, client, world, root, top, nested }
    }

    async fn below(&self, ou: Option<&String>) -> Vec<String> {
        let ou: Option<OuId> = ou.map(|ou| ou.parse().unwrap());
        self.world.directory().accounts(ou.as_ref()).await.unwrap().into_iter().map(String::from).collect()
    }

    async fn ous(&self, parent: &str) -> Vec<OuId> {
        let page = self.world.directory().ous_in(&parent.parse().unwrap(), None).await.unwrap();
        assert_eq!(page.next, None);
        page.items
    }

    async fn accounts(&self, path: &[&String]) -> Vec<AccountFacts> {
        let page = self.world.directory().accounts_in(&ids(path), None).await.unwrap();
        assert_eq!(page.next, None);
        page.items
    }
}

async fn ou(client: &Client, parent: &str, name: &str) -> String {
    let made = client.create_organizational_unit().parent_id(parent).name(name).send().await.unwrap();
    made.organizational_unit.unwrap().id.unwrap()
}

async fn move_to(client: &Client, account: &str, from: &str, to: &str) {
    let request = client.move_account().account_id(account).source_parent_id(from).destination_parent_id(to);
    request.send().await.unwrap();
}

fn ids(path: &[&String]) -> Vec<OuId> {
    path.iter().map(|id| id.parse().unwrap()).collect()
}

fn id(account: &str) -> AccountId {
    account.parse().unwrap()
}

#[tokio::test]
async fn an_account_comes_with_its_name_state_and_way_up() {
    let organization = Organization::new().await;
    let Organization { world, root, top, nested, .. } = &organization;
    let facts = world.directory().account(&id(IN_NESTED)).await.unwrap().unwrap();
    assert_eq!(facts.name, "name of 444455556662");
    assert_eq!(facts.state, AccountState::Active);
    assert_eq!(facts.ou_path, ids(&[root, top, nested]));
    let facts = world.directory().account(&id(IN_ROOT)).await.unwrap().unwrap();
    assert_eq!((facts.ou_path.clone(), facts.is_unplaced()), (ids(&[root]), true));
    assert_eq!(world.directory().account(&id("999999999999")).await.unwrap(), None);
}

#[tokio::test]
async fn the_way_above_an_ou_is_kept_and_the_ou_of_an_account_is_not() {
    let organization = Organization::new().await;
    let Organization { world, hub, client, root, top, nested } = &organization;
    world.directory().account(&id(IN_NESTED)).await.unwrap();
    let first = hub.calls("organizations").iter().filter(|action| *action == "ListParents").count();
    move_to(client, IN_TOP, top, nested).await;
    hub.aws.clear_log();
    let facts = world.directory().account(&id(IN_TOP)).await.unwrap().unwrap();
    assert_eq!(facts.ou_path, ids(&[root, top, nested]));
    let second = hub.calls("organizations").iter().filter(|action| *action == "ListParents").count();
    assert_eq!((first, second), (3, 1));
}

#[tokio::test]
async fn the_tree_is_listed_ou_by_ou_and_an_account_comes_as_if_it_had_been_asked_for() {
    let organization = Organization::new().await;
    let Organization { world, root, top, nested, .. } = &organization;
    crate::contract::tree(world, [root, top, nested], [IN_ROOT, IN_TOP, IN_NESTED]).await;
    assert_eq!(organization.ous(root).await, ids(&[top]));
    assert_eq!(organization.ous(top).await, ids(&[nested]));
    assert_eq!(organization.ous(nested).await, []);
    let in_root = organization.accounts(&[root]).await;
    let management = |facts: &&AccountFacts| facts.account.as_str() == "111122223333";
    assert_eq!(in_root.len(), 2);
    assert_eq!(in_root.iter().filter(management).count(), 1, "the management account is one like others");
}

#[tokio::test]
async fn a_list_of_more_accounts_than_a_page_holds_goes_on_with_its_token() {
    let organization = Organization::new().await;
    let Organization { hub, client, world, root, .. } = &organization;
    let accounts: Vec<String> = (0..45).map(|n| format!("6000000000{n:02}")).collect();
    hub.aws.switches(&json!({"next_accounts": accounts}));
    for account in &accounts {
        let request = client.create_account().account_name("one of many");
        request.email(format!("{account}@example.com")).send().await.unwrap();
    }
    let (mut found, mut pages, mut next) = (Vec::new(), 0, None);
    loop {
        let page = world.directory().accounts_in(&ids(&[root]), next.as_deref()).await.unwrap();
        pages += 1;
        assert!(page.items.len() <= 20, "{}", page.items.len());
        found.extend(page.items.into_iter().map(|facts| facts.account.to_string()));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert!(pages >= 3, "{pages}");
    assert!(accounts.iter().all(|account| found.contains(account)), "{found:?}");
    assert_eq!(found.len(), 47);
}

#[tokio::test]
async fn accounts_are_listed_everywhere_and_below_an_ou() {
    let organization = Organization::new().await;
    let Organization { root, top, nested, .. } = &organization;
    let everywhere = [IN_ROOT, IN_TOP, IN_NESTED];
    let mut expected = vec!["111122223333"];
    expected.extend(everywhere);
    assert_eq!(organization.below(None).await, expected);
    assert_eq!(organization.below(Some(root)).await, expected);
    assert_eq!(organization.below(Some(top)).await, [IN_TOP, IN_NESTED]);
    assert_eq!(organization.below(Some(nested)).await, [IN_NESTED]);
}

#[tokio::test]
async fn denied_read_of_the_organisation_is_a_denied_fault() {
    let organization = Organization::new().await;
    let hub = &organization.hub;
    hub.aws.faults(&json!([{"service": "organizations", "code": "AccessDeniedException", "times": 9}]));
    let fault = organization.world.directory().account(&id(IN_TOP)).await.unwrap_err();
    assert_eq!((fault.class, fault.call), (runas_reactor::ports::FaultClass::Denied, "DescribeAccount"));
    assert!(organization.world.directory().accounts(None).await.is_err());
    let root = organization.root.parse().unwrap();
    assert!(organization.world.directory().ous_in(&root, None).await.is_err());
    assert!(organization.world.directory().accounts_in(&[root], None).await.is_err());
}

#[tokio::test]
async fn the_regions_of_an_account_are_all_of_them_or_none() {
    let hub = Hub::new().await;
    let world = hub.world();
    let account: AccountId = MEMBER.parse().unwrap();
    let on = |count: usize| {
        let names = ["ap-east-1", "af-south-1", "eu-south-1", "me-south-1", "me-central-1", "il-central-1"];
        let regions: Vec<_> =
            names.iter().take(count).map(|region| json!({"account": MEMBER, "region": region})).collect();
        hub.aws.switches(&json!({"regions_on": regions}));
    };
    on(5);
    let listed = world.directory().enabled_regions(&account, &access()).await.unwrap();
    assert_eq!(listed.len(), 8, "four pages of two: {listed:?}");
    on(6);
    let fault = world.directory().enabled_regions(&account, &access()).await.unwrap_err();
    assert_eq!((fault.call, fault.message.as_str()), ("ListRegions", "not all regions were named"), "a fifth page");
    hub.aws.faults(&json!([{"service": "account", "code": "AccessDeniedException", "status": 403}]));
    let fault = world.directory().enabled_regions(&account, &access()).await.unwrap_err();
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Denied, "AccessDeniedException"));
}
