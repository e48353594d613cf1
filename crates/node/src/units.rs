//! Amounts as people write them.

use perunika_core::signed::{Amount, MAX_AMOUNT};

/// Reads an amount in wei (`5`) or with a unit (`1gwei`, `0.25 eth`).
pub fn parse_amount(text: &str) -> Result<Amount, String> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, unit) = (text[..split].replace('_', ""), text[split..].trim());
    let decimals = match unit.to_ascii_lowercase().as_str() {
        "" | "wei" => 0,
        "gwei" => 9,
        "eth" | "ether" => 18,
        other => return Err(format!("`{other}` is not a unit; known are wei, gwei and eth")),
    };
    exact(text, &number, decimals, "wei")
}

/// Reads an amount of a token with its name, like `12.5 USDC`; 0 needs none.
pub fn parse_units(text: &str, name: &str, decimals: u8) -> Result<Amount, String> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, unit) = (text[..split].replace('_', ""), text[split..].trim());
    if unit.is_empty() && number != "0" {
        return Err(format!("`{text}` has no unit: write \"{text} {name}\""));
    }
    if !unit.is_empty() && !unit.eq_ignore_ascii_case(name) {
        return Err(format!("`{unit}` is not the unit here; write {name}"));
    }
    exact(text, &number, decimals.into(), "unit of the token")
}

fn exact(text: &str, number: &str, decimals: usize, smallest: &str) -> Result<Amount, String> {
    let bad = || format!("`{text}` is not an amount");
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') || number.ends_with('.') {
        return Err(bad());
    }
    if fraction.len() > decimals {
        return Err(format!("`{text}` is finer than one {smallest}"));
    }
    let digits = format!("{whole}{fraction}{}", "0".repeat(decimals - fraction.len()));
    let amount: Amount = digits.parse().map_err(|_| bad())?;
    if amount <= MAX_AMOUNT { Ok(amount) } else { Err(format!("`{text}` is above 2^96 - 1 {smallest}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_with_and_without_units() {
        for (text, wei) in [
            ("0", 0),
            ("1_000", 1_000),
            ("7 wei", 7),
            ("1gwei", 1_000_000_000),
            ("0.25 eth", 250_000_000_000_000_000),
            ("1.5GWEI", 1_500_000_000),
        ] {
            assert_eq!(parse_amount(text), Ok(wei), "{text}");
        }
    }

    #[test]
    fn amounts_of_a_token_have_its_name_and_its_decimals() {
        for (text, units) in [("12.5 USDC", 12_500_000), ("1usdc", 1_000_000), ("0", 0), ("0.000001 USDC", 1)] {
            assert_eq!(parse_units(text, "USDC", 6), Ok(units), "{text}");
        }
        for text in ["12", "1 DAI", "1 eth", "0.0000001 USDC", "1.2.3 USDC", "USDC", "-1 USDC", "1e9 USDC"] {
            assert!(parse_units(text, "USDC", 6).is_err(), "{text}");
        }
        assert_eq!(parse_units("3 SHARES", "SHARES", 0), Ok(3));
        assert!(parse_units("99999999999999999999 X", "X", 36).is_err());
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "eth", "-1", "1.", ".5eth", "1.2.3eth", "0.5wei", "1 apple", "79228162514264337593543950336", "1e9"]
        {
            assert!(parse_amount(text).is_err(), "{text}");
        }
    }
}
