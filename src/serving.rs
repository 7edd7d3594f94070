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

/// The listeners of this process.
pub(crate) struct Servers {
    handles: Vec<Handle<SocketAddr>>,
    tasks: JoinSet<std::io::Result<()>>,
}

impl Servers {
    /// Serves `router` on what has been bound.
    pub(crate) fn start(
        router: &Router,
        http: Option<TcpListener>,
        https: Option<(TcpListener, RustlsConfig)>,
    ) -> Result<Self> {
        let mut servers = Self { handles: Vec::new(), tasks: JoinSet::new() };
        let service = |tls| {
            let router = router.clone().layer(Extension(Listener { tls }));
            router.into_make_service_with_connect_info::<SocketAddr>()
        };
        if let Some(listener) = http {
            let mut server = axum_server::from_tcp(listener).context("cannot serve HTTP")?.handle(servers.handle());
            patience(server.http_builder());
            servers.tasks.spawn(server.serve(service(false)));
        }
        if let Some((listener, config)) = https {
            let server = axum_server::from_tcp_rustls(listener, config).context("cannot serve HTTPS")?;
            let mut server = server.handle(servers.handle());
            patience(server.http_builder());
            servers.tasks.spawn(server.serve(service(true)));
        }
        Ok(servers)
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
