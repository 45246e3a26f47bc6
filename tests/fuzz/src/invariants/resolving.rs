//! Policies: what is accepted stays as it is, and says what its rules say in the plainest reading.

use runas_reactor::domain::policy::{Mode, Policy, PolicyError};
use runas_reactor::domain::principal::{Attribution, Principal};
use runas_reactor::domain::target::{AccountFacts, AccountState};
use runas_reactor::domain::time::Time;
use serde_json::{Map, Value, json};

use super::arn::{arn_like, around};

/// How many of the named accounts and OUs are looked at, so that a large policy takes no longer than a small one.
const LOOKED_AT_MAX: usize = 3;
const STARS_MAX: usize = 5;

/// A compiled policy, in bytes.
pub fn bytes(data: &[u8]) {
    match Policy::from_compiled(&String::from_utf8_lossy(data)) {
        Ok(policy) => all(&policy),
        Err(PolicyError::Rejected(problems)) => {
            assert!(!problems.is_empty());
            assert!(problems.iter().all(|problem| !problem.message.is_empty() && !problem.fix.is_empty()));
        }
        Err(PolicyError::Unreadable(_) | PolicyError::TooBig { .. }) => {}
    }
}

/// Everything that holds of a policy.
pub fn all(policy: &Policy) {
    compiled(policy);
    let json: Value = serde_json::from_str(&policy.compiled()).unwrap();
    for facts in facts(&json) {
        for now in moments(&json) {
            resolution(policy, &json, &facts, now);
        }
    }
    unrelated(policy, &json);
    for list in ["trusted", "break_glass"] {
        // The plain reading of a pattern takes a time that grows with the power of its stars.
        let plain = |pattern: &&str| pattern.matches('*').count() <= STARS_MAX;
        for pattern in texts(&json["principals"][list]).into_iter().filter(plain).take(LOOKED_AT_MAX) {
            for arn in around(pattern) {
                attribution(policy, &json, &arn);
            }
        }
    }
}

/// Compiling and reading back gives the same policy, the same text and the same digest.
pub fn compiled(policy: &Policy) {
    let text = policy.compiled();
    let again = Policy::from_compiled(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(again, *policy);
    assert_eq!((again.compiled().as_str(), again.digest()), (text.as_str(), policy.digest()));
}

/// What the policy says of an account is what the plainest reading of its rules says.
pub fn resolution(policy: &Policy, json: &Value, facts: &AccountFacts, now: Time) {
    let explained = policy.explain(facts, now);
    let resolution = &explained.resolution;
    assert_eq!(policy.resolve(facts, now), *resolution);
    let (owned, mode) = reference(json, facts, now);
    assert_eq!(json!(resolution.owned), Value::Object(owned), "{facts:?} at {now} in {json}");
    assert_eq!(json!(resolution.mode), mode, "{facts:?} at {now} in {json}");
    assert_eq!(resolution.exemption.is_some(), resolution.mode == Mode::Exempt);
    assert!(!resolution.reason.is_empty() && !resolution.reason.contains('\n'), "{}", resolution.reason);
    assert!(explained.fields_from.keys().eq(resolution.owned.keys()));
}

/// From the widest rule to the narrowest, the last one wins; the root, and then an exemption, have the last word on the mode.
fn reference(json: &Value, facts: &AccountFacts, now: Time) -> (Map<String, Value>, Value) {
    let mut rules = vec![&json["defaults"]];
    for ou in &facts.ou_path {
        rules.extend(naming(&json["scopes"], "ous", ou.as_str()));
    }
    let own = naming(&json["scopes"], "accounts", facts.account.as_str());
    rules.extend(own);
    let (mut fields, mut mode) = (Map::new(), Value::Null);
    for rule in rules {
        for (field, value) in rule["preferences"].as_object().into_iter().flatten() {
            fields.insert(field.clone(), whole(field, value));
        }
        if rule["tag_only"] == true {
            fields.insert("runAsDefaultUser".to_owned(), json!(""));
        }
        if rule["mode"].is_string() {
            mode = rule["mode"].clone();
        }
    }
    if own.is_none() && !facts.ou_path.iter().any(|ou| ou.as_str().starts_with("ou-")) {
        mode = json["unplaced"].clone();
    }
    let exemption = |key, id: &str| naming(&json["exemptions"], key, id);
    let nearest = facts.ou_path.iter().rev().find_map(|ou| exemption("ous", ou.as_str()));
    if let Some(exemption) = exemption("accounts", facts.account.as_str()).or(nearest) {
        if now.ms() < ends(exemption["expires"].as_str().unwrap()) {
            mode = json!("exempt");
        } else if exemption["after"] != "enforce" {
            mode = json!("observe");
        }
    }
    (fields, mode)
}

/// The rule that names an id; two could not.
fn naming<'a>(rules: &'a Value, key: &str, id: &str) -> Option<&'a Value> {
    rules.as_array().into_iter().flatten().find(|rule| texts(&rule[key]).contains(&id))
}

/// A shell profile is owned as a whole.
fn whole(field: &str, value: &Value) -> Value {
    match field {
        "shellProfile" => {
            let shell = |name| value[name].as_str().unwrap_or_default();
            json!({ "windows": shell("windows"), "linux": shell("linux") })
        }
        _ => value.clone(),
    }
}

/// The end of a day `YYYY-MM-DD`, in milliseconds since 1970, by counting days.
pub fn ends(day: &str) -> i64 {
    let numbers: Vec<i64> = day.split('-').map(|part| part.parse().unwrap()).collect();
    let (year, month, day) = (numbers[0], numbers[1], numbers[2]);
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of = |month: i64| match month {
        2 => 28 + i64::from(leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let years: i64 = if year < 1970 {
        -(year..1970).map(|year| 365 + i64::from(leap(year))).sum::<i64>()
    } else {
        (1970..year).map(|year| 365 + i64::from(leap(year))).sum()
    };
    (years + (1..month).map(days_of).sum::<i64>() + day) * 86_400_000
}

/// A scope and an exemption that name only other places change nothing.
pub fn unrelated(policy: &Policy, json: &Value) {
    let (place, mut wider) = ("ou-zzzz-99999999", json.clone());
    if json.to_string().contains(place) {
        return;
    }
    let scope = json!({ "name": "unrelated zzzz", "ous": [place], "mode": "observe", "preferences": { "runAsDefaultUser": "zzzz" } });
    let exemption = json!({ "ous": [place], "reason": "r", "owner": "o", "expires": "2030-01-31" });
    for (key, rule) in [("scopes", scope), ("exemptions", exemption)] {
        match wider[key].as_array_mut() {
            Some(rules) => rules.insert(0, rule),
            None => wider[key] = json!([rule]),
        }
    }
    let Ok(wider) = Policy::from_compiled(&wider.to_string()) else { return };
    for facts in facts(json) {
        for now in moments(json) {
            assert_eq!(wider.resolve(&facts, now), policy.resolve(&facts, now), "{facts:?}");
        }
    }
}

/// Who made an edit, by the patterns alone; an emergency comes first.
pub fn attribution(policy: &Policy, json: &Value, arn: &str) {
    let fits = |list: &str| {
        let patterns = texts(&json["principals"][list]);
        patterns.iter().any(|pattern| pattern.matches('*').count() <= STARS_MAX && arn_like(pattern, arn))
    };
    let principal = |arn: Option<&str>, kind: &str| Principal {
        kind: kind.to_owned(),
        arn: arn.map(str::to_owned),
        name: Some("ssm.amazonaws.com".to_owned()),
    };
    let expected = if fits("break_glass") {
        Attribution::BreakGlass
    } else if fits("trusted") {
        Attribution::Trusted
    } else {
        Attribution::Untrusted
    };
    assert_eq!(policy.attribute(&principal(Some(arn), "AssumedRole")), expected, "{arn}");
    assert_eq!(policy.attribute(&principal(None, "AssumedRole")), Attribution::Untrusted);
    assert_eq!(policy.attribute(&principal(None, "Unknown")), Attribution::Unattributed);
}

/// Accounts that the policy names, and one that it does not, under the OUs that it names, in more than one order.
fn facts(json: &Value) -> Vec<AccountFacts> {
    let named = |key: &str| {
        let rules = ["scopes", "exemptions"].into_iter().filter_map(|list| json[list].as_array()).flatten();
        let mut ids: Vec<&str> = rules.flat_map(|rule| texts(&rule[key])).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(LOOKED_AT_MAX);
        ids
    };
    let (mut accounts, ous) = (named("accounts"), named("ous"));
    accounts.push("888899990000");
    let mut paths: Vec<Vec<&str>> = (0..=ous.len()).map(|depth| ous[..depth].to_vec()).collect();
    paths.push(ous.iter().rev().copied().collect());
    paths.push(ous.iter().copied().chain(["ou-ab12-77777777"]).collect());
    let mut facts = Vec::new();
    for account in accounts {
        facts.extend(paths.iter().map(|path| under(account, path)));
    }
    facts
}

/// An account under the root and these OUs.
pub fn under(account: &str, ous: &[&str]) -> AccountFacts {
    let path = ["r-ab12"].iter().chain(ous);
    AccountFacts {
        account: account.parse().unwrap(),
        name: String::new(),
        ou_path: path.map(|ou| ou.parse().unwrap()).collect(),
        state: AccountState::Active,
    }
}

/// The last moment of each exemption, and the first after it.
fn moments(json: &Value) -> Vec<Time> {
    let days =
        json["exemptions"].as_array().into_iter().flatten().filter_map(|exemption| exemption["expires"].as_str());
    let mut moments = vec![Time::from_ms(1_795_000_000_000)];
    for day in days.take(LOOKED_AT_MAX) {
        moments.extend([Time::from_ms(ends(day) - 1), Time::from_ms(ends(day))]);
    }
    moments
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
