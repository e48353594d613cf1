//! Bytes as a source of choices.

/// Hands out what the bytes say; zeros once they are used up, so that a story ends where its bytes do.
#[derive(Clone, Debug)]
pub struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    /// From the first byte on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// At most so many bytes.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }

    /// Exactly so many bytes, zeros at the end where they are missing.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.take(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    /// One byte.
    pub fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    /// Two bytes, the low one first.
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    /// Eight bytes, the low one first.
    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// Sixteen bytes, the low one first.
    pub fn u128(&mut self) -> u128 {
        u128::from_le_bytes(self.array())
    }

    /// A number below `bound` (0 if that is 0), from one byte.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.u8()) % bound.max(1)
    }

    /// One of these; `None` of none.
    pub fn pick<'b, T>(&mut self, of: &'b [T]) -> Option<&'b T> {
        let at = self.below(of.len());
        of.get(at)
    }

    /// As many bytes as the next two say.
    pub fn block(&mut self) -> &'a [u8] {
        let length = usize::from(self.u16());
        self.take(length)
    }

    /// `bytes` with a few of them changed; the first byte says how many changes.
    pub fn edit(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.below(8) {
            let at = usize::from(self.u16());
            let how = self.u8();
            if bytes.is_empty() {
                bytes.push(how);
                continue;
            }
            let at = at % bytes.len();
            match how % 8 {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.u8()),
                2 => drop(bytes.remove(at)),
                3 => bytes[at] ^= 1 << (self.u8() % 8),
                _ => bytes[at] = self.u8(),
            }
        }
    }
}

/// The other direction, for seeds: `bytes` behind their length.
pub fn block(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().min(usize::from(u16::MAX));
    [&(length as u16).to_le_bytes()[..], &bytes[..length]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_zero() {
        let mut source = Source::new(&[1, 2, 3]);
        assert_eq!(source.u8(), 1);
        assert_eq!(source.u64(), 0x0302);
        assert!(source.is_empty());
        assert_eq!((source.u8(), source.take(3), source.pick::<u8>(&[])), (0, &[][..], None));
    }

    #[test]
    fn a_block_is_read_back() {
        let bytes = [block(b"hello"), block(b"")].concat();
        let mut source = Source::new(&bytes);
        assert_eq!((source.block(), source.block(), source.is_empty()), (&b"hello"[..], &[][..], true));
    }

    #[test]
    fn edits_never_panic() {
        for seed in 0..=255u8 {
            let noise: Vec<u8> = (0..64u8).map(|i| i.wrapping_mul(seed).wrapping_add(seed)).collect();
            let mut bytes = vec![7; usize::from(seed % 4)];
            Source::new(&noise).edit(&mut bytes);
        }
    }
}
