//! `wac dev`: the whole platform in one process, ready to be tried.

mod welcome;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use wac_api::Pairing;
use wac_store::StoreOptions;

use crate::accounts::Accounts;
use crate::cli::{DEV_DATA, DevArgs};
use crate::config::{Configuration, Settings};
use crate::lock::DirectoryLock;
use crate::platform::{Interfaces, MediaSocket, Platform, Sockets, api_config};
use crate::seed::{DEMO_DOMAIN, DEMO_USERS, FirstStart, Login};
use crate::serving::Bound;
use crate::shutdown::Signals;
use crate::{listen, logging, open, passwords, tls};
use welcome::Welcome;

/// Read connections of a process with few users.
const READ_CONNECTIONS: u32 = 4;
/// How long a start waits for the read models; on a long log they are built while it serves.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(5);
/// What a developer wants to see without asking.
const LOG_FILTER: &str = "warn,wac=info,wac_runner=warn,str0m=error";

/// Runs `wac dev` until a signal.
pub(crate) async fn run(args: &DevArgs) -> Result<()> {
    let started = Instant::now();
    let mut signals = Signals::catch()?;
    let (settings, directory) = settings(args)?;
    logging::start(&settings.log_filter, settings.log_json)?;
    open::make_directory(&directory)?;
    let _lock = DirectoryLock::take(&directory)?;
    let sockets = bind(&settings, &directory).await?;
    let (platform, welcome) = tokio::select! {
        started = start(args, &settings, &directory, sockets) => started?,
        () = signals.next() => return Ok(()),
    };
    welcome.print(started.elapsed())?;
    if let Some(first) = &welcome.first_start {
        first.finish()?;
    }
    signals.next().await;
    eprintln!("\nwac: ending; a second signal ends at once");
    signals.watch(platform.stop()).await;
    Ok(())
}

/// Defaults of development under everything else, and the data directory: also the home of
/// certificate and keys when the database is elsewhere.
fn settings(args: &DevArgs) -> Result<(Settings, PathBuf)> {
    let mut line = args.source.command_line("wac dev");
    line.defaults = vec![("log.format", "text".to_owned()), ("log.filter", LOG_FILTER.to_owned())];
    // Several may run side by side; whoever has to open the port to others names it.
    line.defaults.push(("media.port", "0".to_owned()));
    args.listen.add_to(&mut line);
    let directory = args.source.data.clone().unwrap_or_else(|| PathBuf::from(DEV_DATA));
    line.defaults.push(("data", directory.display().to_string()));
    let configuration = Configuration::load(&line)?;
    let directory = configuration.path("data").map_or(directory, Path::to_owned);
    let mut settings = Settings::new(&configuration)?;
    settings.keep_master_key_in(&directory);
    Ok((settings, directory))
}

async fn bind(settings: &Settings, directory: &Path) -> Result<Sockets> {
    let bind = |port, option| listen::bind(settings.bind, port, option);
    let http = settings.http_port.map(|port| bind(port, "--http-port")).transpose()?.map(Bound::plain);
    let https = bind(settings.https_port, "--https-port")?;
    let qss = bind(settings.qss_port, "--qss-port")?;
    let metrics = settings.metrics_port.map(|port| bind(port, "--metrics-port")).transpose()?.map(Bound::plain);
    let certificate = match &settings.tls {
        Some((certificate, key)) => tls::from_files(certificate, key).await?,
        None => tls::self_signed(directory, settings.bind).await?,
    };
    // Sockets of pages that were loaded over HTTPS must be secure, too.
    let qss_tls = (http.is_none() || settings.tls.is_some()).then(|| certificate.clone());
    Ok(Sockets {
        http,
        https: Some(Bound { listener: https, tls: Some(certificate) }),
        qss: Some(Bound { listener: qss, tls: qss_tls }),
        metrics,
        media: Some(MediaSocket::bind(settings)?),
    })
}

async fn start(args: &DevArgs, settings: &Settings, directory: &Path, sockets: Sockets) -> Result<(Platform, Welcome)> {
    let database = settings.required_database()?;
    let options = StoreOptions {
        read_connections: READ_CONNECTIONS,
        ..StoreOptions::new(open::master_key_or_new(settings, directory).await?)
    };
    let stores = wac_store::open(&database.url(), options).await?;
    let first_start = FirstStart::begin(directory, &stores).await?;
    let mut platform = Platform::new(stores);
    platform.keep_refusals(settings).await?;
    platform.start_rows(true).await?;
    let accounts = Accounts::new(platform.stores(), platform.handler().clone(), "seed");
    let logins: Vec<Login> = match &first_start {
        Some(first) => first.run(&accounts, &settings.base_domain, !args.no_seed).await?,
        None => Vec::new(),
    };
    let base = accounts.base_domain_and_name(&settings.base_domain).await?;
    platform.start_processes(settings).await?;
    if !settings.kafka_brokers.is_empty() {
        platform.start_relay(settings).await?;
    }
    let head = platform.stores().log.head().await?.position;
    platform.caught_up(head, CATCH_UP_PATIENCE).await;
    let addresses = sockets.addresses();
    let pair_code = (!args.no_seed && settings.bind.is_loopback()).then(passwords::generate);
    let welcome = Welcome {
        pair_code: pair_code.clone(),
        directory: directory.to_owned(),
        database: database.clone(),
        certificate: settings.tls.as_ref().map_or_else(|| tls::certificate_path(directory), |(path, _)| path.clone()),
        addresses,
        head,
        base_domain: base.0.clone(),
        brokers: settings.kafka_brokers.clone(),
        first_start,
        logins,
    };
    let public_url = settings.public_url.clone().unwrap_or_else(|| welcome.url());
    let mut config = api_config(settings, base, public_url, &addresses, true);
    let demo = DEMO_USERS.map(|user| format!("{user}@{DEMO_DOMAIN}"));
    config.pairing = pair_code.map(|code| Pairing::new(code, demo));
    platform.start_interfaces(Interfaces { sockets, config }, settings).await.context("cannot serve requests")?;
    Ok((platform, welcome))
}
