//! The figures, for people and for programs.

use anyhow::Result;
use serde_json::json;

use super::Report;
use super::memory::Held;
use super::reconnect::{Cause, Return};
use super::times::Times;
use crate::bench::replay::rounded;
use crate::cli::SignalingBenchArgs;
use crate::output::{Format, line, print_json, print_table, table, thousands};

/// Prints what was measured.
pub(super) fn print(report: &Report, args: &SignalingBenchArgs) -> Result<()> {
    if args.output == Format::Json {
        return Ok(print_json(&json!(report))?);
    }
    loads(report)?;
    if let Some(held) = &report.held {
        memory(held)?;
    }
    returns(&report.returns)?;
    let Report { store, processors, .. } = report;
    Ok(line(&format!("{store}; client, server and database share {processors} processors"))?)
}

fn loads(report: &Report) -> Result<()> {
    let mut rows = table(&["measured", "count", "p50 ms", "p99 ms", "p99.9 ms", "p99 of one append"]);
    let mut row = |what: String, times: &Times, append: Option<&Times>| {
        let of_append = append.filter(|append| append.p99_ms > 0.0);
        let ratio = of_append.map(|append| format!("{:.2}", times.p99_ms / append.p99_ms)).unwrap_or_default();
        let [p50, p99, p999] = [times.p50_ms, times.p99_ms, times.p999_ms].map(|ms| format!("{ms:.2}"));
        rows.add_row([what, thousands(times.count), p50, p99, p999, ratio]);
    };
    row("floor: fdatasync, idle machine".to_owned(), &report.fdatasync, None);
    for load in &report.loads {
        let offered = load.offered_per_second;
        row(format!("{offered} calls/s: one durable append"), &load.append, None);
        row(format!("{offered} calls/s: invite to ring"), &load.ring, Some(&load.append));
        row(format!("{offered} calls/s: accept to both joined"), &load.joined, Some(&load.append));
        row(format!("{offered} calls/s: late start of the client"), &load.client_late, None);
    }
    print_table(&rows)?;
    for load in &report.loads {
        let cores = load.cores;
        line(&format!(
            "{} calls/s offered: {:.1}/s connected; processors used: server {:.2}, client {:.2}, others {:.2}; \
             read models {} events behind at the end",
            load.offered_per_second,
            load.connected_per_second,
            cores.server,
            cores.client,
            cores.others,
            thousands(load.rows_behind),
        ))?;
        for (what, count) in &load.failed {
            line(&format!("  failed: {} × {what}", thousands(*count)))?;
        }
    }
    Ok(())
}

fn memory(held: &Held) -> Result<()> {
    let mut rows = table(&["memory", "bytes", "in one GB"]);
    rows.add_row(["the server without sockets".to_owned(), thousands(held.empty_bytes)]);
    rows.add_row([
        format!("an idle session with one socket ({} held)", thousands(held.sessions as u64)),
        rounded(held.per_session_bytes),
        thousands(held.sessions_per_gb),
    ]);
    rows.add_row([
        "a further socket of a session".to_owned(),
        rounded(held.per_socket_bytes),
        thousands(held.sockets_per_gb),
    ]);
    rows.add_row(["buffers of the kernel for a socket".to_owned(), rounded(held.kernel_per_socket_bytes)]);
    print_table(&rows)?;
    Ok(line(&format!("{} sockets were held at once; ended by {}", thousands(held.sockets as u64), held.ended_by))?)
}

fn returns(returns: &[Return]) -> Result<()> {
    if returns.is_empty() {
        return Ok(());
    }
    let titles = [
        "coming back",
        "clients",
        "domains",
        "half s",
        "99 % s",
        "all s",
        "lost",
        "resumed",
        "retries",
        "server cores",
    ];
    let mut rows = table(&titles);
    for back in returns {
        let what = match back.cause {
            Cause::Network => "after their network was cut",
            Cause::Restart => "after the node was killed",
        };
        let seconds = |time: f64| if time.is_finite() { format!("{time:.2}") } else { "never".to_owned() };
        rows.add_row([
            what.to_owned(),
            thousands(back.clients as u64),
            back.domains.to_string(),
            seconds(back.p50_s),
            seconds(back.p99_s),
            seconds(back.last_s),
            back.lost.to_string(),
            thousands(back.resumed as u64),
            thousands(back.retries),
            format!("{:.2}", back.cores.server),
        ]);
    }
    Ok(print_table(&rows)?)
}
