use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

/// An HTTP answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Status line and header fields, as received.
    pub head: String,
    /// The body, chunks put together.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// Sends one request with exactly these header fields (`Host` included) and reads the answer.
pub(crate) fn ask(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = open(address, method, path, headers, body);
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the answer ends");
    parse(&bytes)
}

/// Reads a stream of events until `last` is there, or panics after `patience`.
pub(crate) fn follow(
    address: &str,
    path: &str,
    headers: &[(&str, &str)],
    last: &str,
    patience: Duration,
) -> String {
    let mut stream = open(address, "GET", path, headers, b"");
    stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout can be set");
    let (mut text, mut chunk, end) = (String::new(), [0; 4096], Instant::now() + patience);
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => panic!("the stream ended before {last:?}: {text}"),
            Ok(read) => text.push_str(&String::from_utf8_lossy(&chunk[..read])),
            Err(_) => assert!(Instant::now() < end, "no {last:?} in time: {text}"),
        }
        if text.contains(last) {
            return text;
        }
    }
}

fn open(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    stream.set_read_timeout(Some(Duration::from_secs(40))).expect("a timeout can be set");
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    stream.write_all(request.as_bytes()).expect("the request goes out");
    stream.write_all(body).expect("the body goes out");
    stream
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8(bytes[..end].to_vec()).expect("the head is text");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status code");
    let mut answer = Answer { status, head, body: String::new() };
    let rest = &bytes[end + 4..];
    let chunked =
        answer.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    let body = if chunked { unchunk(rest) } else { rest.to_vec() };
    answer.body = String::from_utf8(body).expect("the body is text");
    answer
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").expect("a chunk has a size");
        let size =
            std::str::from_utf8(&rest[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.expect("a chunk's size is hexadecimal");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn chunks_are_put_together() {
        let answer = super::parse(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        );
        assert_eq!((answer.status, answer.body.as_str(), answer.header("x")), (200, "abcde", Some("y")));
    }
}
