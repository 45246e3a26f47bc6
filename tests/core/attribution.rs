//! Who made which version: calls that come late, twice, or name a version that another call made.

use runas_reactor::domain::attribution::{awaited, pair};
use runas_reactor::domain::clock_skew::ClockSkew;
use runas_reactor::domain::durations::{NAMES_MS, VISIBLE_MS};
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::fact::{CallFact, Echo, Ended, Facts, Intended, Intent};
use runas_reactor::domain::own_writes;
use runas_reactor::domain::principal::Attribution::{BreakGlass, Reactor, Trusted, Unattributed, Untrusted};
use runas_reactor::domain::time::{DAY_MS, SECOND_MS};

use crate::support::facts::{
    KEY, LOGS, Story, at, at_ms, call, created, deleted, denied, document, intent, via_reactor_role, wrote,
};

/// Version 5, made at second 90 on top of the known version 4.
fn edited() -> Story {
    Story::known().version(90, &document(&[(LOGS, "new")]))
}

/// The same, in a document whose version 4 was first observed after any of the calls.
fn edited_on_unknown() -> Story {
    let mut story = edited();
    story.facts.base.as_mut().unwrap().until = at(-1);
    story
}

fn shifted(mut call: CallFact, ms: i64) -> CallFact {
    call.edit.at = call.edit.at.plus_ms(ms);
    call
}

/// The reactor's version 5 of second 60, whose call CloudTrail dates to this second.
fn echoed(second: i64) -> Story {
    Story::known().reactor(60, &document(&[])).echo(at(second))
}

#[test]
fn call_of_the_same_number_and_time_made_the_version() {
    let story = edited_on_unknown();
    for (ms, expected) in
        [(-3_001, Unattributed), (-3_000, Untrusted), (0, Untrusted), (3_000, Untrusted), (3_001, Unattributed)]
    {
        let story = story.clone().call(shifted(wrote(5, 90, Untrusted), ms));
        assert_eq!(story.author(90), expected, "{ms} ms after the version");
    }
    assert_eq!(story.call(wrote(6, 90, Untrusted)).author(90), Unattributed, "of another number");
}

#[test]
fn failed_call_makes_no_version() {
    assert_eq!(edited().call(denied(wrote(5, 90, Untrusted))).author(90), Unattributed);
}

#[test]
fn late_call_within_fifteen_minutes_made_the_version_on_a_known_predecessor() {
    let window = 15 * 60;
    let story = || Story::known().version(5 + window, &document(&[(LOGS, "new")]));
    assert_eq!(story().call(wrote(5, 5, Trusted)).author(5 + window), Trusted);
    assert_eq!(story().call(wrote(5, 4, Trusted)).author(5 + window), Unattributed);
}

#[test]
fn call_fits_a_version_by_minutes_only_where_its_predecessor_was_known_before() {
    for (observed, expected) in [(49, Trusted), (50, Unattributed)] {
        let story = Story::known()
            .version(20, &document(&[(LOGS, "one")]))
            .latest(|version| version.observed = at(observed))
            .version(95, &document(&[(LOGS, "two")]))
            .call(wrote(6, 50, Trusted));
        assert_eq!(story.author(95), expected, "predecessor observed at {observed}");
    }
}

/// The predecessor may stand among the versions still, where facts of before and after a compaction are joined.
#[test]
fn predecessor_in_the_base_is_known_since_the_base_observed_it() {
    for (observed, expected) in [(49, Trusted), (50, Unattributed)] {
        let mut story = Story::known().version(95, &document(&[(LOGS, "new")])).call(wrote(5, 50, Trusted));
        story.facts.base.as_mut().unwrap().observed = at(observed);
        assert_eq!(story.author(95), expected, "observed at {observed}");
        let mut again = story.facts.versions[&at(95)].clone();
        (again.number, again.previous, again.observed) = (4, None, at(60));
        story.facts.versions.insert(at(0), again);
        assert_eq!(story.author(95), expected, "observed at {observed}, and joined");
    }
}

#[test]
fn version_observed_well_before_a_call_was_not_made_by_it() {
    for (second, expected) in [(106, Trusted), (107, Unattributed)] {
        assert_eq!(edited().call(wrote(5, second, Trusted)).author(90), expected, "{second}");
    }
}

#[test]
fn version_succeeded_well_before_a_call_was_not_made_by_it() {
    for (second, expected) in [(106, Trusted), (107, Unattributed)] {
        let story = edited()
            .latest(|version| version.observed = at(300))
            .version(91, &document(&[]))
            .latest(|version| version.observed = at(300))
            .call(wrote(5, second, Trusted));
        assert_eq!(story.author(90), expected, "{second}");
    }
}

#[test]
fn old_trusted_call_is_not_the_author_of_a_version_of_today() {
    // The archive is replayed: days ago the pipeline wrote a version 5 as well.
    for days in [2, 7, 14, 30] {
        let story = edited().call(shifted(wrote(5, 90, Trusted), -days * DAY_MS));
        assert_eq!(story.author(90), Unattributed, "{days} days");
    }
}

#[test]
fn call_in_the_second_of_the_reactors_version_made_the_next_version() {
    // A pipeline replaces the document within the second in which the reactor created it.
    let story = Story::no_document().reactor(93, &document(&[])).replaced(94, &document(&[(LOGS, "new")]));
    let story = story.call(created(93, Trusted));
    assert_eq!((story.author(93), story.author(94)), (Reactor, Trusted));
}

#[test]
fn call_belongs_to_the_nearest_version_of_its_number_from_its_second_on() {
    let story = Story::no_document().version(90, &document(&[])).replaced(92, &document(&[(KEY, "k")]));
    for (second, expected) in
        [(90, (Untrusted, Unattributed)), (91, (Unattributed, Untrusted)), (92, (Unattributed, Untrusted))]
    {
        let story = story.clone().call(created(second, Untrusted));
        assert_eq!((story.author(90), story.author(92)), expected, "{second}");
    }
}

/// A pipeline creates the document twice within a second, and each of its calls made one of the two.
#[test]
fn trusted_calls_of_one_second_share_the_versions_that_are_as_near() {
    for (apart_ms, who, expected) in [(1_000, Trusted, 2), (1_001, Trusted, 1), (1_000, Untrusted, 1)] {
        let mut again = created(90, who);
        again.edit.id = "again".to_owned();
        let story = Story::no_document().version_at(at_ms(90_200), &document(&[])).gone();
        let story = story.version_at(at_ms(90_200 + apart_ms), &document(&[(KEY, "k")]));
        let pairing = pair(&story.call(created(90, who)).call(again).facts());
        assert_eq!(pairing.calls.len(), expected, "{apart_ms} ms apart, {who:?}");
    }
}

#[test]
fn version_belongs_to_the_least_trusted_of_its_calls() {
    let story = edited().call(wrote(5, 90, Trusted));
    assert_eq!(story.author(90), Trusted);
    let story = story.call(wrote(5, 90, BreakGlass));
    assert_eq!(story.author(90), BreakGlass);
    assert_eq!(story.call(wrote(5, 89, Untrusted)).author(90), Untrusted, "however near the others are");
}

#[test]
fn call_without_a_number_made_the_only_version_that_it_fits() {
    let unnumbered = || call(Action::Updated { version: None }, at(90), Trusted);
    assert_eq!(edited().call(unnumbered()).author(90), Trusted);
    let two = edited().version(92, &document(&[])).call(unnumbered());
    assert_eq!((two.author(90), two.author(92)), (Unattributed, Unattributed));
    let own = edited().reactor(92, &document(&[])).call(unnumbered());
    assert_eq!(own.author(90), Trusted, "the reactor's is no candidate");
}

#[test]
fn deletion_between_call_and_version_makes_it_another_document() {
    for (second, expected) in [(44, Trusted), (45, Unattributed), (47, Unattributed), (50, Unattributed), (51, Trusted)]
    {
        let story = Story::known().version(50, &document(&[(LOGS, "new")])).call(wrote(5, 45, Trusted));
        assert_eq!(story.call(deleted(second, Untrusted)).author(50), expected, "{second}");
    }
}

#[test]
fn deletion_strictly_between_separates_a_foreign_call_and_a_version() {
    for (second, expected) in [(45, Untrusted), (46, Unattributed), (49, Unattributed), (50, Untrusted)] {
        let story = Story::known().version(50, &document(&[(LOGS, "new")])).call(wrote(5, 45, Untrusted));
        assert_eq!(story.call(deleted(second, Untrusted)).author(50), expected, "{second}");
    }
}

#[test]
fn two_calls_of_one_number_belong_to_the_documents_before_and_after_a_deletion() {
    let story = Story::no_document()
        .version(95, &document(&[(KEY, "k")]))
        .call(created(93, Trusted))
        .call(deleted(94, Untrusted))
        .call(created(95, Untrusted));
    assert_eq!(story.author(95), Untrusted);
    assert!(!pair(&story.facts).version.contains_key(&created(93, Trusted).edit.id), "that version was never observed");
}

#[test]
fn foreign_deletion_of_the_same_second_counts_against_a_trusted_call_only() {
    for (author, deletion, expected) in [
        (Trusted, Untrusted, Unattributed),
        (Trusted, BreakGlass, Unattributed),
        (Trusted, Trusted, Trusted),
        (Untrusted, Untrusted, Untrusted),
    ] {
        let story = Story::no_document().version(90, &document(&[])).call(created(90, author));
        assert_eq!(story.call(deleted(90, deletion)).author(90), expected, "{author:?}, {deletion:?}");
    }
}

#[test]
fn deletion_that_failed_counts_for_nothing() {
    let story = Story::known().version(50, &document(&[])).call(wrote(5, 45, Trusted));
    assert_eq!(story.call(denied(deleted(47, Untrusted))).author(50), Trusted);
}

#[test]
fn recreation_by_the_reactor_separates_documents_like_a_deletion() {
    for (ended, expected) in
        [(None, Unattributed), (Some(Ended::Landed(at(92))), Unattributed), (Some(Ended::Refused), Trusted)]
    {
        let recreation = Intent { ended, ..intent(Intended::Recreate, 1, 91, Some(&document(&[]))) };
        let story = Story::no_document().version(93, &document(&[(LOGS, "new")])).intent("recreation", recreation);
        assert_eq!(story.call(created(90, Trusted)).author(93), expected, "{ended:?}");
    }
}

#[test]
fn clock_difference_that_echoes_measure_moves_the_window() {
    for (echo, second, moved) in [(10, 40, true), (110, 140, true), (60, 40, false), (58, 40, false), (57, 88, true)] {
        let story = echoed(echo).version(90, &document(&[(LOGS, "new")])).call(wrote(6, second, Trusted));
        let expected = if moved { Trusted } else { Unattributed };
        assert_eq!(story.author(90), expected, "echo at {echo}, call at {second}");
    }
}

/// Versions of one number in documents that follow one another: the echo of the second may be taken for the first one's.
#[test]
fn echo_that_may_be_of_another_document_measures_no_clock() {
    let doc = document(&[]);
    let first = echoed(10).replaced(198, &doc).reactor(200, &doc).echo(at(153));
    let alone = ClockSkew::of(&first.clone().facts()).ssm_time(at(300));
    assert_eq!(alone, at(347).plus_ms(-SECOND_MS / 2));
    let both = first.clone().replaced(202, &doc).reactor(203, &doc);
    assert_eq!(
        ClockSkew::of(&both.clone().facts()).ssm_time(at(300)),
        at(350).plus_ms(-SECOND_MS / 2),
        "as measured before"
    );
    // Seeds 120001701 and 200001256: a pipeline replaces the document, and the reactor writes, when the echo has long arrived,
    // or led to that write.
    for second in [204, 205] {
        let later = first.clone().replaced(second - 1, &doc).reactor(second, &doc);
        assert_eq!(
            ClockSkew::of(&later.facts()).ssm_time(at(300)),
            alone,
            "the echo was there before the write of {second}"
        );
    }
    let refused = Intent { ended: Some(Ended::Refused), ..intent(Intended::Put, 2, 202, Some(&doc)) };
    assert_eq!(ClockSkew::of(&first.intent("refused", refused).facts()).ssm_time(at(300)), alone, "it made no version");
    let mut landed = both.facts();
    landed.intents.get_mut("runas-reactor-203").unwrap().ended = Some(Ended::Refused);
    assert_eq!(
        ClockSkew::of(&landed).ssm_time(at(300)),
        at(350).plus_ms(-SECOND_MS / 2),
        "its answer was lost, and its version is there"
    );
}

/// Seed 140001174: each document's second version is the reactor's, and the later echo comes half a minute after the earlier version.
#[test]
fn echo_that_may_be_of_several_versions_is_of_the_one_that_agrees_with_the_other_echoes() {
    let doc = document(&[]);
    let first = Story::known().replaced(98, &doc).reactor(100, &doc);
    let later = |first: Story| {
        ClockSkew::of(&first.replaced(198, &doc).reactor(200, &doc).echo(at(150)).facts()).ssm_time(at(300))
    };
    assert_eq!(later(first.clone().echo(at(50))), at(350).plus_ms(-SECOND_MS / 2));
    assert_eq!(later(first), at(300), "nothing says which of them it is");
}

/// The echo of second 152 is 48 seconds behind the later version, and 52 before the earlier one.
#[test]
fn echo_that_may_be_of_several_versions_measures_the_clock_like_any_other() {
    let doc = document(&[]);
    let story =
        Story::known().replaced(98, &doc).reactor(100, &doc).echo(at(50)).replaced(198, &doc).reactor(200, &doc);
    assert_eq!(ClockSkew::of(&story.echo(at(152)).facts()).ssm_time(at(300)), at(348).plus_ms(-SECOND_MS / 2));
}

#[test]
fn echo_is_of_a_write_only_where_that_may_have_landed() {
    let doc = document(&[]);
    let story = || Story::known().reactor(100, &doc).echo(at(50));
    let measured = at(350).plus_ms(-SECOND_MS / 2);
    for (ended, expected) in
        [(Some(Ended::Refused), measured), (Some(Ended::Landed(at(101))), at(300)), (None, at(300))]
    {
        let other = Intent { ended, ..intent(Intended::Put, 5, 99, Some(&doc)) };
        assert_eq!(ClockSkew::of(&story().intent("other", other).facts()).ssm_time(at(300)), expected, "{ended:?}");
    }
}

#[test]
fn clock_difference_is_nought_where_whole_seconds_explain_it() {
    let offset = |echo| ClockSkew::of(&echoed(echo).facts).ssm_time(at(90)).since(at(90));
    assert_eq!([offset(60), offset(59)], [0, 0]);
    assert_eq!([offset(61), offset(58), offset(10)], [-1_500, 1_500, 49_500]);
}

/// CloudTrail cuts its times off at the second, and half of one is the best guess at what is missing.
#[test]
fn clock_difference_is_nought_within_a_second_of_that_guess() {
    let offset = |ms: i64| {
        let story = Story::known().ours_at(at_ms(60_000 + ms), &document(&[])).echo(at(60));
        ClockSkew::of(&story.facts).ssm_time(at(90)).since(at(90))
    };
    assert_eq!([-501, -500, 1_500, 1_501].map(offset), [-1_001, 0, 0, 1_001]);
}

#[test]
fn newest_echo_before_a_call_measures_the_clocks() {
    let mut facts = echoed(10).reactor(90, &document(&[(LOGS, "new")])).facts;
    let offset = |facts: &Facts, second| ClockSkew::of(facts).ssm_time(at(second)).since(at(second));
    assert_eq!(offset(&facts, 90), 49_500, "the newest write has no echo yet");
    facts.echoes.insert("later".to_owned(), Echo { at: at(80), made: Some(6), received: at(93) });
    assert_eq!([offset(&facts, 79), offset(&facts, 80)], [49_500, 9_500], "no later write moves an earlier call");
}

#[test]
fn deletions_are_dated_by_the_same_clock_as_other_calls() {
    let story = echoed(10).replaced(90, &document(&[(LOGS, "new")])).call(created(40, Trusted));
    assert_eq!(story.author(90), Trusted);
    assert_eq!(story.call(deleted(40, Untrusted)).author(90), Unattributed);
}

#[test]
fn version_is_the_reactors_only_by_name_number_and_digest_of_an_intent() {
    let own = || Story::known().reactor(90, &document(&[]));
    assert_eq!(own().author(90), Reactor);
    assert_eq!(own().latest(|version| version.name = None).author(90), Unattributed);
    assert_eq!(own().latest(|version| version.number = 6).author(90), Unattributed);
    assert_eq!(own().latest(|version| version.digest = Some("other".to_owned())).author(90), Unattributed);
    assert_eq!(own().latest(|version| version.digest = None).author(90), Unattributed, "an invalid one");
    let mut promoted = own();
    promoted.facts.intents.values_mut().for_each(|intent| intent.write = Intended::Promote);
    assert_eq!(promoted.author(90), Unattributed, "that write makes no version");
}

#[test]
fn copy_of_the_reactors_version_by_another_principal_is_foreign() {
    // Mallory writes the same content on top, under the same name or under a similar one.
    let story = Story::known().reactor(90, &document(&[]));
    let copied = |name: &str| {
        let copy = story.clone().version(95, &document(&[])).latest(|version| version.name = Some(name.to_owned()));
        copy.call(wrote(6, 95, Untrusted)).author(95)
    };
    assert_eq!([copied("runas-reactor-90"), copied("runas-reactor-95")], [Untrusted, Untrusted]);
}

#[test]
fn reactors_version_stays_the_reactors_whatever_call_claims_it() {
    assert_eq!(Story::known().reactor(90, &document(&[])).call(wrote(5, 90, Untrusted)).author(90), Reactor);
}

#[test]
fn call_older_than_the_calls_that_left_the_record_trusts_nothing() {
    for (until, attribution, expected) in
        [(89, Trusted, Trusted), (90, Trusted, Unattributed), (90, Untrusted, Untrusted)]
    {
        let mut story = edited().call(wrote(5, 90, attribution));
        story.facts.base.as_mut().unwrap().calls_until = at(until);
        assert_eq!(story.author(90), expected, "{until} {attribution:?}");
    }
}

/// Whether a call is explained by a write of version 5 that was logged at second 90.
fn is_explained(write: Intended, call: &CallFact) -> bool {
    let facts = Facts { intents: [("w".to_owned(), intent(write, 5, 90, None))].into(), ..Facts::default() };
    own_writes::is_explained(&facts, call)
}

#[test]
fn call_by_the_reactors_role_is_the_reactors_only_with_an_intent() {
    let moved = |version| call(Action::DefaultMoved { version: Some(version) }, at(91), Untrusted);
    let pruned = |version| call(Action::VersionDeleted { version: Some(version) }, at(91), Untrusted);
    for (write, call, expected) in [
        (Intended::Put, wrote(5, 91, Untrusted), true),
        (Intended::Put, wrote(6, 91, Untrusted), false),
        (Intended::Put, moved(5), true),
        (Intended::Promote, moved(5), true),
        (Intended::Promote, moved(4), false),
        (Intended::Promote, wrote(5, 91, Untrusted), false),
        (Intended::Put, deleted(91, Untrusted), false),
        (Intended::Recreate, deleted(91, Untrusted), true),
        (Intended::Prune, pruned(4), true),
        (Intended::Prune, pruned(5), false),
        (Intended::Put, pruned(4), false),
    ] {
        let action = call.edit.action;
        assert_eq!(is_explained(write, &via_reactor_role(call.clone())), expected, "{write:?} {action:?}");
        assert!(!is_explained(write, &call), "by another role: {write:?} {action:?}");
    }
}

#[test]
fn intent_explains_calls_from_a_minute_before_it_to_a_minute_after_its_lease() {
    let visible = VISIBLE_MS / 1_000;
    for (second, expected) in
        [(89 - visible, true), (88 - visible, false), (105 + visible, true), (106 + visible, false)]
    {
        assert_eq!(is_explained(Intended::Put, &via_reactor_role(wrote(5, second, Untrusted))), expected, "{second}");
    }
}

#[test]
fn nameless_version_is_awaited_for_ten_minutes() {
    let awaited = |story: &Story, ms| awaited(&story.facts, &pair(&story.facts), at(90).plus_ms(ms));
    assert_eq!(awaited(&edited(), NAMES_MS - 1), [at(90)]);
    assert_eq!(awaited(&edited(), NAMES_MS), []);
    assert_eq!(awaited(&edited().call(wrote(5, 90, Untrusted)), 0), [], "it has a name");
    assert_eq!(awaited(&Story::known().reactor(90, &document(&[])), 0), [], "it is the reactor's");
}

#[test]
fn write_changes_content_or_makes_a_version_by_what_it_does() {
    let of = |write| intent(write, 2, 100, Some(&document(&[])));
    let all = [Intended::Put, Intended::Recreate, Intended::Promote, Intended::Prune, Intended::Unshare];
    assert_eq!(all.map(|write| of(write).changes_content()), [true, true, true, false, false]);
    assert_eq!(all.map(|write| of(write).makes_version()), [true, true, false, false, false]);
}
