//! Text: foreign text made fit for subjects, logs and pages, and the hash of a text.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// At most `max` characters of `text`, without control characters and without the marks that turn the direction of writing.
pub fn clean(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control() && !is_format(*c)).take(max).collect()
}

fn is_format(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
}

/// The SHA-256 of a text, in hexadecimal.
pub fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
