//! What a source says, in words and as a value, or why it cannot be read.

/// One source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found<T> {
    /// What it says, for people, and its value.
    Known { says: String, value: T },
    /// Why it is not known, and what to do about that.
    NotKnown { cause: String, fix: String },
}

impl<T> Found<T> {
    pub(super) fn known(says: impl Into<String>, value: T) -> Self {
        Self::Known { says: says.into(), value }
    }

    pub(super) fn not_known(cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::NotKnown { cause: cause.into(), fix: fix.into() }
    }

    pub(super) fn value(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::NotKnown { .. } => None,
        }
    }
}
