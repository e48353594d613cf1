//! What is known about stack and memory within a stretch of code that is entered at its start only.
//!
//! A stretch begins at each `JUMPDEST` and behind each instruction that never goes on; nothing is known there. Everything kept
//! holds whatever the values are that are not known: this is where the filter must not be wrong.

use crate::{frame::PRECOMPILES, opcode, registry::REVEALED_AT};
use alloy_primitives::{U256, uint};
use revm::bytecode::opcode as op;

/// Calldata offset of `ctx.registry`.
const REGISTRY_AT: U256 = uint!(228_U256);
const ADDRESS_MASK: U256 = uint!(0xffffffffffffffffffffffffffffffffffffffff_U256);
/// The selector of `revealedAt` and its argument.
const QUESTION_BYTES: U256 = uint!(36_U256);
/// Writes that are remembered. Forgetting the oldest only makes less known.
const WRITES_MAX: usize = 32;

/// Something unknown to which constants are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    /// 0: the value is a constant.
    Zero,
    /// The word of the calldata that names the registry.
    Registry,
    /// The value that one instruction gave in one place.
    Unknown(u32),
}

/// `base + add`, modulo 2^256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Value {
    base: Base,
    add: U256,
}

impl Value {
    const fn constant(add: U256) -> Self {
        Self { base: Base::Zero, add }
    }

    fn as_constant(self) -> Option<U256> {
        (self.base == Base::Zero).then_some(self.add)
    }
}

/// A write to memory of `len` bytes.
#[derive(Clone, Copy, Debug)]
struct Write {
    to: Value,
    len: U256,
    /// The word written, if it is a known one.
    word: Option<U256>,
}

#[derive(Debug, Default)]
pub(super) struct Trace {
    /// Top last. What lies below is not known.
    stack: Vec<Value>,
    /// Newest last, all with the same base. What is not covered is not known.
    writes: Vec<Write>,
    unknowns: u32,
}

impl Trace {
    /// Whether a `STATICCALL` here goes where it may, and why not.
    pub(super) fn call(&mut self) -> Result<(), &'static str> {
        let [_, address, input, length] = [0, 1, 2, 3].map(|depth| self.peek(depth));
        if address.base == Base::Registry && address.add.is_zero() {
            return self.is_question(input, length);
        }
        let Some(address) = address.as_constant() else {
            return Err("its address is neither a constant nor read from ctx.registry in the same basic block");
        };
        if (address & ADDRESS_MASK).try_into().is_ok_and(|address: u8| PRECOMPILES.contains(&address)) {
            Ok(())
        } else {
            Err("of constant addresses only those of the precompiles 1 to 9 may be called")
        }
    }

    fn is_question(&self, input: Value, length: Value) -> Result<(), &'static str> {
        if length.as_constant() != Some(QUESTION_BYTES) {
            return Err("the registry is asked with exactly 36 bytes: the selector of revealedAt and a hash");
        }
        let selector = (0..4).map(|at| self.byte(Value { add: input.add.wrapping_add(U256::from(at)), ..input }));
        if selector.eq(REVEALED_AT.map(Some)) {
            Ok(())
        } else {
            Err(
                "the registry may be asked nothing but revealedAt, whose selector must be written in the same basic block",
            )
        }
    }

    /// Follows one instruction.
    pub(super) fn step(&mut self, byte: u8, data: &[u8]) {
        match byte {
            op::JUMPDEST | op::JUMP | op::STOP | op::RETURN | op::REVERT | op::INVALID => self.forget(),
            op::PUSH0..=op::PUSH32 => self.push_data(byte, data),
            op::DUP1..=op::DUP16 => {
                let value = self.peek(usize::from(byte - op::DUP1));
                self.stack.push(value);
            }
            op::SWAP1..=op::SWAP16 => self.swap(usize::from(byte - op::SWAP1) + 1),
            _ => self.other(byte),
        }
    }

    fn other(&mut self, byte: u8) {
        let (inputs, outputs) = opcode::stack_io(byte);
        let given: Vec<Value> = (0..inputs).map(|_| self.pop()).collect();
        self.write(byte, &given);
        let result = fold(byte, &given);
        for _ in 0..outputs {
            let value = result.unwrap_or_else(|| self.unknown());
            self.stack.push(value);
        }
    }

    /// What an instruction does to memory.
    fn write(&mut self, byte: u8, given: &[Value]) {
        match (byte, given) {
            (op::MSTORE, &[to, value]) => self.remember(to, U256::from(32), value.as_constant()),
            (op::MSTORE8, &[to, _]) => self.remember(to, U256::ONE, None),
            (op::CALLDATACOPY | op::CODECOPY | op::RETURNDATACOPY | op::MCOPY, &[to, _, len]) => self.clobber(to, len),
            (op::STATICCALL, &[_, _, _, _, to, len]) => self.clobber(to, len),
            _ => {}
        }
    }

    fn clobber(&mut self, to: Value, len: Value) {
        match len.as_constant() {
            Some(len) => self.remember(to, len, None),
            None => self.writes.clear(),
        }
    }

    fn remember(&mut self, to: Value, len: U256, word: Option<U256>) {
        // Two addresses with different bases may be the same one.
        self.writes.retain(|write| write.to.base == to.base);
        if self.writes.len() == WRITES_MAX {
            self.writes.remove(0);
        }
        self.writes.push(Write { to, len, word });
    }

    /// The byte of memory at `at`, if it is known.
    fn byte(&self, at: Value) -> Option<u8> {
        let within = |write: &Write| at.add.wrapping_sub(write.to.add);
        let last = self.writes.iter().rev().find(|write| write.to.base == at.base && within(write) < write.len)?;
        let index: usize = within(last).try_into().ok()?;
        last.word?.to_be_bytes::<32>().get(index).copied()
    }

    fn push_data(&mut self, byte: u8, data: &[u8]) {
        let mut word = [0; 32];
        // Behind the end of the code stand zeros.
        let start = 32 - opcode::immediate(byte);
        word[start..start + data.len()].copy_from_slice(data);
        self.stack.push(Value::constant(U256::from_be_bytes(word)));
    }

    fn swap(&mut self, depth: usize) {
        self.need(depth + 1);
        let top = self.stack.len() - 1;
        self.stack.swap(top, top - depth);
    }

    fn forget(&mut self) {
        self.stack.clear();
        self.writes.clear();
    }

    fn pop(&mut self) -> Value {
        match self.stack.pop() {
            Some(value) => value,
            None => self.unknown(),
        }
    }

    fn peek(&mut self, depth: usize) -> Value {
        self.need(depth + 1);
        self.stack[self.stack.len() - 1 - depth]
    }

    fn need(&mut self, depth: usize) {
        while self.stack.len() < depth {
            let value = self.unknown();
            self.stack.insert(0, value);
        }
    }

    fn unknown(&mut self) -> Value {
        self.unknowns += 1;
        Value { base: Base::Unknown(self.unknowns), add: U256::ZERO }
    }
}

/// The result of an instruction, as far as it is known; `given` has the top of the stack first.
fn fold(byte: u8, given: &[Value]) -> Option<Value> {
    match (byte, given) {
        (op::ADD, &[a, b]) if a.base == Base::Zero => Some(Value { base: b.base, add: a.add.wrapping_add(b.add) }),
        (op::ADD, &[a, b]) if b.base == Base::Zero => Some(Value { base: a.base, add: a.add.wrapping_add(b.add) }),
        (op::SUB, &[a, b]) if b.base == Base::Zero => Some(Value { base: a.base, add: a.add.wrapping_sub(b.add) }),
        // An address stands in calldata with zeros above, and a call looks at its lower 20 bytes only.
        (op::AND, &[a, b]) if a.as_constant() == Some(ADDRESS_MASK) && is_registry(b) => Some(b),
        (op::AND, &[a, b]) if b.as_constant() == Some(ADDRESS_MASK) && is_registry(a) => Some(a),
        (op::CALLDATALOAD, &[at]) if at.as_constant() == Some(REGISTRY_AT) => {
            Some(Value { base: Base::Registry, add: U256::ZERO })
        }
        _ => {
            let words: Vec<U256> = given.iter().map(|value| value.as_constant()).collect::<Option<_>>()?;
            fold_constants(byte, &words).map(Value::constant)
        }
    }
}

fn is_registry(value: Value) -> bool {
    value.base == Base::Registry && value.add.is_zero()
}

/// What compilers build constants with.
fn fold_constants(byte: u8, given: &[U256]) -> Option<U256> {
    Some(match (byte, given) {
        (op::MUL, &[a, b]) => a.wrapping_mul(b),
        (op::EXP, &[a, b]) => a.wrapping_pow(b),
        (op::AND, &[a, b]) => a & b,
        (op::OR, &[a, b]) => a | b,
        (op::XOR, &[a, b]) => a ^ b,
        (op::NOT, &[a]) => !a,
        (op::SHL, &[shift, value]) => shift.try_into().map_or(U256::ZERO, |shift: usize| value.wrapping_shl(shift)),
        (op::SHR, &[shift, value]) => shift.try_into().map_or(U256::ZERO, |shift: usize| value.wrapping_shr(shift)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Machine;
    use perunika_core::nano::{Context, Evaluator, Run};

    /// What the EVM makes of an instruction on these words, top of the stack first.
    fn computed(byte: u8, given: &[U256]) -> U256 {
        let mut code = Vec::new();
        for word in given.iter().rev() {
            code.push(op::PUSH32);
            code.extend(word.to_be_bytes::<32>());
        }
        code.push(byte);
        // The result is the storage.
        code.extend(hex::decode("60a052608060005260206080525f6020525f604052").unwrap());
        code.extend(hex::decode("5f60605260c05ff3").unwrap());
        let context = Context {
            ch: Default::default(),
            entry: Default::default(),
            total: 1,
            da: 0,
            steps_left: 1,
            time: 0,
            absolute: 0,
            registry: Default::default(),
        };
        let run = Run { code: &code, gas: 10_000, context, storage: &[], caller: 0, input: &[], revealed: &[] };
        U256::from_be_slice(&Machine::new().step(&run).unwrap().storage)
    }

    #[test]
    fn constants_are_folded_as_the_machine_computes_them() {
        let words = [0u64, 1, 2, 7, 32, 160, 224, 255, 256, 257, u64::MAX].map(U256::from);
        let words = words.into_iter().chain([U256::MAX, U256::MAX - U256::ONE, U256::ONE << 255, ADDRESS_MASK]);
        let words: Vec<U256> = words.collect();
        let mut folded = 0;
        for (byte, a, b) in (0..=0x1e)
            .flat_map(|byte| words.iter().flat_map(move |a| [(byte, *a)]))
            .flat_map(|(byte, a)| words.iter().map(move |b| (byte, a, *b)))
        {
            let given = &[a, b][..opcode::stack_io(byte).0.min(2)];
            let values: Vec<Value> = given.iter().map(|word| Value::constant(*word)).collect();
            if let Some(value) = fold(byte, &values) {
                assert_eq!(value.as_constant(), Some(computed(byte, given)), "{byte:#04x} {a} {b}");
                folded += 1;
            }
        }
        assert!(folded >= 9 * words.len() * words.len(), "{folded}");
    }
}
