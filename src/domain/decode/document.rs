//! Calls on the document, as CloudTrail reports them from the account and region where they were made.
//!
//! EventBridge's envelope names that account and region; ids inside `detail` are never believed. The content that a call
//! wrote is not read here: AWS does not document whether CloudTrail shows `content`.

use serde_json::Value;

use super::arn::Arn;
use super::envelope::{Parsed, Record, ignored};
use super::identity;
use super::lenient::{field, number_at, str_at, text_at};
use super::session_document;
use crate::domain::edit::{Action, Edit, Sharing};
use crate::domain::signal::{InboundEvent, Signal};
use crate::domain::target::{DOCUMENT_NAME, Target};
use crate::domain::text::{AGENT_CHARS_MAX, ID_CHARS_MAX, NAME_CHARS_MAX, clean, quote};

/// Ids in one call [bc ssm].
const SHARED_MAX: usize = 20;

pub(super) fn parse(record: Record<'_>) -> Parsed {
    let action: fn(&Record<'_>) -> Action = match record.name {
        "CreateDocument" => |_| Action::Created,
        "UpdateDocument" => updated,
        "UpdateDocumentDefaultVersion" => default_moved,
        "DeleteDocument" => deleted,
        "ModifyDocumentPermission" => |_| Action::SharingChanged,
        name => return ignored(format!("the call {} changes no document's content, default or sharing", quote(name))),
    };
    let record = record.of_known_version()?;
    let target = Target::new(record.envelope.account()?, record.envelope.region()?);
    let id = record.id()?;
    let edit = match named(&record, &target) {
        Named::Document => Some(Box::new(edit(&record, id.clone(), action(&record)))),
        Named::Nothing => None,
        Named::Another(reason) => return session_document::parse(record, reason),
    };
    let reporter = Some(target.account.clone());
    Ok(InboundEvent {
        signal: Signal::DocumentTouched { target, edit },
        id,
        at: record.at(),
        reporter,
        principal: None,
    })
}

fn edit(record: &Record<'_>, id: String, action: Action) -> Edit {
    Edit {
        id,
        at: record.at(),
        action,
        principal: identity::principal(field(record.detail, "userIdentity")),
        failed: record.failed(),
        agent: clean(str_at(record.detail, "userAgent").unwrap_or_default(), AGENT_CHARS_MAX),
        source_ip: clean(str_at(record.detail, "sourceIPAddress").unwrap_or_default(), NAME_CHARS_MAX),
        sharing: sharing(record),
    }
}

/// With whom a call shares the document, and with whom not any more. A call takes up to twenty ids [bc ssm].
fn sharing(record: &Record<'_>) -> Option<Sharing> {
    let asked = record.part("requestParameters").filter(|_| record.name == "ModifyDocumentPermission")?;
    let ids = |key: &str| {
        let ids = field(asked, key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        ids.take(SHARED_MAX).map(|id| clean(id, ID_CHARS_MAX)).collect()
    };
    Some(Sharing { added: ids("accountIdsToAdd"), removed: ids("accountIdsToRemove") })
}

/// The reply describes the document as it is after the call.
fn updated(record: &Record<'_>) -> Action {
    let made = record.part("responseElements").and_then(|reply| field(reply, "documentDescription")?.as_object());
    let version = made.and_then(|made| number_at(made, "documentVersion").or_else(|| number_at(made, "latestVersion")));
    Action::Updated { version }
}

fn default_moved(record: &Record<'_>) -> Action {
    let reply = record.part("responseElements").and_then(|reply| field(reply, "description")?.as_object());
    let asked = || record.part("requestParameters").and_then(|asked| number_at(asked, "documentVersion"));
    Action::DefaultMoved { version: reply.and_then(|reply| number_at(reply, "defaultVersion")).or_else(asked) }
}

/// Without a version, by number or by name, the call deletes the whole document.
fn deleted(record: &Record<'_>) -> Action {
    match record.part("requestParameters") {
        Some(asked) if ["documentVersion", "versionName"].iter().any(|key| text_at(asked, key).is_some()) => {
            Action::VersionDeleted { version: number_at(asked, "documentVersion") }
        }
        _ => Action::Deleted,
    }
}

/// The document that a call names.
enum Named {
    Document,
    /// Another one, and the reason for that.
    Another(String),
    /// The event names none: the reactor observes, and reports no principal.
    Nothing,
}

/// Finds the name where the caller gave it most directly: request, reply, `resources`, message of a denied call. CloudTrail
/// omits request and reply beyond 100 KB each.
fn named(record: &Record<'_>, target: &Target) -> Named {
    let request = record.part("requestParameters").and_then(|asked| str_at(asked, "name"));
    let reply = || {
        let reply = record.part("responseElements")?;
        let description = ["documentDescription", "description"].iter().find_map(|key| field(reply, key)?.as_object());
        str_at(description?, "name")
    };
    match request.or_else(reply) {
        Some(name) => judge(name, target),
        None => any_of(in_resources(record).chain(in_message(record)), target),
    }
}

/// The ARNs in `resources`, whose entries have no `type` for documents.
fn in_resources<'a>(record: &Record<'a>) -> impl Iterator<Item = &'a str> {
    let entries = field(record.detail, "resources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let arns = entries.iter().filter_map(Value::as_object);
    arns.filter_map(|entry| str_at(entry, "ARN").or_else(|| str_at(entry, "arn"))).filter(|arn| is_document(arn))
}

/// `… is not authorized to perform: ssm:UpdateDocument on resource: ARN with an explicit deny in …`. Names that callers
/// choose contain no white space, so a word that is a document's ARN is AWS's own.
fn in_message<'a>(record: &Record<'a>) -> impl Iterator<Item = &'a str> {
    let message = str_at(record.detail, "errorMessage").unwrap_or_default();
    message.split_whitespace().map(|word| word.trim_end_matches(['.', ',', ';'])).filter(|word| is_document(word))
}

fn is_document(arn: &str) -> bool {
    Arn::parse(arn).is_some_and(|arn| arn.service == "ssm" && arn.resource.starts_with("document/"))
}

/// The reactor's document if it is among the names, else the first of them.
fn any_of<'a>(names: impl Iterator<Item = &'a str>, target: &Target) -> Named {
    let judged = names.map(|name| judge(name, target));
    judged.min_by_key(|named| !matches!(named, Named::Document)).unwrap_or(Named::Nothing)
}

/// The API's pattern for writes allows only the bare name; an ARN is accepted too, in case the service allows more than its
/// model. Names are case-sensitive, and any caller may create `SSM-SessionManagerRunShell2`.
fn judge(name: &str, target: &Target) -> Named {
    if name == DOCUMENT_NAME {
        return Named::Document;
    }
    let Some(arn) = Arn::parse(name).filter(|arn| arn.service == "ssm") else {
        return Named::Another(another(name));
    };
    if arn.resource.strip_prefix("document/") != Some(DOCUMENT_NAME) {
        return Named::Another(another(arn.resource.trim_start_matches("document/")));
    }
    if arn.account == target.account.as_str() && arn.region == target.region.as_str() {
        return Named::Document;
    }
    let place = quote(&format!("{}/{}", arn.account, arn.region));
    Named::Another(format!("it is about the document of {place}, and was made in {target}"))
}

/// A name with a blank or an invisible character would read like the document's.
fn another(name: &str) -> String {
    let shown = quote(name);
    if shown == quote(DOCUMENT_NAME) {
        format!("it is about a document whose name only looks like {shown}")
    } else {
        format!("it is about the document {shown}")
    }
}
