//! The HTTP API of a node.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod calls;
mod events;
#[path = "../support/mod.rs"]
mod support;
