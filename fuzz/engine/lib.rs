//! Nothing of its own: what is wanted is what `libfuzzer-sys` builds.
