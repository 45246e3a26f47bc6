//! ARN patterns with the meaning of IAM's `ArnLike`.

use std::fmt;
use std::str::FromStr;

use wildmatch::WildMatch;

/// Parts of an ARN: `arn:partition:service:region:account:resource`.
const PARTS: usize = 6;
/// A pattern with fewer letters and digits of its own than this names no particular principal.
pub const LETTERS_MIN: usize = 3;

/// A pattern for ARNs, matched like IAM's `ArnLike`: each of the six parts on its own, case-sensitively, with `*` for any
/// characters and `?` for one. Only the last part, the resource, may contain colons, so a wildcard never spans two parts.
#[derive(Clone, Debug, PartialEq)]
pub struct ArnPattern {
    text: String,
    parts: [WildMatch; PARTS],
}

/// A string that is no ARN pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not six parts `arn:partition:service:region:account:resource`")]
pub struct ArnPatternError;

/// Splits an ARN into its six parts.
pub fn split(arn: &str) -> Option<[&str; PARTS]> {
    let mut parts = arn.splitn(PARTS, ':');
    Some([parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?])
}

impl FromStr for ArnPattern {
    type Err = ArnPatternError;

    fn from_str(text: &str) -> Result<Self, ArnPatternError> {
        match split(text) {
            Some(parts @ ["arn", ..]) => Ok(Self { text: text.to_owned(), parts: parts.map(WildMatch::new) }),
            _ => Err(ArnPatternError),
        }
    }
}

impl fmt::Display for ArnPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl ArnPattern {
    /// Whether the ARN matches.
    pub fn matches(&self, arn: &str) -> bool {
        split(arn).is_some_and(|parts| self.parts.iter().zip(parts).all(|(pattern, part)| pattern.matches(part)))
    }

    /// Whether some ARN matches both patterns.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.all_parts(other, overlaps)
    }

    /// Whether every ARN that matches `other` certainly matches this pattern too.
    pub fn covers(&self, other: &Self) -> bool {
        self.all_parts(other, covers)
    }

    fn all_parts(&self, other: &Self, relation: fn(&[char], &[char]) -> bool) -> bool {
        self.parts.iter().zip(&other.parts).all(|(a, b)| relation(a.pattern_chars(), b.pattern_chars()))
    }
}

/// Whether some text matches both wildcard patterns.
pub fn overlaps(a: &[char], b: &[char]) -> bool {
    reaches_end(a, b, |from, to| match (a.get(from.0), b.get(from.1)) {
        (Some('*'), other) => {
            to.push((from.0 + 1, from.1));
            if other.is_some() {
                to.push((from.0, from.1 + 1));
            }
        }
        (other, Some('*')) => {
            to.push((from.0, from.1 + 1));
            if other.is_some() {
                to.push((from.0 + 1, from.1));
            }
        }
        (Some(x), Some(y)) if x == y || *x == '?' || *y == '?' => to.push((from.0 + 1, from.1 + 1)),
        _ => {}
    })
}

/// Whether `a` matches the pattern `b` itself, read as a text in which only a wildcard can match a wildcard.
fn covers(a: &[char], b: &[char]) -> bool {
    reaches_end(a, b, |from, to| match (a.get(from.0), b.get(from.1)) {
        (Some('*'), other) => {
            to.push((from.0 + 1, from.1));
            if other.is_some() {
                to.push((from.0, from.1 + 1));
            }
        }
        (Some(x), Some(y)) if *y != '*' && (x == y || *x == '?') => to.push((from.0 + 1, from.1 + 1)),
        _ => {}
    })
}

/// Whether the steps lead from the start of both patterns to the end of both; visits each pair of positions once.
fn reaches_end(a: &[char], b: &[char], step: impl Fn((usize, usize), &mut Vec<(usize, usize)>)) -> bool {
    let width = b.len() + 1;
    let mut seen = vec![false; (a.len() + 1) * width];
    let mut to_visit = vec![(0, 0)];
    while let Some(at) = to_visit.pop() {
        if at == (a.len(), b.len()) {
            return true;
        }
        match seen.get_mut(at.0 * width + at.1) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        step(at, &mut to_visit);
    }
    false
}

#[cfg(test)]
mod tests;
