//! `wac bench sapi`: requests a second through the real router, beside a bare handler that returns
//! a constant of the same size; and what an idle `wac dev` costs.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use serde_json::json;
use wac_events::{Environment as _, MasterKey, Role};
use wac_store::{StoreOptions, SystemEnvironment};

use super::idle::{self, Start};
use super::load::{self, Outcome, Request};
use crate::accounts::{Accounts, NewDomain};
use crate::cli::BenchArgs;
use crate::config::{Configuration, Settings};
use crate::door::DoorLimits;
use crate::listen;
use crate::output::{Format, line, print_json, print_table, table, thousands};
use crate::passwords;
use crate::platform::{Interfaces, Platform, Sockets, api_config};
use crate::serving::{Bound, Servers};

/// How long the servers may take to end.
const END_PATIENCE: Duration = Duration::from_millis(200);
/// How long read models may take to see a few users.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(5);

/// One pair of figures.
struct Pair {
    what: &'static str,
    floor: Outcome,
    real: Outcome,
}

/// Measures everything on a fresh directory.
pub(super) async fn run(args: &BenchArgs) -> Result<()> {
    let directory = tempfile::Builder::new().prefix("wac-bench-").tempdir()?;
    let pairs = requests(directory.path(), args).await?;
    let dev = directory.path().join("dev");
    let first = idle::start(&dev).await.context("the first start")?;
    let later = idle::start(&dev).await.context("a later start")?;
    print(&pairs, first, later, args)
}

async fn requests(directory: &Path, args: &BenchArgs) -> Result<[Pair; 2]> {
    let node = Node::start(directory).await?;
    let time = Duration::from_secs(args.seconds);
    let head = format!("Host: bench\r\nAuthorization: Bearer {}\r\n", node.token);
    let read = constant(format!("GET /sapi/users/{} HTTP/1.1\r\n{head}\r\n", node.user));
    let domain = node.domain.clone();
    let write: Request = Arc::new(move |number| {
        let body = json!({ "username": format!("bench{number}"), "domain": domain, "role": "user" }).to_string();
        format!(
            "POST /sapi/users HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    });
    // One request each tells how large the answers are, and warms up.
    let sample = Duration::from_millis(300);
    let read_bytes = load::run(node.address, 1, sample, 200, read.clone()).await?.body_bytes;
    let floor = Floor::start(read_bytes)?;
    let read_pair = Pair {
        what: "GET /sapi/users/:id",
        floor: load::run(floor.address, args.clients, time, 200, read.clone()).await?,
        real: load::run(node.address, args.clients, time, 200, read).await?,
    };
    let write_pair = Pair {
        what: "POST /sapi/users",
        floor: load::run(floor.address, args.clients, time, 201, floor_write(&node.user)).await?,
        real: load::run(node.address, args.clients, time, 201, write).await?,
    };
    floor.servers.stop(END_PATIENCE).await;
    node.platform.stop().await;
    Ok([read_pair, write_pair])
}

fn constant(request: String) -> Request {
    let bytes = request.into_bytes();
    Arc::new(move |_| bytes.clone())
}

fn floor_write(user: &str) -> Request {
    let body = json!({ "username": "bench0000000", "domain": "bench", "role": "user" }).to_string();
    let length = body.len();
    constant(format!("POST /sapi/users/{user} HTTP/1.1\r\nHost: bench\r\nContent-Length: {length}\r\n\r\n{body}"))
}

/// A node with its own database, one administrator's token and one user.
struct Node {
    platform: Platform,
    address: SocketAddr,
    token: String,
    domain: String,
    user: String,
}

impl Node {
    async fn start(directory: &Path) -> Result<Self> {
        let url = format!("sqlite://{}", directory.join("wac.db").display());
        let mut key = [0; 32];
        SystemEnvironment.fill(&mut key);
        let stores = wac_store::open(&url, StoreOptions::new(MasterKey::new(key))).await?;
        let mut platform = Platform::new(stores);
        platform.start_rows(true).await?;
        let accounts = Accounts::new(platform.stores(), platform.handler().clone(), "bench");
        let base = accounts.base_domain_and_name("quobis").await?;
        let password = passwords::generate();
        let admin = accounts.user(accounts.name(&base.1, "admin")?, Role::Admin).await?;
        accounts.password(&admin, &base.1, passwords::hash(password.clone()).await?).await?;
        let child = NewDomain { name: "bench", parent: Some(&base.1), enable_anonymous: false };
        let child = accounts.child_domain(child).await?;
        let user = accounts.user(accounts.name(&child, "reader")?, Role::User).await?;
        let settings = Settings::new(&Configuration::load(&Default::default())?)?;
        platform.start_processes(&settings).await?;
        let head = platform.stores().log.head().await?.position;
        platform.caught_up(head, CATCH_UP_PATIENCE).await;
        let http = listen::bind(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, "--http-port")?;
        let address = http.local_addr()?;
        let sockets = Sockets { http: Some(Bound::plain(http)), https: None, qss: None, metrics: None, media: None };
        let config = api_config(&settings, base, format!("http://{address}"), &sockets.addresses(), true);
        platform.start_interfaces(Interfaces { sockets, config }, &settings).await?;
        let token = token(address, &password).await?;
        Ok(Self { platform, address, token, domain: "bench".to_owned(), user: user.to_string() })
    }
}

/// Logs in over HTTP, as everybody does.
async fn token(address: SocketAddr, password: &str) -> Result<String> {
    let body = json!({ "grant_type": "password", "username": "admin@quobis", "password": password }).to_string();
    let request = format!(
        "POST /sapi/o/token HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer: serde_json::Value = serde_json::from_slice(&load::once(address, request.into_bytes()).await?)?;
    Ok(answer["access_token"].as_str().context("no token was given out")?.to_owned())
}

/// The floor: the same server, a handler that returns bytes.
struct Floor {
    servers: Servers,
    address: SocketAddr,
}

impl Floor {
    fn start(body_bytes: usize) -> Result<Self> {
        let body = Bytes::from(vec![b'x'; body_bytes]);
        let read = body.clone();
        let answer = async move || ([(CONTENT_TYPE, "application/json")], read.clone());
        let created =
            async move |_: Bytes| (axum::http::StatusCode::CREATED, [(CONTENT_TYPE, "application/json")], body.clone());
        let router = Router::new().route("/sapi/users/{id}", get(answer).post(created));
        let listener = listen::bind(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, "--http-port")?;
        let address = listener.local_addr()?;
        let mut servers = Servers::new(DoorLimits::default());
        servers.serve(router, Bound::plain(listener))?;
        Ok(Self { servers, address })
    }
}

fn print(pairs: &[Pair], first: Start, later: Start, args: &BenchArgs) -> Result<()> {
    let ratio = |pair: &Pair| pair.real.rate / pair.floor.rate.max(f64::EPSILON);
    if args.output == Format::Json {
        let figures = |outcome: &Outcome| {
            json!({
                "requestsPerSecond": outcome.rate.round(), "p50Ms": outcome.p50_ms, "p99Ms": outcome.p99_ms,
                "requests": outcome.requests, "otherAnswers": outcome.others, "bodyBytes": outcome.body_bytes,
            })
        };
        let requests: Vec<_> = pairs
            .iter()
            .map(|pair| {
                json!({ "request": pair.what, "floor": figures(&pair.floor), "wac": figures(&pair.real),
                    "ratio": ratio(pair) })
            })
            .collect();
        let document = json!({
            "clients": args.clients, "seconds": args.seconds, "requests": requests,
            "firstStart": first, "laterStart": later,
        });
        return Ok(print_json(&document)?);
    }
    let mut rows = table(&["request", "", "per second", "p50 ms", "p99 ms", "other answers", "ratio"]);
    for pair in pairs {
        for (name, outcome, ratio) in
            [("bare handler", &pair.floor, String::new()), ("wac", &pair.real, format!("{:.2}", ratio(pair)))]
        {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is positive")]
            let rate = thousands(outcome.rate.round() as u64);
            let (p50, p99) = (format!("{:.2}", outcome.p50_ms), format!("{:.2}", outcome.p99_ms));
            rows.add_row([pair.what.to_owned(), name.to_owned(), rate, p50, p99, outcome.others.to_string(), ratio]);
        }
    }
    print_table(&rows)?;
    line(&format!("{} clients, {} s each", args.clients, args.seconds))?;
    for (name, start) in [("first start", first), ("later start", later)] {
        line(&format!(
            "wac dev, {name}: ready in {:.0} ms; idle memory {:.1} MiB, of it {:.1} MiB its own",
            start.ready_ms, start.rss_mib, start.own_mib
        ))?;
    }
    Ok(())
}
