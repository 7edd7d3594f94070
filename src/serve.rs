//! `wac serve`: the platform, or some of its roles, as configured.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use wac_store::{Db, StoreOptions};

use crate::accounts::Accounts;
use crate::cli::ServeArgs;
use crate::config::{Configuration, Database, Settings};
use crate::lock::DirectoryLock;
use crate::platform::media::alone::MediaAlone;
use crate::platform::{Addresses, Interfaces, MediaSocket, Platform, Sockets, api_config};
use crate::serving::Bound;
use crate::shutdown::Signals;
use crate::{admin, listen, logging, open, tls};

/// Read connections of a node under load.
const READ_CONNECTIONS: u32 = 16;
/// How long a start waits for the read models; on a long log they are built while it serves.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(10);

/// Runs `wac serve` until a signal.
pub(crate) async fn run(args: &ServeArgs) -> Result<()> {
    let mut signals = Signals::catch()?;
    let settings = settings(args)?;
    logging::start(&settings.log_filter, settings.log_json)?;
    check_exposure(&settings)?;
    if settings.is_media_alone() {
        return run_media_alone(&settings, signals).await;
    }
    let serves = settings.has_role("api") || settings.has_role("signaling");
    let sockets = if serves { Some(bind(&settings).await?) } else { None };
    let _lock = lock(settings.required_database()?)?;
    let platform = tokio::select! {
        started = start(&settings, sockets) => started?,
        () = signals.next() => return Ok(()),
    };
    signals.next().await;
    tracing::info!("ending");
    signals.watch(platform.stop()).await;
    Ok(())
}

/// The configuration of `wac serve`.
fn settings(args: &ServeArgs) -> Result<Settings> {
    let mut line = args.source.command_line("wac serve");
    args.listen.add_to(&mut line);
    line.option("--roles", "roles", args.roles.as_ref());
    let settings = Settings::new(&Configuration::load(&line)?)?;
    ensure!(!settings.roles.is_empty(), "roles is empty: this process would do nothing");
    check_media(&settings)?;
    if args.roles.as_deref().is_some_and(|roles| roles.contains("relay")) && settings.kafka_brokers.is_empty() {
        bail!("the role relay needs kafka.brokers (WAC_KAFKA_BROKERS)");
    }
    Ok(settings)
}

/// A media node stands beside listeners of this process, or alone with what it then needs.
fn check_media(settings: &Settings) -> Result<()> {
    if settings.is_media_alone() {
        let needed = [
            ("kafka.brokers", settings.kafka_brokers.is_empty()),
            ("media.commandEndpoints", settings.media.command_endpoints.is_empty()),
            ("media.secret", settings.media.secret.is_none()),
        ];
        let missing: Vec<&str> = needed.iter().filter(|(_, missing)| *missing).map(|(key, _)| *key).collect();
        ensure!(missing.is_empty(), "a media node without a database needs {}", missing.join(", "));
    } else if settings.has_role("media") && !settings.has_role("signaling") && !settings.has_role("api") {
        bail!("the role media goes with signaling or api, or is the only one of a process without a database");
    }
    Ok(())
}

/// Runs a media node without a database until a signal.
async fn run_media_alone(settings: &Settings, mut signals: Signals) -> Result<()> {
    let sockets = bind(settings).await?;
    let addresses = sockets.addresses();
    let url = settings.media.url.clone().unwrap_or_else(|| public_url(settings, &addresses));
    let node = MediaAlone::start(settings, sockets, &url)?;
    say_addresses(&addresses, settings);
    tracing::info!(roles = settings.roles.join(","), version = env!("CARGO_PKG_VERSION"), "ready");
    signals.next().await;
    tracing::info!("ending");
    signals.watch(node.stop()).await;
    Ok(())
}

/// Passwords and tokens do not cross a network in clear.
fn check_exposure(settings: &Settings) -> Result<()> {
    let listens = settings.has_role("api") || settings.is_media_alone();
    let api = listens && settings.http_port.is_some();
    let sockets = settings.has_role("signaling") && settings.tls.is_none();
    let beyond = !settings.bind.is_loopback();
    if settings.plain_http_on_loopback && beyond {
        bail!("security.plainHttpOnLoopback is for a loopback bind, and bind is {}", settings.bind);
    }
    if (api || sockets) && beyond && settings.trusted_proxies.is_empty() {
        bail!(
            "plain HTTP on {} would carry passwords and tokens in clear: set http.enabled = false and serve HTTPS \
             (tls.certificate, tls.key), or name the proxy in front in trustedProxies",
            settings.bind
        );
    }
    Ok(())
}

async fn bind(settings: &Settings) -> Result<Sockets> {
    let tls = match &settings.tls {
        Some((certificate, key)) => {
            let config = tls::from_files(certificate, key).await?;
            tls::reload_on_hangup(config.clone(), certificate.clone(), key.clone())?;
            Some(config)
        }
        None => None,
    };
    let port = |port, option| listen::bind(settings.bind, port, option);
    let (mut http, mut https) = (None, None);
    if settings.has_role("api") || settings.is_media_alone() {
        http = settings.http_port.map(|number| port(number, "--http-port")).transpose()?.map(Bound::plain);
        if let Some(config) = &tls {
            https = Some(Bound { listener: port(settings.https_port, "--https-port")?, tls: Some(config.clone()) });
        }
        if http.is_none() && https.is_none() {
            bail!("this process has nothing to listen on: set tls.certificate and tls.key, or http.enabled = true");
        }
    }
    let qss = match settings.has_role("signaling") {
        true => Some(Bound { listener: port(settings.qss_port, "--qss-port")?, tls }),
        false => None,
    };
    let metrics = settings.metrics_port.map(|number| port(number, "--metrics-port")).transpose()?.map(Bound::plain);
    let media = settings.has_role("media").then(|| MediaSocket::bind(settings)).transpose()?;
    Ok(Sockets { http, https, qss, metrics, media })
}

/// One process serves an embedded database.
fn lock(database: &Database) -> Result<Option<DirectoryLock>> {
    let directory = match database {
        Database::Directory(directory) => directory.clone(),
        Database::Url(url) => match url.strip_prefix("sqlite:") {
            Some(path) => {
                let path = Path::new(path.trim_start_matches("//").split('?').next().unwrap_or_default());
                match path.parent() {
                    Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                    _ => ".".into(),
                }
            }
            None => return Ok(None),
        },
    };
    open::make_directory(&directory)?;
    DirectoryLock::take(&directory).map(Some)
}

async fn start(settings: &Settings, sockets: Option<Sockets>) -> Result<Platform> {
    let options = StoreOptions { read_connections: READ_CONNECTIONS, ..StoreOptions::new(settings.master_key()?) };
    let stores = wac_store::open(&settings.required_database()?.url(), options).await?;
    let store = if matches!(stores.db, Db::Postgres(_)) { "postgresql" } else { "sqlite" };
    let mut platform = Platform::new(stores);
    platform.keep_refusals(settings).await?;
    if ["projector", "api", "processes"].iter().any(|role| settings.has_role(role)) {
        platform.start_rows(settings.has_role("projector")).await?;
    }
    if settings.has_role("processes") {
        platform.start_processes(settings).await?;
    }
    if settings.has_role("relay") && !settings.kafka_brokers.is_empty() {
        platform.start_relay(settings).await?;
    }
    if let Some(sockets) = sockets {
        let accounts = Accounts::new(platform.stores(), platform.handler().clone(), "serve");
        let base = accounts.base_domain_and_name(&settings.base_domain).await.context("the base domain")?;
        admin::at_first_start(&accounts, platform.stores(), &base).await.context("the first administrator")?;
        let head = platform.stores().log.head().await?.position;
        platform.caught_up(head, CATCH_UP_PATIENCE).await;
        let addresses = sockets.addresses();
        let public_url = public_url(settings, &addresses);
        let config = api_config(settings, base, public_url, &addresses, false);
        platform.start_interfaces(Interfaces { sockets, config }, settings).await?;
        say_addresses(&addresses, settings);
    }
    tracing::info!(roles = settings.roles.join(","), store, version = env!("CARGO_PKG_VERSION"), "ready");
    Ok(platform)
}

/// How clients reach this process.
fn public_url(settings: &Settings, addresses: &Addresses) -> String {
    settings.public_url.clone().unwrap_or_else(|| match (addresses.https, addresses.http) {
        (Some(address), _) => format!("https://{}", listen::reachable(address)),
        (None, Some(address)) => format!("http://{}", listen::reachable(address)),
        (None, None) => "http://localhost".to_owned(),
    })
}

fn say_addresses(addresses: &Addresses, settings: &Settings) {
    let shown = |address: Option<std::net::SocketAddr>| address.map_or_else(|| "off".to_owned(), |a| a.to_string());
    let Addresses { http, https, qss, metrics, media } = *addresses;
    let (http, https, metrics) = (shown(http), shown(https), shown(metrics));
    let qss = shown(qss.map(|(address, _)| address));
    let media = shown(media);
    tracing::info!(http, https, qss, metrics, media, node = settings.node_name, "serving requests");
}
