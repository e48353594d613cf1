//! Contracts in bytecode.

use alloy::primitives::{Address, Bytes, U256, hex};
use perunika_devnet::Chain;

use super::{ALICE, mine};

/// Adds the first word of the call data to slot 0, logs the sum under topic 42, and returns it.
pub(crate) const COUNTER: &[u8] = &hex!("5f355f5401805f555f52602a60205fa160205ff3");
/// Reverts with the call data.
pub(crate) const REVERTER: &[u8] = &hex!("365f5f37365ffd");
/// Returns the hash of the block with the number in the call data.
pub(crate) const BLOCK_HASH: &[u8] = &hex!("5f35405f5260205ff3");
/// Returns the time of the block.
pub(crate) const TIME: &[u8] = &hex!("425f5260205ff3");

/// Calls `inner` with the word 5 and all the gas there is; reverts if that fails.
pub(crate) fn caller(inner: Address) -> Vec<u8> {
    [&hex!("60055f525f5f60205f5f73")[..], inner.as_slice(), &hex!("5af11560265700 5b5f5ffd")].concat()
}

/// Creation code for `runtime`.
pub(crate) fn init(runtime: &[u8]) -> Bytes {
    let length = u8::try_from(runtime.len()).expect("short");
    [&[0x60, length, 0x80, 0x60, 9, 0x5f, 0x39, 0x5f, 0xf3][..], runtime].concat().into()
}

/// Deploys `runtime` in a block of its own.
pub(crate) fn deploy(chain: &mut Chain, runtime: &[u8]) -> Address {
    let hash = chain.send_unsigned(ALICE, None, U256::ZERO, init(runtime), 1_000_000).expect("accepted");
    mine(chain);
    chain.receipt(hash).and_then(|receipt| receipt.contract_address).expect("created")
}

pub(crate) fn word(value: u64) -> Bytes {
    U256::from(value).to_be_bytes::<32>().into()
}
