//! The protocol as types: what goes over the two sockets, and its JSON Schemas.

mod answers;
mod frames;
mod notices;
mod requests;
mod schema;
mod wapi;

pub use answers::*;
pub use frames::{AnswerFrame, ErrorBody, NoticeFrame, RefusalFrame, RequestFrame};
pub use notices::*;
pub use requests::*;
pub use schema::schemas;
pub use wapi::*;
