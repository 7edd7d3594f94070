//! The network: brokers, ports, and who can reach us.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::net::TcpStream;

use super::Finding;
use crate::config::Settings;
use crate::listen;
use crate::platform::relay_config;

/// How long a broker may take to accept a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);

/// Every broker accepts connections, and the cluster answers.
pub(crate) async fn kafka(settings: &Settings) -> Finding {
    const CHECK: &str = "kafka";
    if settings.kafka_brokers.is_empty() {
        return Finding::ok(CHECK, "no brokers are set; nothing is relayed");
    }
    let mut silent = Vec::new();
    for broker in &settings.kafka_brokers {
        let connected = tokio::time::timeout(CONNECT_PATIENCE, TcpStream::connect(broker)).await;
        let trouble = match connected {
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", CONNECT_PATIENCE.as_secs()),
        };
        silent.push(format!("{broker}: {trouble}"));
    }
    if silent.len() < settings.kafka_brokers.len()
        && let Err(error) = answers(settings).await
    {
        let found = format!("{} takes connections, but does not answer: {error}", settings.kafka_brokers.join(", "));
        return Finding::failure(CHECK, found, "correct kafka.brokers and kafka.client (security.protocol, sasl …)");
    }
    match silent.len() {
        0 => Finding::ok(CHECK, format!("{} answer", settings.kafka_brokers.join(", "))),
        some if some < settings.kafka_brokers.len() => {
            Finding::warning(CHECK, silent.join("; "), "start the missing brokers, or take them out of kafka.brokers")
        }
        _ => Finding::failure(
            CHECK,
            silent.join("; "),
            "start Kafka, or correct kafka.brokers; meanwhile nothing is lost, the relay catches up",
        ),
    }
}

/// Whether what listens there speaks Kafka, to this client.
async fn answers(settings: &Settings) -> Result<(), String> {
    let config = relay_config(settings);
    let asked = tokio::task::spawn_blocking(move || wac_relay::brokers(&config, CONNECT_PATIENCE)).await;
    let answered = asked.map_err(|error| error.to_string())?;
    answered.map(drop).map_err(|error| crate::sentence(&error.into()))
}

/// The ports are free, or ours.
pub(crate) fn ports(settings: &Settings) -> Vec<Finding> {
    let https = settings.tls.is_some().then_some(("https port", settings.https_port, "--https-port"));
    settings
        .http_port
        .map(|port| ("http port", port, "--http-port"))
        .into_iter()
        .chain(https)
        .map(|(check, port, option)| port_finding(check, SocketAddr::new(settings.bind, port), option))
        .collect()
}

fn port_finding(check: &'static str, address: SocketAddr, option: &str) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(check, format!("{address} is free")),
        Err(error) => match listen::holder(address.port()) {
            Some(holder) if holder.ends_with("(wac)") => Finding::ok(check, format!("{address} is served by {holder}")),
            Some(holder) => Finding::failure(
                check,
                format!("{address} is in use by {holder}"),
                format!("stop it, or choose another port with {option}"),
            ),
            None => Finding::failure(
                check,
                format!("{address}: {error}"),
                format!("choose another address or port with --bind and {option}"),
            ),
        },
    }
}

/// Passwords and tokens do not cross a network in clear.
pub(crate) fn exposure(settings: &Settings) -> Finding {
    const CHECK: &str = "exposure";
    let clear = settings.http_port.is_some() && !settings.bind.is_loopback();
    match (clear, settings.trusted_proxies.is_empty()) {
        (true, true) => Finding::failure(
            CHECK,
            format!("plain HTTP on {}, and no proxy is trusted", settings.bind),
            "`wac serve` refuses this: set http.enabled = false and tls.certificate, or trustedProxies",
        ),
        (true, false) => Finding::ok(CHECK, format!("plain HTTP on {}, behind trusted proxies", settings.bind)),
        (false, _) => Finding::ok(CHECK, format!("nothing in clear beyond this machine ({})", settings.bind)),
    }
}
