//! Database URLs.

use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use crate::OpenError;

/// Where a store lives.
#[derive(Clone, Debug)]
pub(crate) enum Location {
    /// `postgres://…`
    Postgres(Box<PgConnectOptions>),
    /// `sqlite://PATH`: the file.
    Sqlite(PathBuf),
    /// `memory:`
    Memory,
}

impl Location {
    pub(crate) fn parse(url: &str) -> Result<Self, OpenError> {
        let wrong = |reason: &str| OpenError::Url { url: without_password(url), reason: reason.to_owned() };
        let (scheme, rest) = url.split_once(':').ok_or_else(|| wrong("no scheme"))?;
        match scheme {
            "postgres" | "postgresql" => {
                let options = PgConnectOptions::from_str(url).map_err(|error| wrong(&error.to_string()))?;
                Ok(Self::Postgres(Box::new(options)))
            }
            "sqlite" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                let path = path.split_once('?').map_or(path, |(path, _)| path);
                if path.is_empty() || path == ":memory:" {
                    return Err(wrong("no path"));
                }
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            "memory" => Ok(Self::Memory),
            _ => Err(wrong("unknown scheme")),
        }
    }

    /// For people: host, port and name, or the file. Never a password.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Postgres(options) => {
                let host =
                    options.get_socket().map_or_else(|| options.get_host().to_owned(), |p| p.display().to_string());
                let name = options.get_database().unwrap_or_else(|| options.get_username());
                format!("{name} at {host}:{}", options.get_port())
            }
            Self::Sqlite(path) => path.display().to_string(),
            Self::Memory => "in memory".to_owned(),
        }
    }
}

/// The URL with whatever stands between `:` and `@` of its authority replaced.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
    let Some(at) = rest[..authority_end].rfind('@') else { return url.to_owned() };
    let user = rest[..at].split(':').next().unwrap_or_default();
    format!("{scheme}://{user}:…{}", &rest[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_and_an_absolute_sqlite_path_are_kept_as_they_are() {
        for (url, path) in [("sqlite://data/wac.db", "data/wac.db"), ("sqlite:///srv/wac.db", "/srv/wac.db")] {
            assert_eq!(Location::parse(url).expect("valid").place(), path);
        }
    }

    #[test]
    fn an_unknown_scheme_is_refused_by_a_sentence_without_the_password() {
        let error = Location::parse("mysql://root:secret@host/db").expect_err("not supported").to_string();
        assert!(error.contains("unknown scheme") && error.contains("sqlite://PATH"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn the_place_of_a_server_names_host_port_and_database() {
        let place = Location::parse("postgres://wac:pw@db.example:5433/calls").expect("valid").place();
        assert_eq!(place, "calls at db.example:5433");
    }
}
