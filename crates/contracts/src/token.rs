//! What is asked of a token (ERC-20, ERC-2612).

use crate::call::Encoded;
use alloy_primitives::{Address, U256};
use perunika_core::Domain;

/// Solidity's view of a token.
#[allow(missing_docs, unreachable_pub, rust_2018_idioms, clippy::all)]
mod interface {
    alloy_sol_types::sol! {
        interface Token {
            function approve(address spender, uint256 amount) external returns (bool);
        }
    }
}

/// Lets the Adjudicator take `amount` (smallest units) from the sender from now on.
pub(crate) fn approve(token: Address, amount: u128, domain: &Domain) -> Encoded {
    let call = interface::Token::approveCall { spender: domain.adjudicator, amount: U256::from(amount) };
    Encoded { token: Some(token), ..Encoded::new(call) }
}
