//! A media node: the address clients are told, its port, and the deployment it belongs to.

use std::net::SocketAddr;

use wac_media_io::MediaSockets;

use super::Finding;
use crate::config::Settings;
use crate::platform::media::remote::RemoteLink;

/// What a media node needs.
pub(crate) async fn check(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![port(settings), address(settings)];
    if settings.is_media_alone() {
        findings.extend(endpoints(settings).await);
    }
    findings
}

fn port(settings: &Settings) -> Finding {
    const CHECK: &str = "media port";
    let wanted = SocketAddr::new(settings.bind, settings.media.port);
    match MediaSockets::bind(wanted) {
        Ok(_) => Finding::ok(CHECK, format!("{wanted} is free, UDP and TCP")),
        Err(error) => Finding::warning(
            CHECK,
            format!("{wanted}, UDP and TCP: {error}"),
            "unless the node that runs here has it, stop who does, or choose another port with --media-port",
        ),
    }
}

fn address(settings: &Settings) -> Finding {
    const CHECK: &str = "media address";
    match (settings.media.address, settings.bind.is_loopback()) {
        (Some(address), _) => Finding::ok(CHECK, format!("clients are told {address}")),
        (None, false) => Finding::ok(CHECK, "clients are told this machine's own address"),
        (None, true) => Finding::warning(
            CHECK,
            "bind is a loopback address: only clients on this machine have media",
            "set bind, and media.address if a translated address is in front",
        ),
    }
}

/// Each endpoint answers, and knows the secret.
async fn endpoints(settings: &Settings) -> Vec<Finding> {
    const CHECK: &str = "command endpoint";
    let Some(secret) = &settings.media.secret else {
        return vec![Finding::failure(CHECK, "media.secret is not set", "set it as on the nodes with a database")];
    };
    if settings.media.command_endpoints.is_empty() {
        let advice = "name nodes with the role api or signaling";
        return vec![Finding::failure(CHECK, "media.commandEndpoints is empty", advice)];
    }
    let mut findings = Vec::new();
    for endpoint in &settings.media.command_endpoints {
        let link = RemoteLink::new(std::slice::from_ref(endpoint), secret.clone());
        let asked = match link {
            Ok(link) => link.probe().await,
            Err(error) => Err(error),
        };
        findings.push(match asked {
            Ok(()) => Finding::ok(CHECK, format!("{endpoint} answers and knows the secret")),
            Err(error) => Finding::failure(
                CHECK,
                format!("{endpoint}: {}", crate::sentence(&error)),
                "start that node, correct media.commandEndpoints, or set the same media.secret on both sides",
            ),
        });
        if let Some(host) = endpoint.strip_prefix("http://")
            && !["localhost", "127.", "[::1]"].iter().any(|own| host.starts_with(own))
        {
            let found = format!("the secret travels to {endpoint} in clear");
            findings.push(Finding::warning(CHECK, found, "use https://"));
        }
    }
    findings
}
