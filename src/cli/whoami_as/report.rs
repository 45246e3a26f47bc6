//! The answer, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::found::Found;
use super::principal::Subject;
use super::resolve::{LookupStep, NoSession, RunAs, SessionUser, Sources, resolve};
use super::sources::{TAG, Tags};
use crate::cli::ExitStatus;
use crate::cli::printer::{BAD, CAUTION, GOOD, HEADING, QUIET, styled};
use crate::domain::target::{AccountFacts, AccountId, DOCUMENT_NAME, Region};
use crate::domain::text::{MESSAGE_CHARS_MAX, NAME_CHARS_MAX, clean, escaped, quote};

/// Version of the JSON that the command writes.
const SCHEMA_VERSION: u32 = 1;

/// What gets around all of this, and how that is closed [docs: `getting-started-sessiondocumentaccesscheck`].
const WAYS_AROUND: [(&str, &str); 2] = [
    (
        "a session by another Session document (`aws ssm start-session --document-name`) takes that document's Run As",
        "allow ssm:StartSession on the nodes and on document/SSM-SessionManagerRunShell only, with the condition \
         `ssm:SessionDocumentAccessCheck` true",
    ),
    (
        "who may tag the role or user, or its sessions, chooses the user",
        "deny iam:TagRole, iam:TagUser and sts:TagSession for the key SSMSessionRunAs (`aws:TagKeys`) to all who do not \
         administer it",
    ),
];

/// The document of one region.
pub(super) struct RegionAnswer {
    pub(super) region: Region,
    pub(super) document: Found<Vec<RunAs>>,
}

/// The whole answer.
pub(super) struct Report {
    pub(super) account: AccountId,
    /// Absent where the organisation does not say them.
    pub(super) facts: Option<AccountFacts>,
    pub(super) principal: Subject,
    pub(super) tags: Tags,
    pub(super) lines: Vec<RegionAnswer>,
    /// The user that the policy wants for sessions without tags, and the rule behind it.
    pub(super) wanted: Found<Option<String>>,
}

impl LookupStep {
    /// A stable word for programs.
    fn word(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::SessionTag => "session_tag",
            Self::PrincipalTag => "principal_tag",
            Self::DefaultUser => "default_user",
        }
    }

    fn in_words(self, principal: &Subject) -> String {
        match self {
            Self::Document => "the document".to_owned(),
            Self::SessionTag => "the tag on the session".to_owned(),
            Self::PrincipalTag => format!("the tag on the {}", principal.kind.word()),
            Self::DefaultUser => "the document's default user".to_owned(),
        }
    }
}

impl NoSession {
    fn word(&self) -> &'static str {
        match self {
            Self::NoUser => "no_user",
            Self::Root => "root",
            Self::NoName(_) => "no_name",
        }
    }

    fn in_words(&self) -> String {
        match self {
            Self::NoUser => "Run As is on and nothing names a user; AWS does not fall back to ssm-user".to_owned(),
            Self::Root => "Run As does not support root".to_owned(),
            Self::NoName(name) => {
                format!("{} is no OS user's name, and an agent may run it in a shell as root", quote(name))
            }
        }
    }
}

impl Report {
    fn verdict(&self, line: &RegionAnswer) -> SessionUser {
        resolve(&Sources {
            versions: line.document.value().map(Vec::as_slice),
            session_tag: self.tags.session.value().copied(),
            principal_tag: self.tags.principal.value().map(String::as_str),
        })
    }

    /// Whether it is the user that the policy wants; `None` where that is not known, or the policy wants none.
    fn as_wanted(&self, verdict: &SessionUser) -> Option<bool> {
        let wanted = self.wanted.value()?.as_ref()?;
        match verdict {
            SessionUser::User { name, .. } => Some(name == wanted),
            SessionUser::Refused { .. } => Some(false),
            SessionUser::Depends { .. } | SessionUser::Unknown { .. } => None,
        }
    }

    /// What is not known, or depends on the session, beats what is wrong.
    pub(super) fn exit_status(&self) -> ExitStatus {
        let verdicts: Vec<SessionUser> = self.lines.iter().map(|line| self.verdict(line)).collect();
        let open = |verdict: &SessionUser| matches!(verdict, SessionUser::Depends { .. } | SessionUser::Unknown { .. });
        let wrong = |it: &SessionUser| {
            matches!(it, SessionUser::Refused { .. }) || self.as_wanted(it).is_some_and(|wanted| !wanted)
        };
        if verdicts.is_empty() || verdicts.iter().any(open) || self.wanted.value().is_none() {
            ExitStatus::Unreachable
        } else if verdicts.iter().any(wrong) {
            ExitStatus::Drift
        } else {
            ExitStatus::Success
        }
    }

    fn name(&self) -> String {
        let Subject { kind, name } = &self.principal;
        self.tags.arn.clone().unwrap_or_else(|| format!("{} {name}", kind.word()))
    }

    pub(super) fn text(&self) -> String {
        let account = match &self.facts {
            Some(facts) => format!("{} ({})", self.account, clean(&facts.name, NAME_CHARS_MAX)),
            None => self.account.to_string(),
        };
        let mut text = format!("{}\n\n", styled(HEADING, &format!("{} in {account}", self.name())));
        self.steps(&mut text);
        text.push('\n');
        for line in &self.lines {
            self.line(&mut text, line);
        }
        self.policy(&mut text);
        let _ = writeln!(text, "\n{}", styled(HEADING, "Ways around"));
        for (way, fix) in WAYS_AROUND {
            let _ = writeln!(text, "  {way}\n    {}", styled(QUIET, &format!("to close it: {fix}")));
        }
        text
    }

    /// In AWS's order.
    fn steps(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "  1. {DOCUMENT_NAME} of the region, below; while it has Run As off, all sessions are ssm-user"
        );
        step(text, 2, &format!("tag {TAG} on the session"), &self.tags.session);
        step(text, 3, &format!("tag {TAG} on the {}", self.principal.kind.word()), &self.tags.principal);
        let _ = writeln!(
            text,
            "  4. default user of the document, where neither tag names one; without one, no session starts"
        );
    }

    fn line(&self, text: &mut String, line: &RegionAnswer) {
        let verdict = self.verdict(line);
        let region = line.region.as_str();
        let _ = writeln!(text, "  {region:<16}{}", self.in_words(&verdict));
        let indent = " ".repeat(18);
        match &line.document {
            Found::Known { says, .. } => {
                let _ = writeln!(text, "{indent}{}", styled(QUIET, &shown(says)));
            }
            Found::NotKnown { cause, fix } => {
                let _ = writeln!(text, "{indent}{}\n{indent}fix: {fix}", shown(cause));
            }
        }
    }

    fn in_words(&self, verdict: &SessionUser) -> String {
        let by = |step: &LookupStep| step.in_words(&self.principal);
        match verdict {
            SessionUser::User { name, by: step } => {
                let wanted =
                    self.wanted.value().and_then(Option::as_ref).filter(|_| self.as_wanted(verdict) == Some(false));
                let style = if wanted.is_some() { BAD } else { GOOD };
                let other = wanted.map(|wanted| format!("; the policy wants {wanted}")).unwrap_or_default();
                format!("{} by {}{other}", styled(style, name), by(step))
            }
            SessionUser::Refused { why, by: step } => {
                format!("{} by {}: {}", styled(BAD, "no session"), by(step), why.in_words())
            }
            SessionUser::Depends { otherwise } => {
                format!(
                    "{} (2); a session without the tag: {}",
                    styled(CAUTION, "depends on the session"),
                    self.in_words(otherwise)
                )
            }
            SessionUser::Unknown { on } => format!("{}, for want of {}", styled(CAUTION, "not known"), by(on)),
        }
    }

    fn policy(&self, text: &mut String) {
        let _ = match &self.wanted {
            Found::Known { says, value: Some(user) } => {
                writeln!(text, "\nThe policy wants {user} for sessions without tags: {says}")
            }
            Found::Known { says, value: None } => writeln!(text, "\nThe policy names no user here: {says}"),
            Found::NotKnown { cause, fix } => {
                let unknown = styled(CAUTION, "not known");
                writeln!(text, "\nWhat the policy wants here is {unknown}: {}\n  fix: {fix}", shown(cause))
            }
        };
    }

    pub(super) fn data(&self) -> String {
        let tags = &self.tags;
        let lines = self.lines.iter().map(|line| {
            let verdict = self.verdict(line);
            json!({
                "region": line.region, "document": data(&line.document), "verdict": verdict_data(&verdict),
                "as_wanted": self.as_wanted(&verdict),
            })
        });
        let around = WAYS_AROUND.map(|(way, fix)| json!({ "way": way, "fix": fix }));
        let value = json!({
            "schema_version": SCHEMA_VERSION,
            "account": self.account,
            "name": self.facts.as_ref().map(|facts| &facts.name),
            "principal": { "type": self.principal.kind.word(), "name": self.principal.name, "arn": tags.arn },
            "session_tag": data(&tags.session),
            "principal_tag": data(&tags.principal),
            "wanted": { "user": self.wanted.value(), "source": data(&self.wanted) },
            "regions": lines.collect::<Vec<_>>(),
            "ways_around": around,
        });
        escaped(&format!("{value:#}\n"))
    }
}

fn step<T>(text: &mut String, number: u8, what: &str, found: &Found<T>) {
    let _ = match found {
        Found::Known { says, .. } => writeln!(text, "  {number}. {what}: {}", shown(says)),
        Found::NotKnown { cause, fix } => {
            let unknown = styled(CAUTION, "not known");
            writeln!(text, "  {number}. {what}: {unknown}: {}\n     fix: {fix}", shown(cause))
        }
    };
}

/// Sources quote texts of others.
fn shown(text: &str) -> String {
    clean(text, 2 * MESSAGE_CHARS_MAX)
}

fn data<T>(found: &Found<T>) -> Value {
    match found {
        Found::Known { says, .. } => json!({ "known": true, "says": says }),
        Found::NotKnown { cause, fix } => json!({ "known": false, "cause": cause, "fix": fix }),
    }
}

fn verdict_data(verdict: &SessionUser) -> Value {
    match verdict {
        SessionUser::User { name, by } => json!({ "is": "user", "user": name, "by": by.word() }),
        SessionUser::Refused { why, by } => json!({ "is": "no_session", "why": why.word(), "by": by.word() }),
        SessionUser::Depends { otherwise } => {
            json!({ "is": "depends", "on": "session_tag", "otherwise": verdict_data(otherwise) })
        }
        SessionUser::Unknown { on } => json!({ "is": "not_known", "on": on.word() }),
    }
}
