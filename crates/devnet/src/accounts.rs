//! The accounts that a development chain funds by default.

use alloy::primitives::{Address, B256, U256, keccak256};
use k256::ecdsa::SigningKey;

/// How many development accounts there are.
pub const DEV_ACCOUNTS: u32 = 10;

/// What each development account holds in the first block: 10,000 ether, in wei.
pub const DEV_BALANCE: U256 = U256::from_limbs([1_864_712_049_423_024_128, 542, 0, 0]);

/// The private key of development account `index`: `keccak256("perunika devnet account <index>")`, with the index in
/// decimal.
///
/// Everybody knows these keys: never use them where value is at stake.
pub fn dev_key(index: u32) -> B256 {
    keccak256(format!("perunika devnet account {index}"))
}

/// The address of development account `index`.
pub fn dev_address(index: u32) -> Address {
    let key = SigningKey::from_slice(dev_key(index).as_slice())
        .expect("a hash is below the order of the curve, but for a chance of 2^-128");
    Address::from_private_key(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_balance_is_ten_thousand_ether() {
        assert_eq!(DEV_BALANCE, U256::from(10).pow(U256::from(22)));
    }

    #[test]
    fn accounts_differ() {
        let mut all: Vec<_> = (0..DEV_ACCOUNTS).map(dev_address).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), DEV_ACCOUNTS as usize);
    }
}
