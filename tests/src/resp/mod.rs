//! A blocking RESP2/RESP3 client that shares no code with Towline.

mod client;
mod reader;
mod value;

pub use client::{Client, encode};
pub use reader::read_value;
pub use value::Value;
