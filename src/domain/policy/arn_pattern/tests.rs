use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> ArnPattern {
    text.parse().unwrap()
}

#[test]
fn arn_like_compares_part_by_part() {
    let role = "arn:aws:iam::111122223333:role/path/AWSAccelerator-Deploy";
    for (text, expected) in [
        ("arn:aws:iam::111122223333:role/path/AWSAccelerator-Deploy", true),
        ("arn:aws:iam::*:role/*AWSAccelerator-*", true),
        ("arn:aws:iam::*:role/path/*", true),
        ("arn:aws:iam::1111?????333:role/*", true),
        ("arn:aws*:iam::*:role/path/AWSAccelerator-Deplo?", true),
        ("arn:*:*:*:*:*", true),
        // Case counts.
        ("arn:aws:iam::*:role/path/awsaccelerator-*", false),
        // `?` is one character, never none.
        ("arn:aws:iam::*:role/path/AWSAccelerator-Deploy?", false),
        // The whole part has to fit.
        ("arn:aws:iam::*:role/AWSAccelerator-*", false),
        ("arn:aws:iam::*:role/path", false),
        ("arn:aws:iam:::role/path/*", false),
        ("arn:aws:iam:eu-west-1:*:role/*", false),
        ("arn:aws-cn:iam::*:role/*", false),
    ] {
        assert_eq!(pattern(text).matches(role), expected, "{text}");
    }
}

#[test]
fn a_wildcard_does_not_reach_into_the_next_part() {
    assert!(!pattern("arn:aws:iam::1*:role/x").matches("arn:aws:iam::1:2:role/x"));
    assert!(!pattern("arn:aws:*:role/x:y:z").matches("arn:aws:iam::1:role/x"));
}

#[test]
fn only_the_resource_may_contain_colons() {
    assert!(pattern("arn:aws:sns:*:*:topic:*").matches("arn:aws:sns:eu-west-1:1:topic:a:b"));
    assert!(pattern("arn:aws:iam::*:role/a?b").matches("arn:aws:iam::1:role/a:b"));
    assert!(!pattern("arn:aws:iam::*:role/x").matches("arn:aws:iam::1"));
    assert!(!pattern("arn:aws:iam::*:role/x").matches(""));
}

#[test]
fn six_parts_make_a_pattern() {
    for text in ["", "*", "arn:*", "arn:aws:iam::111122223333", "AWSAccelerator-*", "urn:aws:iam::1:role/x"] {
        assert_eq!(text.parse::<ArnPattern>(), Err(ArnPatternError), "{text}");
    }
}

#[test]
fn patterns_are_compared() {
    // a, b, whether they overlap, whether a covers b
    for (a, b, overlap, cover) in [
        ("role/A*", "role/AB*", true, true),
        ("role/AB*", "role/A*", true, false),
        ("role/A*", "role/*B", true, false),
        ("role/A?", "role/AB", true, true),
        ("role/A?", "role/A*", true, false),
        ("role/A*", "role/A?", true, true),
        ("role/A", "role/B", false, false),
        ("role/A*", "role/B*", false, false),
        ("role/A", "role/a", false, false),
        ("role/??", "role/???", false, false),
        ("*", "role/*", true, true),
    ] {
        let arn = |resource: &str| pattern(&format!("arn:aws:iam::*:{resource}"));
        assert_eq!(arn(a).overlaps(&arn(b)), overlap, "{a} {b}");
        assert_eq!(arn(b).overlaps(&arn(a)), overlap, "{b} {a}");
        assert_eq!(arn(a).covers(&arn(b)), cover, "{a} {b}");
    }
    let other_account = pattern("arn:aws:iam::111122223333:role/A");
    assert!(!other_account.overlaps(&pattern("arn:aws:iam::444455556666:role/A")));
    assert!(pattern("arn:aws:iam::*:role/A").covers(&other_account));
    assert!(!other_account.covers(&pattern("arn:aws:iam::*:role/A")));
}

/// The definition, implemented naively.
fn fits(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=text.len()).any(|eaten| fits(rest, &text[eaten..])),
        (['?', rest @ ..], [_, text @ ..]) => fits(rest, text),
        ([p, rest @ ..], [t, text @ ..]) => p == t && fits(rest, text),
        _ => false,
    }
}

fn arn_like(pattern: &str, arn: &str) -> bool {
    let parts = |text: &str| text.splitn(6, ':').map(|part| part.chars().collect()).collect::<Vec<Vec<char>>>();
    let (pattern, arn) = (parts(pattern), parts(arn));
    arn.len() == 6 && pattern.iter().zip(&arn).all(|(pattern, part)| fits(pattern, part))
}

fn arn() -> impl Strategy<Value = String> {
    proptest::collection::vec("[ab/]{0,3}", 5)
        .prop_flat_map(|parts| "[ab/:]{0,6}".prop_map(move |end| format!("arn:{}:{end}", parts[..4].join(":"))))
}

fn any_pattern() -> impl Strategy<Value = String> {
    proptest::collection::vec("[ab*?]{0,3}", 5)
        .prop_flat_map(|parts| "[ab/:*?]{0,6}".prop_map(move |end| format!("arn:{}:{end}", parts[..4].join(":"))))
}

proptest! {
    #[test]
    fn matches_as_the_definition(text in any_pattern(), arn in arn()) {
        prop_assert_eq!(pattern(&text).matches(&arn), arn_like(&text, &arn));
    }

    #[test]
    fn matches_what_it_was_made_of(arn in arn(), holes in proptest::collection::vec((0usize..40, any::<bool>()), 0..6)) {
        let mut text: Vec<char> = arn.chars().collect();
        for (at, any) in holes {
            if at > 3 && at < text.len() && text[at] != ':' {
                text[at] = if any { '*' } else { '?' };
            }
        }
        let text: String = text.into_iter().collect();
        prop_assert!(pattern(&text).matches(&arn), "{} {}", text, arn);
    }

    #[test]
    fn overlap_and_cover_keep_their_promise(a in "[ab*?]{0,6}", b in "[ab*?]{0,6}", text in "[ab]{0,6}") {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let (a, b, text) = (chars(&a), chars(&b), chars(&text));
        if fits(&a, &text) && fits(&b, &text) {
            prop_assert!(overlaps(&a, &b));
        }
        if covers(&a, &b) && fits(&b, &text) {
            prop_assert!(fits(&a, &text));
        }
    }
}

#[test]
fn a_pattern_is_shown_as_it_was_written() {
    let text = "arn:aws:iam::*:role/AWSAccelerator-?";
    assert_eq!(pattern(text).to_string(), text);
}
