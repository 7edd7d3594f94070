//! `wac bench signaling`: calls at an offered rate beside one durable append and the disk, what idle
//! sessions cost, and how soon thousands are back. Real sockets of a real server process.

mod calls;
pub(super) mod client;
pub(super) mod memory;
pub(super) mod place;
mod print;
mod reconnect;
pub(super) mod server;
mod times;

use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::cli::{SignalingBenchArgs, SignalingPart};
use calls::Load;
use memory::Held;
use place::{Person, Place};
use reconnect::{Cause, Return};
use server::Server;
use times::Times;

/// What the server that is measured does.
const ROLES: &str = "api,signaling,projector,processes";
/// How long the disk alone is measured.
const DISK_TIME: Duration = Duration::from_secs(2);

/// Every figure of one run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// `sqlite` or `postgres`.
    store: &'static str,
    /// Processors of this machine, shared by server, client and database.
    processors: usize,
    /// Synchronous writes on an idle machine.
    fdatasync: Times,
    loads: Vec<Load>,
    held: Option<Held>,
    returns: Vec<Return>,
}

/// Measures on a scratch database beside the one that is named, else on one in a fresh directory.
pub(super) async fn run(args: &SignalingBenchArgs) -> Result<()> {
    ensure!(args.domains <= args.clients, "there cannot be more domains than clients");
    memory::raise_files()?;
    let place = Place::make(&args.source, "wac bench signaling", ROLES).await?;
    let report = measure(&place, args).await;
    place.remove().await?;
    print::print(&report?, args)
}

async fn measure(place: &Place, args: &SignalingBenchArgs) -> Result<Report> {
    let wanted = |part: SignalingPart| args.only.is_empty() || args.only.contains(&part);
    let disk = place.disk().to_owned();
    let fdatasync = tokio::task::spawn_blocking(move || times::fdatasync(&disk, DISK_TIME)).await??;
    let spread = place.people(&sizes(args.clients, args.domains), "bench").await?;
    let mut report = Report {
        store: place.store(),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        fdatasync,
        loads: Vec::new(),
        held: None,
        returns: Vec::new(),
    };
    let mut server = Server::start(place).await?;
    if wanted(SignalingPart::Memory) {
        let people: Vec<Person> = spread.iter().flatten().cloned().collect();
        report.held = Some(memory::measure(&server, &people).await?);
        server = restarted(place, server).await?;
    }
    if wanted(SignalingPart::Calls) {
        let people: Vec<Person> = spread.iter().flat_map(|domain| domain.chunks_exact(2)).flatten().cloned().collect();
        let pairs = calls::pairs(&server, &people).await?;
        for per_second in &args.rates {
            report.loads.push(calls::offer(&server, &pairs, *per_second, Duration::from_secs(args.seconds)).await?);
        }
        drop(pairs);
        server = restarted(place, server).await?;
    }
    if wanted(SignalingPart::Reconnect) {
        let together = place.people(&[args.clients], "together").await?;
        for people in [&spread, &together] {
            for cause in [Cause::Network, Cause::Restart] {
                let figures;
                (figures, server) = reconnect::measure(place, server, people, cause).await?;
                report.returns.push(figures);
                server = restarted(place, server).await?;
            }
        }
    }
    server.stop().await?;
    Ok(report)
}

/// A server without memories of what was measured before.
async fn restarted(place: &Place, server: Server) -> Result<Server> {
    server.stop().await?;
    Server::start(place).await
}

/// So many people in each domain, as evenly as they go.
fn sizes(people: usize, domains: usize) -> Vec<usize> {
    (0..domains).map(|domain| people / domains + usize::from(domain < people % domains)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_spread_evenly() {
        assert_eq!(sizes(7, 3), [3, 2, 2]);
        assert_eq!(sizes(5_000, 50), [100; 50]);
    }
}
