//! The driver against a development chain, over HTTP.
#![allow(clippy::expect_used, clippy::panic)]

mod connecting;
mod faults;
mod following;
mod proxy;
mod sending;
mod virtual_channels;
mod world;
