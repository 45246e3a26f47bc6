//! An alert as programs receive it: JSON by `infra/alert.schema.json`, and a custom notification for chat.

use serde_json::{Value, json};

use super::Alert;
use super::builder::{SUBJECT_CHARS_MAX, before_advice};
use crate::domain::text::{ID_CHARS_MAX, clean};

/// Version of the JSON that programs receive; a change that breaks readers raises it.
pub const SCHEMA_VERSION: u32 = 1;
/// Characters of what chat shows of an alert; Slack shows a section of up to 3,000 [docs: Slack section block].
const CHAT_CHARS_MAX: usize = 2_500;
/// Characters of one next step in chat.
const STEP_CHARS_MAX: usize = 350;

impl Alert {
    /// The subject, as SNS takes it.
    pub fn subject_line(&self) -> String {
        let subject = clean(&self.subject, SUBJECT_CHARS_MAX);
        if subject.is_empty() { format!("runas-reactor: {}", clean(&self.kind, 64)) } else { subject }
    }

    /// The JSON for programs, with this much of the text and data.
    pub fn message(&self, text: &str, data: &Value) -> Value {
        json!({
            "schema_version": SCHEMA_VERSION,
            "id": clean(&self.id, ID_CHARS_MAX),
            "kind": clean(&self.kind, ID_CHARS_MAX),
            "severity": self.severity,
            "account": self.account,
            "region": self.region,
            "incident": self.thread(),
            "subject": self.subject_line(),
            "text": text,
            "at": self.at,
            "data": data,
        })
    }

    /// A custom notification of Amazon Q Developer in chat applications (Slack, Teams)
    /// [docs: chatbot custom-notifs]. The alerts of one incident share a thread.
    pub fn chat(&self) -> Value {
        let part = |key: &str| self.data.get(key);
        let commands = part("commands").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let links = part("links").and_then(Value::as_object).into_iter().flatten();
        let links: Vec<&str> = links.filter_map(|(_, link)| link.as_str()).collect();
        let steps = part("to_do").and_then(Value::as_str).into_iter().map(|step| plain(step, STEP_CHARS_MAX));
        let steps: Vec<String> = steps.chain(commands.map(|it| format!("`{}`", plain(it, STEP_CHARS_MAX)))).collect();
        let region = self.region.as_ref().map_or_else(|| "all regions".to_owned(), ToString::to_string);
        json!({
            "version": "1.0",
            "source": "custom",
            "id": clean(&self.id, ID_CHARS_MAX),
            "content": {
                "textType": "client-markdown",
                "title": plain(&self.subject_line(), 200),
                "description": block(before_advice(&self.text)),
                "nextSteps": steps,
                "keywords": [self.severity.as_str(), clean(&self.kind, 64)],
            },
            "metadata": {
                "threadId": self.thread().unwrap_or_else(|| clean(&self.id, ID_CHARS_MAX)),
                "summary": plain(&self.subject_line(), 200),
                "eventType": clean(&self.kind, 64),
                "relatedResources": links,
                "additionalContext": {
                    "severity": self.severity.as_str(), "account": self.account.as_str(), "region": region,
                },
            },
        })
    }

    /// The incident, bounded.
    fn thread(&self) -> Option<String> {
        self.incident.as_deref().map(|incident| clean(incident, ID_CHARS_MAX))
    }
}

/// A block of code, in which columns stand one below the other, with as many lines as chat has room for.
fn block(text: &str) -> String {
    let mut shown = "```\n".to_owned();
    for line in text.trim_end().lines() {
        let indent = line.len() - line.trim_start().len();
        let line = format!("{:indent$}{}\n", "", plain(line, CHAT_CHARS_MAX));
        if shown.len() + line.len() > CHAT_CHARS_MAX {
            shown.push_str("… the mail and the history have the rest\n");
            break;
        }
        shown.push_str(&line);
    }
    shown + "```"
}

/// Escapes Slack's mentions, links and code blocks.
fn plain(text: &str, max: usize) -> String {
    let text = clean(text, max).replace('`', "'");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::{AlertBuilder, Kind, Severity};
    use super::*;
    use crate::domain::time::Time;

    fn alert(story: &str, row: &str) -> Alert {
        AlertBuilder::new(Kind::EditReverted, Severity::High, "edit:1")
            .subject("Reverted", story, "search/eu-west-1")
            .says("Run As was switched off.")
            .row("From", row)
            .advice("Ask her.")
            .link("Explain", "runasctl explain 444455556666/eu-west-1".to_owned())
            .finish(&"444455556666".parse().unwrap(), None, Some("incident-1".to_owned()), Time::ZERO)
    }

    #[test]
    fn chat_gets_the_answer_the_steps_and_the_thread() {
        let chat = alert("alice wrote version 2", "203.0.113.9").chat();
        assert_eq!((&chat["version"], &chat["source"]), (&json!("1.0"), &json!("custom")));
        let content = &chat["content"];
        assert_eq!(content["title"], "Reverted: alice wrote version 2 in search/eu-west-1");
        assert_eq!(content["description"], "```\nRun As was switched off.\n\n  From  203.0.113.9\n```");
        assert_eq!(content["nextSteps"], json!(["Ask her.", "`runasctl explain 444455556666/eu-west-1`"]));
        assert_eq!(content["keywords"], json!(["high", "edit_reverted"]));
        assert_eq!(chat["metadata"]["threadId"], "incident-1");
        assert_eq!(Alert { incident: None, ..alert("a", "b") }.chat()["metadata"]["threadId"], "edit:1");
    }

    #[test]
    fn foreign_text_mentions_no_user_in_chat_and_stays_in_its_block() {
        let hostile = "```<!channel> <https://evil.example|click> &amp;";
        let chat = alert(hostile, hostile).chat().to_string();
        assert!(!chat.contains("<!channel>") && !chat.contains("<https"), "{chat}");
        let description = alert("a", hostile).chat()["content"]["description"].as_str().unwrap().to_owned();
        assert_eq!(description.matches("```").count(), 2, "{description}");
    }

    #[test]
    fn chat_shows_as_many_lines_as_it_has_room_for() {
        for (chars, all) in [(CHAT_CHARS_MAX - 1_006, true), (CHAT_CHARS_MAX - 1_005, false)] {
            let text = format!("{}\n{}", "a".repeat(1_000), "b".repeat(chars));
            let chat = Alert { text, ..alert("a", "b") }.chat();
            let description = chat["content"]["description"].as_str().unwrap();
            assert_eq!(description.contains('b'), all, "{chars}");
            assert_eq!(description.ends_with("have the rest\n```"), !all, "{chars}");
        }
    }

    #[test]
    fn chat_is_bounded() {
        let long = Alert { text: "é <&>\n".repeat(10_000), ..alert("a", "b") };
        let description = long.chat()["content"]["description"].as_str().unwrap().to_owned();
        assert!(
            description.len() < CHAT_CHARS_MAX + 64 && description.ends_with("have the rest\n```"),
            "{description}"
        );
    }
}
