//! Scopes and exemptions: which accounts and OUs they name, and whether any of them can ever apply.

use std::collections::BTreeMap;

use super::super::problem::{Path, Problems, quoted};
use super::super::schema::{Document, Exemption, Scope};
use super::{account, line, ou};
use crate::domain::time::Time;

const RULES_MAX: usize = 1_000;

/// Accounts and OUs that were named so far, and by which rule.
type Claims<'a> = BTreeMap<&'a str, String>;

pub(super) fn check(document: &Document, now: Option<Time>, problems: &mut Problems) {
    let (scopes, exemptions) = (Path::root().key("scopes"), Path::root().key("exemptions"));
    for (path, count) in [(&scopes, document.scopes.len()), (&exemptions, document.exemptions.len())] {
        if count > RULES_MAX {
            let message = format!("{count} entries are more than {RULES_MAX}");
            problems.error("too_many", path.clone(), message, "name OUs instead of single accounts");
        }
    }
    let (mut names, mut claims) = (BTreeMap::new(), Claims::new());
    for (index, scope) in document.scopes.iter().enumerate() {
        let path = scopes.index(index);
        scope_name(scope, &path, &mut names, problems);
        claim(&scope.accounts, &scope.ous, &scope.name, &path, &mut claims, problems);
        if scope.mode.is_none() && scope.preferences.is_empty() && !scope.tag_only {
            problems.warning(
                "unreachable_rule",
                path,
                format!("scope {} changes nothing", quoted(&scope.name)),
                "give it a `mode` or `preferences`, or remove it",
            );
        }
    }
    let mut claims = Claims::new();
    for (index, exemption) in document.exemptions.iter().enumerate() {
        let path = exemptions.index(index);
        claim(&exemption.accounts, &exemption.ous, &exemption.owner, &path, &mut claims, problems);
        line(&exemption.reason, 256, path.key("reason"), problems);
        line(&exemption.owner, 64, path.key("owner"), problems);
        expiry(exemption, &path, now, problems);
    }
}

fn scope_name<'a>(scope: &'a Scope, path: &Path, names: &mut BTreeMap<&'a str, Path>, problems: &mut Problems) {
    let path = path.key("name");
    let mut bytes = scope.name.bytes();
    let valid = scope.name.len() <= 64
        && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b" ._-".contains(&b));
    if !valid {
        problems.error(
            "bad_value",
            path.clone(),
            format!("{} cannot be the name of a scope", quoted(&scope.name)),
            "write up to 64 letters, digits, spaces, `.`, `_` or `-`, beginning with a letter or digit",
        );
    }
    if let Some(earlier) = names.insert(&scope.name, path.clone()) {
        problems.error(
            "duplicate_name",
            path,
            format!("another scope is called {} already, at `{earlier}`", quoted(&scope.name)),
            "give each its own name: the name stands in every reason",
        );
    }
}

/// Claims the accounts and OUs of one rule; only one rule of a kind may name each.
fn claim<'a>(
    accounts: &'a [String],
    ous: &'a [String],
    who: &str,
    path: &Path,
    claims: &mut Claims<'a>,
    problems: &mut Problems,
) {
    if accounts.is_empty() && ous.is_empty() {
        problems.error(
            "unreachable_rule",
            path.clone(),
            format!("{} names no account and no OU, so it never applies", quoted(who)),
            "give it `accounts` or `ous`, or remove it",
        );
    }
    let accounts = accounts.iter().enumerate().map(|(index, id)| (id, path.key("accounts").index(index), true));
    let ous = ous.iter().enumerate().map(|(index, id)| (id, path.key("ous").index(index), false));
    for (id, path, is_account) in accounts.chain(ous) {
        let valid = if is_account { account(id, &path, problems) } else { ou(id, &path, problems) };
        if !valid {
            continue;
        }
        if let Some(earlier) = claims.get(id.as_str()) {
            problems.error(
                "overlapping_rules",
                path,
                format!("`{id}` is already named by {earlier}"),
                "leave it in one of the two: which one wins must not depend on their order",
            );
        } else {
            claims.insert(id, format!("{} at `{path}`", quoted(who)));
        }
    }
}

fn expiry(exemption: &Exemption, path: &Path, now: Option<Time>, problems: &mut Problems) {
    let path = path.key("expires");
    match (end_of_day(&exemption.expires), now) {
        (None, _) => problems.error(
            "bad_value",
            path,
            format!("{} is not a day", quoted(&exemption.expires)),
            "write the last day as YYYY-MM-DD, such as 2027-01-31",
        ),
        (Some(end), Some(now)) if end <= now => problems.warning(
            "expired_exemption",
            path,
            format!("it ended with {}; the accounts are no longer exempt", exemption.expires),
            "remove the exemption, or set a new day with its owner's consent",
        ),
        _ => {}
    }
}

/// The first moment after a day `YYYY-MM-DD` in UTC.
pub(crate) fn end_of_day(day: &str) -> Option<Time> {
    // jiff also accepts other forms, such as times and week dates.
    if day.len() != 10 {
        return None;
    }
    let day: jiff::civil::Date = day.parse().ok()?;
    let start =
        jiff::tz::Offset::UTC.to_timestamp(day.tomorrow().ok()?.to_datetime(jiff::civil::Time::midnight())).ok()?;
    Some(Time::from_ms(start.as_millisecond()))
}
