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
    let bad = || format!("`{text}` is not an amount");
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    if whole.is_empty() || fraction.contains('.') || number.ends_with('.') {
        return Err(bad());
    }
    if fraction.len() > decimals {
        return Err(format!("`{text}` is finer than one wei"));
    }
    let digits = format!("{whole}{fraction}{}", "0".repeat(decimals - fraction.len()));
    let amount: Amount = digits.parse().map_err(|_| bad())?;
    if amount <= MAX_AMOUNT { Ok(amount) } else { Err(format!("`{text}` is above 2^96 - 1 wei")) }
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
    fn anything_else_is_refused() {
        for text in
            ["", "eth", "-1", "1.", ".5eth", "1.2.3eth", "0.5wei", "1 apple", "79228162514264337593543950336", "1e9"]
        {
            assert!(parse_amount(text).is_err(), "{text}");
        }
    }
}
