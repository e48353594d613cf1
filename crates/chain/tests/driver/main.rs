//! The driver against a development chain, over HTTP.
#![allow(clippy::expect_used, clippy::panic)]

mod connecting;
mod faults;
mod following;
mod nanocontracts;
mod proxy;
mod sending;
mod virtual_channels;
mod world;
