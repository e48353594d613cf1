//! Code of the accounts that the contract calls: tokens, Permit2, a wallet.

use alloy_primitives::{Address, keccak256};
use perunika_reference::Manner;
use revm::bytecode::opcode as op;
use std::collections::BTreeMap;

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

    fn push(&mut self, number: u64) -> &mut Self {
        let bytes = number.to_be_bytes();
        let skip = bytes.iter().take(7).take_while(|byte| **byte == 0).count();
        self.code.push(op::PUSH1 + (7 - skip) as u8);
        self.code.extend_from_slice(&bytes[skip..]);
        self
    }

    /// The word of the calldata at this offset.
    fn arg(&mut self, at: u64) -> &mut Self {
        self.push(at).ops(&[op::CALLDATALOAD])
    }

    /// Puts what is on the stack there.
    fn store(&mut self, at: u64) -> &mut Self {
        self.push(at).ops(&[op::MSTORE])
    }

    /// Hash of so much memory.
    fn hash(&mut self, size: u64) -> &mut Self {
        self.push(size).push(0).ops(&[op::KECCAK256])
    }

    fn label(&mut self, name: &'static str) -> &mut Self {
        self.labels.insert(name, self.code.len());
        self.ops(&[op::JUMPDEST])
    }

    fn place(&mut self, name: &'static str) -> &mut Self {
        self.jumps.push((self.code.len() + 1, name));
        self.ops(&[op::PUSH2, 0, 0])
    }

    fn jump(&mut self, name: &'static str) -> &mut Self {
        self.place(name).ops(&[op::JUMP])
    }

    /// If what is on the stack is not 0.
    fn jump_if(&mut self, name: &'static str) -> &mut Self {
        self.place(name).ops(&[op::JUMPI])
    }

    /// Goes there if the call is of this function.
    fn function(&mut self, signature: &str, name: &'static str) -> &mut Self {
        let hash = keccak256(signature);
        let selector = u64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]));
        self.arg(0).push(224).ops(&[op::SHR]).push(selector).ops(&[op::EQ]).jump_if(name)
    }

    fn give_word(&mut self, word: u64) -> &mut Self {
        self.push(word).store(0).push(32).push(0).ops(&[op::RETURN])
    }

    fn build(&mut self) -> Vec<u8> {
        self.label("fail").ops(&[op::PUSH0, op::PUSH0, op::REVERT]);
        for (at, name) in &self.jumps {
            self.code[*at..at + 2].copy_from_slice(&(self.labels[name] as u16).to_be_bytes());
        }
        std::mem::take(&mut self.code)
    }
}

/// A token. Balances lie at the account, allowances at the hash of owner and spender, used nonces at that of account and nonce.
pub(crate) fn token(manner: Manner) -> Vec<u8> {
    let mut asm = Asm::default();
    asm.function("balanceOf(address)", "balanceOf")
        .function("transfer(address,uint256)", "transfer")
        .function("transferFrom(address,address,uint256)", "transferFrom")
        .function("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)", "permit")
        .function(
            "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
            "receive",
        )
        .jump("fail");
    asm.label("balanceOf").arg(4).ops(&[op::SLOAD]).store(0).push(32).push(0).ops(&[op::RETURN]);

    asm.label("transfer");
    match manner {
        Manner::Refusing => drop(asm.give_word(0)),
        Manner::Reverting => drop(asm.jump("fail")),
        Manner::Burning => drop(asm.label("again").jump("again")),
        Manner::Lying => drop(asm.give_word(1)),
        _ => {}
    }
    // Balance of the caller: enough, and less.
    asm.arg(36).ops(&[op::CALLER, op::SLOAD, op::LT]).jump_if("fail");
    asm.arg(36).ops(&[op::CALLER, op::SLOAD, op::SUB, op::CALLER, op::SSTORE]);
    asm.arg(4).ops(&[op::SLOAD]).arg(36).ops(&[op::ADD]).arg(4).ops(&[op::SSTORE]);
    match manner {
        Manner::Silent => drop(asm.ops(&[op::STOP])),
        Manner::Strange => drop(asm.give_word(2)),
        Manner::Short => drop(asm.push(1).store(0).push(31).push(1).ops(&[op::RETURN])),
        _ => drop(asm.give_word(1)),
    }

    asm.label("transferFrom").arg(4).store(0).ops(&[op::CALLER]).store(32).hash(64).ops(&[op::DUP1, op::SLOAD]);
    // key, allowed
    asm.arg(68).ops(&[op::DUP2, op::LT]).jump_if("fail");
    asm.arg(68).ops(&[op::SWAP1, op::SUB, op::SWAP1, op::SSTORE]).jump("take");

    asm.label("permit").push(128).push(4).push(0).ops(&[op::CALLDATACOPY]).hash(128);
    signed(&mut asm, 132);
    asm.arg(68).hash(64).ops(&[op::SSTORE, op::STOP]);

    asm.label("receive").push(192).push(4).push(0).ops(&[op::CALLDATACOPY]).hash(192);
    signed(&mut asm, 196);
    asm.arg(4).store(0).arg(164).store(32).hash(64).ops(&[op::DUP1, op::SLOAD]).jump_if("fail");
    asm.push(1).ops(&[op::SWAP1, op::SSTORE]).jump("take");

    asm.label("take").arg(68).arg(4).ops(&[op::SLOAD, op::LT]).jump_if("fail");
    if manner != Manner::Lying {
        asm.arg(68).arg(4).ops(&[op::SLOAD, op::SUB]).arg(4).ops(&[op::SSTORE]);
        asm.arg(68);
        match manner {
            Manner::Fee => drop(asm.ops(&[op::DUP1, op::ISZERO, op::ISZERO, op::SWAP1, op::SUB])),
            Manner::Generous => drop(asm.push(1).ops(&[op::ADD])),
            _ => {}
        }
        asm.arg(36).ops(&[op::SLOAD, op::ADD]).arg(36).ops(&[op::SSTORE]);
    }
    if manner == Manner::Silent {
        asm.ops(&[op::STOP]);
    }
    asm.give_word(1).build()
}

/// What is on the stack is r, and s with the parity in its highest bit, which lie in the calldata behind v.
fn signed(asm: &mut Asm, v: u64) {
    asm.ops(&[op::DUP1]).arg(v + 32).ops(&[op::EQ, op::ISZERO]).jump_if("fail");
    asm.push(27).arg(v).ops(&[op::SUB]).push(255).ops(&[op::SHL]).arg(v + 64).ops(&[op::OR, op::EQ, op::ISZERO]);
    asm.jump_if("fail");
}

/// Takes for a signature the hash of all that is told, of the names of the types the hash.
pub(crate) fn permit2() -> Vec<u8> {
    let mut asm = Asm::default();
    asm.function(
        "permitWitnessTransferFrom(((address,uint256),uint256,uint256),(address,uint256),address,bytes32,string,bytes)",
        "permit",
    )
    .jump("fail");
    asm.label("permit");
    // The names of the types: length, then the hash of what follows it.
    asm.arg(260).push(4).ops(&[op::ADD, op::DUP1, op::CALLDATALOAD, op::DUP1]); // at, size, size
    asm.ops(&[op::DUP3]).push(32).ops(&[op::ADD]).push(0).ops(&[op::CALLDATACOPY, op::SWAP1, op::POP]); // size
    asm.push(0).ops(&[op::KECCAK256]).store(256);
    asm.push(256).push(4).push(0).ops(&[op::CALLDATACOPY]).hash(288); // hash
    asm.arg(292).push(4).ops(&[op::ADD, op::DUP1, op::CALLDATALOAD]).push(32).ops(&[op::EQ, op::ISZERO]);
    asm.jump_if("fail");
    asm.push(32).ops(&[op::ADD, op::CALLDATALOAD, op::EQ, op::ISZERO]).jump_if("fail");
    asm.arg(4).store(0).arg(68).store(32).hash(64).ops(&[op::DUP1, op::SLOAD]).jump_if("fail");
    asm.push(1).ops(&[op::SWAP1, op::SSTORE]);
    asm.push(0x23b8_72dd).push(224).ops(&[op::SHL]).store(0);
    asm.arg(196).store(4).arg(132).store(36).arg(164).store(68);
    asm.push(0).push(0).push(100).push(0).push(0).arg(4).ops(&[op::GAS, op::CALL, op::ISZERO]).jump_if("fail");
    asm.ops(&[op::STOP]).build()
}

/// Takes money, and for a signature the hash of what is to be signed (ERC-1271).
pub(crate) fn wallet() -> Vec<u8> {
    let mut asm = Asm::default();
    asm.function("isValidSignature(bytes32,bytes)", "asked").ops(&[op::STOP]);
    asm.label("asked").arg(4).store(0).hash(32).arg(100).ops(&[op::EQ]);
    asm.arg(68).push(32).ops(&[op::EQ, op::AND, op::ISZERO]).jump_if("fail");
    asm.push(0x1626_ba7e).push(224).ops(&[op::SHL]).store(0).push(32).push(0).ops(&[op::RETURN]).build()
}

/// A token that, whenever it is to move something, calls the contract with this data, and does as it is told. What came of it it
/// notes: slot 0 is 1 if the call went well, slot 1 the first word of the answer.
pub(crate) fn reentrant(contract: Address, data: &[u8]) -> Vec<u8> {
    let mut asm = Asm::default();
    asm.function("balanceOf(address)", "balanceOf");
    asm.push(data.len() as u64).place("data").push(1).ops(&[op::ADD]).push(0).ops(&[op::CODECOPY]);
    asm.push(32).push(0x8000).push(data.len() as u64).push(0).push(0).ops(&[op::PUSH20]).ops(contract.as_slice());
    asm.ops(&[op::GAS, op::CALL]).push(0).ops(&[op::SSTORE]);
    asm.push(0x8000).ops(&[op::MLOAD]).push(1).ops(&[op::SSTORE]);
    // As if everything came to the contract, whatever the function is: in `transfer`, this word is not there.
    asm.push(2).ops(&[op::SLOAD]).arg(68).ops(&[op::ADD]).push(2).ops(&[op::SSTORE]).give_word(1);
    asm.label("balanceOf").push(2).ops(&[op::SLOAD]).store(0).push(32).push(0).ops(&[op::RETURN]);
    asm.label("data").ops(data).build()
}
