//! What a corrupt peer says to an honest node: refused without a change of state, and never a panic.

#[path = "attacks/creation.rs"]
mod creation;
#[path = "attacks/front.rs"]
mod front;
#[path = "attacks/hostile.rs"]
mod hostile;
#[path = "attacks/links.rs"]
mod links;
#[path = "attacks/paper.rs"]
mod paper;
#[path = "attacks/replay.rs"]
mod replay;
#[path = "attacks/streams.rs"]
mod streams;
