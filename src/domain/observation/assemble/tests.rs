use super::super::DocumentStatus;
use super::*;
use crate::domain::document::parse;

/// Version `number` is made in second `100 + number`.
fn made(number: u64) -> Time {
    Time::from_ms(100_000 + i64::try_from(number).unwrap() * 1_000)
}

fn body(text: &str) -> Body {
    parse(&format!(r#"{{"schemaVersion":"1.0","sessionType":"Standard_Stream","inputs":{{"s3KeyPrefix":"{text}"}}}}"#))
}

#[expect(clippy::unnecessary_wraps, reason = "as a call answers")]
fn answer(number: u64) -> Option<VersionAnswer> {
    let body = body(&number.to_string());
    Some(VersionAnswer { document_type: "Session".to_owned(), number, created: made(number), body })
}

fn of_date(number: u64, created: Time) -> Option<VersionAnswer> {
    answer(number).map(|answer| VersionAnswer { created, ..answer })
}

#[expect(clippy::unnecessary_wraps, reason = "as a call answers")]
fn list(numbers: impl IntoIterator<Item = u64>) -> Option<VersionList> {
    let info = |number| VersionInfo { number, created: made(number), status: DocumentStatus::Active, name: None };
    Some(VersionList { versions: numbers.into_iter().map(info).collect(), more: false })
}

fn answers(latest: u64, default: u64, numbers: impl IntoIterator<Item = u64>) -> Answers {
    Answers { latest: answer(latest), default: answer(default), list: list(numbers), further: BTreeMap::new() }
}

fn with(number: u64, further: Option<VersionAnswer>, answers: Answers) -> Answers {
    Answers { further: [(number, further)].into(), ..answers }
}

fn seen(answers: Answers) -> Seen {
    match assemble(answers) {
        Ok(Observation::Present(seen)) => *seen,
        other => panic!("present, and not {other:?}"),
    }
}

fn numbers(seen: &Seen) -> Vec<u64> {
    seen.versions.iter().map(|version| version.number).collect()
}

#[test]
fn answers_that_agree_are_an_observation() {
    let seen = seen(with(2, answer(2), answers(3, 1, [1, 3, 2])));
    assert_eq!((seen.latest.number, seen.default.number, numbers(&seen)), (3, 1, vec![3, 2, 1]));
    assert_eq!((&seen.latest.body, &seen.default.body, seen.body(2)), (&body("3"), &body("1"), Some(&body("2"))));
    assert_eq!((seen.latest_created(), seen.older_exist), (made(3), false));
}

#[test]
fn absence_takes_all_three_calls() {
    assert_eq!(assemble(Answers::default()), Ok(Observation::Absent));
    let present = answers(1, 1, [1]);
    let partly = [
        Answers { latest: None, ..present.clone() },
        Answers { default: None, ..present.clone() },
        Answers { list: None, ..present.clone() },
        Answers { latest: present.latest.clone(), ..Answers::default() },
        Answers { list: present.list, ..Answers::default() },
    ];
    for answers in partly {
        assert_eq!(assemble(answers), Err(Disagreement::Existence));
    }
}

#[test]
fn the_latest_version_is_the_newest_of_the_list() {
    let later = Disagreement::NotTheNewest { latest: 5, newest: 3 };
    assert_eq!(assemble(answers(5, 3, [3, 2, 1])), Err(later), "two writes landed after the list");
    let earlier = Disagreement::NotTheNewest { latest: 2, newest: 3 };
    assert_eq!(assemble(answers(2, 2, [3, 2, 1])), Err(earlier), "a write landed before the list");
    assert_eq!(assemble(answers(1, 1, [])), Err(Disagreement::NotListed(1)));
}

#[test]
fn document_recreated_between_two_calls_is_detected_by_its_dates() {
    let anew = made(9);
    let latest = Answers { latest: of_date(1, anew), ..answers(1, 1, [1]) };
    assert_eq!(assemble(latest), Err(Disagreement::OtherDate(1)));
    let default = Answers { default: of_date(1, anew), ..answers(3, 1, [3, 2, 1]) };
    assert_eq!(assemble(default), Err(Disagreement::OtherDate(1)));
    let further = with(2, of_date(2, anew), answers(3, 1, [3, 2, 1]));
    assert_eq!(assemble(further), Err(Disagreement::OtherDate(2)));
    let before = Answers { latest: of_date(1, made(0)), ..answers(1, 1, [1]) };
    assert_eq!(
        assemble(before),
        Err(Disagreement::OtherDate(1)),
        "the older document was read, and the younger listed"
    );
}

#[test]
fn the_default_version_stands_in_the_list() {
    assert_eq!(assemble(answers(3, 4, [3, 2, 1])), Err(Disagreement::NotListed(4)), "made and promoted after the list");
    assert_eq!(assemble(answers(3, 1, [3, 2])), Err(Disagreement::NotListed(1)), "deleted before the list");
}

#[test]
fn a_default_version_behind_the_page_is_older_in_number_and_date() {
    let many = |default| Answers { default, ..answers(60, 60, 1..=60) };
    let seen = seen(many(answer(3)));
    assert_eq!((seen.versions.len(), seen.versions.last().unwrap().number, seen.older_exist), (50, 11, true));
    assert_eq!((seen.default.number, seen.body(3)), (3, Some(&body("3"))));
    assert_eq!(assemble(many(of_date(3, made(70)))), Err(Disagreement::NotListed(3)), "of a document made anew");
    let unread = VersionList { more: true, ..list(11..=60).unwrap() };
    let rest = Answers { list: Some(unread), ..many(answer(3)) };
    assert!(assemble(rest).is_ok(), "on a page that was not read");
}

#[test]
fn list_of_exactly_one_page_leaves_nothing_behind_it() {
    assert!(!seen(answers(50, 50, 1..=50)).older_exist);
    assert!(seen(answers(51, 51, 1..=51)).older_exist);
}

#[test]
fn version_of_the_same_date_or_number_as_the_oldest_of_the_page_is_not_behind_it() {
    let default = |default| assemble(Answers { default, ..answers(60, 60, 1..=60) });
    assert!(default(of_date(10, made(10))).is_ok());
    assert_eq!(default(of_date(10, made(11))), Err(Disagreement::NotListed(10)));
    assert_eq!(default(of_date(12, made(11))), Err(Disagreement::OtherDate(12)), "nor is that the document's date");
    let further = seen(with(11, of_date(11, made(10)), answers(60, 60, 1..=60)));
    assert_eq!(further.body(11), Some(&body("11")), "the oldest of the page is on it");
}

#[test]
fn a_further_version_is_read_where_it_is_listed() {
    let three = || answers(3, 1, [3, 2, 1]);
    assert_eq!(assemble(with(2, None, three())), Err(Disagreement::NotFound(2)));
    assert_eq!(assemble(with(2, answer(2), answers(3, 1, [3, 1]))), Err(Disagreement::NotListed(2)));
    assert_eq!(seen(with(7, None, three())).between, BTreeMap::new(), "deleted before both calls");
    assert_eq!(seen(with(2, answer(2), answers(60, 60, 1..=60))).between, BTreeMap::new(), "behind the page");
}

#[test]
fn the_date_of_a_content_may_be_the_documents() {
    let documents = made(1);
    let all = Answers { latest: of_date(3, documents), default: of_date(2, documents), ..answers(3, 2, [3, 2, 1]) };
    assert_eq!(seen(with(2, of_date(2, documents), all)).latest_created(), made(3), "the list has the version's date");
    let pruned = Answers { latest: of_date(3, documents), default: of_date(3, documents), ..answers(3, 3, [3, 2]) };
    assert!(assemble(pruned).is_ok(), "version 1 is older than all that are listed");
    let anew = Answers { latest: of_date(3, made(9)), default: of_date(3, made(9)), ..answers(3, 3, [3, 2]) };
    assert_eq!(assemble(anew), Err(Disagreement::OtherDate(3)));
}
