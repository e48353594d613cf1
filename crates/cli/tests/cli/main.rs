//! The built command with real processes: what it says and does when it is given nonsense, and whether it cleans up.

mod arguments;
mod bench;
mod chains;
mod codes;
mod mistakes;
mod money;
mod nano;
mod passwords;
mod peers;
mod quickstart;
mod stopping;
#[cfg(unix)]
mod town;
