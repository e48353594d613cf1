//! Tokens of the simulated chain (ERC-20), assembled here, and how some of them misbehave.
//!
//! Balances lie at the account, allowances at the hash of owner and spender.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use revm::bytecode::opcode as op;
use std::collections::BTreeMap;

/// How a token behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    Honest,
    /// `transfer` moves the money and says false: every payout is undone and lands in a vault.
    Lying,
    /// `transfer` fails for receivers whose address is odd.
    Picky,
    /// `transferFrom` loses a unit on the way: no deposit is taken.
    Fee,
}

/// All tokens of the chain, by address.
pub const TOKENS: [(Address, Manner); 5] = [
    (Address::repeat_byte(0x71), Manner::Honest),
    (Address::repeat_byte(0x72), Manner::Lying),
    (Address::repeat_byte(0x73), Manner::Picky),
    (Address::repeat_byte(0x74), Manner::Fee),
    (Address::repeat_byte(0x75), Manner::Honest),
];

/// An honest one.
pub const TOKEN: Address = TOKENS[0].0;

/// Code with labels.
#[derive(Default)]
struct Asm {
    code: Vec<u8>,
    labels: BTreeMap<&'static str, usize>,
    jumps: Vec<(usize, &'static str)>,
}

impl Asm {
    fn ops(&mut self, ops: &[u8]) -> &mut Self {
        self.code.extend_from_slice(ops);
        self
    }

    fn push(&mut self, number: u32) -> &mut Self {
        self.ops(&[op::PUSH4]).ops(&number.to_be_bytes())
    }

    /// The word of the calldata at this offset.
    fn arg(&mut self, at: u32) -> &mut Self {
        self.push(at).ops(&[op::CALLDATALOAD])
    }

    /// Puts what is on the stack there.
    fn store(&mut self, at: u32) -> &mut Self {
        self.push(at).ops(&[op::MSTORE])
    }

    fn label(&mut self, name: &'static str) -> &mut Self {
        self.labels.insert(name, self.code.len());
        self.ops(&[op::JUMPDEST])
    }

    fn jump(&mut self, name: &'static str) -> &mut Self {
        self.place(name).ops(&[op::JUMP])
    }

    /// If what is on the stack is not 0.
    fn jump_if(&mut self, name: &'static str) -> &mut Self {
        self.place(name).ops(&[op::JUMPI])
    }

    fn place(&mut self, name: &'static str) -> &mut Self {
        self.jumps.push((self.code.len() + 1, name));
        self.ops(&[op::PUSH2, 0, 0])
    }

    /// Goes there if the call is of this function.
    fn function(&mut self, signature: &str, name: &'static str) -> &mut Self {
        let hash = keccak256(signature);
        let selector = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
        self.arg(0).push(224).ops(&[op::SHR]).push(selector).ops(&[op::EQ]).jump_if(name)
    }

    /// Where the allowance lies that the owner on the stack gave to the spender below it.
    fn allowance(&mut self) -> &mut Self {
        self.store(0).store(32).push(64).push(0).ops(&[op::KECCAK256])
    }

    fn give(&mut self, word: u32) -> &mut Self {
        self.push(word).give_top()
    }

    fn give_top(&mut self) -> &mut Self {
        self.store(0).push(32).push(0).ops(&[op::RETURN])
    }

    fn build(&mut self) -> Bytes {
        self.label("fail").push(0).push(0).ops(&[op::REVERT]);
        for (at, name) in &self.jumps {
            self.code[*at..at + 2].copy_from_slice(&(self.labels[name] as u16).to_be_bytes());
        }
        std::mem::take(&mut self.code).into()
    }
}

/// Runtime code of a token.
pub(crate) fn code(manner: Manner) -> Bytes {
    let mut asm = Asm::default();
    asm.function("balanceOf(address)", "balanceOf")
        .function("allowance(address,address)", "allowance")
        .function("approve(address,uint256)", "approve")
        .function("transfer(address,uint256)", "transfer")
        .function("transferFrom(address,address,uint256)", "transferFrom")
        .jump("fail");
    asm.label("balanceOf").arg(4).ops(&[op::SLOAD]).give_top();
    asm.label("allowance").arg(36).arg(4).allowance().ops(&[op::SLOAD]).give_top();
    asm.label("approve").arg(36).arg(4).ops(&[op::CALLER]).allowance().ops(&[op::SSTORE]).give(1);

    asm.label("transfer");
    if manner == Manner::Picky {
        asm.arg(4).push(1).ops(&[op::AND]).jump_if("fail");
    }
    asm.arg(36).ops(&[op::CALLER, op::SLOAD, op::LT]).jump_if("fail");
    asm.arg(36).ops(&[op::CALLER, op::SLOAD, op::SUB, op::CALLER, op::SSTORE]);
    asm.arg(4).ops(&[op::SLOAD]).arg(36).ops(&[op::ADD]).arg(4).ops(&[op::SSTORE]);
    asm.give(u32::from(manner != Manner::Lying));

    asm.label("transferFrom").ops(&[op::CALLER]).arg(4).allowance().ops(&[op::DUP1, op::SLOAD]); // key, allowed
    asm.arg(68).ops(&[op::DUP2, op::LT]).jump_if("fail");
    asm.arg(68).ops(&[op::SWAP1, op::SUB, op::SWAP1, op::SSTORE]);
    asm.arg(68).arg(4).ops(&[op::SLOAD, op::LT]).jump_if("fail");
    asm.arg(68).arg(4).ops(&[op::SLOAD, op::SUB]).arg(4).ops(&[op::SSTORE]);
    asm.push(u32::from(manner == Manner::Fee)).arg(68).ops(&[op::SUB]);
    asm.arg(36).ops(&[op::SLOAD, op::ADD]).arg(36).ops(&[op::SSTORE]);
    asm.give(1).build()
}

/// Storage in which these accounts have so much each.
pub(crate) fn endowed(accounts: &[Address], amount: u128) -> BTreeMap<U256, U256> {
    accounts.iter().map(|account| (U256::from_be_bytes(account.into_word().0), U256::from(amount))).collect()
}

/// `balanceOf` of an account.
pub(crate) fn balance_call(account: Address) -> Bytes {
    call("balanceOf(address)", &[account])
}

/// `allowance` that an owner gave.
pub(crate) fn allowance_call(owner: Address, spender: Address) -> Bytes {
    call("allowance(address,address)", &[owner, spender])
}

fn call(signature: &str, accounts: &[Address]) -> Bytes {
    let words: Vec<B256> = accounts.iter().map(Address::into_word).collect();
    let selector = keccak256(signature);
    [&selector[..4], &words.concat()].concat().into()
}
