//! The figures, for people and for programs.

use anyhow::Result;
use serde_json::json;

use super::Row;
use crate::cli::SfuBenchArgs;
use crate::output::{Format, line, print_json, print_table, table, thousands};

/// Prints what was measured.
pub(super) fn print(rows: &[Row], args: &SfuBenchArgs) -> Result<()> {
    if args.output == Format::Json {
        return Ok(print_json(&json!({ "rows": rows }))?);
    }
    let mut costs = table(&["sent on", "offered /s", "arrived /s", "µs a packet", "floor µs", "floors", "per core /s"]);
    for row in rows {
        costs.add_row([
            row.shape.name.to_owned(),
            thousands(row.offered_per_second as u64),
            thousands(row.arrived_per_second as u64),
            format!("{:.2}", row.micros_per_packet),
            format!("{:.2}", row.floor.micros_per_packet),
            format!("{:.2}", row.floors),
            thousands(row.packets_per_core_second as u64),
        ]);
    }
    print_table(&costs)?;
    let mut rest = table(&[
        "sent on",
        "idle kB",
        "active kB",
        "through the node p50 ms",
        "p99 ms",
        "client to client p50 ms",
        "p99 ms",
        "server cores",
        "client",
        "others",
    ]);
    for row in rows {
        rest.add_row([
            row.shape.name.to_owned(),
            format!("{:.0}", row.idle_kb),
            format!("{:.0}", row.active_kb),
            format!("{:.2}", row.forward_p50_ms),
            format!("{:.2}", row.forward_p99_ms),
            format!("{:.2}", row.delay_p50_ms),
            format!("{:.2}", row.delay_p99_ms),
            format!("{:.2}", row.cores.server),
            format!("{:.2}", row.cores.client),
            format!("{:.2}", row.cores.others),
        ]);
    }
    print_table(&rest)?;
    Ok(line(
        "µs a packet: processor time of the whole server for each packet that arrived; floor: encrypting and sending \
         it, at the same pace. kB: for each participant, his signaling included. Through \
         the node: from the kernel's receipt to the last send, as the node tells; client to client has both clients' \
         stacks in it.",
    )?)
}
