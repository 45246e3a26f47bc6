use super::*;
use crate::domain::time::HOUR_MS;

fn ou(id: &str) -> OuId {
    id.parse().unwrap()
}

fn at(ms: i64) -> Time {
    Time::from_ms(ms)
}

fn new(last: Option<Sweep>, now: Time) -> (Sweep, Option<Sweep>) {
    match Sweep::begin(last, "id", now) {
        Beginning::New(sweep, former) => (*sweep, former.map(|former| *former)),
        Beginning::UnderWay(step) => panic!("step {step} is under way"),
    }
}

/// Walks a tree given as parent and children, pages of two, and answers with the lists in the order they were read.
fn walked(tree: &[(&str, &[&str])]) -> Vec<(String, List, Option<String>)> {
    let mut walk = Walk::from(ou("r-ab12"));
    let mut read = Vec::new();
    while let Some(spot) = walk.next().cloned() {
        let here = spot.path.last().unwrap().to_string();
        read.push((here.clone(), spot.list, spot.page.clone()));
        assert!(read.len() < 100, "without end: {read:?}");
        let children = tree.iter().find(|(parent, _)| *parent == here).map_or(&[][..], |(_, children)| *children);
        let from: usize = spot.page.map_or(0, |page| page.parse().unwrap());
        let page: Vec<OuId> = children.iter().skip(from).take(2).map(|id| ou(id)).collect();
        let next = (children.len() > from + 2).then(|| (from + 2).to_string());
        match spot.list {
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
fn a_spot_knows_the_way_from_the_root() {
    let mut walk = Walk::from(ou("r-ab12"));
    walk.listed(vec![ou("ou-a")], Some("more".to_owned()));
    assert_eq!(walk.next().map(|spot| (spot.list, spot.page.as_deref())), Some((List::Ous, Some("more"))));
    walk.listed(Vec::new(), None);
    assert_eq!(walk.next().map(|spot| (spot.list, spot.path.clone())), Some((List::Accounts, vec![ou("r-ab12")])));
    walk.listed(Vec::new(), None);
    walk.listed(vec![ou("ou-b")], None);
    walk.listed(Vec::new(), None);
    assert_eq!(walk.next().map(|spot| spot.path.clone()), Some(vec![ou("r-ab12"), ou("ou-a"), ou("ou-b")]));
}

#[test]
fn ous_that_nest_without_end_are_not_followed() {
    let mut walk = Walk::from(ou("r-ab12"));
    let mut pages = 0;
    while let Some(spot) = walk.next() {
        let deeper = (spot.list == List::Ous).then(|| ou("ou-again"));
        walk.listed(deeper.into_iter().collect(), None);
        pages += 1;
        assert!(pages <= 2 * DEPTH_MAX, "{walk:?}");
    }
}

#[test]
fn steps_are_counted_through_all_sweeps() {
    let (mut first, former) = new(None, at(0));
    assert_eq!((first.number, first.step, former), (1, 1, None));
    first.done(at(5), false);
    first.done(at(9), true);
    assert_eq!((first.step, first.moved, first.ended), (3, at(9), Some(at(9))));
    let (second, former) = new(Some(first), at(HOUR_MS));
    assert_eq!((second.number, second.step, second.former, former), (4, 4, Some(at(0)), None));
}

#[test]
fn a_sweep_that_moves_is_left_to_itself_and_one_that_does_not_is_followed_by_another() {
    let (mut sweep, _) = new(None, at(0));
    sweep.done(at(MINUTE_MS), false);
    let still = at(MINUTE_MS + STALLED_MS - 1);
    assert_eq!(Sweep::begin(Some(sweep.clone()), "id", still), Beginning::UnderWay(2));
    let (next, former) = new(Some(sweep.clone()), still.plus_ms(1));
    assert_eq!((next.number, former.as_ref()), (3, Some(&sweep)));
    assert_eq!(next.former, None, "only a complete sweep says what was missed");
}

#[test]
fn what_the_last_complete_sweep_did_not_come_to_in_a_day_was_missed() {
    let (mut first, _) = new(None, at(10 * DAY_MS));
    assert!(!first.missed(at(0)), "there was none before");
    first.done(at(10 * DAY_MS), true);
    let (mut second, _) = new(Some(first), at(11 * DAY_MS));
    assert!(!second.missed(at(9 * DAY_MS)));
    assert!(second.missed(at(9 * DAY_MS - 1)));
    second.moved = at(11 * DAY_MS);
    let (third, unfinished) = new(Some(second), at(12 * DAY_MS));
    assert!(unfinished.is_some());
    assert_eq!(third.former, Some(at(10 * DAY_MS)), "the unfinished one in between may not have come there");
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
    assert!(alert.text.contains("after 12 accounts and 36 targets"), "{}", alert.text);
    let missed = [("eu-west-1".parse().unwrap(), at(0))];
    let alert = sweep.overlooked(&hub, "pay\nments", &missed, at(HOUR_MS));
    assert_eq!((alert.id.as_str(), alert.region.clone()), ("overlooked:222233334444:1970-01-01", None));
    assert!(alert.text.contains("eu-west-1, last looked at 1970-01-01T00:00:00Z"), "{}", alert.text);
    assert_eq!(alert, sweep.overlooked(&hub, "pay\nments", &missed, at(HOUR_MS)));
}

#[test]
fn a_sweep_comes_back_from_its_row() {
    let (mut sweep, _) = new(None, at(0));
    let mut walk = Walk::from(ou("r-ab12"));
    walk.listed(vec![ou("ou-a")], Some("page".to_owned()));
    sweep.walk = Some(walk);
    let json = serde_json::to_string(&sweep).unwrap();
    assert_eq!(serde_json::from_str::<Sweep>(&json).unwrap(), sweep);
}
