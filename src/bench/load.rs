//! A small HTTP/1.1 load generator: keep-alive connections, one request under way on each.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Answers longer than this are refused.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Makes the bytes of request number `n`; numbers are unique over all clients.
pub(crate) type Request = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// What a load came to.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// Requests answered with the expected status.
    pub(crate) requests: u64,
    /// Requests answered with another one.
    pub(crate) others: u64,
    /// Requests a second.
    pub(crate) rate: f64,
    /// Half of the answers came within this time, in milliseconds.
    pub(crate) p50_ms: f64,
    /// 99 of 100 came within this time, in milliseconds.
    pub(crate) p99_ms: f64,
    /// Bytes of the last answer's body.
    pub(crate) body_bytes: usize,
}

/// Loads `address` with `clients` connections for `time`; `wanted` is the expected status.
pub(crate) async fn run(
    address: SocketAddr,
    clients: u64,
    time: Duration,
    wanted: u16,
    request: Request,
) -> Result<Outcome> {
    let number = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        tasks.spawn(client(address, started + time, wanted, request.clone(), number.clone()));
    }
    let (mut latencies, mut others, mut body_bytes) = (Vec::new(), 0, 0);
    while let Some(done) = tasks.join_next().await {
        let done = done.context("a client broke off")??;
        latencies.extend(done.latencies_us);
        others += done.others;
        body_bytes = body_bytes.max(done.body_bytes);
    }
    let elapsed_s = started.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let percentile = |share: usize| {
        let index = (latencies.len() * share / 100).min(latencies.len().saturating_sub(1));
        latencies.get(index).map_or(0.0, |us| f64::from(*us) / 1_000.0)
    };
    let requests = latencies.len() as u64;
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    let rate = (requests + others) as f64 / elapsed_s;
    Ok(Outcome { requests, others, rate, p50_ms: percentile(50), p99_ms: percentile(99), body_bytes })
}

/// One request on a connection of its own; the body of its answer, which must be a success.
pub(crate) async fn once(address: SocketAddr, request: Vec<u8>) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await.context("cannot connect")?;
    stream.write_all(&request).await?;
    let (status, body) = answer(&mut stream, &mut Vec::new()).await?;
    if !(200..300).contains(&status) {
        bail!("the server answered {status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(body)
}

struct Client {
    latencies_us: Vec<u32>,
    others: u64,
    body_bytes: usize,
}

async fn client(
    address: SocketAddr,
    until: Instant,
    wanted: u16,
    request: Request,
    number: Arc<AtomicU64>,
) -> Result<Client> {
    let mut stream = TcpStream::connect(address).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    let mut done = Client { latencies_us: Vec::new(), others: 0, body_bytes: 0 };
    let mut buffer = Vec::with_capacity(16 * 1024);
    while Instant::now() < until {
        let bytes = request(number.fetch_add(1, Ordering::Relaxed));
        let sent = Instant::now();
        stream.write_all(&bytes).await?;
        let (status, body) = answer(&mut stream, &mut buffer).await?;
        if status == wanted {
            done.latencies_us.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
            done.body_bytes = body.len();
        } else {
            done.others += 1;
            if done.latencies_us.is_empty() && done.others == 1 && (400..500).contains(&status) && status != 429 {
                bail!("the server answered {status}: {}", String::from_utf8_lossy(&body));
            }
        }
    }
    Ok(done)
}

/// Reads one answer; leaves in `buffer` what came behind it.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(u16, Vec<u8>)> {
    loop {
        if let Some(head) = find(buffer, b"\r\n\r\n") {
            let (status, length) = parse_head(&buffer[..head])?;
            let end = head + 4 + length;
            while buffer.len() < end {
                more(stream, buffer).await?;
            }
            let body = buffer[head + 4..end].to_vec();
            buffer.drain(..end);
            return Ok((status, body));
        }
        more(stream, buffer).await?;
    }
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<()> {
    if buffer.len() > ANSWER_BYTES_MAX {
        bail!("an answer of more than {ANSWER_BYTES_MAX} bytes");
    }
    if stream.read_buf(buffer).await? == 0 {
        bail!("the server closed the connection");
    }
    Ok(())
}

fn parse_head(head: &[u8]) -> Result<(u16, usize)> {
    let head = std::str::from_utf8(head).context("the answer's head is no text")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(Ok(0), |(_, length)| length.trim().parse());
    Ok((status.context("the answer has no status")?, length.context("the answer has no length")?))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_gives_status_and_length_whatever_the_case_of_its_names() {
        let head = b"HTTP/1.1 201 Created\r\nContent-Length: 17\r\nx: y";
        assert_eq!(parse_head(head).unwrap(), (201, 17));
        assert_eq!(parse_head(b"HTTP/1.1 204 No Content").unwrap(), (204, 0));
        assert!(parse_head(b"nonsense").is_err());
    }
}
