//! What every read accepts: `min_position`, `limit` and `cursor`.

use axum::extract::FromRequestParts;
use axum::http::header::LINK;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wac_events::Position;
use wac_projections::SELECT_ROWS_MAX;

use crate::edge::RequestInfo;
use crate::reads::PageOf;
use crate::{Platform, Problem};

/// The log position a read must not be older than; the same as the parameter `min_position`.
pub const X_WAC_MIN_POSITION: HeaderName = HeaderName::from_static("x-wac-min-position");
/// The log position a write has reached.
pub const X_WAC_POSITION: HeaderName = HeaderName::from_static("x-wac-position");

/// The query of a request, parameter by parameter; what is unknown is refused by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    min_header: Option<String>,
    path: String,
}

impl FromRequestParts<Platform> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Platform) -> Result<Self, Problem> {
        let min_header = parts.headers.get(X_WAC_MIN_POSITION).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let query = parts.uri.query().unwrap_or_default();
        let pairs: Vec<(String, String)> = crate::form::pairs(query.as_bytes());
        // Below a nested router the URI has lost its prefix.
        let info = parts.extensions.get::<RequestInfo>();
        let path = info.map_or_else(|| parts.uri.path().to_owned(), |info| info.path.to_string());
        Ok(Self { pairs, min_header: min_header.map(std::borrow::Cow::into_owned), path })
    }
}

impl Query {
    /// Takes a parameter; given twice it is refused.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let mut found = self.pairs.extract_if(.., |(key, _)| key == name);
        let first = found.next().map(|(_, value)| value);
        if found.next().is_some() {
            return Err(Problem::parameter(name, "duplicate", format!("`{name}` is given more than once.")));
        }
        Ok(first)
    }

    /// Takes `true` or `false`; `default` if it is not there.
    pub(crate) fn flag(&mut self, name: &str, default: bool) -> Result<bool, Problem> {
        match self.take(name)?.as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(Problem::parameter(name, "type", format!("`{name}` is true or false."))),
        }
    }

    /// Takes `limit` and `cursor`.
    pub(crate) fn page(&mut self) -> Result<PageOf, Problem> {
        self.page_of(SELECT_ROWS_MAX)
    }

    /// Takes `limit`, which is `default` if it is left out, and `cursor`.
    pub(crate) fn page_of(&mut self, default: usize) -> Result<PageOf, Problem> {
        let limit = match self.take("limit")? {
            None => default,
            Some(text) => text.parse().ok().filter(|limit| (1..=SELECT_ROWS_MAX).contains(limit)).ok_or_else(|| {
                Problem::parameter("limit", "range", format!("`limit` is a whole number from 1 to {SELECT_ROWS_MAX}."))
            })?,
        };
        let after = self.take("cursor")?.map(|cursor| {
            let key = URL_SAFE_NO_PAD.decode(&cursor).ok().and_then(|key| String::from_utf8(key).ok());
            key.filter(|key| !key.is_empty() && !key.contains('\0')).ok_or_else(|| {
                Problem::parameter("cursor", "malformed", "`cursor` is what a `Link: rel=\"next\"` named.")
            })
        });
        Ok(PageOf { after: after.transpose()?, limit })
    }

    /// Takes `min_position` and waits for the read models behind `tables`. Returns the position
    /// asked for. The rest of the query must have been taken: what is left over is refused.
    pub(crate) async fn settle(
        mut self,
        platform: &Platform,
        tables: &[&'static str],
    ) -> Result<Option<Position>, Problem> {
        let asked = self.take("min_position")?;
        let from_header = asked.is_none();
        let asked = asked.or_else(|| self.min_header.take());
        self.finish()?;
        let Some(text) = asked else { return Ok(None) };
        let name = if from_header { "X-Wac-Min-Position" } else { "min_position" };
        let position = text.parse::<u64>().ok().filter(|position| i64::try_from(*position).is_ok());
        let position = position.map(Position).ok_or_else(|| {
            Problem::parameter(name, "type", format!("`{name}` is a position: a whole number from 0 on."))
        })?;
        platform.settled(tables, position).await?;
        Ok(Some(position))
    }

    /// What is left over is unknown, and refused by name.
    pub(crate) fn finish(&self) -> Result<(), Problem> {
        let Some((name, _)) = self.pairs.first() else { return Ok(()) };
        Err(Problem::parameter(name, "unknown_parameter", format!("There is no parameter `{name}` here.")))
    }

    /// `Link: rel="next"` of a full page of events: the same query from behind `last` on.
    pub(crate) fn page_behind(&self, limit: usize, last: Position) -> HeaderMap {
        let mut target = format!("{}?", self.path);
        let kept = self.pairs.iter().filter(|(name, _)| !matches!(&**name, "after" | "limit" | "min_position"));
        for (name, value) in kept {
            target.push_str(&format!("{}={}&", crate::form::escape(name), crate::form::escape(value)));
        }
        target.push_str(&format!("limit={limit}&after={last}"));
        let mut headers = HeaderMap::new();
        if let Ok(link) = HeaderValue::from_str(&format!("<{target}>; rel=\"next\"")) {
            headers.insert(LINK, link);
        }
        headers
    }

    /// `Link: rel="next"` of a full page: the same query from behind `last` on.
    pub(crate) fn next_page(original: &Self, limit: usize, last: &str) -> HeaderMap {
        let mut target = format!("{}?", original.path);
        for (name, value) in original.pairs.iter().filter(|(name, _)| name != "cursor" && name != "limit") {
            target.push_str(&format!("{}={}&", crate::form::escape(name), crate::form::escape(value)));
        }
        target.push_str(&format!("limit={limit}&cursor={}", URL_SAFE_NO_PAD.encode(last)));
        let mut headers = HeaderMap::new();
        if let Ok(link) = HeaderValue::from_str(&format!("<{target}>; rel=\"next\"")) {
            headers.insert(LINK, link);
        }
        headers
    }
}

impl Platform {
    /// Waits until the read models behind `tables` have reached `position`, a bounded time: 400 if
    /// the log has not got there, 503 if the read models do not get there in time.
    pub async fn settled(&self, tables: &[&'static str], position: Position) -> Result<(), Problem> {
        let head = self.log.head().await?.position;
        if position > head {
            let detail = format!("The log ends at position {head}.");
            return Err(Problem::invalid("position_unknown", detail).at("?min_position"));
        }
        Ok(self.waiter.wait_for(tables, position, self.config.read_patience).await?)
    }
}
