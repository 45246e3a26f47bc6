//! The outcome of a process that takes Organizations or Control Tower minutes.

use super::lenient::{Object, object_at, str_at};
use crate::domain::text::{MESSAGE_CHARS_MAX, clean};

/// The outcome, as the services' status objects word it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Done.
    Succeeded,
    /// Not over yet; another event will report the end.
    InProgress,
    /// Any other state, with the given reason; the set of states is open.
    Failed(String),
}

impl State {
    /// Reads `state`, or `statusSummary.status` where there is none (as in `EnableBaseline`).
    pub(super) fn read(status: &Object) -> Self {
        let summary = object_at(status, "statusSummary");
        let state = str_at(status, "state").or_else(|| str_at(summary?, "status"));
        match state.map(str::to_ascii_uppercase).as_deref() {
            Some("SUCCEEDED") => Self::Succeeded,
            Some("IN_PROGRESS" | "UNDER_CHANGE" | "PENDING" | "STARTED" | "QUEUED") => Self::InProgress,
            _ => Self::Failed(why(status, state)),
        }
    }
}

fn why(status: &Object, state: Option<&str>) -> String {
    let reason = ["failureReason", "message", "statusMessage"].iter().find_map(|key| str_at(status, key));
    let text = match (reason, state) {
        (Some(reason), Some("FAILED") | None) => reason.to_owned(),
        (Some(reason), Some(state)) => format!("{state}: {reason}"),
        (None, Some(state)) => format!("{state}, without a reason"),
        (None, None) => "neither a state nor a reason is given".to_owned(),
    };
    clean(&text, MESSAGE_CHARS_MAX)
}
