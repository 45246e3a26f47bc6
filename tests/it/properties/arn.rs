//! `ArnLike`.

use proptest::prelude::*;
use runas_reactor::domain::policy::arn_pattern::ArnPattern;

use super::cases;
use super::invariants::arn::{arn_like, around};

fn pattern(text: &str) -> ArnPattern {
    text.parse().unwrap()
}

/// An ARN such as CloudTrail gives, with some letters open.
fn any_pattern() -> impl Strategy<Value = String> {
    let partition = prop::sample::select(vec!["aws", "aws-cn", "aws*", "*", "a?s"]);
    let account = prop::sample::select(vec!["111122223333", "*", "1111????3333", "", "1*3"]);
    let resource = "(role|user|\\*)(/[ab?*]{0,2}){1,2}[ab:?*-]{0,5}";
    (partition, prop::sample::select(vec!["", "*", "eu-?"]), account, resource)
        .prop_map(|(partition, region, account, resource)| format!("arn:{partition}:iam:{region}:{account}:{resource}"))
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_pattern_matches_as_iam_defines_it(text in any_pattern(), other in any_pattern()) {
        for arn in around(&text).iter().chain(&around(&other)) {
            prop_assert_eq!(pattern(&text).matches(arn), arn_like(&text, arn), "{} {}", text, arn);
        }
    }

    #[test]
    fn a_wildcard_spans_colons_in_the_resource_only(
        parts in ["[b-f]{1,3}", "[g-k]{1,3}", "[l-p]{1,3}", "[q-u]{1,3}", "[v-z]{1,3}"],
        place in 1..6_usize,
        wildcard in prop::sample::select(vec!["*", "?*", "*?", "a*", "*a", "a?a"]),
    ) {
        let with = |part: &str| {
            let mut parts: Vec<&str> = ["arn"].into_iter().chain(parts.iter().map(String::as_str)).collect();
            parts[place] = part;
            parts.join(":")
        };
        prop_assert!(pattern(&with(wildcard)).matches(&with("aaa")));
        prop_assert_eq!(pattern(&with(wildcard)).matches(&with("a:a")), place == 5);
    }

    #[test]
    fn a_pattern_without_wildcards_matches_itself_only(arn in "arn:aws:iam::[0-9]{2}:(role|user)/[a-zA-Z:/]{0,8}", other in "arn:aws:iam::[0-9]{2}:(role|user)/[a-zA-Z:/]{0,8}") {
        prop_assert!(pattern(&arn).matches(&arn));
        prop_assert_eq!(pattern(&arn).matches(&other), arn == other);
        for near in around(&arn) {
            prop_assert_eq!(pattern(&arn).matches(&near), arn == near, "{}", near);
        }
    }
}
