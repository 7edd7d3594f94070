//! Thousands of clients that come back at once: after their network was gone, and after the node was.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;

use super::client::{Client, Entry};
use super::place::{Person, Place};
use super::server::{Cores, CoresUsed, Server};
use crate::output::progress;

/// Connections being made at once before it begins.
const CONNECTING: usize = 64;
/// Pause before the next attempt of a client that was refused, and most of what chance adds to it.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
const RETRY_JITTER_MS: u64 = 200;
/// Who is not back by then is counted as lost.
const GIVE_UP: Duration = Duration::from_secs(120);

/// What happened to the clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Cause {
    /// Their connections were cut; the server went on.
    Network,
    /// The server was killed, and started again.
    Restart,
}

/// How a return went. Times count from the moment there was a server to come back to, in seconds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Return {
    /// What had happened.
    pub(super) cause: Cause,
    /// Over how many domains they are spread.
    pub(super) domains: usize,
    /// How many there are.
    pub(super) clients: usize,
    /// Half of them were back.
    pub(super) p50_s: f64,
    /// 99 of 100 were back.
    pub(super) p99_s: f64,
    /// All of them were back.
    pub(super) last_s: f64,
    /// How many never were.
    pub(super) lost: usize,
    /// Attempts that failed.
    pub(super) retries: u64,
    /// Of those that came back, how many were told what they had missed (not asked to begin anew).
    pub(super) resumed: usize,
    /// Who used the processors until 99 of 100 were back.
    pub(super) cores: CoresUsed,
}

/// Connects everybody, takes their connections away, and waits for them to come back. Returns the
/// server that serves then.
pub(super) async fn measure(
    place: &Place,
    server: Server,
    people: &[Vec<Person>],
    cause: Cause,
) -> Result<(Return, Server)> {
    let domains = people.len();
    let people: Vec<&Person> = people.iter().flatten().collect();
    let clients = connect(&server, &people).await?;
    let positions: Vec<u64> = clients.iter().map(Client::position).collect();
    let server = match cause {
        Cause::Network => server,
        Cause::Restart => {
            server.kill().await?;
            Server::start(place).await?
        }
    };
    clients.into_iter().for_each(Client::cut);
    let cores = Cores::start(&server)?;
    let began = Instant::now();
    let mut coming = JoinSet::new();
    for (number, person) in people.iter().enumerate() {
        coming.spawn(come_back(server.qss, Person::clone(person), positions[number], number, began));
    }
    let bar = progress(people.len() as u64, "coming back");
    let (mut back, mut retries, mut lost, mut used) = (Vec::with_capacity(people.len()), 0, 0, None);
    let mut connected = Vec::with_capacity(people.len());
    while let Some(came) = coming.join_next().await {
        let Came { client, after, failures } = came.context("a client broke off")?;
        retries += failures;
        match client {
            Some(client) => {
                connected.push(client);
                back.push(after);
                bar.inc(1);
            }
            None => lost += 1,
        }
        if used.is_none() && back.len() * 100 >= people.len() * 99 {
            used = Some(cores.used(&server)?);
        }
    }
    bar.finish_and_clear();
    back.sort_unstable();
    let at = |percent: usize| {
        // Of everybody: who is lost is never back.
        let place = (people.len() * percent).div_ceil(100).max(1) - 1;
        back.get(place).map_or(f64::INFINITY, Duration::as_secs_f64)
    };
    let figures = Return {
        cause,
        domains,
        clients: people.len(),
        p50_s: at(50),
        p99_s: at(99),
        last_s: at(100),
        lost,
        retries,
        resumed: connected.iter().filter(|client| client.resumed).count(),
        cores: used.unwrap_or_default(),
    };
    drop(connected);
    Ok((figures, server))
}

async fn connect(server: &Server, people: &[&Person]) -> Result<Vec<Client>> {
    let bar = progress(people.len() as u64, "connecting");
    let connecting = people.iter().enumerate().map(|(number, person)| {
        let bar = &bar;
        async move {
            let client = Client::connect(Entry::qss(server.qss, &person.token, number)).await?;
            // An answer shows that the device is registered.
            client.ask("currentInvitations", json!({})).await?;
            bar.inc(1);
            Ok(client)
        }
    });
    let clients: Vec<Result<Client>> = futures::stream::iter(connecting).buffered(CONNECTING).collect().await;
    bar.finish_and_clear();
    clients.into_iter().collect::<Result<_>>().context("connecting those who are to come back")
}

/// How one came back.
struct Came {
    client: Option<Client>,
    after: Duration,
    failures: u64,
}

/// Tries until it is greeted and its first request is answered.
async fn come_back(server: std::net::SocketAddr, person: Person, position: u64, number: usize, began: Instant) -> Came {
    let mut failures = 0;
    while began.elapsed() < GIVE_UP {
        let entry = Entry { position: Some(position), ..Entry::qss(server, &person.token, number) };
        let attempt = async {
            let client = Client::connect(entry).await?;
            client.ask("currentInvitations", json!({})).await?;
            Ok::<_, anyhow::Error>(client)
        };
        if let Ok(client) = attempt.await {
            return Came { client: Some(client), after: began.elapsed(), failures };
        }
        failures += 1;
        let jitter = (number as u64).wrapping_mul(7_919) % RETRY_JITTER_MS;
        tokio::time::sleep(RETRY_PAUSE + Duration::from_millis(jitter)).await;
    }
    Came { client: None, after: began.elapsed(), failures }
}
