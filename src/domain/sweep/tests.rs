use super::*;
use crate::domain::target::AccountState;
use crate::domain::time::HOUR_MS;

fn ou(id: &str) -> OuId {
    id.parse().unwrap()
}

fn at(ms: i64) -> Time {
    Time::from_ms(ms)
}

fn new(last: Option<Sweep>, now: Time) -> (Sweep, Option<Sweep>) {
    match Sweep::begin(last, "id", now) {
        StartResult::New(sweep, previous) => (*sweep, previous.map(|previous| *previous)),
        StartResult::UnderWay(step) => panic!("step {step} is under way"),
    }
}

/// Walks a tree given as parents and children, in pages of two. Returns the lists in the order of reading.
fn walked(tree: &[(&str, &[&str])]) -> Vec<(String, List, Option<String>)> {
    let mut walk = OuWalk::from(ou("r-ab12"));
    let mut read = Vec::new();
    while let Some(cursor) = walk.next().cloned() {
        let here = cursor.path.last().unwrap().to_string();
        read.push((here.clone(), cursor.list, cursor.page.clone()));
        assert!(read.len() < 100, "without end: {read:?}");
        let children = tree.iter().find(|(parent, _)| *parent == here).map_or(&[][..], |(_, children)| *children);
        let from: usize = cursor.page.map_or(0, |page| page.parse().unwrap());
        let page: Vec<OuId> = children.iter().skip(from).take(2).map(|id| ou(id)).collect();
        let next = (children.len() > from + 2).then(|| (from + 2).to_string());
        match cursor.list {
            List::Ous => walk.listed(page, next),
            List::Accounts => walk.listed(Vec::new(), (from == 0).then(|| "1".to_owned())),
        }
    }
    read
}

#[test]
fn a_walk_reads_every_page_of_both_lists_of_every_ou_once() {
    let tree: &[(&str, &[&str])] = &[("r-ab12", &["ou-a", "ou-b", "ou-c"]), ("ou-b", &["ou-d"])];
    let mut read = walked(tree);
    let mut expected = vec![("r-ab12".to_owned(), List::Ous, Some("2".to_owned()))];
    for id in ["r-ab12", "ou-a", "ou-b", "ou-c", "ou-d"] {
        expected.push((id.to_owned(), List::Ous, None));
        expected.extend([None, Some("1".to_owned())].map(|page| (id.to_owned(), List::Accounts, page)));
    }
    let key = |(id, list, page): &(String, List, Option<String>)| (id.clone(), *list == List::Accounts, page.clone());
    read.sort_by_key(key);
    expected.sort_by_key(key);
    assert_eq!(read, expected);
}

#[test]
fn cursor_has_the_path_from_the_root() {
    let mut walk = OuWalk::from(ou("r-ab12"));
    walk.listed(vec![ou("ou-a")], Some("more".to_owned()));
    assert_eq!(walk.next().map(|cursor| (cursor.list, cursor.page.as_deref())), Some((List::Ous, Some("more"))));
    walk.listed(Vec::new(), None);
    assert_eq!(
        walk.next().map(|cursor| (cursor.list, cursor.path.clone())),
        Some((List::Accounts, vec![ou("r-ab12")]))
    );
    walk.listed(Vec::new(), None);
    walk.listed(vec![ou("ou-b")], None);
    walk.listed(Vec::new(), None);
    assert_eq!(walk.next().map(|cursor| cursor.path.clone()), Some(vec![ou("r-ab12"), ou("ou-a"), ou("ou-b")]));
}

#[test]
fn ous_that_nest_without_end_are_not_followed() {
    let mut walk = OuWalk::from(ou("r-ab12"));
    let mut pages = 0;
    while let Some(cursor) = walk.next() {
        let deeper = (cursor.list == List::Ous).then(|| ou("ou-again"));
        walk.listed(deeper.into_iter().collect(), None);
        pages += 1;
        assert!(pages <= 2 * OU_DEPTH_MAX, "{walk:?}");
    }
}

#[test]
fn steps_are_counted_through_all_sweeps() {
    let (mut first, previous) = new(None, at(0));
    assert_eq!((first.number, first.step, previous), (1, 1, None));
    first.done(at(5), false);
    first.done(at(9), true);
    assert_eq!((first.step, first.last_progress, first.ended), (3, at(9), Some(at(9))));
    let (second, previous) = new(Some(first), at(HOUR_MS));
    assert_eq!((second.number, second.step, second.previous_completed, previous), (4, 4, Some(at(0)), None));
}

#[test]
fn a_sweep_that_moves_is_left_to_itself_and_one_that_does_not_is_followed_by_another() {
    let (mut sweep, _) = new(None, at(0));
    sweep.done(at(MINUTE_MS), false);
    let still = at(16 * MINUTE_MS - 1);
    assert_eq!(Sweep::begin(Some(sweep.clone()), "id", still), StartResult::UnderWay(2));
    let (next, previous) = new(Some(sweep.clone()), still.plus_ms(1));
    assert_eq!((next.number, previous.as_ref()), (3, Some(&sweep)));
    assert_eq!(next.previous_completed, None, "only a complete sweep says what was missed");
}

#[test]
fn what_the_last_complete_sweep_did_not_come_to_in_a_day_was_missed() {
    let (mut first, _) = new(None, at(10 * DAY_MS));
    assert!(!first.missed(at(0)), "there was none before");
    first.done(at(10 * DAY_MS), true);
    let (mut second, _) = new(Some(first), at(11 * DAY_MS));
    assert!(!second.missed(at(9 * DAY_MS)));
    assert!(second.missed(at(9 * DAY_MS - 1)));
    second.last_progress = at(11 * DAY_MS);
    let (third, unfinished) = new(Some(second), at(12 * DAY_MS));
    assert!(unfinished.is_some());
    assert_eq!(
        third.previous_completed,
        Some(at(10 * DAY_MS)),
        "the unfinished one in between may not have come there"
    );
}

#[test]
fn alerts_name_what_there_is_to_see_and_are_the_same_for_the_same() {
    let hub: AccountId = "222233334444".parse().unwrap();
    let (mut sweep, _) = new(None, at(0));
    (sweep.accounts, sweep.targets) = (12, 36);
    let alert = sweep.unfinished(&hub, at(HOUR_MS));
    assert_eq!(
        (alert.kind.as_str(), alert.id.as_str(), alert.severity),
        ("sweep_unfinished", "sweep:1", Severity::High)
    );
    assert!(alert.text.contains("after 12 accounts and 36 documents"), "{}", alert.text);
    let missed = [("eu-west-1".parse().unwrap(), at(0))];
    let alert = sweep.not_checked(&hub, "pay\nments", &missed, at(HOUR_MS));
    assert_eq!((alert.id.as_str(), alert.region.clone()), ("targets_not_checked:222233334444:1970-01-01", None));
    assert!(alert.text.contains("eu-west-1, last checked 1970-01-01T00:00:00Z"), "{}", alert.text);
    assert_eq!(alert, sweep.not_checked(&hub, "pay\nments", &missed, at(HOUR_MS)));
    assert!(alert.subject.contains("1 regions of pay ments,"), "{}", alert.subject);
    let nameless = sweep.not_checked(&hub, "", &missed, at(HOUR_MS));
    assert!(nameless.subject.contains("1 regions of 222233334444,"), "{}", nameless.subject);
    assert!(nameless.text.contains("Documents of account 222233334444 were not checked"), "{}", nameless.text);
}

#[test]
fn a_sweep_comes_back_from_its_row() {
    let (mut sweep, _) = new(None, at(0));
    let mut walk = OuWalk::from(ou("r-ab12"));
    walk.listed(vec![ou("ou-a")], Some("page".to_owned()));
    sweep.walk = Some(walk);
    let json = serde_json::to_string(&sweep).unwrap();
    assert_eq!(serde_json::from_str::<Sweep>(&json).unwrap(), sweep);
}

/// A policy that governs two regions, and exempts one account.
fn policy(regions: &serde_json::Value) -> Policy {
    let text = json!({
        "version": 1,
        "organization": {
            "id": "o-exampleorgid", "management_account": "111122223333", "hub_account": "222233334444",
            "home_region": "eu-west-1"
        },
        "regions": regions,
        "access": { "roles": ["RunasReactorMember"] },
        "unplaced": "observe",
        "defaults": { "mode": "enforce", "preferences": { "runAsEnabled": true, "runAsDefaultUser": "ops" } },
        "exemptions": [
            { "accounts": ["555566667777"], "reason": "appliance", "owner": "team-net", "expires": "2027-01-31" }
        ]
    });
    Policy::from_compiled(&text.to_string()).unwrap()
}

/// A complete sweep that met accounts with these regions enabled.
fn met(mut sweep: Sweep, policy: &Policy, enabled: &[(&str, &[&str])]) -> Sweep {
    for (account, regions) in enabled {
        let facts = AccountFacts {
            account: account.parse().unwrap(),
            name: String::new(),
            ou_path: vec![ou("r-ab12"), ou("ou-ab12-11111111")],
            state: AccountState::Active,
        };
        let regions = regions.iter().map(|region| region.parse().unwrap()).collect();
        sweep.has_met(policy, &facts, &regions, at(0));
    }
    sweep.done(at(MINUTE_MS), true);
    sweep
}

#[test]
fn ungoverned_regions_are_alerted_when_a_sweep_finds_a_new_one() {
    let hub: AccountId = "222233334444".parse().unwrap();
    let policy = policy(&json!(["eu-west-1", "us-east-1"]));
    let alert_of = |sweep: &Sweep| sweep.newly_ungoverned(&hub, at(HOUR_MS));
    let governed: (&str, &[&str]) = ("444455556666", &["eu-west-1", "us-east-1"]);
    let exempt: (&str, &[&str]) = ("555566667777", &["eu-west-1", "me-south-1"]);
    let first = met(new(None, at(0)).0, &policy, &[governed, exempt]);
    assert_eq!((alert_of(&first), first.ungoverned.len()), (None, 0));

    let opted_in: (&str, &[&str]) = ("666677778888", &["ap-east-1", "eu-west-1"]);
    let second = met(new(Some(first), at(DAY_MS)).0, &policy, &[governed, opted_in]);
    let alert = alert_of(&second).unwrap();
    assert_eq!((alert.kind.as_str(), alert.severity), ("region_ungoverned", Severity::Warning));
    assert!(
        alert.text.contains("ap-east-1, enabled in 1 account, such as 666677778888; new since the last sweep"),
        "{}",
        alert.text
    );

    let (third, _) = new(Some(second), at(2 * DAY_MS));
    assert_eq!(alert_of(&third), None, "it has not met them yet");
    // An incomplete sweep removes nothing from the known regions.
    let (fourth, unfinished) = new(Some(third), at(3 * DAY_MS));
    assert!(unfinished.is_some());
    let fourth = met(fourth, &policy, &[opted_in, ("777788889999", &["ap-east-1"])]);
    assert_eq!(alert_of(&fourth), None, "as it was, in however many accounts");
    let region: Region = "ap-east-1".parse().unwrap();
    assert_eq!(fourth.ungoverned[&region], Ungoverned { accounts: 2, first: "666677778888".parse().unwrap() });

    let fifth = met(new(Some(fourth), at(4 * DAY_MS)).0, &policy, &[governed]);
    let sixth = met(new(Some(fifth), at(5 * DAY_MS)).0, &policy, &[opted_in]);
    assert!(alert_of(&sixth).is_some(), "switched on anew");
}

#[test]
fn a_policy_for_all_enabled_regions_leaves_none_of_its_partition_out() {
    let policy = policy(&json!("enabled"));
    let sweep = met(new(None, at(0)).0, &policy, &[("444455556666", &["ap-east-1", "eu-west-1"])]);
    assert!(sweep.ungoverned.is_empty());
}
