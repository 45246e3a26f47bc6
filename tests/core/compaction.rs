//! A record within its bounds: the oldest versions become part of the base, which changes nothing in what is accepted.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use runas_reactor::domain::attribution::pair;
use runas_reactor::domain::clock_skew::ClockSkew;
use runas_reactor::domain::compaction::{Compacted, compact};
use runas_reactor::domain::document::Content;
use runas_reactor::domain::durations::{CALLS_MAX, FACTS_BYTES_MAX, NAMES_MS, VERSIONS_MAX};
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::fact::{Absence, CallFact, Delta, Echo, Facts, Intended, Notified};
use runas_reactor::domain::merge::merge;
use runas_reactor::domain::principal::Attribution::{self, BreakGlass, Trusted, Unattributed, Untrusted};
use runas_reactor::domain::time::{DAY_MS, Time};
use serde_json::json;

use crate::laws::config;
use crate::support::facts::{
    BUCKET, HOSTILE, KEY, LOGS, Story, accepted, accepted_field, at, call, denied, document, intent, owned, wrote,
};

/// The facts of a story, of which on-call was notified.
fn notified(mut facts: Facts) -> Facts {
    facts.calls.values_mut().for_each(|call| call.notified = Notified::Named);
    facts.versions.values_mut().for_each(|version| version.notified = Notified::Named);
    facts
}

/// A pipeline's version at this second, by its call.
fn pipeline(story: Story, second: i64, content: &Content) -> Story {
    by(story, second, content, Trusted)
}

fn by(story: Story, second: i64, content: &Content, attribution: Attribution) -> Story {
    let story = story.version(second, content);
    let number = story.facts.versions[&at(second)].number;
    story.call(wrote(number, second, attribution))
}

/// Forty edits by pipelines, from second 100 on, ten seconds apart.
fn flood(story: Story) -> Story {
    (0..40).fold(story, |story, n| pipeline(story, 100 + 10 * n, &document(&[(LOGS, &n.to_string())])))
}

fn late() -> Time {
    at(100_000)
}

#[test]
fn newest_thirty_two_versions_are_followed_one_by_one() {
    let mut before = flood(Story::known()).facts();
    before.owned = [170, 180].map(|second| (at(second), owned())).into();
    let Compacted { facts, .. } = compact(&before, late());
    assert_eq!(facts.open_versions().count(), VERSIONS_MAX);
    assert_eq!(merge(&facts, &before).open_versions().count(), VERSIONS_MAX, "joined with what was known before");
    assert_eq!(facts.versions.len(), VERSIONS_MAX, "the others are gone");
    assert_eq!(facts.owned.keys().collect::<Vec<_>>(), [&at(180)]);
    let base = facts.base.as_ref().unwrap();
    assert_eq!((base.until, base.at), (at(170), at(10)));
    assert_eq!(base.content.as_ref().and_then(|content| content.field(LOGS)), Some(json!("7")));
    assert_eq!(base.digest, base.content.as_ref().map(Content::digest));
}

#[test]
fn small_record_stays_as_it_is() {
    let facts = Story::known().version(90, &document(&[(KEY, HOSTILE)])).call(wrote(5, 90, Untrusted)).facts();
    assert_eq!(compact(&facts, late()), Compacted { facts, ..Compacted::default() });
}

#[test]
fn hostile_value_in_the_base_is_still_withheld_from_a_pipeline_that_carries_it_over() {
    let story = by(Story::known(), 90, &document(&[(KEY, HOSTILE)]), Untrusted).reactor(95, &document(&[]));
    let story = pipeline(flood(story), 900, &document(&[(KEY, HOSTILE), (LOGS, "new")]));
    let facts = compact(&story.facts, late()).facts;
    assert!(facts.base_until() > at(95), "the hostile version is in the base");
    assert_eq!((accepted_field(&facts, KEY), accepted_field(&facts, LOGS)), (None, Some(json!("new"))));
}

#[test]
fn invalid_version_at_the_end_of_the_base_still_hides_what_follows() {
    let numbers = 0..i64::try_from(VERSIONS_MAX).unwrap();
    let story = Story::known().unusual(90, Delta::Invalid("no JSON".to_owned())).call(wrote(5, 90, Untrusted));
    let story = numbers.fold(story, |story, n| pipeline(story, 100 + 10 * n, &document(&[(BUCKET, &n.to_string())])));
    let facts = compact(&story.facts, late()).facts;
    assert_eq!(facts.base_until(), at(90));
    assert_eq!(accepted(&facts).content, story.accepted().content);
    assert!(facts.base.unwrap().blurred);
}

/// An adopted version hides nothing before it leaves, and so nothing afterwards.
#[test]
fn adopted_invalid_version_at_the_end_of_the_base_hides_nothing_of_what_follows() {
    let numbers = 1..i64::try_from(VERSIONS_MAX).unwrap();
    let story =
        Story::known().unusual(90, Delta::Invalid("no JSON".to_owned())).latest(|version| version.adopted = true);
    let story = pipeline(story, 100, &document(&[(LOGS, "new")]));
    let set = |n: i64| document(&[(LOGS, "new"), (BUCKET, &n.to_string())]);
    let story = numbers.fold(story, |story, n| pipeline(story, 100 + 10 * n, &set(n)));
    let facts = compact(&story.facts, late()).facts;
    assert_eq!(facts.base_until(), at(90));
    assert_eq!(story.field(LOGS), Some(json!("new")));
    assert_eq!(accepted(&facts).content, story.accepted().content);
}

/// A version that was adopted at second 91, and forty edits by pipelines that keep its field.
fn adopted_before_a_flood(name: &str) -> Facts {
    let adopted = Story::known().version(90, &document(&[(KEY, "k")])).latest(|version| version.adopted = true);
    let mut facts = (0..40)
        .fold(adopted, |story, n| {
            pipeline(story, 100 + 10 * n, &document(&[(KEY, "k"), (LOGS, &format!("{n}{name}"))]))
        })
        .facts();
    facts.calls.values_mut().for_each(|call| call.checked = true);
    facts
}

/// The field of that version in a record compacted so long after it, and once a foreign call turns out to have made it.
fn field_of_the_adopted(facts: &Facts, ms: i64) -> [Option<serde_json::Value>; 2] {
    let mut compacted = compact(facts, at(91).plus_ms(ms)).facts;
    let before = accepted_field(&compacted, KEY);
    let number = facts.versions[&at(90)].number;
    compacted.calls.insert("late".to_owned(), wrote(number, 90, Untrusted));
    [before, accepted_field(&compacted, KEY)]
}

#[test]
fn flood_neither_drops_nor_makes_right_what_was_adopted_less_than_ten_minutes_ago() {
    let facts = adopted_before_a_flood("");
    let kept = || Some(json!("k"));
    assert_eq!(field_of_the_adopted(&facts, NAMES_MS - 1), [kept(), None], "its author is waited for");
    assert_eq!(field_of_the_adopted(&facts, NAMES_MS), [kept(), kept()], "it is part of the base");
    assert_eq!(compact(&facts, at(91).plus_ms(NAMES_MS - 1)).facts.open_versions().count(), 41);
}

#[test]
fn versions_before_one_that_was_adopted_just_now_leave_as_ever() {
    let story = flood(Story::known()).version(500, &document(&[(KEY, "k")])).latest(|version| version.adopted = true);
    assert_eq!(compact(&story.facts(), at(501)).facts.open_versions().count(), VERSIONS_MAX);
}

#[test]
fn calls_that_fit_no_version_do_not_drop_what_was_adopted_less_than_ten_minutes_ago() {
    let adopted = Story::known().version(90, &document(&[(KEY, "k")])).latest(|version| version.adopted = true);
    let deletions = (0..120).map(|n| call(Action::Deleted, at(100 + n), Untrusted));
    let facts = notified(deletions.fold(adopted, Story::call).facts);
    let calls = |ms| compact(&facts, at(91).plus_ms(ms)).facts.calls.len();
    assert_eq!(accepted_field(&compact(&facts, at(91).plus_ms(NAMES_MS - 1)).facts, KEY), Some(json!("k")));
    assert_eq!((calls(NAMES_MS - 1), calls(NAMES_MS)), (120, CALLS_MAX));
}

#[test]
fn flood_that_does_not_fit_into_a_row_makes_nothing_right() {
    let facts = adopted_before_a_flood(&"x".repeat(4_096));
    assert!(bytes(&facts) > FACTS_BYTES_MAX);
    assert_eq!(field_of_the_adopted(&facts, NAMES_MS - 1), [None, None]);
}

#[test]
fn versions_that_leave_before_on_call_was_notified_of_them_are_named() {
    let story = flood(Story::known().version(80, &document(&[(KEY, "a")])).version(90, &document(&[(KEY, HOSTILE)])));
    let mut facts = story.facts;
    assert_eq!(compact(&facts, late()).unnotified, [at(80), at(90)]);
    facts.versions.get_mut(&at(80)).unwrap().notified = Notified::Nameless;
    facts.versions.get_mut(&at(90)).unwrap().adopted = true;
    assert_eq!(compact(&facts, late()).unnotified, []);
}

/// A pipeline's version of second 20, and as many denied calls of later seconds as a record remembers.
fn denials(count: usize) -> Facts {
    let calls = (0..i64::try_from(count).unwrap()).map(|n| denied(wrote(9, 1_000 + n, Untrusted)));
    let story = calls.fold(pipeline(Story::known(), 20, &document(&[(LOGS, "new")])), Story::call);
    notified(story.facts)
}

#[test]
fn oldest_calls_that_made_no_version_leave_and_are_named() {
    let Compacted { facts, left, .. } = compact(&denials(CALLS_MAX + 1), late());
    assert_eq!(left, [denied(wrote(9, 1_000, Untrusted)).edit.id, denied(wrote(9, 1_001, Untrusted)).edit.id]);
    assert_eq!(facts.calls.len(), CALLS_MAX);
    assert!(facts.calls.contains_key(&wrote(5, 20, Trusted).edit.id), "that one made a version");
}

#[test]
fn denied_calls_take_no_accepted_change_back() {
    let facts = denials(CALLS_MAX + 1);
    assert_eq!(accepted_field(&facts, LOGS), Some(json!("new")));
    assert_eq!(accepted_field(&compact(&facts, late()).facts, LOGS), Some(json!("new")));
}

#[test]
fn calls_that_on_call_was_not_notified_of_stay() {
    let mut facts = denials(CALLS_MAX + 1);
    facts.calls.values_mut().for_each(|call| call.notified = Notified::No);
    assert_eq!(compact(&facts, late()).left, Vec::<String>::new());
}

#[test]
fn calls_of_versions_that_leave_stay_until_on_call_was_notified_of_them() {
    let mut facts = flood(Story::known()).facts();
    facts.calls.values_mut().for_each(|call| call.notified = Notified::No);
    let Compacted { facts, left, .. } = compact(&facts, late());
    assert_eq!((facts.versions.len(), facts.calls.len(), left.len()), (VERSIONS_MAX, 40, 0));
}

#[test]
fn only_foreign_sharing_that_is_not_answered_stays_beyond_the_number_of_calls() {
    let moved = Action::DefaultMoved { version: Some(3) };
    for (action, attribution, over, stay) in [
        (moved, BreakGlass, false, CALLS_MAX),
        (Action::SharingChanged, Trusted, false, CALLS_MAX),
        (Action::SharingChanged, Untrusted, true, CALLS_MAX),
        (Action::SharingChanged, Untrusted, false, 120),
    ] {
        let calls = (0..120).map(|n| CallFact { over, ..call(action, at(1_000 + n), attribution) });
        let facts = notified(calls.fold(Story::known(), Story::call).facts);
        let left = compact(&facts, late()).facts.calls.len();
        assert_eq!(left, stay, "{action:?} by {attribution:?}, answered: {over}");
    }
}

/// A pipeline's version of second 20, and so many documents that came and went between two observations.
fn unobserved(count: usize) -> Facts {
    let calls = (0..i64::try_from(count).unwrap()).map(|n| call(Action::Deleted, at(1_000 + n), Untrusted));
    let story = calls.fold(pipeline(Story::known(), 20, &document(&[(LOGS, "new")])), Story::call);
    notified(story.facts)
}

#[test]
fn versions_join_the_base_with_the_calls_that_they_were_judged_by() {
    let Compacted { facts, left, .. } = compact(&unobserved(CALLS_MAX + 1), late());
    let base = facts.base.as_ref().unwrap();
    assert_eq!((left.len(), base.until, base.calls_until), (2, at(20), at(1_000)));
    assert_eq!(accepted_field(&facts, LOGS), Some(json!("new")));
}

#[test]
fn trusted_call_that_comes_after_the_deletions_of_its_time_left_makes_nothing_accepted() {
    let mut facts = compact(&unobserved(CALLS_MAX + 1), late()).facts;
    facts.versions.extend(Story::known().version(1_000, &document(&[(KEY, HOSTILE)])).facts.versions);
    let replayed = |second| {
        let mut facts = facts.clone();
        facts.calls.insert("replayed".to_owned(), wrote(5, second, Trusted));
        accepted_field(&facts, KEY)
    };
    assert_eq!((replayed(999), replayed(1_000)), (None, None));
    assert_eq!(replayed(1_001), Some(json!(HOSTILE)), "what speaks against that one is on record");
}

#[test]
fn measured_clock_stays_known_when_the_versions_that_showed_it_leave() {
    // CloudTrail is fifty seconds behind; the reactor's version is the oldest.
    let measured = Story::known().reactor(60, &document(&[])).echo(at(10));
    let story = (0..40).fold(measured, |story, n| {
        let story = story.version(100 + 10 * n, &document(&[(LOGS, &n.to_string())]));
        let number = story.number();
        story.call(wrote(number, 50 + 10 * n, Trusted))
    });
    let compacted = compact(&notified(story.facts), late()).facts;
    assert_eq!(ClockSkew::of(&compacted).ssm_time(at(700)).since(at(700)), 49_500);
    assert_eq!(accepted_field(&compacted, LOGS), Some(json!("39")));
}

#[test]
fn calls_of_versions_that_leave_do_not_turn_to_others_of_the_same_number() {
    // The reply of the first call is missing: it fits both versions as long as both are known.
    let story = Story::known().version(100, &document(&[(KEY, "k")])).version(102, &document(&[(KEY, HOSTILE)]));
    let mut unnumbered = call(Action::Updated { version: None }, at(100), Trusted);
    unnumbered.notified = Notified::Named;
    let story = (0..31).fold(story.call(unnumbered.clone()), |story, n| {
        pipeline(story, 200 + 10 * n, &document(&[(KEY, HOSTILE), (LOGS, &n.to_string())]))
    });
    assert_eq!(story.author(102), Unattributed);
    let Compacted { facts, left, .. } = compact(&story.facts, late());
    assert_eq!((facts.base_until(), left), (at(100), vec![unnumbered.edit.id]));
    assert_eq!(accepted_field(&facts, KEY), None);
}

/// Nobody could say which version is the newest that they belong to.
#[test]
fn calls_stay_until_the_first_observation() {
    let facts = Facts { base: None, ..denials(2 * CALLS_MAX) };
    assert_eq!(compact(&facts, late()).left, Vec::<String>::new());
}

#[test]
fn oldest_intents_leave_first_and_those_of_versions_on_record_stay() {
    let mut facts = Story::known().reactor(90, &document(&[])).facts();
    for n in 0..i64::try_from(CALLS_MAX).unwrap() {
        facts.intents.insert(format!("w{n}"), intent(Intended::Promote, 5, 100 + n, None));
    }
    let compacted = compact(&facts, at(100).plus_ms(2 * DAY_MS)).facts;
    assert_eq!(compacted.intents.len(), CALLS_MAX);
    assert!(compacted.intents.contains_key("runas-reactor-90") && !compacted.intents.contains_key("w0"));
    assert_eq!(compacted.base.unwrap().intents_until, at(115));
}

/// A digest of what a record weighs.
fn bytes(facts: &Facts) -> usize {
    serde_json::to_string(facts).unwrap().len()
}

#[test]
fn large_contents_leave_early() {
    let large = |n: i64| document(&[(LOGS, &format!("{n}{}", "x".repeat(40_000)))]);
    let story = (0..40).fold(Story::known(), |story, n| {
        by(story, 100 + 10 * n, &large(n), if n % 2 == 0 { Trusted } else { Untrusted })
    });
    let facts = notified(story.facts);
    let compacted = compact(&facts, late()).facts;
    assert!(bytes(&compacted) <= FACTS_BYTES_MAX, "{}", bytes(&compacted));
    assert_eq!(accepted(&compacted).content, accepted(&facts).content);
}

#[test]
fn numbers_that_grow_when_they_are_stored_still_fit() {
    // `1e15` takes four characters in the document, and eighteen in a record.
    let numbers = |n: u32| {
        let list = vec!["1e15"; 12_000].join(",");
        let text = format!(r#"{{"schemaVersion":"1.0","sessionType":"Port","inputs":{{"x":[{n},{list}]}}}}"#);
        runas_reactor::domain::document::parse(&text).content().unwrap().clone()
    };
    let story = Story::known().version(90, &numbers(1)).version(95, &numbers(2)).call(wrote(5, 90, Untrusted));
    let facts = notified(story.intent("next", intent(Intended::Put, 7, 99, None)).facts);
    let compacted = compact(&facts, at(100)).facts;
    assert!(bytes(&compacted) <= FACTS_BYTES_MAX, "{}", bytes(&compacted));
    assert_eq!((compacted.versions.len(), compacted.intents.len()), (0, 1), "a write that is under way stays known");
    // What the newest foreign version brought in is still known, so that no pipeline carries it over.
    let foreign = accepted(&compacted).foreign;
    assert!(foreign.len() == 1 && foreign.is_subset(&accepted(&facts).foreign), "{foreign:?}");
    assert_eq!(accepted(&compacted).content, Some(document(&[])));
}

/// Else the version would count as nobody's, or be taken for another call's.
#[test]
fn version_becomes_part_of_the_base_with_the_call_that_may_have_made_it() {
    let filled = |story: Story| {
        let calls = (0..CALLS_MAX).map(|n| call(Action::Deleted, at(1_000 + 10 * i64::try_from(n).unwrap()), Trusted));
        let facts = notified(calls.fold(story, Story::call).facts());
        compact(&facts, late()).facts.base_until()
    };
    let made_late = Story::known().version(205, &document(&[(LOGS, "new")])).call(wrote(5, 5, Trusted));
    assert_eq!(made_late.author(205), Trusted);
    assert_eq!(filled(made_late), at(205));
    for (second, folded) in [(8, true), (9, false)] {
        let nameless =
            Story::known().version(second, &document(&[(LOGS, "new")])).call(call(Action::Deleted, at(5), Trusted));
        assert_eq!(filled(nameless), at(if folded { second } else { 0 }), "{second}");
    }
}

/// It stays unpaired as long as it fits several, and must not become the author of the last one left.
#[test]
fn call_without_a_number_leaves_with_the_versions_that_it_fits() {
    let unnumbered = |story: Story, second| {
        let story = story.version(second, &document(&[(KEY, "a")])).version(second + 2, &document(&[(KEY, "b")]));
        story.call(call(Action::Updated { version: None }, at(second), Trusted))
    };
    let id = |second| call(Action::Updated { version: None }, at(second), Trusted).edit.id;
    let leaves = |story: Story, second| compact(&notified(story.facts()), late()).left.contains(&id(second));
    assert!(leaves(flood(unnumbered(Story::known(), 90)), 90));
    assert!(!leaves(unnumbered(flood(Story::known()), 900), 900));
}

#[test]
fn echoes_do_not_pile_up_and_the_newest_stay() {
    let mut facts = Story::known().facts();
    for n in 0..200 {
        let echo = Echo { at: at(n), made: Some(5), received: at(n + 3) };
        facts.echoes.insert(format!("echo-{n}"), echo);
    }
    let kept = compact(&facts, late()).facts.echoes;
    assert_eq!(kept.len(), CALLS_MAX);
    assert_eq!(kept.values().map(|echo| echo.at).min(), Some(at(104)));
}

#[test]
fn moves_of_the_default_do_not_pile_up() {
    let mut facts = Story::known().facts();
    for n in 0..4_000 {
        let (after, first) = (at(100 + 120 * n), at(160 + 120 * n));
        let moved = Absence { default: Some(3), first, after, notified: Notified::Named };
        facts.absences.insert(after, moved);
    }
    let compacted = compact(&facts, at(100 + 120 * 4_000)).facts;
    assert!(bytes(&compacted) <= FACTS_BYTES_MAX, "{}", bytes(&compacted));
}

/// One act on the document.
#[derive(Clone, Debug)]
struct Act {
    /// Milliseconds since the act before.
    gap_ms: i64,
    who: Who,
    what: What,
    /// Its call is reported, so many seconds off.
    call: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Principal(Attribution),
    Reactor,
    Adopted,
}

#[derive(Clone, Debug)]
enum What {
    /// Sets one field on top of the latest version.
    Set(&'static str, &'static str),
    /// Sets one field on top of the first content of all.
    Stale(&'static str, &'static str),
    Invalid,
    Unsaid,
    OtherType,
    Replace(&'static str, &'static str),
    UnnumberedSet(&'static str, &'static str),
    Denied,
    /// Documents that come and go between two observations.
    Burst,
}

fn act() -> impl Strategy<Value = Act> {
    let gap_ms = prop_oneof![3 => Just(500_i64), 2 => Just(1_000), 3 => 2_000..20_000_i64, 1 => 60_000..1_000_000_i64];
    let who = select(vec![
        Who::Principal(Trusted),
        Who::Principal(Trusted),
        Who::Principal(Untrusted),
        Who::Principal(Untrusted),
        Who::Principal(BreakGlass),
        Who::Reactor,
        Who::Adopted,
    ]);
    let field = || (select(vec![LOGS, KEY, BUCKET]), select(vec!["a", "b", "c"]));
    let what = prop_oneof![
        6 => field().prop_map(|(field, value)| What::Set(field, value)),
        2 => field().prop_map(|(field, value)| What::Stale(field, value)),
        1 => Just(What::Invalid),
        1 => Just(What::Unsaid),
        1 => Just(What::OtherType),
        2 => field().prop_map(|(field, value)| What::Replace(field, value)),
        1 => field().prop_map(|(field, value)| What::UnnumberedSet(field, value)),
        1 => Just(What::Denied),
        1 => Just(What::Burst),
    ];
    let call = prop_oneof![6 => Just(Some(0_i64)), 1 => (-20..4_i64).prop_map(Some), 1 => Just(None)];
    (gap_ms, who, what, call).prop_map(|(gap_ms, who, what, call)| Act { gap_ms, who, what, call })
}

/// What is known after these acts, of which on-call was notified.
fn history(acts: &[Act], observed_late: bool, clock_s: i64) -> Facts {
    let mut history = History { story: Story::known(), now: at(20), clock_s };
    for act in acts {
        history.now = history.now.plus_ms(act.gap_ms);
        history = history.play(act);
    }
    let (mut facts, now) = (notified(history.story.facts), history.now);
    if observed_late {
        facts.versions.values_mut().for_each(|version| version.observed = now.plus_ms(1_000));
    }
    facts
}

struct History {
    story: Story,
    now: Time,
    /// By how much SSM's clock is ahead of CloudTrail's.
    clock_s: i64,
}

impl History {
    fn play(self, act: &Act) -> Self {
        let there = self.story.there().clone();
        let set =
            |content: &Content, field: &str, value: &str| content.overlaid(&[(field.to_owned(), json!(value))].into());
        match act.what {
            What::Set(field, value) => self.put(act, &set(&there, field, value)).numbered(act),
            What::Stale(field, value) => self.put(act, &set(&document(&[]), field, value)).numbered(act),
            What::UnnumberedSet(field, value) => {
                self.put(act, &set(&there, field, value)).call(act, Action::Updated { version: None })
            }
            What::Invalid => self.unusual(act, Delta::Invalid("no JSON".to_owned())).numbered(act),
            What::Unsaid => self.unusual(act, Delta::Unsaid("gone".to_owned())).numbered(act),
            What::OtherType => self.unusual(act, Delta::OtherType("Command".to_owned())).numbered(act),
            What::Replace(field, value) => {
                let gone = self.call(act, Action::Deleted).with(Story::gone);
                gone.put(act, &set(&document(&[]), field, value)).call(act, Action::Created)
            }
            What::Denied => self.with(|story| story.call(denied(call(Action::Deleted, at(0), Untrusted)))),
            What::Burst => (0..20).fold(self, |history, n| {
                let later = Act { call: act.call.map(|off| off + n), ..act.clone() };
                history.call(&later, Action::Created).call(&later, Action::Deleted)
            }),
        }
    }

    fn with(self, change: impl FnOnce(Story) -> Story) -> Self {
        Self { story: change(self.story), ..self }
    }

    fn put(self, act: &Act, content: &Content) -> Self {
        let (now, echo) = (self.now, self.whole_second(0));
        self.with(|story| match act.who {
            Who::Reactor => story.ours_at(now, content).echo(echo),
            Who::Principal(_) => story.version_at(now, content),
            Who::Adopted => story.version_at(now, content).latest(|version| version.adopted = true),
        })
    }

    fn unusual(self, act: &Act, delta: Delta) -> Self {
        let now = self.now;
        let adopted = act.who == Who::Adopted;
        self.with(|story| story.unusual_at(now, delta).latest(|version| version.adopted = adopted))
    }

    fn numbered(self, act: &Act) -> Self {
        let version = Some(self.story.number());
        self.call(act, Action::Updated { version })
    }

    fn call(self, act: &Act, action: Action) -> Self {
        let (Who::Principal(who), Some(off)) = (act.who, act.call) else { return self };
        let call = call(action, self.whole_second(off), who);
        self.with(|story| story.call(call))
    }

    /// Now, as CloudTrail tells it.
    fn whole_second(&self, off: i64) -> Time {
        Time::from_ms((self.now.ms().div_euclid(1_000) + off - self.clock_s) * 1_000)
    }
}

fn clock() -> impl Strategy<Value = i64> {
    select(vec![0_i64, 0, 0, 50, -40])
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn compaction_changes_nothing_in_what_is_accepted(acts in vec(act(), 25..60), observed_late: bool, clock_s in clock()) {
        let facts = history(&acts, observed_late, clock_s);
        let compacted = compact(&facts, late().plus_ms(30 * DAY_MS)).facts;
        prop_assert_eq!(accepted(&compacted).content, accepted(&facts).content);
    }

    #[test]
    fn compaction_changes_no_author_of_a_version_on_record(acts in vec(act(), 25..60), observed_late: bool, clock_s in clock()) {
        let facts = history(&acts, observed_late, clock_s);
        let compacted = compact(&facts, late().plus_ms(30 * DAY_MS)).facts;
        let (before, after) = (pair(&facts), pair(&compacted));
        for (created, version) in compacted.open_versions() {
            let was: Attribution = before.author(&facts, created, version).attribution();
            prop_assert_eq!(after.author(&compacted, created, version).attribution(), was);
        }
    }

    #[test]
    fn compacted_record_is_within_its_bounds(acts in vec(act(), 0..60), repeat in 1..4_usize) {
        let acts: Vec<Act> = (0..repeat).flat_map(|_| acts.clone()).collect();
        let compacted = compact(&history(&acts, false, 0), late().plus_ms(30 * DAY_MS)).facts;
        prop_assert!(compacted.open_versions().count() <= VERSIONS_MAX);
        prop_assert!(compacted.calls.len() <= CALLS_MAX && compacted.intents.len() <= CALLS_MAX);
        prop_assert!(bytes(&compacted) <= FACTS_BYTES_MAX);
    }

    #[test]
    fn compacting_twice_changes_nothing_more(acts in vec(act(), 0..60)) {
        let now = late().plus_ms(30 * DAY_MS);
        let once = compact(&history(&acts, false, 0), now).facts;
        prop_assert_eq!(compact(&once, now).facts, once);
    }
}
