//! The door of a listener: how many connections come in, and how long one may keep silent at it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::accept::Accept;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// What every HTTP/2 connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a listener puts up with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DoorLimits {
    /// `http.headTimeout`: a client has this long for a TLS handshake, then for the first bytes that
    /// tell HTTP/1 from HTTP/2, then for a request's head.
    pub(crate) head_timeout: Duration,
    /// `http.connectionsMax`: so many connections a listener has at a time; further ones are closed at once.
    pub(crate) connections_max: usize,
}

impl Default for DoorLimits {
    fn default() -> Self {
        Self { head_timeout: Duration::from_secs(10), connections_max: 50_000 }
    }
}

/// Counts connections and gives them to `inner`; what comes out of that has to speak in time.
#[derive(Clone)]
pub(crate) struct Door<A> {
    inner: A,
    head_timeout: Duration,
    free: Arc<Semaphore>,
}

impl<A> Door<A> {
    /// A door before `inner`: what makes a stream of bytes of a connection.
    pub(crate) fn new(inner: A, limits: DoorLimits) -> Self {
        let places = limits.connections_max.min(Semaphore::MAX_PERMITS);
        Self { inner, head_timeout: limits.head_timeout, free: Arc::new(Semaphore::new(places)) }
    }
}

impl<I, S, A> Accept<I, S> for Door<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
    A::Stream: Send + 'static,
    A::Service: Send + 'static,
{
    type Stream = Admitted<A::Stream>;
    type Service = A::Service;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let Ok(place) = self.free.clone().try_acquire_owned() else {
            tracing::debug!("a connection too many was closed");
            return futures::future::err(io::Error::other("too many connections")).boxed();
        };
        let (accepted, patience) = (self.inner.accept(stream, service), self.head_timeout);
        async move {
            let (stream, service) = accepted.await?;
            let waiting = Some(Opening { seen: 0, until: Box::pin(tokio::time::sleep(patience)) });
            Ok((Admitted { stream, waiting, _place: place }, service))
        }
        .boxed()
    }
}

/// A connection that holds one of its listener's places, and fails if it does not say in time what it speaks.
pub(crate) struct Admitted<S> {
    stream: S,
    /// Until it is known whether this is HTTP/1 or HTTP/2; from then on the protocol's own limits hold.
    waiting: Option<Opening>,
    _place: OwnedSemaphorePermit,
}

/// A connection of which not enough is known.
struct Opening {
    /// So many bytes came, and all are those of [`PREFACE`].
    seen: usize,
    until: Pin<Box<Sleep>>,
}

impl Opening {
    /// Takes further bytes (none: the end); whether more are needed to know the protocol.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let rest = &PREFACE[self.seen..];
        self.seen += bytes.len().min(rest.len());
        self.seen < PREFACE.len() && !bytes.is_empty() && rest.starts_with(bytes)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Admitted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let Some(opening) = &mut self.waiting else { return read };
        match read {
            Poll::Pending if opening.until.as_mut().poll(cx).is_ready() => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client did not begin in time")))
            }
            Poll::Ready(Ok(())) => {
                if !opening.take(&buffer.filled()[before..]) {
                    self.waiting = None;
                }
                read
            }
            other => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Admitted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening() -> Opening {
        Opening { seen: 0, until: Box::pin(tokio::time::sleep(Duration::from_secs(1))) }
    }

    #[tokio::test]
    async fn a_connection_is_waited_for_until_its_protocol_is_known() {
        assert!(!opening().take(b"GET / HTTP/1.1\r\n"), "HTTP/1");
        assert!(opening().take(b"PRI * HTTP/2.0"), "the beginning of a preface is not enough");
        let mut slow = opening();
        assert!(slow.take(b"PRI * HT") && slow.take(b"TP/2.0\r\n\r\nSM"), "still not");
        assert!(!slow.take(b"\r\n\r\n"), "HTTP/2");
        let mut other = opening();
        assert!(other.take(b"P"));
        assert!(!other.take(b"OST / HTTP/1.1\r\n"), "HTTP/1 after all");
        assert!(!opening().take(b""), "the client has closed");
    }
}
