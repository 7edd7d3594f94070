//! Certificates: the operator's own, or one this program signs itself for a machine of development.

use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use axum_server::tls_rustls::RustlsConfig;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use tokio::signal::unix::{SignalKind, signal};

/// How long a certificate made here is valid.
const VALIDITY_DAYS: i64 = 397;
/// One that ends within this time is made anew at the next start.
const RENEW_BEFORE_DAYS: i64 = 14;
/// What stands before the last day of validity, in the text in front of the certificate.
const UNTIL: &str = "Valid until: ";
/// What stands before the names it is for.
const NAMES: &str = "Names: ";

/// Makes `aws-lc-rs` this process's cryptography; called once, first thing.
pub(crate) fn install_provider() {
    // The only error is that one has been installed already.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
}

/// The operator's certificate and key.
pub(crate) async fn from_files(certificate: &Path, key: &Path) -> Result<RustlsConfig> {
    RustlsConfig::from_pem_file(certificate, key)
        .await
        .with_context(|| format!("cannot use the certificate {} with the key {}", certificate.display(), key.display()))
}

/// Reads certificate and key again at every SIGHUP, for new connections; bad files change nothing.
pub(crate) fn reload_on_hangup(config: RustlsConfig, certificate: PathBuf, key: PathBuf) -> Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("cannot catch signals")?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match config.reload_from_pem_file(&certificate, &key).await {
                Ok(()) => tracing::info!(certificate = %certificate.display(), "the certificate was read again"),
                Err(error) => {
                    tracing::error!(%error, certificate = %certificate.display(), "the old certificate stays")
                }
            }
        }
    });
    Ok(())
}

/// The data directory's own certificate; made at the first start, and again before it expires or
/// when the address is a new one.
pub(crate) async fn self_signed(directory: &Path, bind: IpAddr) -> Result<RustlsConfig> {
    let (certificate, key) = (certificate_path(directory), directory.join("tls.key"));
    let names = names(bind);
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    if !still_good(&certificate, &names, today) || !key.is_file() {
        let (certificate_text, key_text) = make(&names, today)?;
        // The key first: a certificate without its key is made again at the next start.
        std::fs::remove_file(&certificate).ok();
        write_private(&key, &key_text, 0o600)?;
        write_private(&certificate, &certificate_text, 0o644)?;
    }
    from_files(&certificate, &key).await
}

/// Where the data directory's own certificate is.
pub(crate) fn certificate_path(directory: &Path) -> PathBuf {
    directory.join("tls.pem")
}

fn names(bind: IpAddr) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let bind = bind.to_string();
    if !names.contains(&bind) && bind != "0.0.0.0" && bind != "::" {
        names.push(bind);
    }
    names
}

fn still_good(certificate: &Path, names: &[String], today: Date) -> bool {
    let Ok(text) = std::fs::read_to_string(certificate) else { return false };
    let line = |prefix| text.lines().find_map(|line| line.strip_prefix(prefix));
    let until = line(UNTIL).and_then(|until| until.parse::<Date>().ok());
    let limit = today.checked_add(RENEW_BEFORE_DAYS.days()).unwrap_or(today);
    line(NAMES) == Some(names.join(", ").as_str()) && until.is_some_and(|until| until > limit)
}

fn make(names: &[String], today: Date) -> Result<(String, String)> {
    let from = today.yesterday().unwrap_or(today);
    let until = today.checked_add(VALIDITY_DAYS.days()).context("the clock is at the end of time")?;
    let mut params = CertificateParams::new(names.to_vec()).context("cannot make a certificate")?;
    let date = |date: Date| {
        let part = |number: i8| u8::try_from(number).expect("months and days are positive");
        rcgen::date_time_ymd(date.year().into(), part(date.month()), part(date.day()))
    };
    (params.not_before, params.not_after) = (date(from), date(until));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "wac development");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().context("cannot make a key")?;
    let certificate = params.self_signed(&key).context("cannot sign a certificate")?;
    let text = format!("{UNTIL}{until}\n{NAMES}{}\n{}", names.join(", "), certificate.pem());
    Ok((text, key.serialize_pem()))
}

/// Writes a whole file, durably, in place of an old one or not at all.
pub(crate) fn write_private(path: &Path, text: &str, mode: u32) -> Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let write = || -> std::io::Result<()> {
        std::fs::remove_file(&new)
            .or_else(|error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(directory)?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_certificate_is_kept_until_it_nears_its_end_or_the_address_changes() {
        install_provider();
        let directory = tempfile::tempdir().unwrap();
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        let read = || std::fs::read_to_string(certificate_path(directory.path())).unwrap();
        self_signed(directory.path(), loopback).await.unwrap();
        let first = read();
        self_signed(directory.path(), loopback).await.unwrap();
        assert_eq!(read(), first, "a good certificate is kept");

        let until = first.lines().next().unwrap().to_owned();
        std::fs::write(certificate_path(directory.path()), first.replace(&until, "Valid until: 2020-01-01")).unwrap();
        self_signed(directory.path(), loopback).await.unwrap();
        let second = read();
        assert_ne!(second, first, "an expired one is made anew");

        self_signed(directory.path(), "10.1.2.3".parse().unwrap()).await.unwrap();
        assert!(read().contains("10.1.2.3"), "a new address gets its own");
    }
}
