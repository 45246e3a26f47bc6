//! What is accepted: whose change is kept, and what a trusted version does not launder.

use runas_reactor::domain::accepted::{Withheld, WithheldWhy, fold};
use runas_reactor::domain::attribution::pair;
use runas_reactor::domain::document::Content;
use runas_reactor::domain::fact::{Delta, Facts};
use runas_reactor::domain::merge::merge;
use runas_reactor::domain::principal::Attribution::{BreakGlass, Trusted, Unattributed, Untrusted};
use serde_json::{Value, json};

use crate::support::facts::{
    BUCKET, HOSTILE, KEY, LOGS, Story, at, content, created, deleted, document, reported, wrote,
};

fn invalid() -> Delta {
    Delta::Invalid("not a JSON object".to_owned())
}

/// Why the newest trusted version is not wholly taken over.
fn withheld(story: &Story) -> Option<WithheldWhy> {
    story.accepted().withheld.last().map(|withheld| withheld.why)
}

#[test]
fn trusted_change_is_accepted_and_no_other_principal_s_is() {
    for (attribution, expected) in [(Trusted, "new"), (BreakGlass, "logs"), (Untrusted, "logs"), (Unattributed, "logs")]
    {
        let story = Story::known().version(90, &document(&[(LOGS, "new")])).call(wrote(5, 90, attribution));
        assert_eq!(story.field(LOGS), Some(json!(expected)), "{attribution:?}");
    }
}

#[test]
fn version_without_a_call_is_not_accepted() {
    let story = Story::known().version(90, &document(&[(KEY, HOSTILE)]));
    assert_eq!(story.accepted().content, Some(document(&[])));
}

#[test]
fn trusted_edit_on_top_does_not_make_a_hostile_edit_accepted() {
    let story = Story::known()
        .version(90, &document(&[(KEY, HOSTILE)]))
        .version(95, &document(&[(KEY, HOSTILE), (LOGS, "new")]))
        .call(wrote(5, 90, Untrusted))
        .call(wrote(6, 95, Trusted));
    assert_eq!(story.accepted().content, Some(document(&[(LOGS, "new")])));
    assert_eq!(withheld(&story), None);
}

#[test]
fn trusted_version_on_top_does_not_make_a_hostile_document_accepted() {
    // A new account: mallory creates the document, a pipeline reads it, changes one field and writes it back.
    let story = Story::no_document()
        .version(90, &content(&json!({ KEY: HOSTILE })))
        .version(95, &content(&json!({ KEY: HOSTILE, LOGS: "new" })))
        .call(created(90, Untrusted))
        .call(wrote(2, 95, Trusted));
    assert_eq!(story.field(LOGS), Some(json!("new")));
    assert_eq!(story.field(KEY), Some(json!("")), "the minimal document's");
}

#[test]
fn hostile_value_that_a_pipeline_carries_over_is_withheld() {
    // The reactor reverts the hostile version 5; the pipeline edits what is still the default, and writes it on top.
    let story = Story::known()
        .version(90, &document(&[(KEY, HOSTILE)]))
        .reactor(92, &document(&[]))
        .version(95, &document(&[(KEY, HOSTILE), (LOGS, "new")]))
        .call(wrote(5, 90, Untrusted))
        .call(wrote(7, 95, Trusted));
    assert_eq!(story.accepted().content, Some(document(&[(LOGS, "new")])));
    let carried = Withheld { created: at(95), fields: vec![KEY.to_owned()], why: WithheldWhy::CarriedOver };
    assert_eq!(story.accepted().withheld, [carried]);
}

#[test]
fn nameless_value_that_a_pipeline_carries_over_is_withheld_until_its_author_is_known() {
    let story = Story::known()
        .version(90, &document(&[(KEY, "k")]))
        .reactor(92, &document(&[]))
        .version(95, &document(&[(KEY, "k")]))
        .call(wrote(7, 95, Trusted));
    assert_eq!(story.field(KEY), None);
    assert_eq!(story.call(wrote(5, 90, Trusted)).field(KEY), Some(json!("k")));
}

#[test]
fn value_that_was_accepted_before_is_not_foreign_where_a_foreign_version_sets_it_again() {
    // Mallory goes back to the accepted value after a pipeline changed it; the pipeline may do the same.
    let story = Story::known()
        .version(80, &document(&[(LOGS, HOSTILE)]))
        .version(85, &document(&[]))
        .version(90, &document(&[(LOGS, "other")]))
        .version(95, &document(&[]))
        .call(wrote(5, 80, Untrusted))
        .call(wrote(6, 85, Untrusted))
        .call(wrote(7, 90, Trusted))
        .call(wrote(8, 95, Trusted));
    assert_eq!(story.field(LOGS), Some(json!("logs")));
    assert_eq!(withheld(&story), None);
}

#[test]
fn other_value_in_a_field_that_a_foreign_version_set_is_accepted() {
    let story = Story::known()
        .version(90, &document(&[(KEY, HOSTILE)]))
        .version(95, &document(&[(KEY, "own")]))
        .call(wrote(5, 90, Untrusted))
        .call(wrote(6, 95, Trusted));
    assert_eq!(story.field(KEY), Some(json!("own")));
}

#[test]
fn trusted_version_after_an_invalid_one_by_another_principal_is_withheld() {
    for (attribution, kept) in [(Untrusted, false), (BreakGlass, false), (Unattributed, false), (Trusted, true)] {
        let story = Story::known()
            .unusual(90, invalid())
            .version(95, &document(&[(LOGS, "new")]))
            .call(wrote(5, 90, attribution))
            .call(wrote(6, 95, Trusted));
        assert_eq!(story.field(LOGS) == Some(json!("new")), kept, "{attribution:?}");
        assert_eq!(withheld(&story), (!kept).then_some(WithheldWhy::AfterInvalid), "{attribution:?}");
    }
}

#[test]
fn invalid_version_is_forgotten_after_the_first_valid_one() {
    let story = Story::known()
        .unusual(80, invalid())
        .version(90, &document(&[(KEY, HOSTILE)]))
        .version(95, &document(&[(KEY, HOSTILE), (LOGS, "new")]))
        .call(wrote(5, 80, Untrusted))
        .call(wrote(6, 90, Untrusted))
        .call(wrote(7, 95, Trusted));
    assert_eq!(story.accepted().content, Some(document(&[(LOGS, "new")])));
}

#[test]
fn trusted_version_of_another_type_or_of_unknown_content_changes_nothing_and_is_reported() {
    for (delta, why) in [
        (Delta::OtherType("Command".to_owned()), WithheldWhy::OtherType),
        (Delta::Unsaid("version 4 is gone".to_owned()), WithheldWhy::Unsaid),
    ] {
        let story = Story::known().unusual(90, delta).call(wrote(5, 90, Trusted));
        assert_eq!((story.accepted().content, withheld(&story)), (Some(document(&[])), Some(why)));
    }
}

#[test]
fn first_version_of_a_trusted_replacement_is_compared_with_what_is_accepted() {
    let next = content(&json!({ "runAsEnabled": true, KEY: "k" }));
    let story = Story::known().version(80, &document(&[("idleSessionTimeout", "15")])).call(wrote(5, 80, Trusted));
    let story = story.replaced(95, &next).call(deleted(93, Trusted)).call(created(95, Trusted));
    assert_eq!(story.accepted().content.unwrap(), next, "a field that it leaves out is given up");
}

#[test]
fn first_version_of_a_hostile_replacement_changes_nothing() {
    let story = Story::known()
        .replaced(95, &content(&json!({ KEY: HOSTILE })))
        .call(deleted(93, Untrusted))
        .call(created(95, Untrusted));
    assert_eq!(story.accepted().content, Some(document(&[])));
}

#[test]
fn version_of_the_reactor_brings_the_owned_fields_of_its_intent_and_nothing_else() {
    // The content that it wrote over was never accepted, whatever else the version holds.
    let off = content(&json!({ "runAsEnabled": false, LOGS: "logs" }));
    let story = Story::known().version(90, &off).call(wrote(5, 90, Trusted)).reactor(92, &document(&[(KEY, HOSTILE)]));
    assert_eq!(story.accepted().content, Some(document(&[])));
}

#[test]
fn owned_field_stays_as_the_reactor_put_it_however_late_a_pipeline_s_call_comes() {
    let off = content(&json!({ "runAsEnabled": false, "runAsDefaultUser": "ops", LOGS: "new" }));
    let story = Story::known().version(90, &off).reactor(95, &document(&[]));
    let late = story.clone().call(wrote(5, 90, Trusted));
    assert_eq!(late.accepted().content, Some(document(&[(LOGS, "new")])));
    assert_eq!(story.accepted().content, Some(document(&[])));
}

#[test]
fn owned_values_of_a_version_in_sync_are_accepted_with_it() {
    let mut facts = Story::known().version(90, &document(&[(LOGS, "new")])).call(wrote(5, 90, Trusted)).facts();
    facts.owned.insert(at(90), [("idleSessionTimeout".to_owned(), json!("15"))].into());
    let accepted = fold(&facts, &pair(&facts), &[], None).content.unwrap();
    assert_eq!(accepted.field("idleSessionTimeout"), Some(json!("15")));
    let before = fold(&facts, &pair(&facts), &[], Some(at(89))).content.unwrap();
    assert_eq!(before.field("idleSessionTimeout"), None, "they follow that version");
}

#[test]
fn late_call_does_not_bring_back_what_was_changed_since() {
    let story = Story::known()
        .version(40, &document(&[(LOGS, "one")]))
        .version(60, &document(&[(LOGS, "two")]))
        .call(wrote(6, 60, Trusted))
        .call(wrote(5, 40, Trusted));
    assert_eq!(story.field(LOGS), Some(json!("two")));
}

#[test]
fn late_calls_in_any_order_give_the_same_content() {
    let facts = Story::known()
        .version(40, &document(&[(LOGS, "one")]))
        .reactor(45, &document(&[]))
        .version(60, &document(&[(LOGS, "two")]))
        .reactor(65, &document(&[]))
        .facts();
    let (first, second) = (reported(&[wrote(5, 40, Trusted)]), reported(&[wrote(7, 60, Trusted)]));
    let content = |arrivals: &[&Facts]| -> Content {
        let facts = arrivals.iter().fold(facts.clone(), |facts, arrival| merge(&facts, arrival));
        fold(&facts, &pair(&facts), &[], None).content.unwrap()
    };
    assert_eq!(content(&[&first, &second]), document(&[(LOGS, "two")]));
    assert_eq!(content(&[&second, &first]), content(&[&first, &second]));
}

#[test]
fn acceptance_ends_when_the_hostile_call_behind_the_version_is_reported() {
    // The pipeline created the document; mallory deleted it and made another; the pipeline's event comes first and alone.
    let deceived = Story::no_document().version(95, &document(&[(BUCKET, HOSTILE)])).call(created(94, Trusted));
    assert_eq!(deceived.field(BUCKET), Some(json!(HOSTILE)), "nothing speaks against it yet");
    let named = deceived.clone().call(created(95, Untrusted));
    assert_eq!(named.accepted().content, None);
    let gone = deceived.call(deleted(94, Untrusted));
    assert_eq!(gone.accepted().content, None);
}

#[test]
fn acceptance_that_ends_leaves_what_was_accepted_before_and_not_what_the_document_held() {
    // Version 1 of another document brings a hostile field, version 2 drops it: ending its acceptance must not bring it back.
    let evil = document(&[(BUCKET, HOSTILE)]);
    let story = Story::known()
        .replaced(90, &evil)
        .version(95, &document(&[]))
        .call(deleted(89, Untrusted))
        .call(created(90, Untrusted))
        .call(wrote(2, 95, Trusted));
    assert_eq!(story.accepted().content, Some(document(&[])));
    assert_eq!(story.call(wrote(2, 95, Untrusted)).accepted().content, Some(document(&[])));
}

#[test]
fn presumed_versions_count_as_trusted_unless_they_have_a_name() {
    let story = Story::known()
        .version(90, &document(&[(LOGS, "new")]))
        .version(95, &document(&[(LOGS, "new"), (KEY, HOSTILE)]))
        .call(wrote(6, 95, Untrusted));
    let presumed = fold(&story.facts, &pair(&story.facts), &[at(90), at(95)], None);
    assert_eq!(presumed.content, Some(document(&[(LOGS, "new")])));
}

#[test]
fn adopted_version_is_accepted_until_a_foreign_call_names_it() {
    let story = Story::no_document().version(90, &document(&[(KEY, "k")])).latest(|version| version.adopted = true);
    assert_eq!(story.field(KEY), Some(json!("k")));
    assert_eq!(story.clone().call(created(90, Untrusted)).accepted().content, None);
    assert_eq!(story.call(created(90, Trusted)).field(KEY), Some(json!("k")));
}

#[test]
fn null_is_a_value_and_not_an_absent_field() {
    let story = Story::known()
        .version(90, &content(&json!({ "runAsEnabled": true, "runAsDefaultUser": "ops", LOGS: null })))
        .call(wrote(5, 90, Trusted));
    let stored: Facts = serde_json::from_str(&serde_json::to_string(&story.facts).unwrap()).unwrap();
    assert_eq!(fold(&stored, &pair(&stored), &[], None).content.unwrap().field(LOGS), Some(Value::Null));
}

#[test]
fn version_of_the_reactor_after_an_invalid_one_is_known_again() {
    let story = Story::known()
        .unusual(90, invalid())
        .call(wrote(5, 90, Untrusted))
        .reactor(92, &document(&[]))
        .version(95, &document(&[(LOGS, "new")]))
        .call(wrote(7, 95, Trusted));
    assert_eq!(story.accepted().content, Some(document(&[(LOGS, "new")])));
}

#[test]
fn first_version_of_a_trusted_replacement_does_not_bring_a_hostile_value_back() {
    let evil = document(&[(KEY, HOSTILE)]);
    let story = Story::known().version(80, &evil).call(wrote(5, 80, Untrusted)).replaced(95, &evil);
    let story = story.call(deleted(93, Trusted)).call(created(95, Trusted));
    assert_eq!((story.field(KEY), withheld(&story)), (None, Some(WithheldWhy::CarriedOver)));
}
