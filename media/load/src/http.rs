//! One HTTP request on a connection of its own (RFC 9112): all that WHIP and WHEP need of a client.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The URL is not `http://host:port/path`.
    #[error("no URL of plain HTTP: {0}")]
    Url(String),
    /// The connection.
    #[error("HTTP: {0}")]
    Broken(#[from] std::io::Error),
    /// It did not come.
    #[error("no answer in {PATIENCE:?}")]
    Late,
    /// What came is none.
    #[error("what came is no HTTP: {0}")]
    Malformed(String),
}

/// An answer.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    /// Its status.
    pub status: u16,
    /// Its fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

impl HttpAnswer {
    /// The first field of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Sends a request and takes its answer.
pub async fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Result<HttpAnswer, HttpError> {
    let rest = url.strip_prefix("http://").ok_or_else(|| HttpError::Url(url.to_owned()))?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    let exchange = async {
        let mut stream = TcpStream::connect(host).await?;
        // A server that refuses before it has read everything may close first: what it said counts.
        let _ = stream.write_all(text.as_bytes()).await;
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer).await;
        if answer.is_empty() { read.map(|_| answer) } else { Ok(answer) }
    };
    let answer = timeout(PATIENCE, exchange).await.map_err(|_| HttpError::Late)??;
    parse(&String::from_utf8_lossy(&answer))
}

fn parse(text: &str) -> Result<HttpAnswer, HttpError> {
    let malformed = || HttpError::Malformed(text.chars().take(200).collect());
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(malformed)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or_else(malformed)?;
    let fields = lines.filter_map(|line| line.split_once(':'));
    let headers = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    Ok(HttpAnswer { status, headers, body: body.to_owned() })
}
