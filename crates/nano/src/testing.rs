//! An assembler for tests.

use revm::bytecode::opcode::OpCode;

/// Code from the names of instructions and `0x…` data.
pub(crate) fn asm(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .flat_map(|word| match word.strip_prefix("0x") {
            Some(data) => hex::decode(data).unwrap(),
            None => vec![opcode(word)],
        })
        .collect()
}

fn opcode(name: &str) -> u8 {
    let named = |byte: &u8| OpCode::new(*byte).is_some_and(|code| code.as_str() == name);
    (0..=u8::MAX).find(named).unwrap_or_else(|| panic!("no instruction: {name}"))
}
