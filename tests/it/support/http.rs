//! As much HTTP/1.1 as the test bed needs, on blocking sockets.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A request or a response: they differ only in the first line.
pub(crate) struct Message {
    pub(crate) first_line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// Reads the next message of a connection; `None` when the peer has hung up between messages.
    pub(crate) fn read(from: &mut impl BufRead) -> Result<Option<Self>> {
        let Some(first_line) = line(from)? else {
            return Ok(None);
        };
        let mut headers = Vec::new();
        while let Some(header) = line(from)?.filter(|header| !header.is_empty()) {
            let (name, value) = header.split_once(':').ok_or_else(|| malformed(&header))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut message = Self { first_line, headers, body: Vec::new() };
        message.body = message.read_body(from)?;
        Ok(Some(message))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }

    /// Neither peer of the test bed sends a body without a length or chunks.
    fn read_body(&self, from: &mut impl BufRead) -> Result<Vec<u8>> {
        if self.header("transfer-encoding") == Some("chunked") {
            return chunks(from);
        }
        let length = self.header("content-length").unwrap_or("0");
        let mut body = vec![0; length.parse().map_err(|_| malformed(length))?];
        from.read_exact(&mut body)?;
        Ok(body)
    }
}

fn chunks(from: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(from)?.unwrap_or_default();
        let size = u64::from_str_radix(size.trim(), 16).map_err(|_| malformed(&size))?;
        from.by_ref().take(size).read_to_end(&mut body)?;
        line(from)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn line(from: &mut impl BufRead) -> Result<Option<String>> {
    let mut text = String::new();
    let read = from.read_line(&mut text)?;
    Ok((read > 0).then(|| text.trim_end().to_owned()))
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("not HTTP: {what:?}"))
}

/// One request on a connection of its own: the status and the body of the answer.
pub(crate) fn call(to: SocketAddr, method: &str, path: &str, body: &[u8]) -> Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: {to}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat())?;
    let answer = Message::read(&mut BufReader::new(stream))?.ok_or(ErrorKind::UnexpectedEof)?;
    let status = answer.first_line.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or_else(|| malformed(&answer.first_line))?, answer.body))
}

/// Answers one request on a connection that stays open.
pub(crate) fn answer(to: &mut impl Write, status: &str, headers: &str, body: &[u8]) -> Result<()> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n");
    to.write_all(&[head.as_bytes(), body].concat())
}
