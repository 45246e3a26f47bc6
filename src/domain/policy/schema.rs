//! The policy as operators write it: types of the YAML file and of its compiled JSON.
//!
//! Identifiers are plain strings here, so that [`super::check`] can report every bad one at once, with its place. The doc
//! comments on the fields become the descriptions of the published JSON Schema; they are written for operators.

use serde::{Deserialize, Serialize};

/// The version of this format that is read and written.
pub const VERSION: u32 = 1;

/// The organisation's policy for the preferences document of Session Manager: which OS user engineers become, in which
/// accounts and regions, and who may change the rest of the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "cli", schemars(title = "runas-reactor policy"))]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Version of this file format.
    #[cfg_attr(feature = "cli", schemars(range(min = 1, max = 1)))]
    pub version: u32,
    /// The organisation, and where the reactor lives in it.
    pub organization: Organization,
    /// The governed regions: a list, or the word `enabled` for every region that an account has enabled.
    pub regions: Regions,
    /// The roles that the reactor works through in the accounts.
    pub access: Access,
    /// What happens to accounts that are still directly under the root, until an operator moves them into an OU or names them
    /// in a scope. New accounts start there, so it has to be said.
    pub unplaced: RuleMode,
    /// Whether `runAsDefaultUser` may be a domain user such as `ops@corp.example.com`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_domain_users: bool,
    /// What applies where no scope says otherwise.
    pub defaults: Defaults,
    /// Exceptions from the defaults. The most specific wins, field by field: account, then the nearest OU, then the OUs above
    /// it, then the defaults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "cli", schemars(length(max = 1000)))]
    pub scopes: Vec<Scope>,
    /// Accounts and OUs that are left alone for a while, and why. An exemption beats the mode of every scope.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "cli", schemars(length(max = 1000)))]
    pub exemptions: Vec<Exemption>,
    /// Who may change the fields of the document that this policy does not own.
    #[serde(default)]
    pub principals: Principals,
    /// What happens when a principal that is not trusted shares the document with other accounts.
    #[serde(default, skip_serializing_if = "OnSharing::is_alert")]
    pub sharing: OnSharing,
    /// What follows from an edit by a break-glass principal.
    #[serde(default)]
    pub break_glass: BreakGlass,
    /// What counts as an edit war.
    #[serde(default)]
    pub breaker: Breaker,
    /// How patient the reactor is with new accounts.
    #[serde(default)]
    pub readiness: Readiness,
    /// When on-call is alerted.
    #[serde(default)]
    pub alerts: Alerts,
}

/// The organisation, and where the reactor lives in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Organization {
    /// Id of the organisation, `o-` and 10 to 32 letters or digits.
    #[cfg_attr(feature = "cli", schemars(regex(pattern = r"^o-[a-z0-9]{10,32}$")))]
    pub id: String,
    /// The management account. Events about accounts count only if they come from here.
    #[cfg_attr(feature = "cli", schemars(regex(pattern = r"^[0-9]{12}$")))]
    pub management_account: String,
    /// The account that the reactor runs in.
    #[cfg_attr(feature = "cli", schemars(regex(pattern = r"^[0-9]{12}$")))]
    pub hub_account: String,
    /// The region that the reactor runs in. Its partition is the partition of the whole policy.
    #[cfg_attr(feature = "cli", schemars(regex(pattern = r"^[a-z]+(-[a-z]+)+-[0-9]$")))]
    pub home_region: String,
}

/// The governed regions: a list, or the word `enabled`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Regions {
    /// Every region that an account has enabled.
    Enabled(Enabled),
    /// Exactly these. On-call is alerted of an enabled region that is not listed.
    Listed(
        #[cfg_attr(
            feature = "cli",
            schemars(length(min = 1, max = 64), inner(regex(pattern = r"^[a-z]+(-[a-z]+)+-[0-9]$")))
        )]
        Vec<String>,
    ),
}

/// The word `enabled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Enabled {
    /// Every region that an account has enabled.
    #[serde(rename = "enabled")]
    Enabled,
}

/// The roles that the reactor works through in the accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Names of the member role, tried in order; the one that works is remembered.
    #[cfg_attr(feature = "cli", schemars(length(min = 1, max = 10), inner(regex(pattern = r"^[\w+=,.@-]{1,64}$"))))]
    pub roles: Vec<String>,
    /// Names of administrator roles for the time until a member role exists in a new account. They are reached only through
    /// the broker, and only while no member role works.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "cli", schemars(length(max = 10), inner(regex(pattern = r"^[\w+=,.@-]{1,64}$"))))]
    pub gap_roles: Vec<String>,
}

/// What the reactor may do. To leave an account alone, write an exemption: it needs a reason, an owner and an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RuleMode {
    /// Correct the document and alert on-call.
    Enforce,
    /// Observe, record and alert; never write.
    Observe,
}

/// What applies where no scope says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// What the reactor may do.
    pub mode: RuleMode,
    /// The fields that the policy owns everywhere, with their values.
    #[serde(default)]
    pub preferences: Preferences,
    /// Run As without a default user: a session starts only for a principal with the tag `SSMSessionRunAs`, and fails for
    /// every other principal. Sets `runAsDefaultUser` to the empty string.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tag_only: bool,
}

/// A group of accounts for which something else applies than the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// What people call it; it appears in every reason that is given for a decision.
    #[cfg_attr(feature = "cli", schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")))]
    pub name: String,
    /// Account ids, in quotes. An account may be named by one scope only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "cli", schemars(inner(regex(pattern = r"^[0-9]{12}$"))))]
    pub accounts: Vec<String>,
    /// OU ids. Everything below an OU inherits from it. An OU may be named by one scope only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "cli", schemars(inner(regex(pattern = r"^ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}$"))))]
    pub ous: Vec<String>,
    /// What the reactor may do; left out, the next wider scope or the defaults say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<RuleMode>,
    /// Fields that differ from the wider scopes and the defaults; all others are inherited.
    #[serde(default, skip_serializing_if = "Preferences::is_empty")]
    pub preferences: Preferences,
    /// Run As without a default user, as in `defaults`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tag_only: bool,
}

/// The inputs of the preferences document. A field that is given here is owned by the policy; a field that is left out
/// is not the policy's, and is preserved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Preferences {
    /// Whether sessions run as an OS user other than `ssm-user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as_enabled: Option<bool>,
    /// The OS user of principals without the tag `SSMSessionRunAs`; never `root`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", schemars(length(min = 1, max = 128)))]
    pub run_as_default_user: Option<String>,
    /// Minutes without activity until a session ends, `"1"` to `"60"`, in quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", schemars(regex(pattern = r"^([1-9]|[1-5][0-9]|60)$")))]
    pub idle_session_timeout: Option<String>,
    /// Minutes until a session ends in any case, `"1"` to `"1440"`, in quotes; `""` for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", schemars(regex(pattern = r"^([1-9][0-9]{0,2}|1[0-3][0-9]{2}|14[0-3][0-9]|1440)?$")))]
    pub max_session_duration: Option<String>,
    /// Bucket for session logs; `""` for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_bucket_name: Option<String>,
    /// Key prefix in that bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_key_prefix: Option<String>,
    /// Whether the bucket has to be encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_encryption_enabled: Option<bool>,
    /// CloudWatch log group for session logs; `""` for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch_log_group_name: Option<String>,
    /// Whether the log group has to be encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch_encryption_enabled: Option<bool>,
    /// Whether the log is streamed during the session instead of written at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch_streaming_enabled: Option<bool>,
    /// KMS key that encrypts session data: id, ARN or alias; `""` for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// Commands at the start of each session. Owned as a whole: a shell that is left out gets none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell_profile: Option<ShellProfile>,
}

impl Preferences {
    /// Whether nothing is owned.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Commands at the start of each session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShellProfile {
    /// For `PowerShell` on Windows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub windows: String,
    /// For the shell on Linux and macOS.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub linux: String,
}

/// Accounts or OUs that are left alone for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Exemption {
    /// Account ids, in quotes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "cli", schemars(inner(regex(pattern = r"^[0-9]{12}$"))))]
    pub accounts: Vec<String>,
    /// OU ids; everything below them is exempt too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "cli", schemars(inner(regex(pattern = r"^ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}$"))))]
    pub ous: Vec<String>,
    /// Why.
    #[cfg_attr(feature = "cli", schemars(length(min = 1, max = 256)))]
    pub reason: String,
    /// Who answers for it, and is warned before it ends.
    #[cfg_attr(feature = "cli", schemars(length(min = 1, max = 64)))]
    pub owner: String,
    /// Its last day, as `YYYY-MM-DD`; it ends when that day ends in UTC.
    #[cfg_attr(feature = "cli", schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")))]
    pub expires: String,
    /// What applies once it has ended.
    #[serde(default)]
    pub after: After,
}

/// What applies once an exemption has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// Observe until an operator removes the exemption, so that its end causes no write.
    #[default]
    Observe,
    /// The mode of the scope applies.
    Enforce,
}

/// Who may change the fields of the document that this policy does not own. An entry is the ARN of a role or user, matched
/// as IAM's `ArnLike` does (`*` and `?` within each part), or the DNS name of an AWS service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Principals {
    /// Pipelines. What they change in fields that the policy does not own is taken over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "cli", schemars(length(max = 100)))]
    pub trusted: Vec<String>,
    /// Principals for emergencies. What they change stays for `break_glass.hold_minutes`, is alerted at once, and is then
    /// corrected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "cli", schemars(length(max = 100)))]
    pub break_glass: Vec<String>,
}

/// What happens when a principal that is not trusted shares the document with other accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnSharing {
    /// Alert on-call, and leave the sharing as it is.
    #[default]
    Alert,
    /// Alert on-call and, where the mode is `enforce`, take those accounts out again. Accounts that a trusted principal
    /// added stay.
    Undo,
}

impl OnSharing {
    /// Whether it is the default.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    pub(super) fn is_alert(&self) -> bool {
        *self == Self::Alert
    }
}

/// What follows from an edit by a break-glass principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct BreakGlass {
    /// How long the edit stays, in minutes.
    #[cfg_attr(feature = "cli", schemars(range(min = 1, max = 1440)))]
    pub hold_minutes: u32,
    /// How long such edits of one document stay in 24 hours, in minutes; never less than `hold_minutes`.
    #[cfg_attr(feature = "cli", schemars(range(min = 1, max = 1440)))]
    pub daily_minutes: u32,
}

impl Default for BreakGlass {
    fn default() -> Self {
        Self { hold_minutes: 60, daily_minutes: 240 }
    }
}

/// What counts as an edit war: after that, writing slows down and people are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// This many reverts of one document …
    #[cfg_attr(feature = "cli", schemars(range(min = 2, max = 100)))]
    pub reverts: u32,
    /// … within this many minutes.
    #[cfg_attr(feature = "cli", schemars(range(min = 1, max = 1440)))]
    pub within_minutes: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { reverts: 5, within_minutes: 10 }
    }
}

/// How patient the reactor is with new accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Readiness {
    /// How long a new account may take until it can be read, in minutes.
    #[cfg_attr(feature = "cli", schemars(range(min = 1, max = 10_080)))]
    pub retry_for_minutes: u32,
}

impl Default for Readiness {
    fn default() -> Self {
        Self { retry_for_minutes: 120 }
    }
}

/// When on-call is alerted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    /// How long a new account may be without the right document before on-call is alerted, in minutes.
    #[cfg_attr(feature = "cli", schemars(range(min = 1, max = 10_080)))]
    pub configuration_lag_minutes: u32,
}

impl Default for Alerts {
    fn default() -> Self {
        Self { configuration_lag_minutes: 5 }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
