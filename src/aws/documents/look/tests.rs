use super::*;

const ACTIVE: Status = Status::Active;

fn part(number: u64) -> Part {
    Part {
        document_type: "Session".to_owned(),
        number,
        status: Status::Pending,
        name: None,
        created: Some(Time::from_ms(i64::try_from(number).unwrap() * 1_000)),
        body: Body::Invalid { why: "test".to_owned() },
    }
}

fn listing(numbers: &[u64]) -> Listing {
    let info = |number: &u64| VersionInfo { number: *number, created: Time::ZERO, status: ACTIVE, name: None };
    Listing { versions: numbers.iter().map(info).collect(), next: None }
}

fn absent<T>() -> Result<T, Fault> {
    Err(GET.answered(Some("InvalidDocument"), 400, "does not exist"))
}

#[test]
fn absence_takes_all_three() {
    let seen = assemble(absent(), absent(), absent(), BTreeMap::new()).unwrap();
    assert_eq!(seen, Observation::Absent);
    let fault = assemble(Ok(part(1)), absent(), absent(), BTreeMap::new()).unwrap_err();
    assert_eq!((fault.class, fault.retryable()), (FaultClass::Moved, true));
}

#[test]
fn an_obstacle_beats_absence() {
    let denied = || Err(GET.answered(Some("AccessDeniedException"), 400, "no"));
    let fault = assemble(absent(), absent(), denied(), BTreeMap::new()).unwrap_err();
    assert_eq!(fault.class, FaultClass::Denied);
}

#[test]
fn versions_come_newest_first_with_what_the_list_does_not_show_yet() {
    let seen = assemble(Ok(part(4)), Ok(part(1)), Ok(listing(&[1, 3, 2])), BTreeMap::new()).unwrap();
    let Observation::Present(seen) = seen else { panic!("present") };
    let numbers: Vec<u64> = seen.versions.iter().map(|version| version.number).collect();
    assert_eq!(numbers, [4, 3, 2, 1]);
    assert_eq!(seen.latest_status(), Status::Pending);
    assert_eq!(seen.info(1).unwrap().status, ACTIVE);
    assert_eq!((seen.latest.number, seen.default.number), (4, 1));
}

#[test]
fn answers_that_disagree_are_no_observation() {
    let fault = assemble(Ok(part(2)), Ok(part(2)), Ok(listing(&[3, 2, 1])), BTreeMap::new()).unwrap_err();
    assert_eq!(fault.code, "Inconsistent");
    let fault = assemble(Ok(part(2)), Ok(part(3)), Ok(listing(&[2, 1])), BTreeMap::new()).unwrap_err();
    assert_eq!(fault.class, FaultClass::Moved);
}

#[test]
fn an_observation_shows_the_fifty_newest_versions() {
    let numbers: Vec<u64> = (1..=60).collect();
    let seen = assemble(Ok(part(60)), Ok(part(60)), Ok(listing(&numbers)), BTreeMap::new()).unwrap();
    let Observation::Present(seen) = seen else { panic!("present") };
    assert_eq!((seen.versions.len(), seen.older_exist), (50, true));
    assert_eq!(seen.versions.last().unwrap().number, 11);
}

#[test]
fn a_version_that_could_be_read_a_moment_later_is_worth_another_look() {
    let gone = || Err(GET.answered(Some("InvalidDocumentVersion"), 400, "no such version"));
    assert_eq!(readable(vec![Ok(part(2)), gone()]).unwrap().keys().copied().collect::<Vec<_>>(), [2]);
    let throttled = Err(GET.answered(Some("ThrottlingException"), 400, "Rate exceeded"));
    assert_eq!(readable(vec![Ok(part(2)), throttled]).unwrap_err().class, FaultClass::Throttled);
}

#[test]
fn dates_are_rounded_to_the_millisecond_that_was_meant() {
    let at = |text: f64| time_of(&aws_sdk_ssm::primitives::DateTime::from_secs_f64(text)).unwrap().ms();
    for ms in [1_793_606_400_001_i64, 1_793_606_400_002, 1_793_606_400_333, 1_793_606_400_999] {
        #[expect(clippy::cast_precision_loss, reason = "that is how the dates travel")]
        let seconds = ms as f64 / 1_000.0;
        assert_eq!(at(seconds), ms);
    }
}
