//! What is asked of a token (ERC-20, ERC-2612): calldata, and answers that nobody vouches for.

use crate::call::Encoded;
use crate::view::Malformed;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use perunika_core::Domain;

/// Most characters of a symbol that are believed.
const SYMBOL_MAX: usize = 16;
/// Most decimals that make sense: 2^128 has 39 digits.
const DECIMALS_MAX: u8 = 36;

/// Solidity's view of a token.
#[allow(missing_docs, unreachable_pub, rust_2018_idioms, clippy::all)]
mod interface {
    alloy_sol_types::sol! {
        interface Token {
            error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
            error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);

            function approve(address spender, uint256 amount) external returns (bool);
            function symbol() external view returns (string);
            function decimals() external view returns (uint8);
            function balanceOf(address owner) external view returns (uint256);
            function allowance(address owner, address spender) external view returns (uint256);
            function nonces(address owner) external view returns (uint256);
            function DOMAIN_SEPARATOR() external view returns (bytes32);
        }
    }
}

pub(crate) use interface::Token::TokenErrors;

/// Lets the Adjudicator take `amount` (smallest units) from the sender from now on.
pub(crate) fn approve(token: Address, amount: u128, domain: &Domain) -> Encoded {
    let call = interface::Token::approveCall { spender: domain.adjudicator, amount: U256::from(amount) };
    Encoded { token: Some(token), ..Encoded::new(call) }
}

/// Calldata that asks for the symbol.
pub fn symbol_call() -> Bytes {
    interface::Token::symbolCall {}.abi_encode().into()
}

/// Reads the answer to [`symbol_call`]: a string, or the 32 bytes of tokens from before strings were usual. It may end on a
/// terminal, and claims to be whatever it likes: only printable ASCII stays of it, 16 characters at most; `None` if nothing does.
pub fn symbol(answer: &[u8]) -> Option<String> {
    let text = match interface::Token::symbolCall::abi_decode_returns(answer) {
        Ok(text) => text.into_bytes(),
        Err(_) if answer.len() == 32 => answer.to_vec(),
        Err(_) => return None,
    };
    let printable = text.into_iter().take_while(|byte| *byte != 0).filter(u8::is_ascii_graphic);
    let symbol: String = printable.take(SYMBOL_MAX).map(char::from).collect();
    (!symbol.is_empty()).then_some(symbol)
}

/// Calldata that asks for the number of decimals.
pub fn decimals_call() -> Bytes {
    interface::Token::decimalsCall {}.abi_encode().into()
}

/// Reads the answer to [`decimals_call`]; at most 36.
pub fn decimals(answer: &[u8]) -> Result<u8, Malformed> {
    u8::try_from(number(answer)?).ok().filter(|decimals| *decimals <= DECIMALS_MAX).ok_or(Malformed)
}

/// Calldata that asks what an account holds; [`number`] reads the answer, in smallest units.
pub fn balance_call(owner: Address) -> Bytes {
    interface::Token::balanceOfCall { owner }.abi_encode().into()
}

/// Calldata that asks how much `spender` may take from `owner`; [`number`] reads the answer, in smallest units.
pub fn allowance_call(owner: Address, spender: Address) -> Bytes {
    interface::Token::allowanceCall { owner, spender }.abi_encode().into()
}

/// Calldata that asks for the nonce of the next permit (ERC-2612); [`number`] reads the answer.
pub fn nonce_call(owner: Address) -> Bytes {
    interface::Token::noncesCall { owner }.abi_encode().into()
}

/// Calldata that asks for the token's own domain separator; [`number`] reads the answer.
pub fn separator_call() -> Bytes {
    interface::Token::DOMAIN_SEPARATORCall {}.abi_encode().into()
}

/// One word. Anything else, no answer included, is none.
pub fn number(answer: &[u8]) -> Result<U256, Malformed> {
    let word: B256 = answer.try_into().map_err(|_| Malformed)?;
    Ok(word.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_sol_types::SolValue;

    #[test]
    fn symbols_of_both_kinds_are_read_and_cleaned() {
        assert_eq!(symbol(&"USDC".to_owned().abi_encode()), Some("USDC".into()));
        let mut old = [0; 32];
        old[..3].copy_from_slice(b"MKR");
        assert_eq!(symbol(&old), Some("MKR".into()));
        assert_eq!(symbol(&"\u{1b}[31mUS\nD C\u{202e}".to_owned().abi_encode()), Some("[31mUSDC".into()));
        assert_eq!(symbol(&"A".repeat(5_000).abi_encode()).map(|symbol| symbol.len()), Some(SYMBOL_MAX));
        for nothing in [&[][..], &[0; 32], &[1; 31], &"\n".to_owned().abi_encode()] {
            assert_eq!(symbol(nothing), None);
        }
    }

    #[test]
    fn numbers_are_one_word() {
        let word = |number: u64| U256::from(number).to_be_bytes::<32>();
        assert_eq!((decimals(&word(6)), decimals(&word(36))), (Ok(6), Ok(36)));
        assert_eq!((decimals(&word(37)), decimals(&word(256 + 6))), (Err(Malformed), Err(Malformed)));
        assert_eq!((number(&word(7)), number(&[])), (Ok(U256::from(7)), Err(Malformed)));
        assert_eq!(number(&[0; 64]), Err(Malformed));
    }

    #[test]
    fn an_approval_goes_to_the_token() {
        let (token, adjudicator) = (Address::repeat_byte(5), Address::repeat_byte(6));
        let encoded = approve(token, 9, &Domain { chain_id: 1, adjudicator });
        let call = interface::Token::approveCall::abi_decode(&encoded.data).expect("approve");
        assert_eq!((encoded.token, call.spender, call.amount), (Some(token), adjudicator, U256::from(9)));
        assert_eq!(encoded.value, U256::ZERO);
    }
}
