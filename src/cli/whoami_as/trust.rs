//! Whether a role's trust policy lets the caller of `AssumeRole` set tags on the session.

use serde_json::Value;
use wildmatch::WildMatch;

/// A session tag needs this permission in the trust policy [docs: IAM `id_session-tags`].
const TAG_SESSION: &str = "sts:tagsession";

/// Whether some statement may allow session tags. Principals, conditions and denials are not evaluated: where one of them
/// rules the tag out, the answer is too careful, and never too bold. `None` where the text is no policy.
pub(super) fn may_tag(policy: &str) -> Option<bool> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let statements = match policy.get("Statement")? {
        Value::Array(statements) => statements.iter().collect(),
        one @ Value::Object(_) => vec![one],
        _ => return None,
    };
    Some(statements.into_iter().any(allows))
}

fn allows(statement: &Value) -> bool {
    let effect = statement.get("Effect").and_then(Value::as_str);
    effect == Some("Allow")
        && match (statement.get("Action"), statement.get("NotAction")) {
            (Some(actions), _) => names_tagging(actions),
            (None, Some(others)) => !names_tagging(others),
            (None, None) => false,
        }
}

/// Actions are compared without case, and may have wildcards.
fn names_tagging(actions: &Value) -> bool {
    let matches = |action: &Value| {
        action.as_str().is_some_and(|action| WildMatch::new(&action.to_ascii_lowercase()).matches(TAG_SESSION))
    };
    actions.as_array().map_or_else(|| matches(actions), |actions| actions.iter().any(matches))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(statement: &Value) -> Option<bool> {
        may_tag(&json!({ "Version": "2012-10-17", "Statement": statement }).to_string())
    }

    #[test]
    fn tags_can_be_set_where_an_allow_may_name_the_action() {
        for (actions, may) in [
            (json!({ "Action": "sts:AssumeRole" }), false),
            (json!({ "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"] }), true),
            (json!({ "Action": "STS:tagsession" }), true),
            (json!({ "Action": "sts:Tag*" }), true),
            (json!({ "Action": "*" }), true),
            (json!({ "Action": "sts:Assume*" }), false),
            (json!({ "NotAction": "sts:AssumeRole" }), true),
            (json!({ "NotAction": ["sts:*"] }), false),
            (json!({}), false),
        ] {
            let mut statement = json!({ "Effect": "Allow", "Principal": { "AWS": "111122223333" } });
            statement.as_object_mut().unwrap().extend(actions.as_object().unwrap().clone());
            assert_eq!(of(&statement), Some(may), "{statement}");
            assert_eq!(of(&json!([{ "Effect": "Allow", "Action": "sts:AssumeRole" }, statement])), Some(may));
            statement["Effect"] = json!("Deny");
            assert_eq!(of(&statement), Some(false), "{statement}");
        }
    }

    #[test]
    fn text_that_is_no_policy_says_nothing() {
        for text in ["", "{}", "[]", r#"{"Statement":"*"}"#] {
            assert_eq!(may_tag(text), None, "{text}");
        }
    }
}
