//! The conference log as a file: CSV (RFC 4180) with one line for each flat record, or one JSON object a line.

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::Value;
use wac_events::call_record::RECORD_COLUMNS;

use super::conferences::{conference_json, sees};
use crate::reading::Query;
use crate::reads::{ConferenceFilter, ConferenceView, ReadError, call_records};
use crate::{Caller, Platform, Problem};

/// Conferences that are in memory at a time.
const PAGE_CONFERENCES: usize = 100;

/// In which form a list is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// A JSON array, page by page.
    Json,
    /// A spreadsheet's lines.
    Csv,
    /// A JSON object a line.
    Ndjson,
}

impl Format {
    /// What `format` says, else `Accept`.
    pub(crate) fn wanted(query: &mut Query, headers: &HeaderMap) -> Result<Self, Problem> {
        match query.take("format")?.as_deref() {
            Some("json") => return Ok(Self::Json),
            Some("csv") => return Ok(Self::Csv),
            Some("ndjson") => return Ok(Self::Ndjson),
            Some(_) => {
                return Err(Problem::parameter("format", "format", "`format` is `json`, `csv` or `ndjson`."));
            }
            None => {}
        }
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let media = values.flat_map(|value| value.split(','));
        let named = media.map(|part| part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        let known = named.filter_map(|media| match media.as_str() {
            "application/json" => Some(Self::Json),
            "text/csv" => Some(Self::Csv),
            "application/x-ndjson" => Some(Self::Ndjson),
            _ => None,
        });
        // The first that is known, as browsers and tools name them.
        Ok(known.into_iter().next().unwrap_or(Self::Json))
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::Csv => "attachment; filename=\"conferences.csv\"",
            Self::Json | Self::Ndjson => "attachment; filename=\"conferences.ndjson\"",
        }
    }

    fn head(self) -> String {
        if self == Self::Csv { csv_line(RECORD_COLUMNS.iter().map(|name| (*name).to_owned())) } else { String::new() }
    }

    fn lines(self, conference: &ConferenceView) -> String {
        if self == Self::Csv {
            let records = call_records(conference);
            return records.iter().map(|record| csv_line(record.values().iter().map(cell))).collect();
        }
        format!("{}\n", conference_json(conference))
    }
}

/// A value as text that no spreadsheet takes for a formula: what begins like one gets an apostrophe before it.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%']) => format!("'{text}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A line of RFC 4180.
fn csv_line(cells: impl Iterator<Item = String>) -> String {
    let quoted = cells.map(|cell| {
        if cell.contains([',', '"', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
    });
    let mut line = quoted.collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

/// Where an export is.
struct Export {
    platform: Platform,
    caller: Caller,
    filter: ConferenceFilter,
    format: Format,
    cursor: Option<String>,
    left: usize,
    head: Option<String>,
    done: bool,
}

/// Everything the filter admits, at most `limit` conferences, as it is read: no more than a page is in memory.
/// `None` for the filter: nothing is admitted.
pub(crate) fn answer(
    platform: Platform,
    caller: Caller,
    filter: Option<ConferenceFilter>,
    format: Format,
    limit: Option<usize>,
) -> Response {
    let done = filter.is_none();
    let (filter, left, head) =
        (filter.unwrap_or_default(), limit.unwrap_or(usize::MAX), Some(format.head()).filter(|head| !head.is_empty()));
    let export = Export { platform, caller, filter, format, cursor: None, left, head, done };
    let body = Body::from_stream(stream::try_unfold(export, Export::next));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (CONTENT_DISPOSITION, HeaderValue::from_static(format.file())),
        (VARY, HeaderValue::from_static("accept")),
    ];
    (headers, body).into_response()
}

impl Export {
    /// The next piece; `None` at the end. An error ends the answer in its middle, which every HTTP client notices.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, ReadError> {
        if let Some(head) = self.head.take() {
            return Ok(Some((head.into(), self)));
        }
        while !self.done && self.left > 0 {
            let limit = self.left.min(PAGE_CONFERENCES);
            let page = self.platform.reads.conferences(&self.filter, self.cursor.take(), limit).await?;
            self.done = page.next.is_none();
            self.cursor = page.next;
            let seen = page.conferences.iter().filter(|conference| sees(&self.caller, conference)).take(self.left);
            let lines: Vec<String> = seen.map(|conference| self.format.lines(conference)).collect();
            self.left -= lines.len();
            if !lines.is_empty() {
                return Ok(Some((lines.concat().into(), self)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_with_a_comma_a_quote_or_a_line_end_is_quoted() {
        let cells = ["plain", "a,b", "say \"hi\"", "two\r\nlines", ""].map(str::to_owned);
        assert_eq!(csv_line(cells.into_iter()), "plain,\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\",\r\n");
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_made_text() {
        for text in ["=1+1", "+49", "-1", "@SUM(A1)", "\t=1", "\r=1", "|calc", "%0"] {
            assert_eq!(cell(&json!(text)), format!("'{text}"));
        }
        assert_eq!(
            (cell(&json!(-5)), cell(&Value::Null), cell(&json!("a=1"))),
            ("-5".into(), String::new(), "a=1".into())
        );
    }

    #[test]
    fn the_form_is_what_the_query_says_else_what_is_accepted() {
        let wanted = |accept: &'static str| {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            Format::wanted(&mut Query::default(), &headers).unwrap()
        };
        assert_eq!(wanted("text/csv"), Format::Csv);
        assert_eq!(wanted("text/html, application/x-ndjson;q=0.9, */*"), Format::Ndjson);
        assert_eq!((wanted("*/*"), wanted("application/json, text/csv")), (Format::Json, Format::Json));
    }
}
