//! Lists: plain arrays, with a `Link` to the next page.

use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::reading::Query;
use crate::reads::PageOf;

/// 200 with the objects. `read`: how many rows were read, `last`: the key of the last of them; a
/// full page has a successor.
pub(crate) fn answer(
    objects: Vec<Value>,
    read: usize,
    last: Option<String>,
    page: &PageOf,
    original: &Query,
) -> Response {
    match last {
        Some(last) if read >= page.limit => {
            (Query::next_page(original, page.limit, &last), axum::Json(objects)).into_response()
        }
        _ => axum::Json(objects).into_response(),
    }
}
