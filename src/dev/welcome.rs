//! What `wac dev` prints once it is ready.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use wac_events::Position;

use crate::config::{Database, MASTER_KEY_FILE};
use crate::listen;
use crate::passwords::ADMIN_PASSWORD;
use crate::platform::Addresses;
use crate::seed::{FirstStart, Login};

/// Everything the print-out says.
pub(super) struct Welcome {
    pub(super) directory: PathBuf,
    pub(super) database: Database,
    pub(super) certificate: PathBuf,
    pub(super) addresses: Addresses,
    pub(super) head: Position,
    pub(super) base_domain: String,
    pub(super) brokers: Vec<String>,
    pub(super) first_start: Option<FirstStart>,
    pub(super) logins: Vec<Login>,
    /// Logs the demo's people in, once.
    pub(super) pair_code: Option<String>,
}

impl Welcome {
    /// The URL the examples use.
    pub(super) fn url(&self) -> String {
        match (self.addresses.http, self.addresses.https) {
            (Some(http), _) => format!("http://{}", listen::reachable(http)),
            (None, Some(https)) => format!("https://{}", listen::reachable(https)),
            (None, None) => "http://localhost".to_owned(),
        }
    }

    /// Prints it on standard output, in one piece.
    pub(super) fn print(&self, took: Duration) -> Result<()> {
        let mut text = String::new();
        self.places(&mut text, took)?;
        self.credentials(&mut text)?;
        self.examples(&mut text)?;
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    fn places(&self, text: &mut String, took: Duration) -> std::fmt::Result {
        let url = self.url();
        let Addresses { http, https, qss, metrics, media } = self.addresses;
        let addresses = [http, https, qss.map(|(address, _)| address), metrics];
        let everybody = addresses.iter().flatten().any(|address| !address.ip().is_loopback());
        let reach = if everybody { "reachable from other machines" } else { "reachable from this machine only" };
        writeln!(
            text,
            "wac {} in development mode, {reach}; ready in {} ms\n",
            env!("CARGO_PKG_VERSION"),
            took.as_millis()
        )?;
        let database = match &self.database {
            Database::Directory(directory) => format!("SQLite in {}", directory.display()),
            Database::Url(url) if url.starts_with("postgres") => "PostgreSQL".to_owned(),
            Database::Url(_) => "SQLite".to_owned(),
        };
        writeln!(text, "  log         {database}, at position {}", self.head)?;
        if let Some(http) = http {
            writeln!(text, "  HTTP        http://{http}")?;
        }
        if let Some(https) = https {
            writeln!(text, "  HTTPS       https://{https} (certificate: {})", self.certificate.display())?;
        }
        writeln!(text, "  REST        {url}/sapi (described at {url}/docs/api)")?;
        writeln!(text, "  phone       {url}/phone")?;
        writeln!(text, "  GraphQL     {url}/graphql")?;
        let sockets = url.replacen("http", "ws", 1);
        if let Some((qss, tls)) = qss {
            let scheme = if tls { "wss" } else { "ws" };
            writeln!(text, "  QSS         {sockets}/qss, {scheme}://{qss}/ (calls; protocol jt)")?;
            writeln!(text, "  WAPI        {sockets}/wapi (resources; protocol wapi)")?;
        }
        if let Some(media) = media {
            writeln!(text, "  media       UDP {media}, {sockets}/media")?;
        }
        if let Some(metrics) = metrics {
            writeln!(text, "  metrics     http://{metrics}/metrics")?;
        }
        writeln!(text, "  health      {url}/livez, {url}/readyz, {url}/metrics")?;
        if self.brokers.is_empty() {
            writeln!(text, "  Kafka       off; set WAC_KAFKA_BROKERS=host:9092 to relay the log")
        } else {
            writeln!(text, "  Kafka       relaying to {}", self.brokers.join(", "))
        }
    }

    fn credentials(&self, text: &mut String) -> std::fmt::Result {
        if self.logins.is_empty() {
            return writeln!(text, "\nThe data of earlier starts is kept in {}.", self.directory.display());
        }
        let (given, made): (Vec<_>, Vec<_>) = self.logins.iter().partition(|login| login.is_given);
        match made.is_empty() {
            true => writeln!(text, "\nFirst start.")?,
            false => writeln!(text, "\nFirst start. These passwords are shown this once:")?,
        }
        for login in made {
            writeln!(text, "  {:<18}  {}", login.name, login.password)?;
        }
        given.into_iter().try_for_each(|login| writeln!(text, "{} has the password of {ADMIN_PASSWORD}.", login.name))
    }

    fn examples(&self, text: &mut String) -> std::fmt::Result {
        let url = self.url();
        let insecure = if self.addresses.http.is_none() { "-k " } else { "" };
        let password = match self.logins.first() {
            Some(admin) if admin.is_given => format!("\"password=${ADMIN_PASSWORD}\""),
            Some(admin) => format!("'password={}'", admin.password),
            None => "'password=YOUR-PASSWORD'".to_owned(),
        };
        let admin = format!("admin@{}", self.base_domain);
        let child = if self.logins.len() > 1 { "demo" } else { self.base_domain.as_str() };
        if let Some(code) = &self.pair_code {
            writeln!(text, "\nA first call with yourself, two phones side by side (the link is good once):")?;
            writeln!(text, "  {url}/phone/pair#{code}")?;
        }
        writeln!(text, "\nTry it:")?;
        writeln!(
            text,
            "  TOKEN=$(curl -s {insecure}{url}/sapi/o/token --data-urlencode 'grant_type=password' \
             --data-urlencode 'username={admin}' --data-urlencode {password} | \
             sed -E 's/.*\"access_token\": ?\"([^\"]+)\".*/\\1/')"
        )?;
        writeln!(
            text,
            "  curl {insecure}{url}/sapi/users -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \
             -d '{{\"username\":\"carol\",\"domain\":\"{child}\",\"role\":\"user\"}}'"
        )?;
        writeln!(text, "  curl {insecure}{url}/sapi/users -H \"Authorization: Bearer $TOKEN\"")?;
        writeln!(text, "  curl {insecure}'{url}/sapi/events?type=user.created' -H \"Authorization: Bearer $TOKEN\"")?;
        let directory = self.directory.display();
        match self.database {
            Database::Directory(_) => {
                writeln!(text, "  wac events --data {directory}\n  wac replay --verify --data {directory}")
            }
            // Where the database is, these commands are told as this one was.
            Database::Url(_) => {
                let key = format!("WAC_MASTER_KEY_FILE={directory}/{MASTER_KEY_FILE}");
                writeln!(text, "  {key} wac events\n  {key} wac replay --verify")
            }
        }
    }
}
