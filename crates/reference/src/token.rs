//! Tokens and Permit2, as far as the contract notices them.
//!
//! What they take for a signature is the hash of what is signed: that the contract hands on the right words is what matters here,
//! not that tokens can verify.

use crate::Amount;
use crate::hash::Hasher;
use alloy_primitives::{Address, B256, address, keccak256};
use std::collections::{BTreeMap, BTreeSet};

/// Where Permit2 lies on every chain.
pub const PERMIT2: Address = address!("000000000022D473030F116dDEE9F6B43aC78BA3");

/// The types behind the witness of Permit2.
const WITNESS: &str = "OpenAuth witness)OpenAuth(bytes32 id,uint96 depA,uint96 depB,uint40 notAfter)TokenPermissions(address token,uint256 amount)";

/// How a token behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Manner {
    /// Says true.
    #[default]
    Plain,
    /// Says nothing.
    Silent,
    /// Keeps one unit of what is brought.
    Fee,
    /// Brings one unit more, out of nowhere.
    Generous,
    /// Sends nothing, and says false.
    Refusing,
    /// Sends nothing, and breaks off.
    Reverting,
    /// Burns all gas when it is to send.
    Burning,
    /// Sends, and says 2, so that what it did is undone.
    Strange,
    /// Sends, and says true in 31 bytes: the same.
    Short,
    /// Says true, and does nothing: neither when it is to bring nor when it is to send.
    Lying,
}

/// A token.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// How it behaves.
    pub manner: Manner,
    /// By account.
    pub balances: BTreeMap<Address, Amount>,
    /// By owner and spender.
    pub allowances: BTreeMap<(Address, Address), Amount>,
    /// Nonces of EIP-3009 that were used, by account; those of Permit2 are kept here as well.
    pub used: BTreeSet<(Address, B256)>,
}

/// How a token is asked to bring something.
pub(crate) enum Ask {
    /// `transferFrom`.
    Allowance { from: Address },
    /// `receiveWithAuthorization`.
    Authorised { from: Address, before: u64, nonce: B256, signature: Vec<u8> },
    /// `permitWitnessTransferFrom`, of Permit2.
    Permit2 { from: Address, nonce: B256, deadline: u64, witness: B256, signature: Vec<u8> },
}

/// What a token takes for the signature of an ERC-2612 permit.
pub fn permit_signature(owner: Address, spender: Address, amount: Amount, deadline: u64) -> [u8; 64] {
    compact(Hasher::new().address(owner).address(spender).number(amount).number(deadline).finish())
}

/// What a token takes for the signature of an EIP-3009 authorisation.
pub fn authorisation(from: Address, to: Address, amount: Amount, before: u64, nonce: B256) -> [u8; 64] {
    let words = Hasher::new().address(from).address(to).number(amount).number(0u8).number(before).word(nonce);
    compact(words.finish())
}

/// What Permit2 takes for the signature of a transfer with a witness.
pub fn permit2_signature(
    (asset, from, to): (Address, Address, Address),
    amount: Amount,
    nonce: B256,
    deadline: u64,
    witness: B256,
) -> B256 {
    let words = Hasher::new().address(asset).number(amount).word(nonce).number(deadline).address(to).number(amount);
    words.address(from).word(witness).word(keccak256(WITNESS)).finish()
}

/// r is the hash; s is the hash without its highest bit, and that bit the parity.
fn compact(hash: B256) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(hash.as_slice());
    bytes[32..].copy_from_slice(hash.as_slice());
    bytes
}

impl Token {
    /// What an account has.
    pub fn balance(&self, account: Address) -> Amount {
        self.balances.get(&account).copied().unwrap_or_default()
    }

    fn add(&mut self, account: Address, amount: Amount) {
        *self.balances.entry(account).or_default() += amount;
    }

    /// What the contract is told: whether it was sent. What is not told as it must be has not happened.
    pub(crate) fn transfer(&mut self, from: Address, to: Address, amount: Amount) -> bool {
        match self.manner {
            Manner::Refusing | Manner::Reverting | Manner::Burning | Manner::Strange | Manner::Short => return false,
            Manner::Lying => return true,
            Manner::Plain | Manner::Silent | Manner::Fee | Manner::Generous => {}
        }
        let Some(left) = self.balance(from).checked_sub(amount) else { return false };
        self.balances.insert(from, left);
        self.add(to, amount);
        true
    }

    pub(crate) fn permit(&mut self, owner: Address, spender: Address, amount: Amount, deadline: u64, signature: &[u8]) {
        if signature == permit_signature(owner, spender, amount, deadline) {
            self.allowances.insert((owner, spender), amount);
        }
    }

    /// Whether the call goes well; what it brings is another question.
    pub(crate) fn bring(&mut self, this: Address, to: Address, amount: Amount, ask: &Ask) -> bool {
        match ask {
            Ask::Allowance { from } => self.transfer_from(to, *from, to, amount),
            Ask::Authorised { from, before, nonce, signature } => {
                let good = authorisation(*from, to, amount, *before, *nonce)[..] == signature[..];
                good && self.used.insert((*from, *nonce)) && self.take(*from, to, amount)
            }
            Ask::Permit2 { from, nonce, deadline, witness, signature } => {
                let good = permit2_signature((this, *from, to), amount, *nonce, *deadline, *witness);
                let unused = !self.used.contains(&(PERMIT2, *nonce));
                let done = good[..] == signature[..] && unused && self.transfer_from(PERMIT2, *from, to, amount);
                if done {
                    self.used.insert((PERMIT2, *nonce));
                }
                done
            }
        }
    }

    fn transfer_from(&mut self, spender: Address, from: Address, to: Address, amount: Amount) -> bool {
        let allowed = self.allowances.get(&(from, spender)).copied().unwrap_or_default();
        let Some(left) = allowed.checked_sub(amount) else { return false };
        let before = self.clone();
        self.allowances.insert((from, spender), left);
        let done = self.take(from, to, amount);
        if !done {
            *self = before;
        }
        done
    }

    fn take(&mut self, from: Address, to: Address, amount: Amount) -> bool {
        let Some(left) = self.balance(from).checked_sub(amount) else { return false };
        if self.manner == Manner::Lying {
            return true;
        }
        self.balances.insert(from, left);
        let brought = match self.manner {
            Manner::Fee => amount.saturating_sub(1),
            Manner::Generous => amount + 1,
            _ => amount,
        };
        self.add(to, brought);
        true
    }
}
