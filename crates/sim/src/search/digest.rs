//! 128 bits of whatever can be printed: the name of a state.

use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};

/// Two hashes of one text. Among ten million states two share one with a probability below 10^-24.
#[derive(Clone)]
pub(crate) struct Digest([DefaultHasher; 2]);

/// A digest that takes the participant's own stopwatches as what they are good for: what comes behind a name that ends in `_ms` is
/// written as the time that it lies in the past or the future, and as "long ago" where that is more than every period of the policy.
///
/// The text is that of `derive(Debug)`, which writes the name of a field, a colon and the value one after the other.
pub(crate) struct Aged {
    digest: Digest,
    now: u64,
    longest: u64,
    stopwatch: bool,
}

impl Aged {
    /// At `now`, milliseconds; no period is longer than `longest`.
    pub(crate) fn new(now: u64, longest: u64) -> Self {
        Self { digest: Digest::new(), now, longest, stopwatch: false }
    }

    pub(crate) fn push(&mut self, value: &impl fmt::Debug) {
        self.digest.push(value);
    }

    pub(crate) fn finish(&self) -> u128 {
        self.digest.finish()
    }
}

impl Write for Aged {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.ends_with("_ms") {
            self.stopwatch = true;
        } else if let Ok(ms) = text.parse::<u64>()
            && self.stopwatch
        {
            self.stopwatch = false;
            let past = self.now.saturating_sub(ms);
            let age =
                if past > self.longest { "long ago".into() } else { format!("{past} {}", ms.saturating_sub(self.now)) };
            return self.digest.write_str(&age);
        } else if text == "None" || text == ", " || text == "}" {
            self.stopwatch = false;
        }
        self.digest.write_str(text)
    }
}

impl Digest {
    pub(crate) fn new() -> Self {
        let mut second = DefaultHasher::new();
        second.write_u8(1);
        Self([DefaultHasher::new(), second])
    }

    /// Of what a value prints for debugging.
    pub(crate) fn of(value: &impl fmt::Debug) -> u128 {
        let mut digest = Self::new();
        digest.push(value);
        digest.finish()
    }

    pub(crate) fn push(&mut self, value: &impl fmt::Debug) {
        // A hasher takes everything.
        let _ = write!(self, "{value:?}|");
    }

    pub(crate) fn finish(&self) -> u128 {
        u128::from(self.0[0].finish()) << 64 | u128::from(self.0[1].finish())
    }
}

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.iter_mut().for_each(|hasher| hasher.write(text.as_bytes()));
        Ok(())
    }
}
