//! Bounds of single fields, and what is said when one is broken.

use super::{BadMessage, REASON_MAX};
use perunika_core::params::MAX_LINKS;
use perunika_core::sig::Signature;
use perunika_core::signed::{Amount, MAX_AMOUNT, MAX_VERSION};
use perunika_core::{Address, B256};

/// Most participants of a path.
const PATH_MAX: usize = MAX_LINKS + 1;

fn bad(text: String) -> BadMessage {
    BadMessage(text)
}

fn length<'a>(name: &str, bytes: &'a [u8], len: usize) -> Result<&'a [u8], BadMessage> {
    if bytes.len() == len {
        Ok(bytes)
    } else {
        Err(bad(format!("`{name}` has {} bytes instead of {len}", bytes.len())))
    }
}

pub(super) fn address(name: &str, bytes: &[u8]) -> Result<Address, BadMessage> {
    Ok(Address::from_slice(length(name, bytes, 20)?))
}

pub(super) fn hash(name: &str, bytes: &[u8]) -> Result<B256, BadMessage> {
    Ok(B256::from_slice(length(name, bytes, 32)?))
}

pub(super) fn signature(name: &str, bytes: &[u8]) -> Result<Signature, BadMessage> {
    Signature::from_slice(bytes).ok_or_else(|| bad(format!("`{name}` has {} bytes instead of 64", bytes.len())))
}

pub(super) fn u128(name: &str, bytes: &[u8]) -> Result<u128, BadMessage> {
    let bytes = length(name, bytes, 16)?;
    Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte)))
}

pub(super) fn amount(name: &str, bytes: &[u8]) -> Result<Amount, BadMessage> {
    let value = u128(name, bytes)?;
    if value <= MAX_AMOUNT { Ok(value) } else { Err(bad(format!("`{name}` is above 2^96 - 1"))) }
}

pub(super) fn version(name: &str, value: u64) -> Result<u64, BadMessage> {
    if value <= MAX_VERSION { Ok(value) } else { Err(bad(format!("`{name}` is not below 2^48"))) }
}

pub(super) fn time(name: &str, value: u64) -> Result<u64, BadMessage> {
    if value < 1 << 40 { Ok(value) } else { Err(bad(format!("`{name}` is not below 2^40"))) }
}

pub(super) fn u16(name: &str, value: u32) -> Result<u16, BadMessage> {
    value.try_into().map_err(|_| bad(format!("`{name}` is above 65535")))
}

pub(super) fn u8(name: &str, value: u32) -> Result<u8, BadMessage> {
    value.try_into().map_err(|_| bad(format!("`{name}` is above 255")))
}

pub(super) fn index(name: &str, value: u32) -> Result<u8, BadMessage> {
    at_most(name, value as usize, PATH_MAX - 1)?;
    u8(name, value)
}

pub(super) fn text(name: &str, value: String) -> Result<String, BadMessage> {
    if value.len() <= REASON_MAX {
        // It may end on a terminal.
        Ok(value.replace(char::is_control, " "))
    } else {
        Err(bad(format!("`{name}` has {} bytes, the limit is {REASON_MAX}", value.len())))
    }
}

pub(super) fn at_most(name: &str, value: usize, max: usize) -> Result<(), BadMessage> {
    if value <= max { Ok(()) } else { Err(bad(format!("`{name}` is {value}, the limit is {max}"))) }
}

/// A list whose length is bounded before any element is looked at.
pub(super) fn list<T, U>(
    name: &str,
    items: Vec<T>,
    max: usize,
    read: impl Fn(&str, &T) -> Result<U, BadMessage>,
) -> Result<Vec<U>, BadMessage> {
    if items.len() > max {
        return Err(bad(format!("`{name}` has {} elements, the limit is {max}", items.len())));
    }
    items.iter().map(|item| read(name, item)).collect()
}

pub(super) fn path(bytes: Vec<Vec<u8>>) -> Result<Vec<Address>, BadMessage> {
    list("path", bytes, PATH_MAX, |name, item| address(name, item))
}

pub(super) fn hashes(name: &str, bytes: Vec<Vec<u8>>, max: usize) -> Result<Vec<B256>, BadMessage> {
    list(name, bytes, max, |name, item| hash(name, item))
}
