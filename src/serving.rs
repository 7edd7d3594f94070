//! HTTP and HTTPS listeners around one router.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::{Extension, Router};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto::Builder;
use tokio::task::JoinSet;
use wac_api::Listener;

use crate::door::{Door, DoorLimits};

/// An HTTP/2 connection that has nothing to say is asked this often whether it is there; it has as
/// long again to answer.
const PING_EVERY: Duration = Duration::from_secs(20);

/// A port that has been bound.
pub(crate) struct Bound {
    /// The port.
    pub(crate) listener: TcpListener,
    /// Its certificate, if it speaks TLS.
    pub(crate) tls: Option<RustlsConfig>,
}

impl Bound {
    /// Without TLS.
    pub(crate) fn plain(listener: TcpListener) -> Self {
        Self { listener, tls: None }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }
}

/// The listeners of this process.
pub(crate) struct Servers {
    limits: DoorLimits,
    handles: Vec<Handle<SocketAddr>>,
    tasks: JoinSet<std::io::Result<()>>,
}

impl Servers {
    /// None yet. `limits`: what each of them puts up with.
    pub(crate) fn new(limits: DoorLimits) -> Self {
        Self { limits, handles: Vec::new(), tasks: JoinSet::new() }
    }

    /// Serves `router` on what has been bound, over TLS if there is a certificate.
    pub(crate) fn serve(&mut self, router: Router, Bound { listener, tls }: Bound) -> Result<()> {
        let router = router.layer(Extension(Listener { tls: tls.is_some() }));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let limits = self.limits;
        match tls {
            None => {
                let server = axum_server::from_tcp(listener).context("cannot serve HTTP")?;
                let mut server = server.map(|plain| Door::new(plain, limits)).handle(self.handle());
                patience(server.http_builder(), limits);
                self.tasks.spawn(server.serve(service));
            }
            Some(config) => {
                let server = axum_server::from_tcp_rustls(listener, config).context("cannot serve HTTPS")?;
                let server = server.map(|tls| Door::new(tls.handshake_timeout(limits.head_timeout), limits));
                let mut server = server.handle(self.handle());
                patience(server.http_builder(), limits);
                self.tasks.spawn(server.serve(service));
            }
        }
        Ok(())
    }

    fn handle(&mut self) -> Handle<SocketAddr> {
        let handle = Handle::new();
        self.handles.push(handle.clone());
        handle
    }

    /// Takes no further connections, lets requests under way finish, and after `patience` cuts
    /// what is left (streams have no end of their own).
    pub(crate) async fn stop(mut self, patience: Duration) {
        for handle in &self.handles {
            handle.graceful_shutdown(Some(patience));
        }
        while let Some(ended) = self.tasks.join_next().await {
            if let Ok(Err(error)) = ended {
                tracing::warn!(%error, "a listener ended with an error");
            }
        }
    }
}

fn patience<E>(builder: &mut Builder<E>, limits: DoorLimits) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.head_timeout);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(PING_EVERY).keep_alive_timeout(PING_EVERY);
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{IpAddr, Ipv4Addr, TcpStream};

    use super::*;

    /// Longer than anything here takes on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn serve(limits: DoorLimits) -> (Servers, SocketAddr) {
        let listener = crate::listen::bind(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, "--http-port").unwrap();
        let address = listener.local_addr().unwrap();
        let mut servers = Servers::new(limits);
        let router = Router::new().route("/", axum::routing::get(async || "here"));
        servers.serve(router, Bound::plain(listener)).unwrap();
        (servers, address)
    }

    fn connect(address: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// What the server sends until it closes.
    async fn until_closed(mut stream: TcpStream) -> String {
        let read = move || {
            let mut text = String::new();
            match stream.read_to_string(&mut text) {
                Ok(_) => text,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => text,
                Err(error) => panic!("it was not closed: {error}"),
            }
        };
        tokio::task::spawn_blocking(read).await.unwrap()
    }

    #[tokio::test]
    async fn a_connection_that_does_not_say_what_it_speaks_is_closed() {
        let limits = DoorLimits { head_timeout: Duration::from_millis(300), ..DoorLimits::default() };
        let (_servers, address) = serve(limits);
        for beginning in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nHost: x\r\n"] {
            let mut stream = connect(address);
            stream.write_all(beginning.as_bytes()).unwrap();
            let said = until_closed(stream).await;
            assert!(!said.contains("here"), "{beginning:?}: {said}");
        }
        // Who begins in time is served, and may then be silent for a while.
        let mut stream = connect(address);
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        assert!(until_closed(stream).await.ends_with("here"));
    }

    #[tokio::test]
    async fn a_connection_too_many_is_closed_at_once_and_a_place_becomes_free_with_its_connection() {
        let limits = DoorLimits { connections_max: 2, ..DoorLimits::default() };
        let (_servers, address) = serve(limits);
        let ask = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let (first, second) = (connect(address), connect(address));
        // Connections are taken in the order in which they came.
        assert_eq!(until_closed(connect(address)).await, "");
        drop(first);
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let mut third = connect(address);
            if third.write_all(ask).is_ok() && until_closed(third).await.ends_with("here") {
                break;
            }
            assert!(tokio::time::Instant::now() < until, "no place became free");
        }
        drop(second);
    }
}
