//! Foreign text, made fit for logs, subjects and pages.

/// `text` on one line, without control and direction-changing characters, cut to at most `bytes` bytes of UTF-8.
pub(super) fn bounded(text: &str, bytes: usize) -> String {
    let mut clean = String::with_capacity(text.len().min(bytes));
    for c in text.chars().map(|c| if is_unfit(c) { ' ' } else { c }) {
        if clean.len() + c.len_utf8() > bytes {
            break;
        }
        clean.push(c);
    }
    clean.truncate(clean.trim_end().len());
    clean
}

/// Control characters, line and paragraph separators, and the marks that reorder what a person reads.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::bounded;

    #[test]
    fn text_is_cut_between_characters_and_loses_what_does_not_print() {
        assert_eq!(bounded("one\ntwo\u{1b}[31m\u{202e}three", 64), "one two [31m three");
        assert_eq!(bounded("äöü", 5), "äö");
        assert_eq!(bounded("", 5), "");
    }
}
