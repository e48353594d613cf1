//! Programs that a compiler could have made: variables in memory, expressions, branches, loops, hashes, and calls of precompiles
//! and of the registry; at the end what the interface returns.

use super::rng::Rng;
use alloy_primitives::{B256, U256};
use perunika_core::nano::{Context, Run};
use revm::bytecode::opcode as op;

/// Where the variables lie.
const VARIABLES: u64 = 0x80;
const VARIABLE_COUNT: u64 = 8;
/// Counters of loops, one for each level.
const COUNTERS: u64 = VARIABLES + 32 * VARIABLE_COUNT;
/// Where hashes, copies and calls read and write.
const BUFFER: u64 = COUNTERS + 32 * 4;
const BUFFER_BYTES: u64 = 512;
/// Where the result is put together.
const RESULT: u64 = BUFFER + BUFFER_BYTES;

const UNARY: [u8; 3] = [op::ISZERO, op::NOT, op::CLZ];
const BINARY: [u8; 20] = [
    op::ADD,
    op::MUL,
    op::SUB,
    op::DIV,
    op::SDIV,
    op::MOD,
    op::SMOD,
    op::SIGNEXTEND,
    op::LT,
    op::GT,
    op::SLT,
    op::SGT,
    op::EQ,
    op::AND,
    op::OR,
    op::XOR,
    op::BYTE,
    op::SHL,
    op::SHR,
    op::SAR,
];
const NULLARY: [u8; 6] = [op::CALLVALUE, op::CALLDATASIZE, op::CODESIZE, op::RETURNDATASIZE, op::PC, op::MSIZE];

/// A program with what its run needs.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) code: Vec<u8>,
    pub(crate) gas: u32,
    pub(crate) context: Context,
    pub(crate) storage: Vec<u8>,
    pub(crate) caller: u8,
    pub(crate) input: Vec<u8>,
    pub(crate) revealed: Vec<(B256, u64)>,
    /// Whether it may ask the registry.
    pub(crate) asks: bool,
}

impl Program {
    pub(crate) fn run(&self) -> Run<'_> {
        Run {
            code: &self.code,
            gas: self.gas,
            context: self.context,
            storage: &self.storage,
            caller: self.caller,
            input: &self.input,
            revealed: &self.revealed,
        }
    }

    /// The program of this seed; its context has `registry` and these hashes are published.
    pub(crate) fn new(seed: u64, context: Context, revealed: &[(B256, u64)]) -> Self {
        let mut rng = Rng(seed);
        let (storage, input) = (bytes(&mut rng), bytes(&mut rng));
        let mut writer = Writer { rng, code: Vec::new(), revealed, asks: false };
        for _ in 0..3 + writer.rng.below(10) {
            writer.statement(0);
        }
        writer.result();
        let gas = if writer.rng.one_in(8) { 2_000 + writer.rng.below(60_000) as u32 } else { 1_000_000 };
        let caller = writer.rng.below(2) as u8;
        let (code, asks) = (writer.code, writer.asks);
        Self { code, gas, context, storage, caller, input, revealed: revealed.to_vec(), asks }
    }
}

fn bytes(rng: &mut Rng) -> Vec<u8> {
    let len = rng.pick(&[0, 1, 31, 32, 33, 64, 200]);
    rng.bytes(len)
}

struct Writer<'a> {
    rng: Rng,
    code: Vec<u8>,
    revealed: &'a [(B256, u64)],
    asks: bool,
}

impl Writer<'_> {
    fn op(&mut self, byte: u8) {
        self.code.push(byte);
    }

    fn push(&mut self, word: U256) {
        let bytes = word.to_be_bytes_trimmed_vec();
        self.op(op::PUSH0 + bytes.len() as u8);
        self.code.extend(bytes);
    }

    fn number(&mut self, number: u64) {
        self.push(U256::from(number));
    }

    fn variable(&mut self) -> u64 {
        VARIABLES + 32 * self.rng.below(VARIABLE_COUNT)
    }

    /// Offset and length within the buffer.
    fn range(&mut self) -> (u64, u64) {
        let len = self.rng.pick(&[0, 1, 32, 64, 96, 128, 192, 213]);
        (BUFFER + self.rng.below(BUFFER_BYTES - len), len)
    }

    /// Leaves one word on the stack.
    fn expression(&mut self, depth: u32) {
        match self.rng.below(if depth == 0 { 4 } else { 10 }) {
            0 => {
                let word = self.rng.word();
                self.push(word);
            }
            1 => {
                let at = self.variable();
                self.number(at);
                self.op(op::MLOAD);
            }
            2 => {
                let at = if self.rng.one_in(2) { 4 + 32 * self.rng.below(16) } else { self.rng.below(700) };
                self.number(at);
                self.op(op::CALLDATALOAD);
            }
            3 => {
                let byte = self.rng.pick(&NULLARY);
                self.op(byte);
            }
            4 => {
                self.expression(depth - 1);
                let byte = self.rng.pick(&UNARY);
                self.op(byte);
            }
            5 => {
                let (at, len) = self.range();
                self.number(len);
                self.number(at);
                self.op(op::KECCAK256);
            }
            6 => {
                let byte = self.rng.pick(&[op::ADDMOD, op::MULMOD]);
                (0..3).for_each(|_| self.expression(depth - 1));
                self.op(byte);
            }
            7 => {
                let exponent = self.rng.below(300);
                self.number(exponent);
                self.expression(depth - 1);
                self.op(op::EXP);
            }
            _ => {
                (0..2).for_each(|_| self.expression(depth - 1));
                let byte = self.rng.pick(&BINARY);
                self.op(byte);
            }
        }
    }

    fn assign(&mut self) {
        let at = self.variable();
        self.number(at);
        self.op(op::MSTORE);
    }

    fn statement(&mut self, level: u32) {
        match self.rng.below(if level < 2 { 12 } else { 8 }) {
            0..=2 => {
                self.expression(3);
                self.assign();
            }
            3 => {
                self.expression(2);
                let (at, _) = self.range();
                self.number(at);
                let byte = self.rng.pick(&[op::MSTORE, op::MSTORE8]);
                self.op(byte);
            }
            4 => self.copy(),
            5 | 6 => self.precompile(),
            7 => self.question(),
            8 | 9 => self.branch(level),
            10 => self.repeat(level),
            _ => self.rare(),
        }
    }

    fn copy(&mut self) {
        let ((to, len), from) = (self.range(), self.rng.below(400));
        self.number(len);
        match self.rng.below(4) {
            0 => {
                self.number(from);
                self.number(to);
                self.op(op::CALLDATACOPY);
            }
            1 => {
                self.number(from);
                self.number(to);
                self.op(op::CODECOPY);
            }
            2 => {
                let (from, _) = self.range();
                self.number(from);
                self.number(to);
                self.op(op::MCOPY);
            }
            _ => {
                // All of it: more would break off.
                self.op(op::POP);
                self.op(op::RETURNDATASIZE);
                self.op(op::PUSH0);
                self.number(to);
                self.op(op::RETURNDATACOPY);
            }
        }
    }

    fn precompile(&mut self) {
        let address = 1 + self.rng.below(9);
        let valid = [0, 128, 64, 64, 64, 128, 128, 96, 0, 213];
        let ((mut input, mut len), (output, out_len)) = (self.range(), self.range());
        if self.rng.one_in(2) {
            (input, len) = (BUFFER, valid[address as usize]);
        }
        if address == 5 {
            self.modexp_lengths(input);
        }
        for number in [out_len.min(96), output, len, input, address] {
            self.number(number);
        }
        self.call();
    }

    /// Small lengths: of large ones the price alone is interesting.
    fn modexp_lengths(&mut self, input: u64) {
        for at in 0..3 {
            let len = self.rng.pick(&[0, 1, 8, 32]);
            self.number(len);
            self.number(input + 32 * at);
            self.op(op::MSTORE);
        }
    }

    /// Calls what lies on the stack, with all gas or some.
    fn call(&mut self) {
        if self.rng.one_in(4) {
            let gas = self.rng.pick(&[0, 100, 2_999, 3_000, 6_000, 50_000]);
            self.number(gas);
        } else {
            self.op(op::GAS);
        }
        self.op(op::STATICCALL);
        self.assign();
    }

    /// Asks the registry as the helper of `contracts/src/nano` does.
    fn question(&mut self) {
        if !self.rng.one_in(2) {
            return self.statement(2);
        }
        self.asks = true;
        self.push(U256::from_be_slice(&hex::decode("6adc799c").unwrap()) << 224);
        self.op(op::PUSH0);
        self.op(op::MSTORE);
        if self.rng.one_in(3) {
            self.expression(1);
        } else {
            let (hash, _) = self.rng.pick(self.revealed);
            self.push(hash.into());
        }
        self.number(4);
        self.op(op::MSTORE);
        let to = self.variable();
        for number in [32, to, 36, 0] {
            self.number(number);
        }
        self.number(228);
        self.op(op::CALLDATALOAD);
        self.op(op::GAS);
        self.op(op::STATICCALL);
        self.assign();
    }

    fn branch(&mut self, level: u32) {
        self.expression(2);
        let end = self.forward_jump(op::JUMPI);
        for _ in 0..1 + self.rng.below(3) {
            self.statement(level + 1);
        }
        self.land(end);
    }

    fn repeat(&mut self, level: u32) {
        let counter = COUNTERS + 32 * u64::from(level);
        let rounds = 1 + self.rng.below(6);
        self.number(rounds);
        self.number(counter);
        self.op(op::MSTORE);
        let start = self.code.len();
        self.op(op::JUMPDEST);
        for _ in 0..1 + self.rng.below(3) {
            self.statement(level + 1);
        }
        // counter -= 1, and again unless it is 0
        self.number(1);
        self.number(counter);
        self.op(op::MLOAD);
        self.op(op::SUB);
        self.op(op::DUP1);
        self.number(counter);
        self.op(op::MSTORE);
        self.op(op::PUSH2);
        self.code.extend((start as u16).to_be_bytes());
        self.op(op::JUMPI);
    }

    /// What makes some runs end early.
    fn rare(&mut self) {
        if !self.rng.one_in(3) {
            return self.statement(2);
        }
        self.expression(2);
        let end = self.forward_jump(op::JUMPI);
        self.number(36);
        self.number(BUFFER);
        let byte = self.rng.pick(&[op::REVERT, op::INVALID, op::STOP]);
        self.op(byte);
        self.land(end);
    }

    /// A jump whose target comes later; the place to write it to.
    fn forward_jump(&mut self, byte: u8) -> usize {
        self.op(op::PUSH2);
        let at = self.code.len();
        self.code.extend([0, 0]);
        self.op(byte);
        at
    }

    fn land(&mut self, jump: usize) {
        let here = (self.code.len() as u16).to_be_bytes();
        self.code[jump..jump + 2].copy_from_slice(&here);
        self.op(op::JUMPDEST);
    }

    fn result(&mut self) {
        let wrong = |rng: &mut Rng| rng.one_in(30);
        // dA: anything modulo total + 1.
        if wrong(&mut self.rng) {
            self.expression(2);
        } else {
            self.number(1);
            self.number(4 + 32 * 2);
            self.op(op::CALLDATALOAD);
            self.op(op::ADD);
            self.expression(2);
            self.op(op::MOD);
        }
        self.store_result(1);
        let mask = if wrong(&mut self.rng) { 3 } else { 1 };
        self.number(mask);
        self.expression(2);
        self.op(op::AND);
        self.store_result(2);
        // stepsLeft: one less.
        let less = u64::from(!wrong(&mut self.rng));
        self.number(less);
        self.number(4 + 32 * 4);
        self.op(op::CALLDATALOAD);
        self.op(op::SUB);
        self.store_result(3);
        let offset = if wrong(&mut self.rng) { 160 } else { 128 };
        self.number(offset);
        self.store_result(0);
        let len = self.rng.pick(&[0, 1, 31, 32, 200, 256]);
        let named = if wrong(&mut self.rng) { 20_000 } else { len };
        self.number(named);
        self.store_result(4);
        // The storage: variables.
        self.number(256);
        self.number(VARIABLES);
        self.number(RESULT + 160);
        self.op(op::MCOPY);
        let padded = len.div_ceil(32) * 32;
        let size = if wrong(&mut self.rng) {
            160 + len.saturating_sub(1)
        } else {
            self.rng.pick(&[padded, padded, len, 320]).max(len) + 160
        };
        self.number(size);
        self.number(RESULT);
        self.op(op::RETURN);
    }

    fn store_result(&mut self, word: u64) {
        self.number(RESULT + 32 * word);
        self.op(op::MSTORE);
    }
}
