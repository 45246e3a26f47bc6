//! Which OS user a session becomes, from what its sources say, in the order in which Session Manager asks them
//! [docs: `session-preferences-run-as`]: whether the document switches Run As on at all, the tag on the session, the tag on the
//! role or user, the document's default user. Where none names a user, there is no session: AWS falls back to none.

use crate::domain::os_user::{OsUser, is_root};

/// The user of sessions without Run As; it has sudo.
pub(super) const SSM_USER: &str = "ssm-user";

/// Run As as a document sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RunAs {
    /// Off, as where there is no document.
    Off,
    /// On, with the default user or an empty one.
    On(String),
}

/// Whether a session can carry the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionTag {
    /// No session of this principal does.
    Never,
    /// It depends on the user or on the caller that starts the session.
    Depends,
}

/// What the sources say; `None` where one cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sources<'a> {
    /// As each version sets it that Session Manager may read, of which AWS documents neither.
    pub(super) versions: Option<&'a [RunAs]>,
    pub(super) session_tag: Option<SessionTag>,
    /// The value, empty where the principal has no such tag.
    pub(super) principal_tag: Option<&'a str>,
}

/// A step of AWS's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LookupStep {
    Document,
    SessionTag,
    PrincipalTag,
    DefaultUser,
}

/// What becomes of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SessionUser {
    /// Every session runs as this user, which this step names.
    User { name: String, by: LookupStep },
    /// No session starts as it should.
    Refused { why: NoSession, by: LookupStep },
    /// A session with the tag runs as the tag says, any other like this.
    Depends { otherwise: Box<SessionUser> },
    /// A source that decides cannot be read, or its versions disagree.
    Unknown { on: LookupStep },
}

/// Why a session does not start, or must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoSession {
    /// Run As is on, and nothing names a user.
    NoUser,
    /// Run As does not support root.
    Root,
    /// The name is none that an agent can be handed: some run it through a shell, as root.
    NoName(String),
}

/// The verdict.
pub(super) fn resolve(sources: &Sources<'_>) -> SessionUser {
    let Some(versions) = sources.versions else { return SessionUser::Unknown { on: LookupStep::Document } };
    let mut verdicts = versions.iter().map(|run_as| of_version(run_as, sources));
    match verdicts.next() {
        Some(first) if verdicts.all(|other| other == first) => first,
        _ => SessionUser::Unknown { on: LookupStep::Document },
    }
}

fn of_version(run_as: &RunAs, sources: &Sources<'_>) -> SessionUser {
    let RunAs::On(default_user) = run_as else {
        return SessionUser::User { name: SSM_USER.to_owned(), by: LookupStep::Document };
    };
    let without_tag = match sources.principal_tag {
        None => SessionUser::Unknown { on: LookupStep::PrincipalTag },
        Some(tag) if !is_blank(tag) => named(tag, LookupStep::PrincipalTag),
        Some(_) => named(default_user, LookupStep::DefaultUser),
    };
    match sources.session_tag {
        None => SessionUser::Unknown { on: LookupStep::SessionTag },
        Some(SessionTag::Never) => without_tag,
        Some(SessionTag::Depends) => SessionUser::Depends { otherwise: Box::new(without_tag) },
    }
}

fn named(name: &str, by: LookupStep) -> SessionUser {
    let why = match name {
        blank if is_blank(blank) => NoSession::NoUser,
        root if is_root(root) => NoSession::Root,
        name if name.parse::<OsUser>().is_err() => NoSession::NoName(name.to_owned()),
        name => return SessionUser::User { name: name.to_owned(), by },
    };
    SessionUser::Refused { why, by }
}

/// The agent passes over a blank value [source: amazon-ssm-agent].
fn is_blank(name: &str) -> bool {
    name.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Option<SessionTag> = Some(SessionTag::Never);
    const DEPENDS: Option<SessionTag> = Some(SessionTag::Depends);

    fn on(user: &str) -> RunAs {
        RunAs::On(user.to_owned())
    }

    fn user(name: &str, by: LookupStep) -> SessionUser {
        SessionUser::User { name: name.to_owned(), by }
    }

    fn refused(why: NoSession, by: LookupStep) -> SessionUser {
        SessionUser::Refused { why, by }
    }

    fn depends(otherwise: SessionUser) -> SessionUser {
        SessionUser::Depends { otherwise: Box::new(otherwise) }
    }

    #[test]
    fn each_source_decides_where_those_before_it_say_nothing() {
        use LookupStep::{DefaultUser, Document, PrincipalTag, SessionTag};
        use NoSession::{NoName, NoUser, Root};
        let off = user(SSM_USER, Document);
        let unknown = |on| SessionUser::Unknown { on };
        for (versions, session_tag, principal_tag, verdict) in [
            // Off: no tag counts, known or not.
            (Some(vec![RunAs::Off]), NEVER, Some("alice"), off.clone()),
            (Some(vec![RunAs::Off]), DEPENDS, Some("alice"), off.clone()),
            (Some(vec![RunAs::Off]), None, None, off.clone()),
            // On: the session's tag, the principal's, the default user.
            (Some(vec![on("ops")]), NEVER, Some(""), user("ops", DefaultUser)),
            (Some(vec![on("ops")]), NEVER, Some("  "), user("ops", DefaultUser)),
            (Some(vec![on("ops")]), NEVER, Some("alice"), user("alice", PrincipalTag)),
            (Some(vec![on("")]), NEVER, Some("alice"), user("alice", PrincipalTag)),
            (Some(vec![on("ops")]), DEPENDS, Some(""), depends(user("ops", DefaultUser))),
            (Some(vec![on("ops")]), DEPENDS, Some("alice"), depends(user("alice", PrincipalTag))),
            (Some(vec![on("")]), DEPENDS, Some(""), depends(refused(NoUser, DefaultUser))),
            (Some(vec![on("ops")]), DEPENDS, None, depends(unknown(PrincipalTag))),
            // No fallback to ssm-user, no root, nothing that a shell would read.
            (Some(vec![on("")]), NEVER, Some(""), refused(NoUser, DefaultUser)),
            (Some(vec![on("root")]), NEVER, Some(""), refused(Root, DefaultUser)),
            (Some(vec![on("ops")]), NEVER, Some("root"), refused(Root, PrincipalTag)),
            (Some(vec![on("a; id")]), NEVER, Some(""), refused(NoName("a; id".to_owned()), DefaultUser)),
            // What cannot be read decides nothing.
            (None, NEVER, Some("alice"), unknown(Document)),
            (Some(vec![]), NEVER, Some("alice"), unknown(Document)),
            (Some(vec![on("ops")]), None, Some("alice"), unknown(SessionTag)),
            (Some(vec![on("ops")]), NEVER, None, unknown(PrincipalTag)),
            // Two versions, of which either may be read.
            (Some(vec![on("ops"), on("ops")]), NEVER, Some(""), user("ops", DefaultUser)),
            (Some(vec![on("ops"), on("dev")]), NEVER, Some(""), unknown(Document)),
            (Some(vec![on("ops"), on("dev")]), NEVER, Some("alice"), user("alice", PrincipalTag)),
            (Some(vec![on("ops"), RunAs::Off]), NEVER, Some("alice"), unknown(Document)),
        ] {
            let sources = Sources { versions: versions.as_deref(), session_tag, principal_tag };
            assert_eq!(resolve(&sources), verdict, "{sources:?}");
        }
    }

    #[test]
    fn the_session_s_tag_is_never_passed_over_while_run_as_is_on() {
        for principal_tag in [None, Some(""), Some("alice"), Some("root")] {
            for default_user in ["", "ops", "root"] {
                let versions = [on(default_user)];
                let verdict = |session_tag| resolve(&Sources { versions: Some(&versions), session_tag, principal_tag });
                assert!(matches!(verdict(DEPENDS), SessionUser::Depends { .. }));
                assert_eq!(verdict(None), SessionUser::Unknown { on: LookupStep::SessionTag });
                assert!(!matches!(verdict(NEVER), SessionUser::Depends { .. }));
            }
        }
    }
}
