//! Reads YAML into a tree whose values have places, duplicate keys included.
//!
//! Only plain YAML is accepted: anchors, aliases, merge keys and tags let one line change the meaning of another.

use serde_saphyr::granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

/// Limit of nesting, above that of any policy.
const YAML_DEPTH_MAX: usize = 16;

/// A stretch of one line; line and column count from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TextRange {
    /// The line.
    pub(super) line: usize,
    /// The first character's column.
    pub(super) column: usize,
    /// The number of characters.
    pub(super) width: usize,
}

impl TextRange {
    /// The start of the file.
    pub(super) const START: Self = Self { line: 1, column: 1, width: 1 };

    fn at(marker: &Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1, width: 1 }
    }

    fn of(span: &Span) -> Self {
        let one_line = span.start.line() == span.end.line();
        let width = if one_line { span.end.col().saturating_sub(span.start.col()).max(1) } else { 1 };
        Self { width, ..Self::at(&span.start) }
    }
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: TextRange,
    pub(super) kind: Kind,
}

/// A value according to YAML 1.2.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Nothing, `~` or `null`.
    Null,
    /// Exactly `true` or `false`.
    Bool(bool),
    /// An unquoted word that YAML 1.1 reads as a boolean (`yes`, `Off`), as written.
    OldBool(String),
    /// A number, as written.
    Number(String),
    /// Any other or quoted scalar.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
}

/// One key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_place: TextRange,
    pub(super) value: Node,
}

/// Why a file is not plain YAML.
#[derive(Clone, Debug)]
pub(super) struct NotPlain {
    pub(super) place: TextRange,
    pub(super) message: String,
    pub(super) fix: &'static str,
}

impl From<ScanError> for NotPlain {
    fn from(error: ScanError) -> Self {
        Self {
            place: TextRange::at(error.marker()),
            message: format!("not valid YAML: {}", error.info()),
            fix: "check the indentation, the quotes and the brackets up to this place",
        }
    }
}

/// Reads the only document of a file.
pub(super) fn read(text: &str) -> Result<Node, NotPlain> {
    let options = serde_saphyr::granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: YAML_DEPTH_MAX,
        block_nesting_limit: YAML_DEPTH_MAX,
    };
    let mut reader = Reader { events: Parser::new_from_str_with_options(text, options) };
    let mut document = None;
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd => {}
            _ if document.is_some() => {
                return Err(NotPlain {
                    place: TextRange::of(&span),
                    message: "a second document begins here".to_owned(),
                    fix: "keep one policy in a file, and remove the line `---` before this one",
                });
            }
            event => document = Some(reader.node(event, &span)?),
        }
    }
    document.ok_or_else(|| NotPlain {
        place: TextRange::START,
        message: "the file is empty".to_owned(),
        fix: "start from infra/policy.example.yaml",
    })
}

struct Reader<'a> {
    events: Parser<'a, serde_saphyr::granit_parser::StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, NotPlain> {
        Ok(self.events.next().transpose()?)
    }

    /// The value that starts with this event. The parser's nesting limits bound the recursion.
    fn node(&mut self, event: Event<'a>, span: &Span) -> Result<Node, NotPlain> {
        let place = TextRange::of(span);
        refuse_extras(&event, place)?;
        let kind = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) => plain(&text),
            Event::Scalar(text, ..) => Kind::Text(text.into_owned()),
            Event::SequenceStart(..) => self.list()?,
            Event::MappingStart(..) => self.map()?,
            _ => return Err(unexpected(place)),
        };
        Ok(Node { place, kind })
    }

    fn list(&mut self) -> Result<Kind, NotPlain> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                None => return Err(unexpected(TextRange::START)),
                Some((Event::SequenceEnd, _)) => return Ok(Kind::List(items)),
                Some((event, span)) => items.push(self.node(event, &span)?),
            }
        }
    }

    fn map(&mut self) -> Result<Kind, NotPlain> {
        let mut entries = Vec::new();
        loop {
            let (key, key_place) = match self.next()? {
                None => return Err(unexpected(TextRange::START)),
                Some((Event::MappingEnd, _)) => return Ok(Kind::Map(entries)),
                Some((event, span)) => {
                    let place = TextRange::of(&span);
                    refuse_extras(&event, place)?;
                    let Event::Scalar(key, ..) = event else {
                        return Err(NotPlain {
                            place,
                            message: "a key is a list or a mapping".to_owned(),
                            fix: "write a plain word before the colon, and quotes around a value that begins with a bracket",
                        });
                    };
                    (key.into_owned(), place)
                }
            };
            let Some((event, span)) = self.next()? else { return Err(unexpected(key_place)) };
            let mut value = self.node(event, &span)?;
            if matches!(value.kind, Kind::Null) {
                // An absent value has no place of its own.
                value.place = key_place;
            }
            entries.push(Entry { key, key_place, value });
        }
    }
}

fn unexpected(place: TextRange) -> NotPlain {
    NotPlain { place, message: "the value ends too early".to_owned(), fix: "complete it" }
}

fn refuse_extras(event: &Event<'_>, place: TextRange) -> Result<(), NotPlain> {
    let refuse = |what: &str| {
        let message = format!("{what} is not allowed in a policy");
        Err(NotPlain { place, message, fix: "write the value itself, where it is read and reviewed" })
    };
    let anchored = |anchor: usize| anchor != 0;
    match event {
        Event::Alias(_) | Event::UnresolvedAlias(_) => refuse("a YAML alias"),
        Event::Scalar(_, _, anchor, _) | Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _)
            if anchored(*anchor) =>
        {
            refuse("a YAML anchor")
        }
        Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, _, Some(_)) | Event::MappingStart(_, _, Some(_)) => {
            refuse("a YAML tag")
        }
        _ => Ok(()),
    }
}

/// The kind of an unquoted scalar in the core schema of YAML 1.2, with only lower-case booleans.
fn plain(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" => Kind::Bool(true),
        "false" => Kind::Bool(false),
        text if is_old_bool(text) => Kind::OldBool(text.to_owned()),
        text if is_number(text) => Kind::Number(text.to_owned()),
        text => Kind::Text(text.to_owned()),
    }
}

fn is_old_bool(text: &str) -> bool {
    ["y", "n", "yes", "no", "on", "off", "true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && (digits.parse::<f64>().is_ok() || digits.starts_with("0x") || digits.starts_with("0o"))
}
