use proptest::prelude::*;
use serde_json::json;

use super::super::tests::{example, policy};
use super::*;

const ROOT: &str = "r-ab12";
const PRODUCTION: &str = "ou-ab12-11111111";
const NESTED: &str = "ou-ab12-22222222";
const DEEP: &str = "ou-ab12-33333333";

fn facts(account: &str, ou_path: &[&str]) -> AccountFacts {
    AccountFacts {
        account: account.parse().unwrap(),
        name: "name".to_owned(),
        ou_path: ou_path.iter().map(|ou| ou.parse().unwrap()).collect(),
        state: crate::domain::target::AccountState::Active,
    }
}

fn at(time: &str) -> Time {
    time.parse().unwrap()
}

fn now() -> Time {
    at("2026-11-20T12:00:00Z")
}

fn owned(resolution: &Resolution) -> Value {
    serde_json::to_value(&resolution.owned).unwrap()
}

#[test]
fn the_most_specific_rule_wins_and_is_named() {
    let policy = policy(&example());
    let ops = json!({ "runAsEnabled": true, "runAsDefaultUser": "ops" });
    let prodops = json!({ "runAsEnabled": true, "runAsDefaultUser": "prodops", "idleSessionTimeout": "15" });
    for (account, ou_path, mode, expected, reason) in [
        (
            "777788889999",
            &[ROOT, NESTED][..],
            Mode::Enforce,
            &ops,
            "defaults: mode enforce, runAsDefaultUser, runAsEnabled",
        ),
        (
            "777788889999",
            &[ROOT, PRODUCTION],
            Mode::Enforce,
            &prodops,
            "scope `production` (nearest OU ou-ab12-11111111): idleSessionTimeout, runAsDefaultUser; \
             defaults: mode enforce, runAsEnabled",
        ),
        // OUs inherit, also through OUs that no scope names.
        (
            "777788889999",
            &[ROOT, PRODUCTION, NESTED],
            Mode::Enforce,
            &prodops,
            "scope `production` (nearest OU ou-ab12-11111111): idleSessionTimeout, runAsDefaultUser; \
             defaults: mode enforce, runAsEnabled",
        ),
        (
            "444455556666",
            &[ROOT, PRODUCTION],
            Mode::Observe,
            &prodops,
            "scope `pilot` (account 444455556666): mode observe; \
             scope `production` (nearest OU ou-ab12-11111111): idleSessionTimeout, runAsDefaultUser; \
             defaults: runAsEnabled",
        ),
        (
            "777788889999",
            &[ROOT],
            Mode::Observe,
            &ops,
            "unplaced (directly under the root): mode observe; defaults: runAsDefaultUser, runAsEnabled",
        ),
    ] {
        let resolution = policy.resolve(&facts(account, ou_path), now());
        assert_eq!(resolution.mode, mode, "{account} {ou_path:?}");
        assert_eq!(owned(&resolution), *expected, "{account} {ou_path:?}");
        assert_eq!(resolution.reason, reason);
        assert_eq!(resolution.exemption, None);
    }
}

#[test]
fn nested_scopes_are_laid_over_each_other() {
    let mut json = example();
    json["scopes"] = json!([
        { "name": "deep", "ous": [DEEP], "preferences": { "runAsDefaultUser": "deep" } },
        {
            "name": "production",
            "ous": [PRODUCTION],
            "mode": "observe",
            "preferences": { "runAsDefaultUser": "prodops", "idleSessionTimeout": "15" }
        },
        { "name": "nested", "ous": [NESTED], "preferences": { "idleSessionTimeout": "5" } }
    ]);
    let resolution = policy(&json).resolve(&facts("777788889999", &[ROOT, PRODUCTION, NESTED, DEEP]), now());
    assert_eq!(resolution.mode, Mode::Observe);
    assert_eq!(
        owned(&resolution),
        json!({ "runAsEnabled": true, "runAsDefaultUser": "deep", "idleSessionTimeout": "5" })
    );
    assert_eq!(
        resolution.reason,
        "scope `deep` (nearest OU ou-ab12-33333333): runAsDefaultUser; \
         scope `nested` (outer OU ou-ab12-22222222): idleSessionTimeout; \
         scope `production` (outer OU ou-ab12-11111111): mode observe; \
         defaults: runAsEnabled"
    );
}

#[test]
fn a_scope_counts_at_its_most_specific_place() {
    let mut json = example();
    json["scopes"] = json!([
        { "name": "both", "ous": [PRODUCTION, DEEP], "preferences": { "runAsDefaultUser": "both" } },
        { "name": "between", "ous": [NESTED], "preferences": { "runAsDefaultUser": "between" } }
    ]);
    let policy = policy(&json);
    let user = |path: &[&str]| owned(&policy.resolve(&facts("777788889999", path), now()))["runAsDefaultUser"].clone();
    assert_eq!(user(&[ROOT, PRODUCTION, NESTED, DEEP]), "both");
    assert_eq!(user(&[ROOT, PRODUCTION, NESTED]), "between");
    assert_eq!(user(&[ROOT, PRODUCTION]), "both");
}

#[test]
fn an_account_under_the_root_is_unplaced_unless_a_scope_names_it() {
    let mut json = example();
    json["defaults"]["mode"] = json!("observe");
    json["unplaced"] = json!("enforce");
    let policy = policy(&json);
    assert_eq!(policy.resolve(&facts("777788889999", &[ROOT]), now()).mode, Mode::Enforce);
    assert_eq!(policy.resolve(&facts("777788889999", &[]), now()).mode, Mode::Enforce);
    assert_eq!(policy.resolve(&facts("777788889999", &[ROOT, NESTED]), now()).mode, Mode::Observe);
    let named = policy.resolve(&facts("444455556666", &[ROOT]), now());
    assert_eq!(named.mode, Mode::Observe);
    assert!(named.reason.starts_with("scope `pilot` (account 444455556666): mode observe"), "{}", named.reason);
}

#[test]
fn an_exemption_holds_to_the_end_of_its_day() {
    let policy = policy(&example());
    let account = facts("555566667777", &[ROOT, PRODUCTION]);
    let exempt = policy.resolve(&account, at("2027-01-31T23:59:59.999Z"));
    assert_eq!(exempt.mode, Mode::Exempt);
    let note = ExemptionNote {
        reason: "appliance with its own users".to_owned(),
        owner: "team-net".to_owned(),
        expires: at("2027-02-01T00:00:00Z"),
    };
    assert_eq!(exempt.exemption, Some(note));
    assert_eq!(
        exempt.reason,
        "exempt until the end of 2027-01-31 (owner team-net): appliance with its own users; \
         scope `production` (nearest OU ou-ab12-11111111): idleSessionTimeout, runAsDefaultUser; \
         defaults: mode enforce, runAsEnabled"
    );
    let ended = policy.resolve(&account, at("2027-02-01T00:00:00Z"));
    assert_eq!((ended.mode, &ended.exemption), (Mode::Observe, &None));
    assert!(
        ended.reason.starts_with("exemption of team-net ended with 2027-01-31: mode observe; scope"),
        "{}",
        ended.reason
    );
}

#[test]
fn after_its_end_the_scope_applies_where_the_exemption_says_enforce() {
    let mut json = example();
    json["exemptions"][0]["after"] = json!("enforce");
    json["exemptions"][0]["accounts"] = json!(["555566667777", "444455556666"]);
    let policy = policy(&json);
    let later = at("2027-02-01T00:00:00Z");
    let enforced = policy.resolve(&facts("555566667777", &[ROOT, PRODUCTION]), later);
    assert_eq!(enforced.mode, Mode::Enforce);
    assert!(enforced.reason.starts_with("exemption of team-net ended with 2027-01-31; scope `production`"));
    // The scope of this account observes, also after the exemption.
    assert_eq!(policy.resolve(&facts("444455556666", &[ROOT, PRODUCTION]), later).mode, Mode::Observe);
}

#[test]
fn an_exemption_beats_scopes_and_the_nearest_beats_the_others() {
    let mut json = example();
    json["exemptions"] = json!([
        { "ous": [PRODUCTION], "reason": "outer", "owner": "o", "expires": "2027-01-31" },
        { "ous": [NESTED], "reason": "inner", "owner": "o", "expires": "2026-01-31" },
        { "accounts": ["777788889999"], "reason": "own", "owner": "o", "expires": "2027-01-31" }
    ]);
    json["scopes"][1]["mode"] = json!("enforce");
    let policy = policy(&json);
    let of = |account, path: &[&str]| {
        let resolution = policy.resolve(&facts(account, path), now());
        (resolution.mode, resolution.exemption.map(|note| note.reason))
    };
    assert_eq!(of("444455556666", &[ROOT, PRODUCTION]), (Mode::Exempt, Some("outer".to_owned())));
    // The nearest exemption has ended; its `after` applies.
    assert_eq!(of("444455556666", &[ROOT, PRODUCTION, NESTED]), (Mode::Observe, None));
    assert_eq!(of("777788889999", &[ROOT, PRODUCTION, NESTED]), (Mode::Exempt, Some("own".to_owned())));
    assert_eq!(of("777788889999", &[ROOT]), (Mode::Exempt, Some("own".to_owned())));
}

#[test]
fn tag_only_clears_the_user_and_a_user_further_in_ends_it() {
    let mut json = example();
    json["scopes"] = json!([
        { "name": "tags", "ous": [PRODUCTION], "tag_only": true },
        { "name": "user", "ous": [NESTED], "preferences": { "runAsDefaultUser": "nested" } }
    ]);
    let policy = policy(&json);
    let user = |path: &[&str]| owned(&policy.resolve(&facts("777788889999", path), now()))["runAsDefaultUser"].clone();
    assert_eq!(user(&[ROOT, PRODUCTION]), "");
    assert_eq!(user(&[ROOT, PRODUCTION, NESTED]), "nested");
    assert_eq!(user(&[ROOT, NESTED, PRODUCTION]), "");
}

#[test]
fn every_input_is_owned_under_its_own_name_and_type() {
    let inputs = json!({
        "runAsEnabled": true,
        "runAsDefaultUser": "ops",
        "idleSessionTimeout": "20",
        "maxSessionDuration": "",
        "s3BucketName": "logs",
        "s3KeyPrefix": "ssm/",
        "s3EncryptionEnabled": true,
        "cloudWatchLogGroupName": "/ssm",
        "cloudWatchEncryptionEnabled": false,
        "cloudWatchStreamingEnabled": true,
        "kmsKeyId": "alias/ssm",
        "shellProfile": { "windows": "", "linux": "exec bash" }
    });
    let mut json = example();
    json["defaults"]["preferences"] = inputs.clone();
    json["defaults"]["preferences"]["shellProfile"] = json!({ "linux": "exec bash" });
    let resolution = policy(&json).resolve(&facts("777788889999", &[ROOT, NESTED]), now());
    assert_eq!(owned(&resolution), inputs);
}

/// The documented meaning in its plainest form: from the widest rule to the narrowest, the last one wins.
fn reference(json: &Value, account: &str, path: &[&str]) -> (Value, String) {
    let mut fields = json["defaults"]["preferences"].clone();
    let mut mode = json["defaults"]["mode"].clone();
    let scopes = json["scopes"].as_array().unwrap();
    let names = |scope: &Value, key: &str, id: &str| scope[key].as_array().is_some_and(|ids| ids.contains(&json!(id)));
    let mut lay = |scope: &Value| {
        for (field, value) in scope["preferences"].as_object().into_iter().flatten() {
            fields[field] = value.clone();
        }
        if scope["mode"].is_string() {
            mode = scope["mode"].clone();
        }
    };
    for ou in path {
        scopes.iter().filter(|scope| names(scope, "ous", ou)).for_each(&mut lay);
    }
    let own: Vec<&Value> = scopes.iter().filter(|scope| names(scope, "accounts", account)).collect();
    own.iter().copied().for_each(&mut lay);
    if path.len() == 1 && own.is_empty() {
        mode = json["unplaced"].clone();
    }
    (fields, mode.as_str().unwrap().to_owned())
}

fn scope(index: usize) -> impl Strategy<Value = Value> {
    let mode = prop_oneof![Just(None), Just(Some("enforce")), Just(Some("observe"))];
    (mode, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(move |(mode, user, idle, enabled)| {
        let mut scope = json!({ "name": format!("s{index}"), "preferences": {} });
        if let Some(mode) = mode {
            scope["mode"] = json!(mode);
        }
        if user {
            scope["preferences"]["runAsDefaultUser"] = json!(format!("user{index}"));
        }
        if idle {
            scope["preferences"]["idleSessionTimeout"] = json!(format!("{}", index + 1));
        }
        if enabled {
            scope["preferences"]["runAsEnabled"] = json!(index != 1);
        }
        scope
    })
}

proptest! {
    #[test]
    fn resolves_as_documented(
        scopes in (scope(0), scope(1), scope(2), scope(3)),
        owners in proptest::collection::vec(0usize..4, 5),
        order in Just(vec![PRODUCTION, NESTED, DEEP, "ou-ab12-44444444"]).prop_shuffle(),
        depth in 0usize..5,
        unplaced in prop_oneof![Just("enforce"), Just("observe")],
    ) {
        let mut list = [scopes.0, scopes.1, scopes.2, scopes.3];
        let places = [PRODUCTION, NESTED, DEEP, "ou-ab12-44444444", "777788889999"];
        for (place, owner) in places.iter().zip(&owners) {
            let key = if place.starts_with("ou-") { "ous" } else { "accounts" };
            match list[*owner][key].as_array_mut() {
                Some(ids) => ids.push(json!(place)),
                None => list[*owner][key] = json!([place]),
            }
        }
        let named: Vec<Value> = list.into_iter().filter(|scope| !scope["ous"].is_null() || !scope["accounts"].is_null()).collect();
        let mut json = example();
        json["scopes"] = json!(named);
        json["unplaced"] = json!(unplaced);
        let path: Vec<&str> = [ROOT].into_iter().chain(order.into_iter().take(depth)).collect();
        let policy = policy(&json);
        for account in ["777788889999", "888899990000"] {
            let resolution = policy.resolve(&facts(account, &path), now());
            let (fields, mode) = reference(&json, account, &path);
            prop_assert_eq!(owned(&resolution), fields);
            prop_assert_eq!(word(resolution.mode), mode);
            prop_assert!(!resolution.reason.is_empty() && !resolution.reason.contains('\n'));
        }
    }
}
