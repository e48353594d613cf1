//! The chain in virtual time, and the server over HTTP on loopback.

mod contracts;
mod saved;
mod server;
mod server_methods;
mod state;
mod transactions;

use alloy::primitives::{Address, U256};
use perunika_devnet::{Chain, Genesis};

const START: u64 = 1_700_000_000;
const ALICE: Address = Address::repeat_byte(0xa1);
const BOB: Address = Address::repeat_byte(0xb0);

fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(10).pow(U256::from(18))
}

/// A chain on which Alice has 100 ether.
fn chain() -> Chain {
    Chain::new(Genesis::at(START).fund(ALICE, ether(100)))
}

/// Mines the next block, a second after the last.
fn mine(chain: &mut Chain) -> std::sync::Arc<perunika_devnet::Block> {
    let time = chain.head().header.timestamp + 1;
    chain.mine(time).expect("the time is later")
}
