//! Asks IAM and Identity Center for the tags, with the operator's own credentials.

use super::found::Found;
use super::principal::{Subject, SubjectKind, identity_center_home};
use super::resolve::SessionTag;
use super::trust;
use crate::aws::principals::{Attributes, Described, Principals};
use crate::cli::login::fix_with;
use crate::domain::target::{AccountId, Region};
use crate::domain::text::{NAME_CHARS_MAX, clean, quote};
use crate::ports::{Fault, FaultClass};

/// The key of the tag.
pub(super) const TAG: &str = "SSMSessionRunAs";

/// What is said of the principal, apart from any region.
pub(super) struct Tags {
    /// Its ARN, where IAM says it.
    pub(super) arn: Option<String>,
    pub(super) session: Found<SessionTag>,
    /// Empty where it has no such tag.
    pub(super) principal: Found<String>,
}

/// Whom to ask.
pub(super) struct TagSources<'a> {
    /// IAM of the principal's account, or why it cannot be asked.
    pub(super) iam: Result<&'a Principals, (String, String)>,
    /// Identity Center, by the management account or a delegated administrator.
    pub(super) identity_center: &'a Principals,
    /// The owner of the organisation's instance.
    pub(super) management: &'a AccountId,
}

impl TagSources<'_> {
    /// Reads the tags.
    pub(super) async fn tags(&self, principal: &Subject) -> Tags {
        let described = match &self.iam {
            Ok(iam) => describe(iam, principal).await,
            Err((cause, fix)) => Err((cause.clone(), fix.clone())),
        };
        match described {
            Ok(described) => Tags {
                session: self.session(principal, &described).await,
                principal: principal_tag(principal, &described),
                arn: Some(clean(&described.arn, NAME_CHARS_MAX)),
            },
            Err((cause, fix)) => Tags {
                arn: None,
                session: match principal.kind {
                    SubjectKind::User => of_user(),
                    SubjectKind::Role => Found::not_known(cause.as_str(), fix.as_str()),
                },
                principal: Found::NotKnown { cause, fix },
            },
        }
    }

    async fn session(&self, principal: &Subject, described: &Described) -> Found<SessionTag> {
        match (principal.kind, identity_center_home(&described.arn)) {
            (SubjectKind::User, _) => of_user(),
            (SubjectKind::Role, None) => of_role(described.trust.as_deref().unwrap_or_default()),
            (SubjectKind::Role, Some(home)) => match home.parse::<Region>() {
                Ok(home) => of_attributes(self.identity_center.attributes(&home, self.management).await),
                Err(error) => Found::not_known(error.to_string(), "report it: the role's path names no region"),
            },
        }
    }
}

async fn describe(iam: &Principals, principal: &Subject) -> Result<Described, (String, String)> {
    let (call, described) = match principal.kind {
        SubjectKind::Role => ("iam:GetRole", iam.role(&principal.name).await),
        SubjectKind::User => ("iam:GetUser", iam.user(&principal.name).await),
    };
    described.map_err(|fault| {
        let fix = match fault.class {
            FaultClass::NotFound => format!("see that the account has a {} of this name", principal.kind.word()),
            _ => fix_with(&fault, call),
        };
        (fault.to_string(), fix)
    })
}

fn principal_tag(principal: &Subject, described: &Described) -> Found<String> {
    let of = |key: fn(&str) -> bool| described.tags.iter().find(move |(name, _)| key(name));
    if let Some((_, value)) = of(|key| key == TAG) {
        let says = if value.trim().is_empty() { "empty, which does not count".to_owned() } else { quote(value) };
        return Found::known(says, value.clone());
    }
    match of(|key| key.eq_ignore_ascii_case(TAG)) {
        Some((key, _)) => {
            let cause = format!(
                "the {} has {}; whether this spelling counts is not documented",
                principal.kind.word(),
                quote(key)
            );
            Found::not_known(cause, format!("remove it, or spell it {TAG}"))
        }
        None => Found::known("none", String::new()),
    }
}

/// The operations by which users get sessions of their own take no tags [docs: IAM `id_session-tags`].
fn of_user() -> Found<SessionTag> {
    Found::known("none: a user's own sessions carry no tags", SessionTag::Never)
}

fn of_role(trust: &str) -> Found<SessionTag> {
    match trust::may_tag(trust) {
        Some(false) => {
            Found::known("none: the trust policy of the role does not allow sts:TagSession", SessionTag::Never)
        }
        Some(true) => Found::known(
            "depends on the caller: the trust policy of the role allows tags (sts:TagSession), perhaps under conditions; \
             CloudTrail's AssumeRole event of a session has them as `principalTags` or `tags`",
            SessionTag::Depends,
        ),
        None => Found::not_known(
            "the trust policy of the role cannot be read",
            "see it with `aws iam get-role`, and whether it allows sts:TagSession",
        ),
    }
}

fn of_attributes(attributes: Result<Attributes, Fault>) -> Found<SessionTag> {
    let mapped = |pairs: &[(String, String)]| pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case(TAG)).cloned();
    match attributes {
        Ok(Attributes::Off) => Found::known("none: Identity Center passes on no attributes", SessionTag::Never),
        Ok(Attributes::On(pairs)) => match mapped(&pairs) {
            Some((_, source)) => {
                let says = format!("depends on the user: Identity Center sets it from {}", quote(&source));
                Found::known(says, SessionTag::Depends)
            }
            None => Found::known(
                "depends on the user, if the organisation signs in through an external identity provider: Identity Center maps \
                 nothing to it, and does not say what a provider sends",
                SessionTag::Depends,
            ),
        },
        Err(fault) => {
            let fix = match fault.class {
                FaultClass::Denied | FaultClass::NotFound => {
                    "name a profile of the management account or of Identity Center's delegated administrator with --sso-profile; \
                     it needs sso:ListInstances and sso:DescribeInstanceAccessControlAttributeConfiguration"
                        .to_owned()
                }
                _ => fix_with(&fault, &format!("sso:{}", fault.call)),
            };
            Found::not_known(fault.to_string(), fix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(tags: &[(&str, &str)]) -> Described {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Described { arn: "arn:aws:iam::444455556666:role/Engineer".to_owned(), tags, trust: None }
    }

    #[test]
    fn only_the_tag_in_its_documented_spelling_names_a_user() {
        let principal = Subject { kind: SubjectKind::Role, name: "Engineer".to_owned() };
        let value = |tags: &[(&str, &str)]| principal_tag(&principal, &role(tags)).value().cloned();
        assert_eq!(value(&[("team", "x"), (TAG, "alice")]), Some("alice".to_owned()));
        assert_eq!(value(&[("team", "x")]), Some(String::new()));
        assert_eq!(value(&[("ssmsessionrunas", "alice")]), None);
        assert_eq!(value(&[(TAG, " ")]), Some(" ".to_owned()));
    }

    #[test]
    fn identity_center_says_never_only_where_it_passes_on_nothing() {
        let fault = |class| {
            let (code, message) = ("x".to_owned(), "no".to_owned());
            Err(Fault { class, call: "ListInstances", code, message, outcome_unknown: false })
        };
        let on = |key: &str| Ok(Attributes::On(vec![(key.to_owned(), "${path:nickName}".to_owned())]));
        let value = |attributes| of_attributes(attributes).value().copied();
        assert_eq!(value(Ok(Attributes::Off)), Some(SessionTag::Never));
        assert_eq!(value(on("costCenter")), Some(SessionTag::Depends));
        let Found::Known { says, value: mapped } = of_attributes(on(TAG)) else { panic!("it is known") };
        assert_eq!(mapped, SessionTag::Depends);
        assert!(says.contains("depends on the user") && says.contains("${path:nickName}"), "{says}");
        for (class, fix) in [(FaultClass::Denied, "--sso-profile"), (FaultClass::Throttled, "run it again")] {
            let Found::NotKnown { fix: given, .. } = of_attributes(fault(class)) else { panic!("{class:?}") };
            assert!(given.contains(fix), "{given}");
        }
    }
}
