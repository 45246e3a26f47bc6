//! Finds everything that is wrong with a policy at once, so that its author fixes it in one go.

mod organization;
mod places;
mod preferences;
mod principals;

use super::problem::{Path, Problem, Problems, misleads, quoted};
use super::schema::{BreakGlass, Document, VERSION};
use crate::domain::target::{AccountId, OuId};
use crate::domain::time::Time;

pub(crate) use places::end_of_day;
pub(crate) use principals::PrincipalPattern;

/// A policy file, and its compiled form, is at most this large; both have to fit into items of 400 KB.
pub const POLICY_BYTES_MAX: usize = 256 * 1024;

/// Checks a policy. Without `now` expiry is not checked, so that an accepted policy stays acceptable.
pub(super) fn check(document: &Document, now: Option<Time>) -> Vec<Problem> {
    let mut problems = Problems::default();
    if document.version != VERSION {
        problems.error(
            "unknown_version",
            Path::root().key("version"),
            format!("version `{}` of the policy format is unknown here", document.version),
            format!("write `version: {VERSION}`, or use a runasctl that knows the newer format"),
        );
        // The meaning of an unknown version's other keys is unknown.
        return problems.into_vec();
    }
    organization::check(document, &mut problems);
    preferences::check(document, &mut problems);
    places::check(document, now, &mut problems);
    principals::check(document, &mut problems);
    numbers(document, &mut problems);
    holds(document.break_glass, &mut problems);
    problems.into_vec()
}

fn numbers(document: &Document, problems: &mut Problems) {
    let root = Path::root();
    let ranges = [
        (root.key("break_glass").key("hold_minutes"), document.break_glass.hold_minutes, 1, 1_440),
        (root.key("break_glass").key("daily_minutes"), document.break_glass.daily_minutes, 1, 1_440),
        (root.key("breaker").key("reverts"), document.breaker.reverts, 2, 100),
        (root.key("breaker").key("within_minutes"), document.breaker.within_minutes, 1, 1_440),
        (root.key("readiness").key("retry_for_minutes"), document.readiness.retry_for_minutes, 1, 10_080),
        (root.key("alerts").key("configuration_lag_minutes"), document.alerts.configuration_lag_minutes, 1, 10_080),
    ];
    for (path, value, min, max) in ranges {
        if !(min..=max).contains(&value) {
            problems.error(
                "out_of_range",
                path,
                format!("`{value}` is out of range"),
                format!("write a number from {min} to {max}"),
            );
        }
    }
}

/// A hold that is longer than what a day allows is a contradiction.
fn holds(glass: BreakGlass, problems: &mut Problems) {
    let BreakGlass { hold_minutes, daily_minutes } = glass;
    if daily_minutes < hold_minutes {
        problems.error(
            "out_of_range",
            Path::root().key("break_glass").key("daily_minutes"),
            format!("`{daily_minutes}` is less than `hold_minutes`, which is {hold_minutes}"),
            format!("write a number from {hold_minutes} to 1440"),
        );
    }
}

/// Whether a text is an account id; reports it if not.
fn account(text: &str, path: &Path, problems: &mut Problems) -> bool {
    let valid = text.parse::<AccountId>().is_ok();
    if !valid {
        let message = format!("{} is not an account id", quoted(text));
        problems.error("bad_id", path.clone(), message, "write its 12 digits, in quotes");
    }
    valid
}

/// Whether a text is the id of an OU; reports it if not.
fn ou(text: &str, path: &Path, problems: &mut Problems) -> bool {
    if text.starts_with("r-") && text.parse::<OuId>().is_ok() {
        problems.error(
            "bad_id",
            path.clone(),
            format!("{} is the root: every account is below it", quoted(text)),
            "say in `defaults` what holds everywhere, and in `unplaced` what holds directly under the root",
        );
        return false;
    }
    let valid = text.parse::<OuId>().is_ok() && is_ou(text);
    if !valid {
        problems.error(
            "bad_id",
            path.clone(),
            format!("{} is not the id of an OU", quoted(text)),
            "write the id as Organizations shows it, such as ou-ab12-11111111",
        );
    }
    valid
}

/// `ou-`, 4 to 32 letters or digits of the root, `-`, 8 to 32 letters or digits [bc: organizations].
fn is_ou(text: &str) -> bool {
    let Some((root, own)) = text.strip_prefix("ou-").and_then(|rest| rest.split_once('-')) else { return false };
    let word = |part: &str| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (4..=32).contains(&root.len()) && (8..=32).contains(&own.len()) && word(root) && word(own)
}

/// A short text for people: not blank, bounded, on one line.
fn line(text: &str, chars_max: usize, path: Path, problems: &mut Problems) {
    if text.trim().is_empty() {
        problems.error("bad_value", path, "it is blank", "write a few words that others will understand");
    } else if text.chars().nth(chars_max).is_some() || text.chars().any(misleads) {
        problems.error(
            "bad_value",
            path,
            format!("{} is too long or not one line", quoted(text)),
            format!("write at most {chars_max} characters on one line"),
        );
    }
}

#[cfg(test)]
mod tests;
