//! Just enough of Rust's grammar to say what a file names, whatever its comments and strings talk about.

use std::iter::Peekable;
use std::str::Chars;

/// A file of Rust.
pub(crate) struct Source {
    /// Its path from the root of the project.
    pub(super) name: String,
    pub(crate) text: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A word: a name, a keyword, a number.
    Word(String),
    /// A sign; `::`, `..` and those that would read as others if taken apart are one.
    Sign(&'static str),
    /// A string, a character or a lifetime.
    Quoted,
    Comment(String),
}

/// Where something is named, and as what.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Named {
    pub(super) line: usize,
    /// `std::env::var` whether written at once, in a `use` tree or over `super`; `.send` for a method, `print!` for a macro,
    /// `#derive` for an attribute.
    pub(super) path: String,
}

impl Source {
    pub(super) fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned() }
    }

    /// Whether the file is the module `src/{module}.rs` or below it.
    pub(super) fn is_in(&self, module: &str) -> bool {
        let rest = self.name.strip_prefix("src/").and_then(|name| name.strip_prefix(module));
        rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    }

    /// Everything that the code names, in its order.
    pub(super) fn named(&self) -> Vec<Named> {
        let mut code = tokens(&self.text);
        code.retain(|(_, token)| !matches!(token, Token::Comment(_)));
        Walk { code, at: 0, file: module_of(&self.name), inner: Vec::new(), named: Vec::new() }.all()
    }

    /// Each comment with its line.
    pub(super) fn comments(&self) -> impl Iterator<Item = (usize, String)> {
        tokens(&self.text).into_iter().filter_map(|(line, token)| match token {
            Token::Comment(text) => Some((line, text)),
            _ => None,
        })
    }
}

/// `src/aws/session.rs` is `crate::aws::session`.
pub(super) fn module_of(name: &str) -> Vec<String> {
    let path = name.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    let inner = path.split('/').filter(|part| *part != "lib").map(str::to_owned);
    ["crate".to_owned()].into_iter().chain(inner).collect()
}

struct Walk {
    code: Vec<(usize, Token)>,
    at: usize,
    file: Vec<String>,
    /// The inline modules and other braces that are open; a module has a name.
    inner: Vec<Option<String>>,
    named: Vec<Named>,
}

impl Walk {
    fn all(mut self) -> Vec<Named> {
        while let Some((_, token)) = self.code.get(self.at) {
            match token {
                Token::Word(_) => {
                    let before = self.before();
                    self.tree(before);
                    continue;
                }
                Token::Sign("{") => {
                    let module = self.at.checked_sub(2).filter(|at| self.word(*at) == Some("mod"));
                    let module = module.and_then(|at| self.word(at + 1)).map(str::to_owned);
                    self.inner.push(module);
                }
                Token::Sign("}") => {
                    self.inner.pop();
                }
                _ => {}
            }
            self.at += 1;
        }
        self.named
    }

    /// What makes the word here a method or an attribute.
    fn before(&self) -> &'static str {
        let sign = |back| self.at.checked_sub(back).and_then(|at| self.sign(at));
        match (sign(3), sign(2), sign(1)) {
            (_, _, Some(".")) => ".",
            (_, Some("#"), Some("[")) | (Some("#"), Some("!"), Some("[")) => "#",
            _ => "",
        }
    }

    /// A path from here on, or a `use` tree: every path that it holds.
    fn tree(&mut self, before: &str) {
        let Some((line, token)) = self.code.get(self.at).cloned() else { return };
        self.at += 1;
        match token {
            Token::Word(word) => {
                let mut path = self.step(before, &word);
                if self.sign(self.at) == Some("::")
                    && (self.word(self.at + 1).is_some() || matches!(self.sign(self.at + 1), Some("{" | "*")))
                {
                    self.at += 1;
                    return self.tree(&path);
                }
                if self.sign(self.at) == Some("!") && matches!(self.sign(self.at + 1), Some("(" | "[" | "{")) {
                    path.push('!');
                }
                self.named.push(Named { line, path });
            }
            Token::Sign("*") => self.named.push(Named { line, path: format!("{before}::*") }),
            Token::Sign("{") => {
                while self.at < self.code.len() && self.sign(self.at) != Some("}") {
                    match self.sign(self.at) {
                        Some(",") => self.at += 1,
                        _ => self.tree(before),
                    }
                }
                self.at += 1;
            }
            _ => {}
        }
    }

    /// `before` and one word more, with `self` and `super` said in full.
    fn step(&self, before: &str, word: &str) -> String {
        let own = || {
            let inner = self.inner.iter().flatten();
            self.file.iter().chain(inner).cloned().collect::<Vec<_>>().join("::")
        };
        let outer = |path: &str| path.rsplit_once("::").map_or("crate", |(outer, _)| outer).to_owned();
        match (before, word) {
            ("", "self") => own(),
            ("", "super") => outer(&own()),
            (path, "super") => outer(path),
            (path, "self") => path.to_owned(),
            ("" | "." | "#", word) => format!("{before}{word}"),
            (path, word) => format!("{path}::{word}"),
        }
    }

    fn word(&self, at: usize) -> Option<&str> {
        match self.code.get(at) {
            Some((_, Token::Word(word))) => Some(word),
            _ => None,
        }
    }

    fn sign(&self, at: usize) -> Option<&'static str> {
        match self.code.get(at) {
            Some((_, Token::Sign(sign))) => Some(sign),
            _ => None,
        }
    }
}

/// The file from some place on.
struct Rest<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
}

impl Rest<'_> {
    fn peek(&mut self) -> Option<char> {
        self.chars.peek().copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.chars.next();
        self.line += usize::from(c == Some('\n'));
        c
    }

    fn while_is(&mut self, holds: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        while let Some(c) = self.peek().filter(|c| holds(*c)) {
            text.push(c);
            self.next();
        }
        text
    }
}

fn tokens(text: &str) -> Vec<(usize, Token)> {
    let mut rest = Rest { chars: text.chars().peekable(), line: 1 };
    let mut tokens = Vec::new();
    while let Some(c) = rest.peek() {
        let line = rest.line;
        let token = if c.is_whitespace() {
            rest.next();
            None
        } else if c.is_alphanumeric() || c == '_' {
            let word = rest.while_is(|c| c.is_alphanumeric() || c == '_');
            after_word(&mut rest, word)
        } else {
            rest.next();
            Some(after_sign(&mut rest, c))
        };
        tokens.extend(token.map(|token| (line, token)));
    }
    tokens
}

/// A word may turn out to be what stands before a string: `r`, `b`, `br`, `c`, `cr`.
fn after_word(rest: &mut Rest<'_>, word: String) -> Option<Token> {
    let raw = matches!(word.as_str(), "r" | "br" | "cr");
    match rest.peek() {
        Some('"') if raw => raw_string(rest, 0),
        Some('"') if matches!(word.as_str(), "b" | "c") => {
            rest.next();
            Some(quoted(rest, '"'))
        }
        Some('#') if raw => {
            let hashes = rest.while_is(|c| c == '#').len();
            if rest.peek() == Some('"') { raw_string(rest, hashes) } else { None }
        }
        _ => Some(Token::Word(word)),
    }
}

fn raw_string(rest: &mut Rest<'_>, hashes: usize) -> Option<Token> {
    rest.next();
    let mut after_quote = None;
    while after_quote != Some(hashes) {
        after_quote = match (rest.next()?, after_quote) {
            ('"', _) => Some(0),
            ('#', Some(count)) => Some(count + 1),
            _ => None,
        };
    }
    Some(Token::Quoted)
}

fn quoted(rest: &mut Rest<'_>, end: char) -> Token {
    while rest.peek().is_some_and(|c| c != end) {
        if rest.next() == Some('\\') {
            rest.next();
        }
    }
    rest.next();
    Token::Quoted
}

fn after_sign(rest: &mut Rest<'_>, sign: char) -> Token {
    match (sign, rest.peek()) {
        ('/', Some('/')) => Token::Comment(rest.while_is(|c| c != '\n')),
        ('/', Some('*')) => Token::Comment(block_comment(rest)),
        ('"', _) => quoted(rest, '"'),
        ('\'', Some('\\')) => quoted(rest, '\''),
        ('\'', _) => {
            let c = rest.next();
            // What is no character literal is a lifetime: its name follows without an end.
            match (c, rest.peek()) {
                (Some(_), Some('\'')) => {
                    rest.next();
                }
                _ => drop(rest.while_is(|c| c.is_alphanumeric() || c == '_')),
            }
            Token::Quoted
        }
        (':', Some(':')) => double(rest, "::"),
        ('.', Some('.')) => double(rest, ".."),
        ('!', Some('=')) => double(rest, "!="),
        _ => {
            let known = ["{", "}", "(", "[", ",", ".", "!", "*", "#"];
            Token::Sign(known.into_iter().find(|known| known.starts_with(sign)).unwrap_or("other"))
        }
    }
}

fn double(rest: &mut Rest<'_>, sign: &'static str) -> Token {
    rest.next();
    Token::Sign(sign)
}

fn block_comment(rest: &mut Rest<'_>) -> String {
    rest.next();
    let (mut text, mut depth) = (String::new(), 1);
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('*', Some('/')) if depth == 1 => {
                rest.next();
                break;
            }
            ('*', Some('/')) => depth -= 1,
            ('/', Some('*')) => depth += 1,
            _ => {}
        }
        text.push(c);
    }
    text
}

#[test]
fn what_a_file_names_is_found_and_what_it_says_is_not() {
    let text = r##"
        //! std::env in a comment
        use std::{env, fs::{self, File}, io::*};
        use super::super::ports /* tokio /* nested */ rand */ ;
        const A: &str = "std::net \" chrono"; const B: &str = r#"rand " time"#; const C: char = '"'; const D: u8 = b'\'';
        fn f<'a>(x: &'a str) -> r#type { x.spawn(); println!("{}", Vec::<u8>::new()); y != 1..n }
        mod tests { use super::helper; fn g() { if a { b } } }
        #[ignore] pub(super) fn h() { self::x::<T>() }
    "##;
    let source = Source::new("src/domain/decode.rs", text);
    let named: Vec<String> = source.named().into_iter().map(|named| format!("{} {}", named.line, named.path)).collect();
    assert_eq!(
        named,
        [
            "3 use",
            "3 std::env",
            "3 std::fs",
            "3 std::fs::File",
            "3 std::io::*",
            "4 use",
            "4 crate::ports",
            "5 const",
            "5 A",
            "5 str",
            "5 const",
            "5 B",
            "5 str",
            "5 const",
            "5 C",
            "5 char",
            "5 const",
            "5 D",
            "5 u8",
            "5 b",
            "6 fn",
            "6 f",
            "6 x",
            "6 str",
            "6 type",
            "6 x",
            "6 .spawn",
            "6 println!",
            "6 Vec",
            "6 u8",
            "6 new",
            "6 y",
            "6 1",
            "6 n",
            "7 mod",
            "7 tests",
            "7 use",
            "7 crate::domain::decode::helper",
            "7 fn",
            "7 g",
            "7 if",
            "7 a",
            "7 b",
            "8 #ignore",
            "8 pub",
            "8 crate::domain",
            "8 fn",
            "8 h",
            "8 crate::domain::decode::x",
            "8 T",
        ]
    );
    let comments: Vec<_> = source.comments().collect();
    assert_eq!(comments, [(2, "/! std::env in a comment".to_owned()), (4, " tokio /* nested */ rand ".to_owned())]);
}
