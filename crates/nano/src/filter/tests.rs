use super::*;
use crate::{registry::REVEALED_AT, testing::asm};

fn refused(text: &str) -> String {
    check(&asm(text)).unwrap_err().to_string()
}

fn accepted(text: &str) {
    assert_eq!(check(&asm(text)), Ok(()), "{text}");
}

/// A call with 32 bytes of result, given its callee and where its input lies.
fn call(input: &str, callee: &str) -> String {
    format!("PUSH1 0x20 PUSH0 {input} {callee} GAS STATICCALL")
}

/// Writes the question for the registry to memory at 0.
fn question() -> String {
    format!("PUSH4 0x{} PUSH1 0xe0 SHL PUSH0 MSTORE PUSH1 0x07 PUSH1 0x04 MSTORE", hex::encode(REVEALED_AT))
}

const REGISTRY: &str = "PUSH1 0xe4 CALLDATALOAD";
const AT_0: &str = "PUSH1 0x24 PUSH0";

#[test]
fn code_that_cannot_be_deployed_is_refused() {
    assert_eq!(check(&[]), Err(Refusal::Empty));
    assert_eq!(check(&[0xef, 1, 0]), Err(Refusal::Reserved));
    assert_eq!(check(&[0x5b; CODE_MAX]), Ok(()));
    assert_eq!(check(&[0x5b; CODE_MAX + 1]), Err(Refusal::TooLong(CODE_MAX + 1)));
}

#[test]
fn s27_storage_effects_and_environment_are_refused_by_name() {
    let names = "SLOAD SSTORE TLOAD TSTORE LOG0 LOG1 LOG2 LOG3 LOG4 CREATE CREATE2 CALL CALLCODE DELEGATECALL SELFDESTRUCT \
                 ADDRESS CALLER ORIGIN BALANCE SELFBALANCE GASPRICE EXTCODESIZE EXTCODECOPY EXTCODEHASH BLOCKHASH COINBASE \
                 TIMESTAMP NUMBER GASLIMIT CHAINID BASEFEE BLOBHASH BLOBBASEFEE";
    for name in names.split_whitespace() {
        let sentence = refused(&format!("PUSH0 {name}"));
        assert!(sentence.starts_with(&format!("offset 1: {name} is not allowed: ")), "{sentence}");
    }
    assert!(refused("DIFFICULTY").starts_with("offset 0: PREVRANDAO is not allowed"));
}

#[test]
fn exactly_the_instructions_of_osaka_are_known() {
    let known = |byte: u8| opcode::class(byte) != Class::Unassigned;
    let gaps = [0x0c..=0x0f, 0x1f..=0x1f, 0x21..=0x2f, 0x4b..=0x4f, 0xa5..=0xef, 0xf6..=0xf9, 0xfb..=0xfc];
    for byte in 0..=u8::MAX {
        assert_eq!(known(byte), !gaps.iter().any(|gap| gap.contains(&byte)), "{byte:#04x}");
    }
}

#[test]
fn instructions_that_a_fork_may_bring_are_refused() {
    assert_eq!(
        check(&[0x5f, 0xe6]).unwrap_err().to_string(),
        "offset 1: byte 0xe6 is no instruction; a later fork may make it one"
    );
}

#[test]
fn data_of_a_push_is_no_instruction_but_code_behind_it_is() {
    accepted("PUSH2 0x5455 PUSH1 0xf1 POP POP");
    accepted("PUSH32 0x5455");
    assert!(refused("PUSH1 0x60 SLOAD").starts_with("offset 2: SLOAD"));
    // Never reached, but the sweep does not argue about that.
    assert!(refused("STOP SLOAD").starts_with("offset 1: SLOAD"));
}

#[test]
fn gas_is_for_calls_only() {
    assert_eq!(
        refused("GAS PUSH0 MSTORE"),
        "offset 0: GAS is allowed only directly before the STATICCALL that it feeds"
    );
    assert!(refused("PUSH1 0x02 GAS POP").starts_with("offset 2: GAS"));
    assert!(refused("GAS").starts_with("offset 0: GAS"));
}

#[test]
fn precompiles_that_every_chain_has_may_be_called() {
    for address in 1..=9 {
        accepted(&call(AT_0, &format!("PUSH1 0x{address:02x}")));
    }
    for address in
        ["PUSH0", "PUSH1 0x0a", "PUSH1 0x0b", "PUSH2 0x0100", "PUSH20 0x1111111111111111111111111111111111111111"]
    {
        assert!(refused(&call(AT_0, address)).contains("precompiles 1 to 9"), "{address}");
    }
}

#[test]
fn an_address_is_what_a_call_makes_of_the_word() {
    accepted(&call(AT_0, "PUSH32 0x0000000000000000000000010000000000000000000000000000000000000002"));
    assert!(refused(&call(AT_0, "PUSH1 0x02 PUSH1 0xa0 SHL")).contains("precompiles 1 to 9"));
}

#[test]
fn constants_are_followed_through_the_stack() {
    accepted("PUSH1 0x02 PUSH1 0x20 PUSH0 PUSH1 0x24 PUSH0 DUP5 GAS STATICCALL");
    accepted("PUSH1 0x20 PUSH0 PUSH1 0x24 PUSH1 0x02 PUSH0 SWAP1 GAS STATICCALL");
    accepted(&call(AT_0, "PUSH1 0x03 PUSH1 0x01 SWAP1 SUB"));
    accepted(&call(AT_0, "PUSH1 0x01 PUSH1 0x01 ADD"));
    accepted(&call(AT_0, "PUSH0 NOT PUSH1 0x02 AND"));
    // What lies below was there before.
    assert!(
        refused("PUSH1 0x02 SWAP7 PUSH1 0x20 PUSH0 PUSH1 0x24 PUSH0 DUP5 GAS STATICCALL")
            .contains("neither a constant")
    );
}

#[test]
fn an_unknown_callee_is_refused() {
    for callee in ["PUSH0 CALLDATALOAD", "PUSH0 MLOAD", "DUP9", "PUSH1 0xe4 CALLDATALOAD PUSH0 XOR", "RETURNDATASIZE"] {
        let sentence = refused(&call(AT_0, callee));
        assert!(sentence.contains("neither a constant nor read from ctx.registry"), "{callee}: {sentence}");
    }
}

#[test]
fn a_jump_may_bring_any_stack() {
    assert!(
        refused("PUSH1 0x20 PUSH0 PUSH1 0x24 PUSH0 PUSH1 0x02 JUMPDEST GAS STATICCALL").contains("neither a constant")
    );
    // Behind a conditional jump nothing else can come in.
    accepted("PUSH1 0x20 PUSH0 PUSH1 0x24 PUSH0 PUSH1 0x02 PUSH0 PUSH0 JUMPI GAS STATICCALL");
}

#[test]
fn the_registry_may_be_asked_when_a_secret_was_revealed() {
    accepted(&format!("{} {}", question(), call(AT_0, REGISTRY)));
    let mask = "PUSH20 0xffffffffffffffffffffffffffffffffffffffff AND";
    accepted(&format!("{} {}", question(), call(AT_0, &format!("{REGISTRY} {mask}"))));
    // In fresh memory, at an address that nobody knows.
    let fresh = format!(
        "PUSH1 0x40 MLOAD PUSH4 0x{} PUSH1 0xe0 SHL DUP2 MSTORE PUSH0 CALLDATALOAD DUP2 PUSH1 0x04 ADD MSTORE \
         PUSH1 0x20 PUSH0 PUSH1 0x24 DUP4 {REGISTRY} GAS STATICCALL",
        hex::encode(REVEALED_AT)
    );
    accepted(&fresh);
}

#[test]
fn s27_the_registry_is_asked_nothing_else() {
    let other = "PUSH4 0x12345678 PUSH1 0xe0 SHL PUSH0 MSTORE";
    assert!(refused(&format!("{other} {}", call(AT_0, REGISTRY))).contains("nothing but revealedAt"));
    assert!(refused(&call(AT_0, REGISTRY)).contains("nothing but revealedAt"));
    let elsewhere = call("PUSH1 0x24 PUSH1 0x01", REGISTRY);
    assert!(refused(&format!("{} {elsewhere}", question())).contains("nothing but revealedAt"));
    for length in ["PUSH1 0x04", "PUSH1 0x23", "PUSH1 0x25", "CALLDATASIZE"] {
        let sentence = refused(&format!("{} {}", question(), call(&format!("{length} PUSH0"), REGISTRY)));
        assert!(sentence.contains("exactly 36 bytes"), "{length}: {sentence}");
    }
}

#[test]
fn s27_a_question_that_may_have_been_overwritten_is_refused() {
    let writes = [
        // The same place, an unknown one, and copies of known and unknown length.
        "PUSH0 CALLDATALOAD PUSH0 MSTORE",
        "PUSH0 PUSH1 0x03 MSTORE8",
        "PUSH0 PUSH0 CALLDATALOAD MSTORE",
        "PUSH1 0x01 PUSH0 PUSH1 0x03 CALLDATACOPY",
        "CALLDATASIZE PUSH0 PUSH0 CODECOPY",
        "RETURNDATASIZE PUSH0 PUSH0 RETURNDATACOPY",
        "PUSH1 0x20 PUSH1 0x40 PUSH0 MCOPY",
        "PUSH1 0x20 PUSH0 PUSH0 PUSH0 PUSH1 0x04 GAS STATICCALL POP",
        "JUMPDEST",
    ];
    for write in writes {
        let code = format!("{} {write} {}", question(), call(AT_0, REGISTRY));
        assert!(refused(&code).contains("nothing but revealedAt"), "{write}");
    }
    let harmless = ["PUSH0 PUSH1 0x24 MSTORE", "PUSH1 0x10 PUSH0 PUSH1 0x04 CALLDATACOPY"];
    for write in harmless {
        accepted(&format!("{} {write} {}", question(), call(AT_0, REGISTRY)));
    }
}

#[test]
fn another_word_of_the_calldata_is_not_the_registry() {
    for at in ["0xe3", "0xe5", "0x04", "0xc4"] {
        let code = format!("{} {}", question(), call(AT_0, &format!("PUSH1 {at} CALLDATALOAD")));
        assert!(refused(&code).contains("neither a constant"), "{at}");
    }
}

#[test]
fn metadata_of_the_compiler_is_explained() {
    let mut code = asm("PUSH0 PUSH0 RETURN INVALID");
    let metadata = hex::decode("a2646970667358221220").unwrap();
    let length = metadata.len() as u16;
    code.extend(metadata);
    code.extend(length.to_be_bytes());
    let sentence = check(&code).unwrap_err().to_string();
    assert!(sentence.starts_with("offset 4: LOG2 is not allowed"), "{sentence}");
    assert!(sentence.contains("appendCBOR: false"), "{sentence}");
}
