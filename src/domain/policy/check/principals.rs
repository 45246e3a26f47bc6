//! Who is trusted: whether a pattern can match at all, and whether it matches unintended principals.

use super::super::arn_pattern::{self, ArnPattern, LETTERS_MIN, overlaps};
use super::super::problem::{Path, Problems, quoted};
use super::super::schema::Document;
use crate::domain::principal::Principal;
use crate::domain::target::{AccountId, Region, partition};

const PATTERNS_MAX: usize = 100;
const PATTERN_BYTES_MAX: usize = 256;

/// The path of Identity Center's roles. IAM lets no principal of an account create a role under it.
const RESERVED: &str = "role/aws-reserved/sso.amazonaws.com/";

/// One entry of `principals`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PrincipalPattern {
    /// Roles and users.
    Arn(ArnPattern),
    /// An AWS service that acts by itself, by its DNS name.
    Service(String),
}

impl PrincipalPattern {
    /// Reads an entry that [`check`] has accepted.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if is_service(text) { Some(Self::Service(text.to_owned())) } else { text.parse().ok().map(Self::Arn) }
    }

    /// Whether the principal matches.
    pub(crate) fn matches(&self, principal: &Principal) -> bool {
        match self {
            Self::Arn(pattern) => principal.arn.as_deref().is_some_and(|arn| pattern.matches(arn)),
            Self::Service(name) => principal.kind == "AWSService" && principal.name.as_ref() == Some(name),
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Arn(a), Self::Arn(b)) => a.overlaps(b),
            (a, b) => a == b,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Arn(a), Self::Arn(b)) => a.covers(b),
            (a, b) => a == b,
        }
    }
}

fn is_service(text: &str) -> bool {
    let name = text.strip_suffix(".amazonaws.com").or_else(|| text.strip_suffix(".amazonaws.com.cn"));
    name.is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b))
    })
}

pub(super) fn check(document: &Document, problems: &mut Problems) {
    let path = Path::root().key("principals");
    let organization = Home {
        partition: document.organization.home_region.parse::<Region>().map_or("aws", |region| partition(&region)),
        region: &document.organization.home_region,
        management: &document.organization.management_account,
    };
    let trusted = list(&document.principals.trusted, &path.key("trusted"), &organization, problems);
    let break_glass = list(&document.principals.break_glass, &path.key("break_glass"), &organization, problems);
    for (path, pattern) in &break_glass {
        if let Some((earlier, _)) = trusted.iter().find(|(_, trusted)| trusted.overlaps(pattern)) {
            problems.error(
                "trust_overlap",
                path.clone(),
                format!("some principals fit this pattern and the one at `{earlier}`"),
                "narrow one of the two: an emergency must not pass for a pipeline, nor a pipeline for an emergency",
            );
        }
    }
}

/// The parts of the organisation that patterns are checked against.
struct Home<'a> {
    partition: &'static str,
    region: &'a str,
    management: &'a str,
}

fn list(texts: &[String], path: &Path, home: &Home<'_>, problems: &mut Problems) -> Vec<(Path, PrincipalPattern)> {
    if texts.len() > PATTERNS_MAX {
        let message = format!("{} patterns are more than {PATTERNS_MAX}", texts.len());
        problems.error("too_many", path.clone(), message, "join patterns that differ in their ends with `*`");
        return Vec::new();
    }
    let mut patterns: Vec<(Path, PrincipalPattern)> = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let path = path.index(index);
        let Some(pattern) = entry(text, &path, home, problems) else { continue };
        for (earlier_path, earlier) in &patterns {
            let (narrow, wide) = match (earlier.covers(&pattern), pattern.covers(earlier)) {
                (true, _) => (&path, earlier_path),
                (false, true) => (earlier_path, &path),
                (false, false) => continue,
            };
            problems.error(
                "unreachable_rule",
                narrow.clone(),
                format!("every principal that fits this pattern fits the one at `{wide}` already"),
                "remove the narrower one",
            );
            break;
        }
        patterns.push((path, pattern));
    }
    patterns
}

fn entry(text: &str, path: &Path, home: &Home<'_>, problems: &mut Problems) -> Option<PrincipalPattern> {
    if is_service(text) {
        return Some(PrincipalPattern::Service(text.to_owned()));
    }
    let role = format!("arn:{}:iam::*:role/NAME", home.partition);
    let mut reject = |code, message: String, fix: String| {
        problems.error(code, path.clone(), message, fix);
        None
    };
    if text.len() > PATTERN_BYTES_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) {
        let fix = format!("write at most {PATTERN_BYTES_MAX} characters without spaces");
        return reject("bad_pattern", format!("{} is too long, or not plain ASCII", quoted(text)), fix);
    }
    if !text.is_empty() && text.bytes().all(|b| b == b'*' || b == b'?') {
        return reject("trusts_everybody", format!("{} fits everybody", quoted(text)), format!("write {role}"));
    }
    let (Some(parts), Ok(pattern)) = (arn_pattern::split(text), text.parse::<ArnPattern>()) else {
        let fix = format!("write {role}, or the DNS name of an AWS service");
        return reject("bad_pattern", format!("{} is not the ARN of a principal", quoted(text)), fix);
    };
    let [_, partition, service, region, account, resource] = parts;
    if service == "sts" {
        let name = resource.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next()).unwrap_or("NAME");
        let folder = if name.starts_with("AWSReservedSSO_") { "aws-reserved/sso.amazonaws.com/*" } else { "" };
        let message = format!("{} is a session, whose name its caller chooses", quoted(text));
        let fix = format!("write the role behind it: arn:{partition}:iam::{account}:role/{folder}{name}");
        return reject("session_arn", message, fix);
    }
    let whose = Whose { partition, account, resource };
    if service.contains(['*', '?']) || whose.is_everybody(&pattern, home) {
        let message = format!("{} fits everybody, in every account", quoted(text));
        return reject("trusts_everybody", message, format!("name the role: {role}"));
    }
    let known_resource = resource == "root" || resource.starts_with("role/") || resource.starts_with("user/");
    let known_account = account.contains(['*', '?']) || account.parse::<AccountId>().is_ok();
    if service != "iam" || !region.is_empty() || !known_account || !known_resource {
        let message = format!("{} is not the ARN of a role or user", quoted(text));
        return reject("bad_pattern", message, format!("write {role}"));
    }
    let chars = |text: &str| text.chars().collect::<Vec<_>>();
    if !overlaps(&chars(partition), &chars(home.partition)) {
        let message = format!("`{partition}` is not the partition of this organisation, so nobody fits");
        return reject("unreachable_rule", message, format!("write {role}"));
    }
    whose.warn(&pattern, path, home, problems);
    Some(PrincipalPattern::Arn(pattern))
}

/// The parts of a pattern that determine whom it matches.
struct Whose<'a> {
    partition: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl Whose<'_> {
    /// Whether it matches arbitrary principals, in more than one account.
    fn is_everybody(&self, pattern: &ArnPattern, home: &Home<'_>) -> bool {
        (self.resource == "root" || !self.names_particular_principals(pattern, home))
            && self.account.contains(['*', '?'])
    }

    fn names_particular_principals(&self, pattern: &ArnPattern, home: &Home<'_>) -> bool {
        if self.resource == "root" {
            return true;
        }
        // Random names that no author can have meant, one for each place where principals live.
        let any_principal =
            ["role/", "role/any/path/", "user/", "user/any/path/"].map(|place| format!("{place}Qz7Xv0Kj"));
        let people = ["", &format!("{}/", home.region)]
            .map(|region| format!("{RESERVED}{region}AWSReservedSSO_Qz7Xv0Kj_0123456789abcdef"));
        let plain = |part: &str| part.replace('*', "").replace('?', "0");
        let place = format!("arn:{}:iam::{}", plain(self.partition), plain(self.account));
        if any_principal.iter().chain(&people).any(|resource| pattern.matches(&format!("{place}:{resource}"))) {
            return false;
        }
        let own = ["role/", "user/", "aws-reserved", "sso.amazonaws.com", "AWSReservedSSO", home.region]
            .iter()
            .fold(self.resource.to_owned(), |rest, known| rest.replace(known, ""));
        own.bytes().filter(u8::is_ascii_alphanumeric).count() >= LETTERS_MIN
    }

    fn warn(&self, pattern: &ArnPattern, path: &Path, home: &Home<'_>, problems: &mut Problems) {
        // The management account's administrators control the organisation and its SCPs anyway.
        if self.account == home.management || self.resource == "root" {
            return;
        }
        if !self.names_particular_principals(pattern, home) {
            problems.warning(
                "trusts_whole_account",
                path.clone(),
                format!("everybody in account `{}` fits", self.account),
                "name the role, unless all of them may change what the policy does not own",
            );
        } else if !self.resource.starts_with(RESERVED) {
            problems.warning(
                "nameable_by_administrator",
                path.clone(),
                "an account's administrator can create a principal that fits: safe only behind the guardrail SCP",
                format!("deny iam:CreateRole on that name to the accounts by SCP, or trust roles under {RESERVED}"),
            );
        }
    }
}

#[cfg(test)]
mod tests;
