//! What solc 0.8.37 makes of ordinary code (`fixtures/Ordinary.sol`): accepted with and without its optimizer, explained where it
//! appends metadata.

use perunika_nano::check;
use serde_json::Value;

fn compiled(how: &str) -> Vec<u8> {
    let all: Value = serde_json::from_str(include_str!("fixtures/ordinary.json")).unwrap_or_default();
    hex::decode(all[how].as_str().unwrap_or_default()).unwrap_or_default()
}

#[test]
fn ordinary_code_is_admitted() {
    for how in ["via_ir", "via_ir_1", "via_ir_plain"] {
        assert_eq!(check(&compiled(how)), Ok(()), "{how}");
    }
}

#[test]
fn trailing_metadata_is_refused_with_advice() {
    let refusal = check(&compiled("metadata")).map_err(|refusal| refusal.to_string());
    assert!(refusal.as_ref().is_err_and(|text| text.contains("appendCBOR: false")), "{refusal:?}");
}
