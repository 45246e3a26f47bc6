//! Policies.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use runas_reactor::domain::policy::Mode;
use runas_reactor::domain::policy::Policy;
use runas_reactor::domain::time::Time;
use serde_json::{Value, json};

use super::cases;
use super::invariants::resolving::{self, ends, under};

const PLACES: [&str; 6] =
    ["ou-ab12-11111111", "ou-ab12-22222222", "ou-ab12-33333333", "ou-ab12-44444444", "444455556666", "555566667777"];

fn any_preferences() -> impl Strategy<Value = Value> {
    let user = option::of("[a-z]{1,4}");
    let idle = option::of((1..=60_u32).prop_map(|minutes| minutes.to_string()));
    let profile = option::of(prop_oneof![Just(json!({ "linux": "exec bash" })), Just(json!({}))]);
    (user, idle, profile).prop_map(|(user, idle, profile)| {
        let mut preferences = json!({});
        for (field, value) in
            [("runAsDefaultUser", json!(user)), ("idleSessionTimeout", json!(idle)), ("shellProfile", json!(profile))]
        {
            if !value.is_null() {
                preferences[field] = value;
            }
        }
        preferences
    })
}

fn any_scope() -> impl Strategy<Value = Value> {
    let mode = option::of(prop::sample::select(vec!["enforce", "observe"]));
    (mode, any_preferences(), any::<bool>()).prop_map(|(mode, preferences, tag_only)| {
        let mut scope = json!({ "preferences": preferences });
        if let Some(mode) = mode {
            scope["mode"] = json!(mode);
        }
        if tag_only && scope["preferences"]["runAsDefaultUser"].is_null() {
            scope["tag_only"] = json!(true);
        }
        scope
    })
}

fn any_exemption() -> impl Strategy<Value = Value> {
    let day = (1960..2100_u32, 1..=12_u32, 1..=28_u32).prop_map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}"));
    let day =
        prop_oneof![4 => day, 1 => prop::sample::select(vec!["2028-02-29", "2026-12-31"]).prop_map(str::to_owned)];
    (day, prop::sample::select(vec!["observe", "enforce"]))
        .prop_map(|(day, after)| json!({ "reason": "r", "owner": "o", "expires": day, "after": after }))
}

/// The rules with the places that they name; those that name none are left out.
fn placed(rules: Vec<Value>, owners: &[usize]) -> Vec<Value> {
    let mut rules = rules;
    for (place, owner) in PLACES.iter().zip(owners) {
        let key = if place.starts_with("ou-") { "ous" } else { "accounts" };
        if let Some(rule) = rules.get_mut(*owner) {
            let ids = rule[key].as_array().cloned().unwrap_or_default();
            rule[key] = ids.into_iter().chain([json!(place)]).collect();
        }
    }
    rules.retain(|rule| rule["ous"].is_array() || rule["accounts"].is_array());
    rules
}

fn named((index, mut scope): (usize, Value)) -> Value {
    scope["name"] = json!(format!("s{index}"));
    scope
}

prop_compose! {
    fn any_policy()(
        scopes in vec(any_scope(), 4),
        exemptions in vec(any_exemption(), 3),
        owners in vec(0..6_usize, 6),
        exempt in vec(0..6_usize, 6),
        defaults in any_scope(),
        unplaced in prop::sample::select(vec!["enforce", "observe"]),
    ) -> Value {
        let mut defaults = defaults;
        defaults["mode"] = defaults["mode"].as_str().unwrap_or("enforce").into();
        defaults["preferences"]["runAsEnabled"] = true.into();
        if defaults["tag_only"].is_null() && defaults["preferences"]["runAsDefaultUser"].is_null() {
            defaults["preferences"]["runAsDefaultUser"] = "ops".into();
        }
        let scopes: Vec<Value> = placed(scopes, &owners).into_iter().enumerate().map(named).collect();
        json!({
            "version": 1,
            "organization": {
                "id": "o-exampleorgid", "management_account": "111122223333", "hub_account": "222233334444", "home_region": "eu-west-1"
            },
            "regions": ["eu-west-1"],
            "access": { "roles": ["RunasReactorMember"] },
            "unplaced": unplaced,
            "defaults": defaults,
            "scopes": scopes,
            "exemptions": placed(exemptions, &exempt),
            "principals": {
                "trusted": ["arn:aws:iam::*:role/AWSAccelerator-*", "cloudformation.amazonaws.com"],
                "break_glass": ["arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*BreakGlass_*"]
            }
        })
    }
}

fn accepted(json: &Value) -> Policy {
    Policy::from_compiled(&json.to_string()).unwrap_or_else(|error| panic!("{error}: {json}"))
}

/// Some of the OUs, in any order, without repeats.
fn any_path() -> impl Strategy<Value = Vec<&'static str>> {
    (Just(PLACES[..4].to_vec()).prop_shuffle(), 0..=4_usize).prop_map(|(path, depth)| path[..depth].to_vec())
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn an_account_gets_what_the_plainest_reading_of_the_rules_gives_it(
        json in any_policy(),
        path in any_path(),
        account in prop::sample::select(vec!["444455556666", "555566667777", "888899990000"]),
        now in 0..4_000_000_000_000_i64,
    ) {
        let policy = accepted(&json);
        resolving::resolution(&policy, &json, &under(account, &path), Time::from_ms(now));
    }

    #[test]
    fn a_policy_comes_back_from_the_ledger_as_it_was(json in any_policy(), path in any_path()) {
        let policy = accepted(&json);
        resolving::compiled(&policy);
        let again = accepted(&serde_json::from_str(&policy.compiled()).unwrap());
        let (facts, now) = (under(PLACES[4], &path), Time::from_ms(1_795_000_000_000));
        prop_assert_eq!(again.explain(&facts, now), policy.explain(&facts, now));
    }

    #[test]
    fn rules_about_other_places_change_nothing(json in any_policy()) {
        resolving::unrelated(&accepted(&json), &json);
    }

    #[test]
    fn an_exemption_ends_with_the_last_millisecond_of_its_day(exemption in any_exemption(), path in any_path()) {
        let (day, after) = (exemption["expires"].as_str().unwrap().to_owned(), exemption["after"] == "enforce");
        let mut json = json!(null);
        for scopes in [json!([]), json!([{ "name": "own", "accounts": [PLACES[4]], "mode": "enforce" }])] {
            json = policy_with(&scopes, &placed(vec![exemption.clone()], &[9, 9, 9, 9, 0, 9]));
            let facts = under(PLACES[4], &[&path[..], &["ou-ab12-55555555"]].concat());
            let mode = |at: i64| accepted(&json).resolve(&facts, Time::from_ms(at)).mode;
            prop_assert_eq!(mode(ends(&day) - 1), Mode::Exempt);
            prop_assert_eq!(mode(ends(&day)), if after { Mode::Enforce } else { Mode::Observe });
        }
        prop_assert!(json.is_object());
    }
}

fn policy_with(scopes: &Value, exemptions: &[Value]) -> Value {
    json!({
        "version": 1,
        "organization": {
            "id": "o-exampleorgid", "management_account": "111122223333", "hub_account": "222233334444", "home_region": "eu-west-1"
        },
        "regions": "enabled",
        "access": { "roles": ["RunasReactorMember"] },
        "unplaced": "observe",
        "defaults": { "mode": "enforce", "preferences": { "runAsEnabled": true, "runAsDefaultUser": "ops" } },
        "scopes": scopes,
        "exemptions": exemptions,
    })
}

#[test]
fn the_published_example_is_read_in_the_plainest_way() {
    let text = include_str!("../../../infra/policy.example.yaml");
    let (policy, _) = runas_reactor::policy_file::parse("policy.example.yaml", text, Time::ZERO).unwrap();
    resolving::all(&policy);
}
