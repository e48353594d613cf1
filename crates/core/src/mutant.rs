//! Markers of the guards that the protocol names (docs/mutants.md): what they mark can be removed from a build, to see that a
//! test notices.
//!
//! [`guard!`] is its condition and [`duty!`] is its condition, to the letter: an ordinary build knows nothing of mutants, and
//! nothing of the names is left in it. `RUSTFLAGS='--cfg perunika_mutant="1.4.2-base"'` compiles without the guard of that name;
//! `RUSTFLAGS='--cfg perunika_mutant="any"'` compiles a switch for all of them, [`remove`].

/// A condition without which this participant must not go on. A mutant takes it as held, without looking.
macro_rules! guard {
    ($name:literal, $must_hold:expr) => {
        if cfg!(perunika_mutant = $name) || $crate::mutant::is_removed!($name) { true } else { $must_hold }
    };
}

/// A condition on which this participant must act. A mutant takes it as not met, without looking.
macro_rules! duty {
    ($name:literal, $must_act:expr) => {
        if cfg!(perunika_mutant = $name) || $crate::mutant::is_removed!($name) { false } else { $must_act }
    };
}

#[cfg(not(perunika_mutant = "any"))]
macro_rules! is_removed {
    ($name:literal) => {
        false
    };
}

#[cfg(perunika_mutant = "any")]
macro_rules! is_removed {
    ($name:literal) => {
        $crate::mutant::switch::is_removed(const { $crate::mutant::switch::hash($name) })
    };
}

pub(crate) use {duty, guard, is_removed};

#[cfg(perunika_mutant = "any")]
pub use switch::remove;

/// One switch for the whole process, since a mutant stands for a build.
#[cfg(perunika_mutant = "any")]
pub(crate) mod switch {
    use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

    /// Most guards that can be removed together.
    const MOST: usize = 4;

    static REMOVED: [AtomicU64; MOST] = [const { AtomicU64::new(0) }; MOST];

    /// From now on the build is the one without these guards, and with all others.
    ///
    /// # Panics
    ///
    /// If there are more than four.
    pub fn remove(names: &[&str]) {
        assert!(names.len() <= MOST, "at most {MOST} guards can be removed together");
        for (index, place) in REMOVED.iter().enumerate() {
            place.store(names.get(index).map_or(0, |name| hash(name)), Relaxed);
        }
    }

    pub(crate) fn is_removed(name: u64) -> bool {
        REMOVED.iter().any(|removed| removed.load(Relaxed) == name)
    }

    /// FNV-1a.
    pub(crate) const fn hash(name: &str) -> u64 {
        let bytes = name.as_bytes();
        let (mut hash, mut index) = (0xcbf2_9ce4_8422_2325u64, 0);
        while index < bytes.len() {
            hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0100_0000_01b3);
            index += 1;
        }
        hash
    }
}
