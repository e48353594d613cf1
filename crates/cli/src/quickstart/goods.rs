//! The file that is sold.

use crate::exit::{Error, Result};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

const BUFFER_BYTES: usize = 64 << 10;

/// Writes `bytes` bytes that do not compress and are the same every time.
pub(crate) fn generate(path: &Path, bytes: u64) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = BufWriter::with_capacity(BUFFER_BYTES, File::create(path)?);
        let mut left = bytes;
        let mut counter: u64 = 0;
        while left > 0 {
            let block = mix(counter).to_le_bytes();
            let taken = left.min(block.len() as u64);
            file.write_all(&block[..taken as usize])?;
            left -= taken;
            counter += 1;
        }
        file.flush()
    };
    write().map_err(|e| Error::other(format!("{} cannot be written: {e}", path.display())))
}

/// SplitMix64, as a function of its position.
pub(crate) fn mix(position: u64) -> u64 {
    let mut z = position.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Size and SHA-256 of a file.
pub(crate) fn checksum(path: &Path) -> Result<(u64, String)> {
    let read = || -> std::io::Result<(u64, String)> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut total = 0;
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok((total, hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()));
            }
            hasher.update(&buffer[..count]);
            total += count as u64;
        }
    };
    read().map_err(|e| Error::user(format!("{} cannot be read: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_exact_and_the_data_is_the_same_every_time() {
        let dir = tempfile::tempdir().expect("a folder");
        let [one, other] = ["one", "other"].map(|name| dir.path().join(name));
        generate(&one, 100_003).expect("written");
        generate(&other, 100_003).expect("written");
        let sum = checksum(&one).expect("read");
        assert_eq!(sum.0, 100_003);
        assert_eq!(sum, checksum(&other).expect("read"));
    }

    #[test]
    fn the_checksum_is_what_sha256sum_prints() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").expect("written");
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(checksum(&path).expect("read"), (3, expected.to_owned()));
    }
}
