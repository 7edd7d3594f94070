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

/// A client has this long to send a request's head.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);

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
    handles: Vec<Handle<SocketAddr>>,
    tasks: JoinSet<std::io::Result<()>>,
}

impl Servers {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { handles: Vec::new(), tasks: JoinSet::new() }
    }

    /// Serves `router` on what has been bound, over TLS if there is a certificate.
    pub(crate) fn serve(&mut self, router: Router, Bound { listener, tls }: Bound) -> Result<()> {
        let router = router.layer(Extension(Listener { tls: tls.is_some() }));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        match tls {
            None => {
                let server = axum_server::from_tcp(listener).context("cannot serve HTTP")?;
                let mut server = server.handle(self.handle());
                patience(server.http_builder());
                self.tasks.spawn(server.serve(service));
            }
            Some(config) => {
                let server = axum_server::from_tcp_rustls(listener, config).context("cannot serve HTTPS")?;
                let mut server = server.handle(self.handle());
                patience(server.http_builder());
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

fn patience<E>(builder: &mut Builder<E>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
    builder.http2().timer(TokioTimer::new());
}
