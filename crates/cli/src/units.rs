//! Amounts, sizes and durations as people write them, parsed exactly.

use std::fmt;

/// Amount in wei. The contract counts in 96 bits.
pub(crate) type Wei = u128;

const WEI_MAX: Wei = (1 << 96) - 1;
const GWEI: Wei = 1_000_000_000;
const ETH: Wei = GWEI * GWEI;
const TEN: Wei = 10;
/// Name of ether among the assets.
const ETHER: &str = "ETH";

const AMOUNT_UNITS: [(&str, Wei); 3] = [("wei", 1), ("gwei", GWEI), ("eth", ETH)];
const SIZE_UNITS: [(&str, u128); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];
const TIME_UNITS: [(&str, u128); 4] = [("s", 1), ("min", 60), ("h", 3_600), ("d", 86_400)];

/// Reads `1gwei`, `0.01 eth`, `5wei` or `0`.
pub(crate) fn amount(text: &str) -> Result<Wei, String> {
    let lower = text.to_ascii_lowercase();
    if lower.trim() == "0" {
        return Ok(0);
    }
    let wei = quantity(&lower, &AMOUNT_UNITS, "an amount like 5wei, 1gwei or 0.01eth")?;
    if wei > WEI_MAX { Err("more ether than there is".into()) } else { Ok(wei) }
}

/// An amount as it was written: of ether, or of a token whose decimals only the node knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Money {
    /// In wei. Nothing of it is nothing of anything.
    Ether(Wei),
    /// A number, and the name of a token.
    Token {
        /// Digits, perhaps with a point.
        number: String,
        /// As in the node's config file.
        unit: String,
    },
}

/// Reads `1gwei`, `0.01 eth`, `0`, or an amount of a token like `12.5 USDC`.
pub(crate) fn money(text: &str) -> Result<Money, String> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..split], text[split..].trim());
    let ether = unit.is_empty() || AMOUNT_UNITS.iter().any(|(name, _)| unit.eq_ignore_ascii_case(name));
    let name = unit.starts_with(|c: char| c.is_ascii_alphabetic()) && unit.bytes().all(|b| b.is_ascii_alphanumeric());
    if ether || number.is_empty() || !name {
        return amount(text).map(Money::Ether);
    }
    // How many digits there may be, only the token's decimals say.
    parts(number)?;
    Ok(Money::Token { number: number.to_owned(), unit: unit.to_owned() })
}

impl Money {
    /// The name of the token, if it is one.
    pub(crate) fn token(&self) -> Option<&str> {
        match self {
            Self::Ether(_) => None,
            Self::Token { unit, .. } => Some(unit),
        }
    }

    /// In the smallest unit of what is called `symbol`: so much of one asset is never so much of another.
    pub(crate) fn of(&self, symbol: Option<&str>, decimals: Option<u8>) -> Result<Wei, String> {
        let (Some(symbol), Some(decimals)) = (symbol, decimals) else {
            return Err("the node does not know the name of that asset; name it in its config file".into());
        };
        let units = match self {
            Self::Ether(0) => 0,
            Self::Ether(wei) if symbol == ETHER => *wei,
            Self::Token { number, unit } if symbol != ETHER && unit.eq_ignore_ascii_case(symbol) => {
                exact(number, TEN.pow(decimals.min(36).into()))?
            }
            Self::Ether(_) => return Err(format!("this is about {symbol}: write the amount in {symbol}")),
            Self::Token { unit, .. } => return Err(format!("unknown unit `{unit}`, this is about {symbol}")),
        };
        if units > WEI_MAX { Err("more than the contract can count".into()) } else { Ok(units) }
    }
}

/// An amount of any asset, exactly.
pub(crate) fn shown(amount: Wei, symbol: Option<&str>, decimals: Option<u8>) -> String {
    match (symbol, decimals) {
        (Some(ETHER), _) => Amount(amount).to_string(),
        (Some(symbol), Some(digits)) => {
            let digits = digits.min(36);
            format!("{} {symbol}", decimal(amount, TEN.pow(digits.into()), digits.into()))
        }
        _ if amount == 0 => "0".to_owned(),
        _ => format!("{amount} smallest units"),
    }
}

/// Reads `100kB` (1000 bytes each), `16KiB` (1024 bytes each), `64MiB`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let bytes = quantity(text, &SIZE_UNITS, "a size like 100kB (1000 bytes each) or 64KiB (1024 bytes each)")?;
    u64::try_from(bytes).map_err(|_| "too large".into())
}

/// Reads `90s`, `10min`, `2h`, `1d`; the result is in seconds.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let seconds = quantity(text, &TIME_UNITS, "a time like 90s, 10min, 2h or 1d")?;
    u64::try_from(seconds).map_err(|_| "too long".into())
}

/// A decimal number times its unit; nothing is rounded.
fn quantity(text: &str, units: &[(&str, u128)], wanted: &str) -> Result<u128, String> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = unit.trim();
    if number.is_empty() {
        return Err(format!("expected {wanted}"));
    }
    if unit.is_empty() {
        return Err(format!("a unit is missing, expected {wanted}"));
    }
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("unknown unit `{unit}`, expected {wanted}"));
    };
    exact(number, *factor)
}

/// The digits before the point and behind it.
fn parts(number: &str) -> Result<(&str, &str), String> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits_only = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty()
        || !digits_only(whole)
        || !digits_only(fraction)
        || (fraction.is_empty() && number.contains('.'))
    {
        return Err(format!("`{number}` is not a number"));
    }
    Ok((whole, fraction))
}

fn exact(number: &str, factor: u128) -> Result<u128, String> {
    let (whole, fraction) = parts(number)?;
    let fraction = fraction.trim_end_matches('0');
    let too_large = || format!("`{number}` is too large");
    let mut total = whole.parse::<u128>().map_err(|_| too_large())?.checked_mul(factor).ok_or_else(too_large)?;
    let mut place = factor;
    for digit in fraction.bytes() {
        if !place.is_multiple_of(10) {
            return Err(format!("`{number}` is finer than the smallest unit"));
        }
        place /= 10;
        total = total.checked_add(place * u128::from(digit - b'0')).ok_or_else(too_large)?;
    }
    Ok(total)
}

/// An amount in the unit that reads best, exactly.
pub(crate) struct Amount(pub(crate) Wei);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, factor, digits) = match self.0 {
            0 => return f.pad("0"),
            wei if wei >= ETH / 10_000 => ("ETH", ETH, 18),
            wei if wei >= GWEI / 1_000 => ("gwei", GWEI, 9),
            _ => ("wei", 1, 0),
        };
        f.pad(&format!("{} {name}", decimal(self.0, factor, digits)))
    }
}

/// A difference of amounts with its sign, exactly, in ether.
pub(crate) fn signed_eth(difference: i128) -> String {
    let sign = match difference {
        0 => "",
        d if d < 0 => "-",
        _ => "+",
    };
    format!("{sign}{}", decimal(difference.unsigned_abs(), ETH, 18))
}

/// An amount in ether, exactly, without the unit.
pub(crate) fn eth(wei: Wei) -> String {
    decimal(wei, ETH, 18)
}

fn decimal(value: u128, factor: u128, digits: usize) -> String {
    let (whole, rest) = (value / factor, value % factor);
    if rest == 0 {
        return whole.to_string();
    }
    let fraction = format!("{rest:0digits$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// A size in the decimal unit that reads best, rounded to a tenth.
pub(crate) struct Size(pub(crate) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, factor) = match self.0 {
            n if n >= 1_000_000_000 => ("GB", 1_000_000_000_u64),
            n if n >= 1_000_000 => ("MB", 1_000_000),
            n if n >= 1_000 => ("kB", 1_000),
            n => return f.pad(&format!("{n} B")),
        };
        let (whole, rest) = (self.0 / factor, self.0 % factor);
        f.pad(&format!("{whole}.{} {name}", rest * 10 / factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        let cases = [
            ("0", 0),
            ("0eth", 0),
            ("5wei", 5),
            ("1gwei", GWEI),
            ("1 GWEI", GWEI),
            ("0.01eth", ETH / 100),
            ("0.010 ETH", ETH / 100),
            ("1.000000000000000001eth", ETH + 1),
            ("1.5gwei", GWEI + GWEI / 2),
            ("1.0wei", 1),
        ];
        for (text, wei) in cases {
            assert_eq!(amount(text), Ok(wei), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_amount_is_refused() {
        let cases = [
            ("", "expected an amount"),
            ("gwei", "expected an amount"),
            ("1", "a unit is missing"),
            ("1.5", "a unit is missing"),
            ("1 parsec", "unknown unit `parsec`"),
            ("-1eth", "expected an amount"),
            ("1e18wei", "unknown unit `e18wei`"),
            ("1,5eth", "unknown unit `,5eth`"),
            ("1.2.3eth", "is not a number"),
            (".5eth", "is not a number"),
            ("5.eth", "is not a number"),
            ("1.5wei", "finer than the smallest unit"),
            ("0.0000000000000000001eth", "finer than the smallest unit"),
            ("99999999999eth", "more ether than there is"),
            ("340282366920938463463374607431768211456wei", "too large"),
            ("340282366920938463463374607431768211455eth", "too large"),
        ];
        for (text, reason) in cases {
            let refused = amount(text).expect_err(text);
            assert!(refused.contains(reason), "{text}: {refused}");
        }
        assert_eq!(amount("79228162514.264337593543950335eth"), Ok(WEI_MAX));
        assert!(amount("79228162514.264337593543950336eth").is_err());
    }

    #[test]
    fn an_amount_of_one_asset_is_none_of_another() {
        let usdc = |text: &str| money(text).and_then(|money| money.of(Some("USDC"), Some(6)));
        let eth = |text: &str| money(text).and_then(|money| money.of(Some("ETH"), Some(18)));
        assert_eq!((usdc("12.5 USDC"), usdc("0.000001usdc"), usdc("0")), (Ok(12_500_000), Ok(1), Ok(0)));
        assert_eq!((eth("1gwei"), eth("0.5 ETH"), eth("0")), (Ok(GWEI), Ok(ETH / 2), Ok(0)));
        for text in ["5gwei", "1eth", "5 DAI", "0.0000001 USDC", "79228162514264337593543950336 USDC", "5"] {
            assert!(usdc(text).is_err(), "{text}");
        }
        for text in ["5 USDC", "1 DAI", "-1 USDC", "USDC", "1 US DC", "1.2.3 USDC", "5."] {
            assert!(eth(text).is_err(), "{text}");
        }
        assert!(money("5wei").unwrap().of(None, None).is_err());
        // A token may have more decimals than ether.
        let fine = |text: &str| money(text).and_then(|money| money.of(Some("FINE"), Some(24)));
        assert_eq!(fine("0.000000000000000000000001 FINE"), Ok(1));
        assert_eq!(fine("1.000000000000000000000002 FINE"), Ok(TEN.pow(24) + 2));
        assert!(fine("0.0000000000000000000000001 FINE").is_err());
    }

    #[test]
    fn amounts_of_any_asset_are_shown_exactly() {
        assert_eq!(shown(12_500_000, Some("USDC"), Some(6)), "12.5 USDC");
        assert_eq!(shown(3, Some("SHARE"), Some(0)), "3 SHARE");
        assert_eq!(shown(ETH / 100, Some("ETH"), Some(18)), "0.01 ETH");
        assert_eq!((shown(7, None, None), shown(0, None, None)), ("7 smallest units".into(), "0".into()));
    }

    #[test]
    fn a_kilobyte_is_1000_and_a_kibibyte_1024() {
        assert_eq!(size("100kB"), Ok(100_000));
        assert_eq!(size("100KiB"), Ok(102_400));
        assert_eq!(size("1.5MB"), Ok(1_500_000));
        assert_eq!(size("64MiB"), Ok(64 << 20));
        assert_eq!(size("7B"), Ok(7));
        assert!(size("1.5B").is_err());
        assert!(size("100").is_err());
        assert!(size("100KB").is_err());
        assert!(size("100mb").is_err());
    }

    #[test]
    fn times_have_units() {
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("1.5min"), Ok(90));
        assert_eq!(seconds("2h"), Ok(7_200));
        assert!(seconds("2").is_err());
        assert!(seconds("2m").is_err());
    }

    #[test]
    fn what_is_printed_can_be_read_back() {
        for wei in [0, 1, 999_999, 1_000_000, GWEI + 1, ETH / 10_000, ETH + 1, 123 * ETH, WEI_MAX] {
            assert_eq!(amount(&Amount(wei).to_string()), Ok(wei), "{}", Amount(wei));
        }
        assert_eq!(Amount(ETH / 100).to_string(), "0.01 ETH");
        assert_eq!(Amount(25 * GWEI).to_string(), "25 gwei");
        assert_eq!(Amount(42).to_string(), "42 wei");
    }

    #[test]
    fn differences_carry_their_sign() {
        assert_eq!(signed_eth(0), "0");
        assert_eq!(signed_eth(5 * 10_i128.pow(17)), "+0.5");
        assert_eq!(signed_eth(-1), "-0.000000000000000001");
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(Size(999).to_string(), "999 B");
        assert_eq!(Size(100_000).to_string(), "100.0 kB");
        assert_eq!(Size(64 << 20).to_string(), "67.1 MB");
        assert_eq!(Size(3_000_000_000).to_string(), "3.0 GB");
    }
}
