//! The HTTP API of a node.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod calls;
mod events;
mod fuzz;
#[path = "../support/mod.rs"]
mod support;
mod tokens;
