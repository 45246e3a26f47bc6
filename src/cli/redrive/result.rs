//! The results of a run, per message.

/// The result of one message.
pub(super) struct MessageResult {
    pub(super) id: String,
    pub(super) outcome: MessageOutcome,
    pub(super) note: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageOutcome {
    Sent,
    WouldSend,
    Dropped,
    /// The message is in both queues: one more delivery, which changes nothing.
    SentAndKept,
    Refused,
    Failed,
    NotFound,
}

impl MessageOutcome {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::WouldSend => "would_send",
            Self::Dropped => "dropped",
            Self::SentAndKept => "sent_and_kept",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::NotFound => "not_found",
        }
    }

    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::WouldSend => "would be sent",
            Self::SentAndKept => "sent, and still here",
            Self::NotFound => "not found",
            other => other.as_str(),
        }
    }

    pub(super) fn is_gone(self) -> bool {
        matches!(self, Self::Sent | Self::Dropped)
    }

    pub(super) fn is_well(self) -> bool {
        self.is_gone() || self == Self::WouldSend
    }
}
