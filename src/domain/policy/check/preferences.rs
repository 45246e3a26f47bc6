//! Checks the values that the policy would write, as a session and a shell would interpret them.

use super::super::arn_pattern;
use super::super::problem::{Path, Problems, quoted};
use super::super::schema::{Document, Preferences, Regions};
use crate::domain::os_user;

/// Room for both profiles in a document of 64 KB.
const PROFILE_BYTES_MAX: usize = 16 * 1024;

pub(super) fn check(document: &Document, problems: &mut Problems) {
    let defaults = &document.defaults;
    let path = Path::root().key("defaults");
    let base = Layer { preferences: &defaults.preferences, tag_only: defaults.tag_only };
    if defaults.preferences.run_as_enabled.is_none() {
        problems.warning(
            "run_as_unowned",
            path.key("preferences"),
            "`runAsEnabled` is not set, so accounts outside the scopes may turn Run As on and off",
            "write `runAsEnabled: true` and a user",
        );
    }
    layer(document, &base, None, &path, problems);
    for (index, scope) in document.scopes.iter().enumerate() {
        let own = Layer { preferences: &scope.preferences, tag_only: scope.tag_only };
        layer(document, &own, Some(&base), &Path::root().key("scopes").index(index), problems);
    }
}

/// What the defaults or one scope say about preferences.
struct Layer<'a> {
    preferences: &'a Preferences,
    tag_only: bool,
}

impl Layer<'_> {
    fn names_user(&self) -> bool {
        self.tag_only || self.preferences.run_as_default_user.is_some()
    }
}

fn layer(document: &Document, own: &Layer<'_>, base: Option<&Layer<'_>>, path: &Path, problems: &mut Problems) {
    let preferences = path.key("preferences");
    run_as(document, own, base, path, problems);
    timeouts(own.preferences, &preferences, problems);
    logging(own.preferences, &preferences, problems);
    key(document, own.preferences, &preferences, problems);
    let profile = own.preferences.shell_profile.clone().unwrap_or_default();
    for (shell, commands) in [("windows", &profile.windows), ("linux", &profile.linux)] {
        let path = preferences.key("shellProfile").key(shell);
        if commands.len() > PROFILE_BYTES_MAX {
            let fix = format!("write at most {PROFILE_BYTES_MAX} bytes, and keep a longer script on the nodes");
            problems.error("bad_value", path.clone(), "too long for the document", fix);
        }
        if commands.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            problems.error("bad_value", path.clone(), "it holds control characters", "remove them");
        }
        parameter(commands, path, problems);
    }
}

/// Run As has to be complete in every combination of nested scopes. A rule that enables it therefore names the user, or
/// inherits one from the defaults. A nearer scope can only replace that by another user or the tag.
fn run_as(document: &Document, own: &Layer<'_>, base: Option<&Layer<'_>>, path: &Path, problems: &mut Problems) {
    let enabled = own.preferences.run_as_enabled;
    let effective = enabled.or_else(|| base.and_then(|base| base.preferences.run_as_enabled));
    let user_path = path.key("preferences").key("runAsDefaultUser");
    if enabled == Some(true) && !own.names_user() && !base.is_some_and(Layer::names_user) {
        problems.error(
            "user_missing",
            path.key("preferences").key("runAsEnabled"),
            "Run As is enabled without a user, so no session would start",
            "add `runAsDefaultUser`, or `tag_only: true` beside `preferences` if every principal carries SSMSessionRunAs",
        );
    }
    if own.tag_only && effective != Some(true) {
        problems.error(
            "tag_only_without_run_as",
            path.key("tag_only"),
            "`tag_only` means nothing while Run As is not enabled",
            "write `runAsEnabled: true` beside it, or remove `tag_only`",
        );
    }
    let Some(name) = &own.preferences.run_as_default_user else { return };
    if own.tag_only {
        problems.error(
            "tag_only_with_user",
            user_path.clone(),
            format!("{} contradicts `tag_only: true`", quoted(name)),
            "remove one of the two",
        );
    } else if effective != Some(true) {
        problems.warning(
            "user_without_run_as",
            user_path.clone(),
            format!("{} has no effect while Run As is not enabled", quoted(name)),
            "write `runAsEnabled: true` beside it",
        );
    }
    user(name, document.allow_domain_users, user_path, problems);
}

/// Older agents pass the name to `sh -c "id NAME"` without quotes: anything but a plain name could run commands as root.
fn user(name: &str, allow_domain_users: bool, path: Path, problems: &mut Problems) {
    if name.is_empty() {
        problems.error(
            "unsafe_user",
            path,
            "the user is empty",
            "remove the key, or write `tag_only: true` beside `preferences` to require the tag SSMSessionRunAs",
        );
        return;
    }
    if os_user::is_root(name) {
        let fix = "name an ordinary user, and let sudo on the nodes decide what it may do";
        problems.error("unsafe_user", path, "Session Manager does not support `root` as Run As user", fix);
    } else if name == "ssm-user" {
        problems.warning(
            "ssm_user",
            path,
            "`ssm-user` is what sessions run as without Run As, with all rights through sudo",
            "name a user that your nodes have for this purpose",
        );
    } else if os_user::is_domain(name) {
        if !allow_domain_users {
            problems.error(
                "unsafe_user",
                path,
                format!("{} is a domain user", quoted(name)),
                "write `allow_domain_users: true` at the top level if the nodes are joined to that domain",
            );
        }
    } else if !os_user::is_local(name) {
        problems.error(
            "unsafe_user",
            path,
            format!("{} is not a safe name of an OS user", quoted(name)),
            "write up to 32 lower-case letters, digits, `_` or `-`, beginning with a letter or `_`",
        );
    }
}

fn timeouts(preferences: &Preferences, path: &Path, problems: &mut Problems) {
    let fields = [
        ("idleSessionTimeout", &preferences.idle_session_timeout, 60, false),
        ("maxSessionDuration", &preferences.max_session_duration, 1_440, true),
    ];
    for (field, value, max, may_be_empty) in fields {
        let Some(value) = value else { continue };
        let minutes = value.parse::<u32>().ok().filter(|minutes| minutes.to_string() == *value);
        let valid = minutes.is_some_and(|minutes| (1..=max).contains(&minutes)) || (may_be_empty && value.is_empty());
        if !valid {
            let none = if may_be_empty { ", or \"\" for no limit" } else { "" };
            problems.error(
                "timeout_range",
                path.key(field),
                format!("{} is not a number of minutes that Session Manager takes", quoted(value)),
                format!("write \"1\" to \"{max}\"{none}"),
            );
        }
    }
}

type Valid<'a> = &'a dyn Fn(&str) -> bool;

fn logging(preferences: &Preferences, path: &Path, problems: &mut Problems) {
    let bucket = |text: &str| {
        (3..=63).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b))
    };
    let prefix = |text: &str| text.len() <= 1_024 && !text.chars().any(char::is_control);
    let log_group =
        |text: &str| text.len() <= 512 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/#-".contains(&b));
    let key =
        |text: &str| text.len() <= 2_048 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b":/_-".contains(&b));
    let fields: [(&str, &Option<String>, Valid<'_>, &str); 4] = [
        ("s3BucketName", &preferences.s3_bucket_name, &bucket, "the bare name of a bucket"),
        ("s3KeyPrefix", &preferences.s3_key_prefix, &prefix, "a prefix of at most 1,024 bytes"),
        ("cloudWatchLogGroupName", &preferences.cloud_watch_log_group_name, &log_group, "the name of a log group"),
        ("kmsKeyId", &preferences.kms_key_id, &key, "the id, ARN or alias of a key"),
    ];
    for (field, value, valid, expected) in fields {
        let Some(value) = value.as_deref().filter(|value| !value.is_empty()) else { continue };
        if value.contains("{{") {
            parameter(value, path.key(field), problems);
        } else if !valid(value) {
            let message = format!("{} cannot be right", quoted(value));
            problems.error("bad_value", path.key(field), message, format!("write {expected}, or \"\" for none"));
        }
    }
}

/// Rejects document parameters: the principal that starts a session chooses their values.
fn parameter(value: &str, path: Path, problems: &mut Problems) {
    if value.contains("{{") {
        problems.error(
            "parameter",
            path,
            "`{{ … }}` is a parameter of the document, whose value the caller that starts a session chooses",
            "write the value itself",
        );
    }
}

fn key(document: &Document, preferences: &Preferences, path: &Path, problems: &mut Problems) {
    let Some([_, _, _, region, ..]) = preferences.kms_key_id.as_deref().and_then(arn_pattern::split) else { return };
    let elsewhere = match &document.regions {
        Regions::Enabled(_) => true,
        Regions::Listed(regions) => regions.iter().any(|governed| governed != region),
    };
    if elsewhere {
        problems.warning(
            "regional_key",
            path.key("kmsKeyId"),
            format!("this key is in {}, and sessions in other governed regions could not use it", quoted(region)),
            "write an alias that exists in every region, such as alias/session-manager",
        );
    }
}
