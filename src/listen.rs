//! Listening sockets, and who else has one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use anyhow::{Result, bail};
use tokio::net::TcpSocket;
use wac_media_io::MediaSockets;

/// Connections that may wait to be taken: thousands of devices come back at the same moment. The
/// kernel may allow fewer (`net.core.somaxconn`).
const WAITING_MAX: u32 = 4_096;

/// Binds a port, or says in one sentence why not; inside a runtime. `option` is what chooses another one.
pub(crate) fn bind(address: IpAddr, port: u16, option: &str) -> Result<TcpListener> {
    let wanted = SocketAddr::new(address, port);
    let listener = match listen(wanted) {
        Ok(listener) => listener,
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let holder = holder(port).map(|holder| format!(" by {holder}")).unwrap_or_default();
            bail!("{wanted} is already in use{holder}; stop it, or choose another port with {option}");
        }
        Err(error) if error.kind() == std::io::ErrorKind::AddrNotAvailable => {
            bail!("{address} is no address of this machine; choose one with --bind")
        }
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            bail!("this user may not listen on {wanted}; choose a port from 1024 on with {option}")
        }
        Err(error) => bail!("cannot listen on {wanted}: {error}"),
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_MAX)?.into_std()
}

/// Binds a port for media, UDP and TCP, or says in one sentence why not.
pub(crate) fn bind_media(address: IpAddr, port: u16, option: &str) -> Result<MediaSockets> {
    let wanted = SocketAddr::new(address, port);
    match MediaSockets::bind(wanted) {
        Ok(sockets) => Ok(sockets),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            bail!("{wanted} is already in use, UDP or TCP; choose another port with {option}")
        }
        Err(error) => bail!("cannot listen on {wanted}, UDP and TCP: {error}"),
    }
}

/// The address under which other machines most likely reach this one. Nothing is sent to find out.
pub(crate) fn own_address() -> IpAddr {
    let route = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // A documentation address (RFC 5737): whatever lies on the way out.
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    };
    route().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}

/// The process that listens on a TCP port of this machine, as far as this user may see it.
pub(crate) fn holder(port: u16) -> Option<String> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .collect();
    let targets: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        let name = process.file_name();
        let Some(pid) = name.to_str().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())) else { continue };
        let Ok(descriptors) = std::fs::read_dir(process.path().join("fd")) else { continue };
        let holds = descriptors.flatten().any(|descriptor| {
            let target = std::fs::read_link(descriptor.path()).ok();
            target.and_then(|target| target.to_str().map(|target| targets.iter().any(|t| t == target))).unwrap_or(false)
        });
        if holds {
            let command = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("process {pid} ({})", command.trim()));
        }
    }
    None
}

/// The inodes of listening sockets on `port` in the text of `/proc/net/tcp`.
fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.get(1).is_some_and(|local| local.ends_with(&suffix)) && fields.get(3) == Some(&LISTEN))
        .filter_map(|fields| fields.get(9).map(|inode| (*inode).to_owned()))
        .collect()
}

/// The address a client on this machine reaches a listener by.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_refused_and_its_holder_named() {
        let first = bind(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, "--http-port").unwrap();
        let port = first.local_addr().unwrap().port();
        let refusal = bind(IpAddr::V4(Ipv4Addr::LOCALHOST), port, "--http-port").unwrap_err().to_string();
        let own = format!("by process {}", std::process::id());
        assert!(refusal.contains(&own) && refusal.ends_with("with --http-port"), "{refusal}");
    }
}
