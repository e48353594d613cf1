//! One file per target.

mod api;
mod command_line;
mod config;
mod contract_data;
mod core_record;
mod keystore;
mod look;
mod nano_code;
mod net_frame;
mod network;
mod node_record;
mod participant;
mod peer_message;
mod rig;
mod rpc_answer;
mod shop;
mod spoken;
mod store_file;

use crate::Target;

/// A target in the file of its name.
macro_rules! target {
    ($name:ident, $about:literal) => {
        Target { name: stringify!($name), about: $about, run: $name::run, seeds: $name::seeds }
    };
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target!(api, "requests to the API, through the router and everything behind it"),
    target!(command_line, "what people type: arguments, amounts, sizes and times"),
    target!(config, "the config file, and amounts as people write them"),
    target!(contract_data, "answers of a chain about the contract: events, views, reasons, code"),
    target!(core_record, "records of the core in the store: an error or a participant that works"),
    target!(keystore, "the encrypted seed phrase"),
    target!(nano_code, "bytecode of nanocontracts: the filter and the machine"),
    target!(net_frame, "frames of the network, hellos and addresses of peers"),
    target!(
        network,
        "three nodes, the contract and an adversary, the bytes choosing what happens; the auditor looks on"
    ),
    target!(node_record, "records of the node in the store: it starts, or says why not"),
    target!(participant, "one participant with open channels, and whatever peers, the chain and programs may say"),
    target!(peer_message, "messages of a peer: what is understood is written back as the same thing"),
    target!(rpc_answer, "a node of the chain that errs, lags or lies: the driver goes on, with bounded work"),
    target!(shop, "what buyers and sellers say, offers in one line, records of the shop"),
    target!(store_file, "a damaged file of the store: an error or whatever is left"),
];
