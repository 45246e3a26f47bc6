//! Checks the format of each variable. A check returns the cause of a problem; the variable defines the fix.

use std::path::PathBuf;

use super::{FunctionArn, PolicyLocation, Trust};
use crate::domain::target::{AccountId, Region};

/// 3 to 255 letters, digits, `_`, `-` and `.` [docs: amazondynamodb HowItWorks.NamingRulesDataTypes].
pub(super) fn table(text: &str) -> Result<String, String> {
    let named = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    if named && (3..=255).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is no table name (3 to 255 letters, digits, `_`, `-`, `.`)"))
    }
}

/// `arn:PARTITION:sns:REGION:ACCOUNT:NAME`, in the reactor's region: SNS serves only topics of its own region.
pub(super) fn topic_arn(text: &str, home: Option<&Region>) -> Result<String, String> {
    let malformed = || format!("`{text}` is no ARN of a topic (arn:aws:sns:REGION:ACCOUNT:NAME)");
    let parts: Vec<&str> = text.split(':').collect();
    let ["arn", partition, "sns", region, account, name] = parts.as_slice() else { return Err(malformed()) };
    let region: Region = region.parse().map_err(|_| malformed())?;
    if !partition.starts_with("aws") || account.parse::<AccountId>().is_err() || name.is_empty() {
        return Err(malformed());
    }
    match home {
        Some(home) if *home != region => Err(format!("the topic is in {region}, the reactor in {home}")),
        _ => Ok(text.to_owned()),
    }
}

/// `arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME`, with or without a version or alias.
pub(super) fn function_arn(text: &str) -> Result<FunctionArn, String> {
    let malformed = || format!("`{text}` is no ARN of a function (arn:aws:lambda:REGION:ACCOUNT:function:NAME)");
    let parts: Vec<&str> = text.split(':').collect();
    let (["arn", partition, "lambda", region, account, "function", name]
    | ["arn", partition, "lambda", region, account, "function", name, _]) = parts.as_slice()
    else {
        return Err(malformed());
    };
    let region: Region = region.parse().map_err(|_| malformed())?;
    let named = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_:$".contains(&b))
        && !name.is_empty()
        && !text.ends_with(':');
    if !partition.starts_with("aws") || account.parse::<AccountId>().is_err() || !named {
        return Err(malformed());
    }
    Ok(FunctionArn { arn: text.to_owned(), region })
}

/// The bare name of a role: 1 to 64 characters of `\w+=,.@-` [bc iam].
pub(super) fn role(text: &str) -> Result<String, String> {
    let named = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    if named && (1..=64).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is no name of a role (1 to 64 letters, digits, `_+=,.@-`; no path, no ARN)"))
    }
}

/// Whole hours, at most thirty days.
pub(super) fn hours(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|n| (1..=720).contains(n)).ok_or_else(|| format!("`{text}` is no number from 1 to 720"))
}

/// An absolute URL whose path names account and queue.
pub(super) fn queue_url(text: &str) -> Result<String, String> {
    let path = endpoint(text).ok().and_then(|url| authority_and_path(&url).map(|(_, path)| path.to_owned()));
    match path {
        Some(path) if path.trim_matches('/').contains('/') => Ok(text.to_owned()),
        _ => Err(format!("`{text}` is no URL of a queue (https://sqs.REGION.amazonaws.com/ACCOUNT/NAME)")),
    }
}

/// `true` or `false`, as the SDKs read it.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("`{text}` is neither `true` nor `false`")),
    }
}

/// `http://` or `https://` with a host.
pub(super) fn endpoint(text: &str) -> Result<String, String> {
    let printable = text.bytes().all(|b| b.is_ascii_graphic());
    match authority_and_path(text) {
        Some((authority, _)) if printable && !authority.is_empty() && !authority.starts_with(':') => {
            Ok(text.to_owned())
        }
        _ => Err(format!("`{text}` is no URL with a host")),
    }
}

fn authority_and_path(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

pub(super) fn policy(text: &str) -> Result<PolicyLocation, String> {
    match text.split_once(':') {
        None if text == "table" => Ok(PolicyLocation::Table),
        Some(("file", path)) if !path.is_empty() => Ok(PolicyLocation::File(PathBuf::from(path))),
        _ => Err(format!("`{text}` is no place for a policy")),
    }
}

pub(super) fn trust(text: &str) -> Result<Trust, String> {
    match text {
        "amazon" => Ok(Trust::Amazon),
        "native" => Ok(Trust::Native),
        _ => Err(format!("`{text}` is no choice of certificate authorities")),
    }
}

pub(super) fn attempts(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|n| (1..=10).contains(n)).ok_or_else(|| format!("`{text}` is no number from 1 to 10"))
}
