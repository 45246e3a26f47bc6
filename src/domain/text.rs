//! Foreign text: names, programs and messages that others chose, made safe for subjects, logs and alerts.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Identifiers and error codes.
pub const ID_CHARS_MAX: usize = 128;
/// Names of people, roles, services and addresses.
pub const NAME_CHARS_MAX: usize = 256;
/// User agents.
pub const AGENT_CHARS_MAX: usize = 256;
/// Messages and reasons.
pub const MESSAGE_CHARS_MAX: usize = 512;

/// `text` in at most `max` characters, without invisible ones. Any white space becomes a blank. Control and format
/// characters are dropped: they can rewrite a terminal, break a mail subject or reverse text. A text that was cut ends in
/// `…`.
pub fn clean(text: &str, max: usize) -> String {
    let mut visible = text
        .chars()
        .filter_map(|c| match c {
            '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(' '),
            c if c.is_control() || is_format(c) => None,
            c => Some(c),
        })
        .skip_while(|c| c.is_whitespace());
    let mut kept: String = visible.by_ref().take(max).collect();
    if visible.any(|c| !c.is_whitespace()) {
        kept.pop();
        if max > 0 {
            kept.push('…');
        }
    } else {
        kept.truncate(kept.trim_end().len());
    }
    kept
}

/// `text` as a quotation inside a sentence.
pub(crate) fn quote(text: &str) -> String {
    format!("`{}`", clean(text, 64).replace('`', "'"))
}

/// Unicode's category Cf (format): bidirectional overrides and isolates, joiners, invisible operators, tags, the byte order
/// mark. The standard library has no table of it.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{8e2}' | '\u{180e}' | '\u{feff}' | '\u{110bd}' | '\u{110cd}'
        | '\u{600}'..='\u{605}' | '\u{890}'..='\u{891}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// The whole `text`, with invisible characters escaped as in JSON (`\u001b`); line ends stay. JSON allows such characters
/// in strings only, so its meaning stays the same.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        let invisible = c.is_control() || is_format(c) || matches!(c, '\u{2028}' | '\u{2029}');
        if c == '\n' || !invisible {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

/// The SHA-256 of a text, in hexadecimal.
pub fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::{clean, escaped};

    #[test]
    fn ordinary_text_of_any_script_stays_as_it_is() {
        for text in ["alice@example.com", "Zoë Müller", "山田 太郎", "محمد", "a  b", "👍"] {
            assert_eq!(clean(text, 64), text);
        }
    }

    #[test]
    fn control_and_bidirectional_characters_disappear() {
        assert_eq!(clean("a\u{0}b\u{1b}[31mc\u{7f}\u{9b}d", 64), "ab[31mcd");
        assert_eq!(clean("ops\u{202e}toor\u{2066}x\u{200d}y\u{feff}z\u{e0041}", 64), "opstoorxyz");
    }

    #[test]
    fn escaping_shows_what_is_invisible_and_keeps_what_json_means() {
        assert_eq!(
            escaped("a\u{1b}[31m\r\nb\u{9b}c\u{202e}d\u{e0041}é"),
            "a\\u001b[31m\\u000d\nb\\u009bc\\u202ed\\udb40\\udc41é"
        );
        let value = serde_json::json!({ "k\u{9b}": "\u{1b}]0;x\u{7}\u{2028}\u{e0041}" });
        let text = escaped(&format!("{value:#}"));
        assert!(text.chars().all(|c| c == '\n' || ('\u{20}'..'\u{7f}').contains(&c)), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn line_breaks_become_blanks_and_the_ends_are_trimmed() {
        assert_eq!(clean("\r\n one\ntwo\u{2028}three\t ", 64), "one two three");
    }

    #[test]
    fn what_is_too_long_is_cut_and_marked() {
        assert_eq!(clean("abcdef", 6), "abcdef");
        assert_eq!(clean("abcdef   \u{0}", 6), "abcdef");
        assert_eq!(clean("abcdefg", 6), "abcde…");
        assert_eq!(clean("ééééé", 3), "éé…");
        assert_eq!(clean("abc", 0), "");
    }

    #[test]
    fn cleaning_twice_changes_nothing_more() {
        for text in ["  a\u{202e}b\n", "abcdefgh", "ab   cdefg", "\u{0}  \u{0}x", "   "] {
            let once = clean(text, 5);
            assert_eq!(clean(&once, 5), once, "{text:?}");
        }
    }
}
