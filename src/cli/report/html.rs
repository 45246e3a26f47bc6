//! The report as a page: one file that loads nothing, with the report as data and a script that shows it.
//!
//! Names, principals and values come from others. They stand in one block of data that nothing in it can end, and the script
//! shows them as text only. The page's policy admits its own style and script, by their digests, and no request.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::model::Report;
use super::words::{course, coverage, headline, lag, limits, range, scope};
use crate::domain::text::escaped;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What the script shows.
#[derive(Serialize)]
struct Data<'a> {
    report: &'a Report,
    words: Words,
}

/// The sentences that all formats share.
#[derive(Serialize)]
struct Words {
    headline: String,
    scope: String,
    lag: String,
    coverage: String,
    limits: Vec<String>,
    /// Of each bin.
    ranges: Vec<String>,
    /// Of each incident.
    courses: Vec<String>,
}

pub(super) fn render(report: &Report) -> String {
    let words = Words {
        headline: headline(report),
        scope: scope(report),
        lag: lag(&report.lag),
        coverage: coverage(&report.coverage, report.at),
        limits: limits(&report.coverage),
        ranges: report.lag.bins.iter().map(range).collect(),
        courses: report.incidents.iter().map(|story| course(story, report.at)).collect(),
    };
    let title = text(&words.headline);
    let data = data_block(&serde_json::to_string(&Data { report, words }).unwrap_or_default());
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    );
    filled(&[("POLICY", &policy), ("TITLE", &title), ("STYLE", STYLE), ("DATA", &data), ("SCRIPT", SCRIPT)])
}

/// The template with each `{{NAME}}`, in order, replaced; what is put in is not looked at again.
fn filled(parts: &[(&str, &str)]) -> String {
    let mut rest = PAGE;
    let mut page = String::new();
    for (name, part) in parts {
        let Some((before, after)) = rest.split_once(&format!("{{{{{name}}}}}")) else { continue };
        page.extend([before, part]);
        rest = after;
    }
    page + rest
}

/// JSON in which no character can end a script element or begin a comment in it.
fn data_block(json: &str) -> String {
    escaped(json).replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// A text inside an element.
fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The digest of an inline element, as a content security policy names it.
fn digest(text: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(text.as_bytes())))
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = [0, 1, 2].iter().fold(0u32, |group, at| group << 8 | u32::from(*chunk.get(*at).unwrap_or(&0)));
        for at in 0..4 {
            let index = (group >> (18 - 6 * at)) & 63;
            let letter = BASE64.get(index as usize).filter(|_| at <= chunk.len());
            text.push(letter.map_or('=', |letter| char::from(*letter)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let encoded = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(encoded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    #[test]
    fn data_cannot_end_its_block() {
        let hostile = serde_json::json!({ "name": "</script><script>alert(1)</script><!-- \u{2028} & ]]>" });
        let block = data_block(&hostile.to_string());
        assert!(!block.contains(['<', '>', '&', '\u{2028}']), "{block}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&block).unwrap(), hostile);
    }

    #[test]
    fn the_template_has_a_place_for_each_part() {
        for name in ["POLICY", "TITLE", "STYLE", "DATA", "SCRIPT"] {
            assert_eq!(PAGE.matches(&format!("{{{{{name}}}}}")).count(), 1, "{name}");
        }
        assert!(!STYLE.contains("</style") && !SCRIPT.contains("</script"));
    }
}
