//! The contract of the ports: the same assertions on the simulated organisation, under every switch, and on the AWS adapters
//! over the emulator.

use std::cell::Cell;
use std::collections::BTreeSet;

use futures_util::future::join;
use runas_reactor::domain::document::{Body, CONTENT_BYTES_MAX, Content};
use runas_reactor::domain::observation::{DocumentStatus, Observation, Seen};
use runas_reactor::domain::record::{Enabled, Known, LastCheck};
use runas_reactor::domain::sweep::{OuWalk, StartResult, Sweep};
use runas_reactor::domain::target::{AccountFacts, AccountState, OuId, Region, Target};
use runas_reactor::domain::time::Time;
use runas_reactor::ports::{
    Access, Directory as _, Documents as _, FaultClass, Ledger as _, Lookup, Outbox as _, Sweeps as _, World,
};
use runas_reactor::sim::{Sim, Switches};

use crate::support::hub::Hub;
use crate::support::org;

fn access() -> Access {
    Access::by(&org::policy(), "contract")
}

fn target() -> Target {
    Target::new("444455556666".parse().unwrap(), "eu-west-1".parse().unwrap())
}

fn text(user: &str, random: u32) -> String {
    let owned = [("runAsDefaultUser".to_owned(), user.into())].into();
    Content::minimal().overlaid(&owned).render(random)
}

/// What stands there once every version is active and visible to everybody.
async fn seen<W: World>((world, rest_ms): (&W, u64), between: &[u64]) -> Option<Seen> {
    let between: BTreeSet<u64> = between.iter().copied().collect();
    for _ in 0..20 {
        world.sleep(rest_ms).await;
        match world.documents().observe(&target(), &access(), &between).await.unwrap() {
            Observation::Absent => return None,
            Observation::Present(seen) if seen.latest_status() == DocumentStatus::Active => return Some(*seen),
            Observation::Present(_) => {}
            Observation::Unknown(why) => panic!("an observation never says that it could not be made: {why:?}"),
        }
    }
    panic!("the document does not come to rest");
}

fn user(body: Option<&Body>) -> &str {
    let content = body.and_then(Body::content).unwrap_or_else(|| panic!("no content in {body:?}"));
    content.input("runAsDefaultUser").and_then(|user| user.as_str()).unwrap()
}

/// `rest_ms` is how long a reader may be behind.
async fn documents<W: World>(world: &W, rest_ms: u64) {
    let (target, access) = (target(), access());
    let here = (world, rest_ms);
    // 2.1: a missing document is `InvalidDocument`, which is an answer and no failure.
    assert_eq!(seen(here, &[]).await, None);

    // 2.3: CreateDocument is create-if-absent.
    assert_eq!(world.documents().create(&target, &access, &text("one", 1), "name-1").await.unwrap().version, 1);
    let again = world.documents().create(&target, &access, &text("one", 2), "name-2").await.unwrap_err();
    assert_eq!(again.class, FaultClass::Conflict, "{again}");
    let first = seen(here, &[]).await.unwrap();
    assert!(first.is_session());
    assert_eq!((first.latest.number, first.default.number), (1, 1));
    assert_eq!(world.documents().shares(&target, &access).await.unwrap(), BTreeSet::new());

    // 2.5, 2.9: UpdateDocument leaves the default version where it is.
    assert_eq!(world.documents().update(&target, &access, 1, &text("two", 3), "name-3").await.unwrap().version, 2);
    let second = seen(here, &[]).await.unwrap();
    assert_eq!((second.latest.number, second.default.number), (2, 1));
    assert_eq!((user(second.body(2)), user(second.body(1))), ("two", "one"));

    // 2.3: naming the latest version is a compare-and-swap.
    let stale = world.documents().update(&target, &access, 1, &text("three", 4), "name-4").await.unwrap_err();
    assert_eq!((stale.class, stale.outcome_unknown), (FaultClass::Conflict, false), "{stale}");

    // 2.1: a version's name is unique in the document.
    let named = world.documents().update(&target, &access, 2, &text("three", 5), "name-3").await.unwrap_err();
    assert_eq!(named.class, FaultClass::Conflict, "{named}");

    // 2.4: at least the latest version's own text is a duplicate.
    let same = world.documents().update(&target, &access, 2, &text("two", 3), "name-5").await.unwrap_err();
    assert_eq!(same.class, FaultClass::Duplicate, "{same}");

    // 2.1: promoting names an existing version.
    world.documents().promote(&target, &access, 2).await.unwrap();
    let nowhere = world.documents().promote(&target, &access, 9).await.unwrap_err();
    assert_eq!(nowhere.class, FaultClass::Conflict, "{nowhere}");
    assert_eq!(seen(here, &[]).await.unwrap().default.number, 2);

    // 2.2: 64 KB a document.
    let large = world
        .documents()
        .update(&target, &access, 2, &text(&"x".repeat(CONTENT_BYTES_MAX), 6), "name-6")
        .await
        .unwrap_err();
    assert_eq!(large.class, FaultClass::Invalid, "{large}");

    // 2.1: versions are listed with their dates, and older ones can be read; one that is not there is left out.
    world.documents().update(&target, &access, 2, &text("three", 7), "name-7").await.unwrap();
    world.documents().promote(&target, &access, 3).await.unwrap();
    let third = seen(here, &[2, 8]).await.unwrap();
    assert_eq!(third.between.keys().copied().collect::<Vec<_>>(), [2]);
    assert_eq!(user(third.body(2)), "two");
    let dates: Vec<Time> = (1..=3).map(|number| third.info(number).unwrap().created).collect();
    assert!(dates[0] < dates[1] && dates[1] < dates[2], "{dates:?}");
    assert!(!third.older_exist);

    // 2.2: superseded versions can be deleted one by one, the default never is.
    world.documents().prune(&target, &access, 1).await.unwrap();
    world.documents().prune(&target, &access, 1).await.unwrap();
    assert!(world.documents().prune(&target, &access, 3).await.is_err());
    assert_eq!(seen(here, &[]).await.unwrap().info(1), None);

    // 2.3: deleting and creating anew begins with version 1 again, at a later date.
    world.documents().delete(&target, &access).await.unwrap();
    world.documents().delete(&target, &access).await.unwrap();
    assert_eq!(seen(here, &[]).await, None);
    let gone = world.documents().update(&target, &access, 3, &text("four", 8), "name-8").await.unwrap_err();
    assert!(matches!(gone.class, FaultClass::NotFound | FaultClass::Conflict), "{gone}");
    assert_eq!(world.documents().shares(&target, &access).await.unwrap_err().class, FaultClass::Conflict);
    let ended = world.documents().unshare(&target, &access, &["999900001111".to_owned()]).await.unwrap_err();
    assert_eq!(ended.class, FaultClass::Conflict, "{ended}");
    world.documents().create(&target, &access, &text("four", 9), "name-1").await.unwrap();
    let anew = seen(here, &[]).await.unwrap();
    assert_eq!(anew.latest.number, 1);
    assert!(anew.latest_created() > dates[2]);
}

/// While versions are made and promoted, an observation shows one moment, or it is a fault that a retry can mend.
async fn consistency<W: World>(world: &W) {
    const VERSIONS: u64 = 12;
    let (target, access) = (Target::new("444455556666".parse().unwrap(), "eu-west-2".parse().unwrap()), access());
    let done = Cell::new(false);
    let write = async {
        world.documents().create(&target, &access, &text("u1", 1), "name-1").await.unwrap();
        for number in 1..VERSIONS {
            let (text, name) = (text(&format!("u{}", number + 1), 1), format!("name-{}", number + 1));
            world.documents().update(&target, &access, number, &text, &name).await.unwrap();
            world.documents().promote(&target, &access, number + 1).await.unwrap();
        }
        done.set(true);
    };
    let observe = async {
        while !done.get() {
            match world.documents().observe(&target, &access, &BTreeSet::from([2, 3])).await {
                Ok(Observation::Present(seen)) => assert_of_one_moment(&seen),
                Ok(Observation::Absent) => {}
                Ok(Observation::Unknown(why)) => panic!("{why:?}"),
                Err(fault) => assert_eq!((fault.class, fault.retryable()), (FaultClass::Conflict, true), "{fault}"),
            }
        }
    };
    join(write, observe).await;
    world.documents().delete(&target, &access).await.unwrap();
}

fn assert_of_one_moment(seen: &Seen) {
    let listed: Vec<u64> = seen.versions.iter().map(|version| version.number).collect();
    assert_eq!(listed, (1..=seen.latest.number).rev().collect::<Vec<_>>(), "the latest is the newest of the list");
    assert!(listed.contains(&seen.default.number), "{listed:?}, and the default is {}", seen.default.number);
    for number in [seen.latest.number, seen.default.number].iter().chain(seen.between.keys()) {
        assert_eq!(user(seen.body(*number)), format!("u{number}"));
    }
    let read = |number: &u64| listed.contains(number);
    assert_eq!(seen.between.keys().copied().collect::<Vec<_>>(), [2, 3].into_iter().filter(read).collect::<Vec<_>>());
}

/// A quick check, once readers see what was last written.
async fn fingerprint<W: World>((world, rest_ms): (&W, u64)) -> Option<String> {
    for _ in 0..20 {
        world.sleep(rest_ms).await;
        let quick_check = world.documents().quick_check(&target(), &access()).await.unwrap();
        if quick_check.status == DocumentStatus::Active {
            return quick_check.fingerprint();
        }
    }
    panic!("the document does not come to rest");
}

/// 2.1: `DescribeDocument` answers with hash, latest and default version, status and type.
async fn quick_checks<W: World>(world: &W, rest_ms: u64) {
    let (target, access, here) = (target(), access(), (world, rest_ms));
    world.documents().delete(&target, &access).await.unwrap();
    assert_eq!(seen(here, &[]).await, None);
    let absent = world.documents().quick_check(&target, &access).await.unwrap_err();
    assert_eq!(absent.class, FaultClass::NotFound, "{absent}");

    world.documents().create(&target, &access, &text("one", 1), "name-1").await.unwrap();
    let first = fingerprint(here).await;
    assert!(first.is_some());
    assert_eq!(fingerprint(here).await, first, "it stays the same as long as nobody does anything");
    let quick_check = world.documents().quick_check(&target, &access).await.unwrap();
    assert_eq!((quick_check.latest, quick_check.default, quick_check.document_type.as_str()), (1, 1, "Session"));

    world.documents().update(&target, &access, 1, &text("two", 2), "name-2").await.unwrap();
    assert_eq!(fingerprint(here).await, None, "the default version is not the latest");
    world.documents().promote(&target, &access, 2).await.unwrap();
    let second = fingerprint(here).await;
    assert!(second.is_some() && second != first, "{second:?}");

    world.documents().delete(&target, &access).await.unwrap();
    assert_eq!(seen(here, &[]).await, None);
    world.documents().create(&target, &access, &text("one", 1), "name-1").await.unwrap();
    let anew = fingerprint(here).await;
    assert!(anew.is_some() && anew != first, "another document under the same number: {anew:?}");
}

/// CloudTrail's event history: who called what on the document, some minutes later. `lag_ms` is how much later.
async fn history<W: World>(world: &W, lag_ms: u64) {
    let (target, access) = (Target::new("444455556666".parse().unwrap(), "eu-west-3".parse().unwrap()), access());
    let began = world.now().plus_ms(-1_000);
    world.documents().create(&target, &access, &text("one", 1), "name-1").await.unwrap();
    world.documents().update(&target, &access, 1, &text("two", 2), "name-2").await.unwrap();
    world.documents().promote(&target, &access, 2).await.unwrap();
    world.sleep(lag_ms).await;
    let called = world.documents().lookup_events(&target, &access, &Lookup::Since(began)).await.unwrap();
    let mut actions: Vec<String> = called.iter().map(|edit| format!("{:?}", edit.action)).collect();
    actions.sort();
    assert_eq!(actions, ["Created", "DefaultMoved { version: Some(2) }", "Updated { version: Some(2) }"]);
    let arns: BTreeSet<_> = called.iter().map(|edit| edit.principal.arn.as_deref()).collect();
    assert_eq!(arns, [Some("arn:aws:iam::444455556666:role/RunasReactorMember")].into(), "the role, not the session");
    let ask = |id: &str| Lookup::Event(id.to_owned());
    let one = world.documents().lookup_events(&target, &access, &ask(&called[0].id)).await.unwrap();
    assert_eq!(one, called[..1], "as the other question answers it");
    assert_eq!(
        world.documents().lookup_events(&target, &access, &ask("00000000-0000-0000-0000-000000000000")).await.unwrap(),
        []
    );
    let elsewhere = Target::new(target.account.clone(), "eu-north-1".parse().unwrap());
    assert_eq!(world.documents().lookup_events(&elsewhere, &access, &Lookup::Since(began)).await.unwrap(), []);
    assert_eq!(
        world.documents().lookup_events(&target, &access, &Lookup::Since(world.now().plus_ms(60_000))).await.unwrap(),
        []
    );
    world.documents().delete(&target, &access).await.unwrap();
}

/// What is written down of looks holds for one generation of the record.
async fn notes<W: World>(world: &W) {
    let target = Target::new("444455556666".parse().unwrap(), "eu-north-1".parse().unwrap());
    let last_check = async || world.ledger().load(&target, &BTreeSet::new()).await.unwrap().last_check;
    let (now, fingerprint) = (world.now(), Some("3 7 abc".to_owned()));
    let look = |at: Time, fingerprint: &Option<String>| LastCheck { at, fingerprint: fingerprint.clone() };
    world.ledger().record_check(&target, 1, &look(now, &fingerprint)).await.unwrap();
    assert_eq!(last_check().await, None, "there is no record that it could stand beside");
    world.ledger().commit(&target, &org::commit(&target, 0, "n-1", now)).await.unwrap();
    assert_eq!(last_check().await, Some(look(now, &None)), "a record that is written was looked at then");
    let later = now.plus_ms(5_000);
    world.ledger().record_check(&target, 9, &look(later, &fingerprint)).await.unwrap();
    assert_eq!(last_check().await, Some(look(now, &None)), "another generation");
    world.ledger().record_check(&target, 1, &look(later, &fingerprint)).await.unwrap();
    assert_eq!(last_check().await, Some(look(later, &fingerprint)));
    let later = later.plus_ms(5_000);
    world.ledger().record_check(&target, 1, &look(later, &None)).await.unwrap();
    assert_eq!(
        last_check().await,
        Some(look(later, &fingerprint)),
        "the fingerprint stays until there is another, or another record"
    );
    assert_eq!(world.ledger().known(&target.account).await.unwrap().last_checks.get(&target.region), Some(&later));
    world.ledger().commit(&target, &org::commit(&target, 1, "n-2", now)).await.unwrap();
    assert_eq!(last_check().await, Some(look(now, &None)));
    assert_eq!(world.ledger().known(&target.account).await.unwrap().last_checks.get(&target.region), Some(&now));
    let nobody = "999900001111".parse().unwrap();
    assert_eq!(world.ledger().known(&nobody).await.unwrap(), Known::default());
}

/// An account that is asked itself names what it can use, on however many pages; what it said is remembered beside the rest.
async fn regions<W: World>(world: &W) {
    let account = target().account;
    let regions = world.directory().enabled_regions(&account, &access()).await.unwrap();
    let names: Vec<&str> = regions.iter().map(Region::as_str).collect();
    assert_eq!(names, ["eu-central-1", "eu-west-1", "us-east-1"]);
    let unlisted = "999900002222".parse().unwrap();
    let before = world.ledger().known(&account).await.unwrap();
    assert_eq!(world.ledger().reported_regions(&account).await.unwrap(), None);
    let enabled = Enabled { regions, at: Time::from_ms(1_795_000_000_000) };
    world.ledger().save_regions(&account, &enabled).await.unwrap();
    assert_eq!(world.ledger().reported_regions(&account).await.unwrap().as_ref(), Some(&enabled));
    assert_eq!(world.ledger().known(&account).await.unwrap(), Known { enabled: Some(enabled), ..before });
    let nowhere = Enabled { regions: BTreeSet::new(), at: Time::ZERO };
    world.ledger().save_regions(&unlisted, &nowhere).await.unwrap();
    assert_eq!(world.ledger().facts(&unlisted).await.unwrap(), None, "its regions do not make it an account");
}

/// 9: the step is the condition; and whom a sweep has not met is found.
async fn sweeps<W: World>(world: &W) {
    assert_eq!(world.sweeps().sweep().await.unwrap(), None);
    let StartResult::New(mut sweep, None) = Sweep::begin(None, "contract", world.now()) else {
        panic!("the first one")
    };
    world.sweeps().save_sweep(&sweep).await.unwrap();
    let again = world.sweeps().save_sweep(&sweep).await.unwrap_err();
    assert_eq!(again.class, FaultClass::Conflict, "{again}");
    sweep.walk = Some(OuWalk::from("r-ab12".parse().unwrap()));
    sweep.done(world.now(), false);
    world.sweeps().save_sweep(&sweep).await.unwrap();
    assert_eq!(world.sweeps().sweep().await.unwrap().as_ref(), Some(&*sweep));
    let mut behind = sweep.clone();
    behind.step -= 1;
    assert_eq!(world.sweeps().save_sweep(&behind).await.unwrap_err().class, FaultClass::Conflict);

    let facts = |account: &str, state: AccountState| AccountFacts {
        account: account.parse().unwrap(),
        name: "workload".to_owned(),
        ou_path: vec!["r-ab12".parse().unwrap()],
        state,
    };
    let (met, unmet, left, closed) = ("500000000001", "500000000002", "500000000003", "500000000004");
    world.ledger().save_facts(&facts(met, AccountState::Active)).await.unwrap();
    world.ledger().save_facts(&facts(unmet, AccountState::Active)).await.unwrap();
    world.ledger().save_facts(&facts(left, AccountState::Left)).await.unwrap();
    world.ledger().save_facts(&facts(closed, AccountState::Closed)).await.unwrap();
    world.sweeps().met(&met.parse().unwrap(), 7).await.unwrap();
    let of = async |sweep: u64| -> Vec<String> {
        let unmet = world.sweeps().unmet(sweep).await.unwrap();
        unmet.iter().map(ToString::to_string).filter(|account| account.starts_with("5000")).collect()
    };
    assert_eq!(of(7).await, [unmet, closed]);
    assert_eq!(of(8).await, [met, unmet, closed]);
    world.ledger().save_facts(&facts(met, AccountState::Active)).await.unwrap();
    assert_eq!(of(7).await, [unmet, closed], "news of an account takes nothing back");
    world.ledger().save_facts(&facts(unmet, AccountState::Left)).await.unwrap();
    assert_eq!(of(7).await, [closed]);
}

/// The tree of an organisation with one account in the root, one in an OU there, and one in an OU below that.
pub(crate) async fn tree<W: World>(world: &W, path: [&str; 3], accounts: [&str; 3]) {
    let path: Vec<OuId> = path.iter().map(|ou| ou.parse().unwrap()).collect();
    for (depth, account) in accounts.iter().enumerate() {
        let here = &path[..=depth];
        let below = world.directory().ous_in(&here[depth], None).await.unwrap();
        assert_eq!((below.items.as_slice(), below.next), (path.get(depth + 1..=depth + 1).unwrap_or_default(), None));
        let page = world.directory().accounts_in(here, None).await.unwrap();
        let listed = page.items.iter().find(|facts| facts.account.as_str() == *account).unwrap();
        assert_eq!(listed.ou_path, here);
        let asked = world.directory().account(&account.parse().unwrap()).await.unwrap();
        assert_eq!(
            asked.as_ref(),
            Some(listed),
            "a page says what Organizations says when it is asked for one account"
        );
    }
}

async fn ledger<W: World>(world: &W) {
    let target = target();
    let (first, second) = (org::commit(&target, 0, "a-1", world.now()), org::commit(&target, 1, "a-2", world.now()));
    // 9: the generation is the condition; the slower of two writers changes nothing at all.
    world.ledger().commit(&target, &first).await.unwrap();
    let late = world.ledger().commit(&target, &org::commit(&target, 0, "a-3", world.now())).await.unwrap_err();
    assert_eq!(late.class, FaultClass::Conflict, "{late}");
    let asked = ["e-a-1", "e-a-3", "e-never"].map(str::to_owned).into();
    let loaded = world.ledger().load(&target, &asked).await.unwrap();
    assert_eq!(loaded.record, first.record);
    assert_eq!(loaded.seen, ["e-a-1".to_owned()].into());
    let unsent =
        |alerts: Vec<runas_reactor::domain::finding::Alert>| alerts.into_iter().map(|a| a.id).collect::<Vec<_>>();
    assert_eq!(unsent(world.outbox().unsent(&target.account).await.unwrap()), ["a-1"]);
    // 9: the outbox keeps an alert until it is marked, and for its dedupe key afterwards.
    world.outbox().mark_sent(&first.alerts[0]).await.unwrap();
    world.ledger().commit(&target, &second).await.unwrap();
    assert_eq!(unsent(world.outbox().unsent(&target.account).await.unwrap()), ["a-2"]);
    assert!(world.outbox().keep_alert(&second.alerts[0]).await.unwrap(), "it still has to be published");
    world.outbox().mark_sent(&second.alerts[0]).await.unwrap();
    assert!(!world.outbox().keep_alert(&second.alerts[0]).await.unwrap(), "it was published");
    assert_eq!(unsent(world.outbox().unsent(&target.account).await.unwrap()), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_simulated_organisation_keeps_the_contract_under_every_switch() {
    for switches in Switches::all() {
        let sim: Sim = org::sim(switches);
        documents(&sim, 2_000).await;
        consistency(&sim).await;
        quick_checks(&sim, 2_000).await;
        history(&sim, 302_000).await;
        ledger(&sim).await;
        notes(&sim).await;
        regions(&sim).await;
        sweeps(&sim).await;
        let mut nested = org::account("777788889999", org::epoch());
        nested.facts.ou_path.push("ou-root-nested".parse().unwrap());
        sim.put_account(nested);
        let path = ["r-root", "ou-root-workloads", "ou-root-nested"];
        tree(&sim, path, [org::MANAGEMENT, org::MEMBER, "777788889999"]).await;
    }
}

#[tokio::test]
async fn the_aws_adapters_keep_the_contract() {
    let hub = Hub::new().await;
    let world = hub.world();
    documents(&world, 10).await;
    consistency(&world).await;
    quick_checks(&world, 10).await;
    history(&world, 0).await;
    ledger(&world).await;
    notes(&world).await;
    regions(&world).await;
    sweeps(&world).await;
}
