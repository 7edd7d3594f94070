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
    wanted(settings)
        .into_iter()
        .map(|(check, port, option)| port_finding(check, SocketAddr::new(settings.bind, port), option))
        .collect()
}

/// The ports this configuration listens on, each with the option that chooses another one.
fn wanted(settings: &Settings) -> Vec<(&'static str, u16, &'static str)> {
    let api = settings.has_role("api") || settings.is_media_alone();
    let http = settings.http_port.filter(|_| api).map(|port| ("http port", port, "--http-port"));
    let https = (api && settings.tls.is_some()).then_some(("https port", settings.https_port, "--https-port"));
    let qss = settings.has_role("signaling").then_some(("qss port", settings.qss_port, "--qss-port"));
    let metrics = settings.metrics_port.map(|port| ("metrics port", port, "--metrics-port"));
    http.into_iter().chain(https).chain(qss).chain(metrics).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CommandLine, Configuration};

    fn checks(set: &[(&str, &str)]) -> Vec<(&'static str, u16)> {
        let mut line = CommandLine::default();
        set.iter().for_each(|(key, value)| line.option("--set", key, Some(value)));
        let settings = Settings::new(&Configuration::load(&line).unwrap()).unwrap();
        wanted(&settings).into_iter().map(|(check, port, _)| (check, port)).collect()
    }

    #[test]
    fn every_port_that_is_listened_on_is_looked_at() {
        assert_eq!(checks(&[]), [("http port", 8_000), ("qss port", 8_118)]);
        let with_metrics = checks(&[("metrics.port", "9100"), ("qss.port", "9118")]);
        assert_eq!(with_metrics, [("http port", 8_000), ("qss port", 9_118), ("metrics port", 9_100)]);
        assert_eq!(checks(&[("roles", "projector")]), []);
        assert_eq!(checks(&[("roles", "signaling")]), [("qss port", 8_118)]);
    }

    #[test]
    fn a_port_somebody_else_holds_is_a_failure_that_names_the_option() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let finding = port_finding("qss port", taken.local_addr().unwrap(), "--qss-port");
        assert_eq!(finding.severity, super::super::Severity::Failure);
        assert!(finding.advice.contains("--qss-port"), "{finding:?}");
        drop(taken);
    }
}
