//! Measures a log: `append_bench URL [SECONDS] [DIRECTORY] [WRITERS,…]`.

use std::time::Duration;

use wac_store::bench::{LogBenchOptions, run};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "memory:".to_owned());
    let seconds = args.next().map_or(Ok(3.0), |text| text.parse())?;
    let directory = args.next().unwrap_or_else(|| ".".to_owned());
    let writers = args.next().unwrap_or_else(|| "1,16,64".to_owned());
    let options = LogBenchOptions {
        url,
        directory: directory.into(),
        duration: Duration::from_secs_f64(seconds),
        writers: writers.split(',').map(str::parse).collect::<Result<_, _>>()?,
        two_nodes: true,
    };
    let report = run(&options, |what| eprintln!("{what} …")).await?;
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
