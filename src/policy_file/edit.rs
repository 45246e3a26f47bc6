//! Adds an exemption to a policy's text, or takes one out; every other line stays as it is, comments included.
//!
//! Only lists in block style are edited. The caller parses the result and compares it with what it should mean, so that an
//! unusual layout leads to a refusal and never to another policy.

use super::tree::{self, Entry, Kind, Node};
use crate::domain::policy::schema::{After, Exemption};

const EXEMPTIONS: &str = "exemptions";

/// The list is written in a way that is not edited here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotEdited;

/// The text with the exemption before all others.
///
/// # Errors
/// The text is not plain YAML, or its exemptions are a list in brackets.
pub(crate) fn add_exemption(text: &str, exemption: &Exemption) -> Result<String, NotEdited> {
    let Some((entry, items)) = exemptions(text)? else {
        let gap = if text.ends_with('\n') { "\n" } else { "\n\n" };
        return Ok(format!("{text}{gap}{EXEMPTIONS}:\n{}", written(exemption, "  ")));
    };
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let key = entry.key_place.line - 1;
    let indent = if items.is_empty() {
        let line = lines.get_mut(key).ok_or(NotEdited)?;
        let (before, after) = line.split_once("[]").ok_or(NotEdited)?;
        *line = format!("{}{after}", before.trim_end());
        "  ".to_owned()
    } else {
        indent_of(lines.get(dash_line(&lines, items.first().ok_or(NotEdited)?)?).ok_or(NotEdited)?).to_owned()
    };
    if let Some(line) = lines.get_mut(key).filter(|line| !line.ends_with('\n')) {
        line.push('\n');
    }
    lines.insert(key + 1, written(exemption, &indent));
    Ok(lines.concat())
}

/// The text without the exemption at this position of the list. Comments above it stay.
///
/// # Errors
/// As for [`add_exemption`], or there is none at the position.
pub(crate) fn remove_exemption(text: &str, position: usize) -> Result<String, NotEdited> {
    let (entry, items) = exemptions(text)?.ok_or(NotEdited)?;
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let dash = dash_line(&lines, items.get(position).ok_or(NotEdited)?)?;
    let indent = indent_of(lines.get(dash).ok_or(NotEdited)?).len();
    let deeper = |line: &String| line.trim().is_empty() || indent_of(line).len() > indent;
    let mut end = dash + 1 + lines.iter().skip(dash + 1).take_while(|line| deeper(line)).count();
    while lines.get(end - 1).is_some_and(|line| line.trim().is_empty()) {
        end -= 1;
    }
    lines.drain(dash..end);
    if items.len() == 1 {
        let line = lines.get_mut(entry.key_place.line - 1).ok_or(NotEdited)?;
        *line = line.replacen(':', ": []", 1);
    }
    Ok(lines.concat())
}

/// The key of the exemptions and the list's entries; `None` where the text names none.
fn exemptions(text: &str) -> Result<Option<(Entry, Vec<Node>)>, NotEdited> {
    let node = tree::read(text).map_err(|_| NotEdited)?;
    let Kind::Map(entries) = node.kind else { return Err(NotEdited) };
    let Some(entry) = entries.into_iter().find(|entry| entry.key == EXEMPTIONS) else { return Ok(None) };
    match &entry.value.kind {
        Kind::List(items) => Ok(Some((entry.clone(), items.clone()))),
        _ => Err(NotEdited),
    }
}

/// The line, counted from zero, on which the entry of a block list begins with its dash and its first key.
fn dash_line(lines: &[String], item: &Node) -> Result<usize, NotEdited> {
    let at = item.place.line - 1;
    let begins = lines.get(at).is_some_and(|line| line.trim_start().starts_with("- "));
    if begins { Ok(at) } else { Err(NotEdited) }
}

fn indent_of(line: &str) -> &str {
    let text = line.trim_start_matches(' ');
    line.get(..line.len() - text.len()).unwrap_or_default()
}

/// An entry in block style. JSON's strings are YAML's double-quoted ones.
fn written(exemption: &Exemption, indent: &str) -> String {
    let Exemption { accounts, ous, reason, owner, expires, after } = exemption;
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let list = |ids: &[String]| format!("[{}]", ids.iter().map(|id| quoted(id)).collect::<Vec<_>>().join(", "));
    let mut fields = Vec::new();
    fields.extend((!accounts.is_empty()).then(|| format!("accounts: {}", list(accounts))));
    fields.extend((!ous.is_empty()).then(|| format!("ous: {}", list(ous))));
    fields.extend([
        format!("reason: {}", quoted(reason)),
        format!("owner: {}", quoted(owner)),
        format!("expires: {expires}"),
    ]);
    fields.extend((*after == After::Enforce).then(|| "after: enforce".to_owned()));
    format!("{indent}- {}\n", fields.join(&format!("\n{indent}  ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exemption(after: After) -> Exemption {
        Exemption {
            accounts: vec!["000066667777".to_owned()],
            ous: vec!["ou-ab12-11111111".to_owned()],
            reason: "vendor's \"image\": #1".to_owned(),
            owner: "team-net".to_owned(),
            expires: "2027-03-31".to_owned(),
            after,
        }
    }

    const ADDED: &str = "  - accounts: [\"000066667777\"]\n    ous: [\"ou-ab12-11111111\"]\n    \
        reason: \"vendor's \\\"image\\\": #1\"\n    owner: \"team-net\"\n    expires: 2027-03-31\n";

    /// A policy with these exemptions between two other keys.
    fn text(exemptions: &str) -> String {
        format!("# policy\nversion: 1\n{exemptions}\n# who\nprincipals: {{}}\n")
    }

    #[test]
    fn entry_is_added_before_the_others_and_no_other_line_changes() {
        let add = |text: &str| add_exemption(text, &exemption(After::Observe));
        for (before, after) in [
            (
                "exemptions:\n  # an appliance\n  - { a: 1 }\n",
                format!("exemptions:\n{ADDED}  # an appliance\n  - {{ a: 1 }}\n"),
            ),
            ("exemptions: # left alone\n  - a: 1\n", format!("exemptions: # left alone\n{ADDED}  - a: 1\n")),
            (
                "exemptions:\n- a: 1\n",
                format!("exemptions:\n{}- a: 1\n", ADDED.replace("\n  ", "\n").trim_start_matches(' ')),
            ),
            ("exemptions: [] # none\n", format!("exemptions: # none\n{ADDED}")),
            ("exemptions: []\n", format!("exemptions:\n{ADDED}")),
        ] {
            assert_eq!(add(&text(before)), Ok(text(&after)), "{before}");
        }
        assert_eq!(add("version: 1"), Ok(format!("version: 1\n\nexemptions:\n{ADDED}")));
        assert_eq!(add("version: 1\n"), Ok(format!("version: 1\n\nexemptions:\n{ADDED}")));
        assert_eq!(add("version: 1\nexemptions: []"), Ok(format!("version: 1\nexemptions:\n{ADDED}")));
        let enforced = add_exemption("version: 1\n", &exemption(After::Enforce)).unwrap();
        assert!(enforced.ends_with("expires: 2027-03-31\n    after: enforce\n"), "{enforced}");
    }

    #[test]
    fn entry_is_taken_out_and_comments_stay() {
        let list = "exemptions:\n  # first\n  - a: 1\n    b: |\n      two\n\n      lines\n  # second\n  - { a: 2,\n      b: 3 } # gone\n";
        let without = |position| remove_exemption(&text(list), position);
        assert_eq!(without(0), Ok(text("exemptions:\n  # first\n  # second\n  - { a: 2,\n      b: 3 } # gone\n")));
        assert_eq!(
            without(1),
            Ok(text("exemptions:\n  # first\n  - a: 1\n    b: |\n      two\n\n      lines\n  # second\n"))
        );
        assert_eq!(without(2), Err(NotEdited));
        let only = text("exemptions: # left alone\n  # why\n  - a: 1\n");
        assert_eq!(remove_exemption(&only, 0), Ok(text("exemptions: [] # left alone\n  # why\n")));
        assert_eq!(remove_exemption("exemptions:\n- a: 1", 0), Ok("exemptions: []\n".to_owned()));
    }

    #[test]
    fn what_was_added_can_be_taken_out_again() {
        for before in ["version: 1\nexemptions: []\n", &text("exemptions:\n  - a: 1\n  - a: 2\n")] {
            let added = add_exemption(before, &exemption(After::Observe)).unwrap();
            assert_eq!(remove_exemption(&added, 0).as_deref(), Ok(before));
        }
    }

    #[test]
    fn other_layouts_are_left_to_an_editor() {
        for text in [
            "exemptions: [{ a: 1 }]\n",
            "exemptions:\n  [{ a: 1 }]\n",
            "exemptions:\n  -\n    a: 1\n",
            "{ version: 1, exemptions: [{ a: 1 }] }\n",
            "exemptions: none\n",
            "- a\n",
            "a: [\n",
        ] {
            assert_eq!(add_exemption(text, &exemption(After::Observe)), Err(NotEdited), "{text}");
            assert_eq!(remove_exemption(text, 0), Err(NotEdited), "{text}");
        }
    }
}
