//! Renewal of virtual channels (protocol 2.3): S61.

#[path = "renewal/breaks.rs"]
mod breaks;
#[path = "renewal/cheats.rs"]
mod cheats;
#[path = "renewal/moves.rs"]
mod moves;
#[path = "renewal/plain.rs"]
mod plain;
