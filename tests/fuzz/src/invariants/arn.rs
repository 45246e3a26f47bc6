//! `ArnLike`, as IAM defines it.

/// Whether an ARN fits a pattern: each of the six parts on its own, `*` for any characters and `?` for exactly one. Only the
/// sixth part may contain colons.
pub fn arn_like(pattern: &str, arn: &str) -> bool {
    let parts = |text: &str| text.splitn(6, ':').map(|part| part.chars().collect()).collect::<Vec<Vec<char>>>();
    let (pattern, arn) = (parts(pattern), parts(arn));
    pattern.len() == 6 && arn.len() == 6 && pattern.iter().zip(&arn).all(|(pattern, part)| fits(pattern, part))
}

fn fits(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => {
            // Several in a row mean the same as one; to read them one by one would take for ever.
            rest.first() == Some(&'*') && fits(rest, text)
                || rest.first() != Some(&'*') && (0..=text.len()).any(|eaten| fits(rest, &text[eaten..]))
        }
        Some((sign, rest)) => {
            text.split_first().is_some_and(|(letter, text)| (*sign == '?' || sign == letter) && fits(rest, text))
        }
    }
}

/// ARNs that nearly or just fit a pattern.
pub fn around(pattern: &str) -> Vec<String> {
    let mut around =
        vec![pattern.to_owned(), pattern.to_ascii_uppercase(), format!("{pattern}x"), format!("x{pattern}")];
    for (many, one) in [("", "a"), ("a", "a"), ("a/b", "/"), ("a:b", ":"), ("*", "?"), ("444455556666", ""), ("é", "é")]
    {
        around.push(pattern.replace('*', many).replace('?', one));
    }
    around.extend(pattern.char_indices().map(|(at, _)| pattern.chars().take(at).collect()));
    around
}
