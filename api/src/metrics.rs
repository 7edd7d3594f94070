//! `/metrics`: what an operator's dashboards are made of.

use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use wac_events::Position;

use crate::{AppendTimes, Platform, Problem};

/// Media type of the text format.
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: String,
    status: u16,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RouteLabels {
    route: String,
    method: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct CommandLabels {
    command: String,
    outcome: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct SocketLabels {
    kind: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct CloseLabels {
    kind: &'static str,
    reason: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ProjectionLabels {
    projection: String,
}

/// Tells how far each projection is behind the head, in events: name and lag.
pub type LagSource = Box<dyn Fn() -> Vec<(String, u64)> + Send + Sync>;

/// The platform's counters.
pub struct Metrics {
    registry: std::sync::Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    latency: Family<RouteLabels, Histogram, fn() -> Histogram>,
    commands: Family<CommandLabels, Counter>,
    failed_logins: Counter,
    appended: Gauge<u64, AtomicU64>,
    lag: Family<ProjectionLabels, Gauge<u64, AtomicU64>>,
    sockets: Family<SocketLabels, Gauge>,
    sockets_closed: Family<CloseLabels, Counter>,
    lag_source: Option<LagSource>,
}

fn latency_histogram() -> Histogram {
    // 100 µs to 6.5 s.
    Histogram::new(exponential_buckets(0.0001, 2.0, 17))
}

impl Metrics {
    /// Empty counters. `lag_source` is asked at each scrape.
    pub fn new(lag_source: Option<LagSource>, appends: Option<AppendTimes>) -> Self {
        let requests = Family::<RequestLabels, Counter>::default();
        let latency = Family::<RouteLabels, Histogram, fn() -> Histogram>::new_with_constructor(latency_histogram);
        let commands = Family::<CommandLabels, Counter>::default();
        let failed_logins = Counter::default();
        let appended = Gauge::<u64, AtomicU64>::default();
        let lag = Family::<ProjectionLabels, Gauge<u64, AtomicU64>>::default();
        let mut registry = Registry::with_prefix("wac");
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register("http_request_duration_seconds", "Time from request to answer", latency.clone());
        registry.register("commands", "Commands by outcome: appended, duplicate, or the rejection", commands.clone());
        registry.register("failed_logins", "Log-ins with a wrong name or password", failed_logins.clone());
        registry.register("log_position", "Last position this node has seen", appended.clone());
        registry.register("projection_lag_events", "Events a read model is behind the head", lag.clone());
        let sockets = Family::<SocketLabels, Gauge>::default();
        let sockets_closed = Family::<CloseLabels, Counter>::default();
        registry.register("sockets", "Sockets open on this node", sockets.clone());
        registry.register("sockets_closed", "Sockets that ended, by reason", sockets_closed.clone());
        if let Some(AppendTimes(times)) = appends {
            registry.register("append_duration_seconds", "Time a durable append took", times);
        }
        let registry = std::sync::Mutex::new(registry);
        Self {
            registry,
            requests,
            latency,
            commands,
            failed_logins,
            appended,
            lag,
            sockets,
            sockets_closed,
            lag_source,
        }
    }

    pub(crate) fn request(&self, route: &str, method: &str, status: u16, took: Duration) {
        let labels = RouteLabels { route: route.to_owned(), method: method.to_owned() };
        self.latency.get_or_create(&labels).observe(took.as_secs_f64());
        let RouteLabels { route, method } = labels;
        self.requests.get_or_create(&RequestLabels { route, method, status }).inc();
    }

    /// A command has ended: `appended`, `duplicate`, or the code of what it was refused with.
    pub fn command(&self, command: &str, outcome: &str) {
        let labels = CommandLabels { command: command.to_owned(), outcome: outcome.to_owned() };
        self.commands.get_or_create(&labels).inc();
    }

    /// A log-in has failed.
    pub fn failed_login(&self) {
        self.failed_logins.inc();
    }

    /// A socket of this kind has opened.
    pub(crate) fn socket_opened(&self, kind: &'static str) {
        self.sockets.get_or_create(&SocketLabels { kind }).inc();
    }

    /// A socket of this kind has ended.
    pub(crate) fn socket_closed(&self, kind: &'static str, reason: &'static str) {
        self.sockets.get_or_create(&SocketLabels { kind }).dec();
        self.sockets_closed.get_or_create(&CloseLabels { kind, reason }).inc();
    }

    /// The log has got this far.
    pub fn position(&self, position: Position) {
        self.appended.inner().fetch_max(position.0, std::sync::atomic::Ordering::Relaxed);
    }

    /// Asks for further figures at each scrape.
    pub fn collect(&self, collector: Box<dyn Collector>) {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner).register_collector(collector);
    }

    /// Everything in the OpenMetrics text format.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        for (projection, lag) in self.lag_source.iter().flat_map(|source| source()) {
            self.lag.get_or_create(&ProjectionLabels { projection }).set(lag);
        }
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// The scrape.
pub(crate) async fn metrics(State(platform): State<Platform>) -> Result<Response, Problem> {
    let text = platform.metrics.render().map_err(|error| Problem::internal(&error))?;
    Ok(([(CONTENT_TYPE, OPENMETRICS)], text).into_response())
}
