//! The `perunika` command.

fn main() {}
