//! Statements of service control policies, and their distribution over policies of limited size.

use std::collections::BTreeMap;

use serde::Serialize;

use super::RenderError;

/// Characters of one service control policy [docs: Organizations quotas]; the newer quota of 10,240 is not used.
pub(super) const CHARACTERS_MAX: usize = 5_120;
/// The version of the policy language.
const LANGUAGE: &str = "2012-10-17";

/// A condition: operator, key, values.
type Conditions = BTreeMap<&'static str, BTreeMap<&'static str, Vec<String>>>;

/// A statement that denies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Statement {
    sid: String,
    effect: &'static str,
    action: Vec<String>,
    resource: Vec<String>,
    condition: Conditions,
}

impl Statement {
    /// Denies these actions on these resources to all principals except these.
    pub(super) fn deny(sid: &str, actions: &[&str], resources: Vec<String>, principals: Vec<String>) -> Self {
        let condition = BTreeMap::from([("ArnNotLike", BTreeMap::from([("aws:PrincipalArn", principals)]))]);
        let action = actions.iter().map(|&action| action.to_owned()).collect();
        Self { sid: sid.to_owned(), effect: "Deny", action, resource: resources, condition }
    }

    /// Restricts the statement to requests whose key matches this ARN.
    pub(super) fn where_like(self, key: &'static str, arn: String) -> Self {
        self.and("ArnLike", key, arn)
    }

    /// Restricts the statement to requests whose key has this value.
    pub(super) fn where_equal(self, key: &'static str, value: String) -> Self {
        self.and("StringEquals", key, value)
    }

    /// Restricts the statement to requests that set or remove this tag, in any case, by a principal with an ARN.
    pub(super) fn where_tagged(self, tag: &str) -> Self {
        self.and("ForAnyValue:StringEqualsIgnoreCase", "aws:TagKeys", tag.to_owned()).and(
            "Null",
            "aws:PrincipalArn",
            "false".to_owned(),
        )
    }

    fn and(mut self, operator: &'static str, key: &'static str, value: String) -> Self {
        self.condition.insert(operator, BTreeMap::from([(key, vec![value])]));
        self
    }

    /// Two statements that together equal this one; `None` for one action on one resource.
    fn halves(&self) -> Option<[Self; 2]> {
        let half = |number, action: &[String], resource: &[String]| Self {
            sid: format!("{}{number}", self.sid),
            action: action.to_vec(),
            resource: resource.to_vec(),
            ..self.clone()
        };
        if let ((first, second), true) = (middle(&self.resource), self.resource.len() > 1) {
            return Some([half(1, &self.action, first), half(2, &self.action, second)]);
        }
        let ((first, second), true) = (middle(&self.action), self.action.len() > 1) else { return None };
        Some([half(1, first, &self.resource), half(2, second, &self.resource)])
    }

    /// Splits the statement into parts that each fit into a policy.
    fn fitting(self) -> Result<Vec<Self>, RenderError> {
        let alone = Document::new(vec![self.clone()]);
        if alone.fits() {
            return Ok(vec![self]);
        }
        let Some([first, second]) = self.halves() else {
            return Err(RenderError::TooLong { sid: self.sid, characters: alone.characters() });
        };
        Ok([first.fitting()?, second.fitting()?].concat())
    }
}

fn middle(items: &[String]) -> (&[String], &[String]) {
    items.split_at(items.len() / 2)
}

/// One service control policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Document {
    version: &'static str,
    statement: Vec<Statement>,
}

impl Document {
    fn new(statement: Vec<Statement>) -> Self {
        Self { version: LANGUAGE, statement }
    }

    /// Without white space, for attaching.
    pub(super) fn minified(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// With line breaks, for people.
    pub(super) fn pretty(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The size that AWS counts, without white space.
    pub(super) fn characters(&self) -> usize {
        self.minified().chars().count()
    }

    fn fits(&self) -> bool {
        self.characters() <= CHARACTERS_MAX
    }
}

/// Distributes statements over policies in order, filling each one.
///
/// # Errors
/// [`RenderError::TooLong`] where one action on one resource exceeds a policy.
pub(super) fn pack(statements: Vec<Statement>) -> Result<Vec<Document>, RenderError> {
    let mut documents: Vec<Document> = Vec::new();
    for statement in statements {
        for part in statement.fitting()? {
            let joined = documents.last().map(|last| {
                let mut statements = last.statement.clone();
                statements.push(part.clone());
                Document::new(statements)
            });
            match (joined, documents.last_mut()) {
                (Some(joined), Some(last)) if joined.fits() => *last = joined,
                _ => documents.push(Document::new(vec![part])),
            }
        }
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A statement whose exemptions leave this much room in a policy.
    fn with_room(room: usize, actions: &[&str], resources: &[&str]) -> Statement {
        let resources: Vec<String> = resources.iter().map(|&resource| resource.to_owned()).collect();
        let bare = Document::new(vec![Statement::deny("Sid", &[], Vec::new(), vec![String::new()])]);
        let principal = "x".repeat(CHARACTERS_MAX - bare.characters() - room);
        Statement::deny("Sid", actions, resources, vec![principal])
    }

    /// The pairs of action and resource that the policies deny.
    fn denied(documents: &[Document]) -> Vec<(&str, &str)> {
        let statements = documents.iter().flat_map(|document| &document.statement);
        let mut all: Vec<(&str, &str)> = statements
            .flat_map(|it| it.action.iter().flat_map(|a| it.resource.iter().map(|r| (a.as_str(), r.as_str()))))
            .collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn a_statement_that_fits_exactly_is_a_policy_and_with_one_character_more_it_is_two() {
        let actions = ["a:One", "a:Two"];
        let exact = "\"a:One\",\"a:Two\"\"r\"".len();
        let [one] = &pack(vec![with_room(exact, &actions, &["r"])]).unwrap()[..] else { panic!("one policy") };
        assert_eq!(one.characters(), CHARACTERS_MAX);
        let two = pack(vec![with_room(exact - 1, &actions, &["r"])]).unwrap();
        assert_eq!(two.len(), 2);
        assert_eq!(denied(&two), denied(std::slice::from_ref(one)));
    }

    #[test]
    fn resources_are_shared_out_before_actions() {
        // The numbers that halves append to their names take two characters.
        let room = "\"a:One\",\"a:Two\"\"r1\"".len() + 2;
        let documents = pack(vec![with_room(room, &["a:One", "a:Two"], &["r1", "r2", "r3"])]).unwrap();
        assert!(documents.iter().all(Document::fits) && documents.len() == 3, "{}", documents.len());
        assert!(documents.iter().all(|document| document.statement[0].action.len() == 2));
        assert_eq!(denied(&documents).len(), 6);
    }

    #[test]
    fn statements_share_a_policy_as_long_as_there_is_room() {
        let small = || with_room(CHARACTERS_MAX / 2 + 200, &["a:One"], &["r"]);
        assert_eq!(pack(vec![small(), small()]).unwrap().len(), 1);
        assert_eq!(pack(vec![small(), with_room(20, &["a:One"], &["r"]), small()]).unwrap().len(), 3);
        assert_eq!(pack(Vec::new()).unwrap(), []);
    }

    #[test]
    fn one_action_on_one_resource_that_does_not_fit_is_an_error() {
        let room = "\"a:One\"\"r\"".len();
        let error = pack(vec![with_room(room - 1, &["a:One"], &["r"])]).unwrap_err();
        assert_eq!(error, RenderError::TooLong { sid: "Sid".to_owned(), characters: CHARACTERS_MAX + 1 });
    }
}
