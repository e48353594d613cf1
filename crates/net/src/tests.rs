//! Real sockets on this machine, and peers that do not play by the rules.

mod crowd;
mod node;
mod pressure;
mod reconnect;
mod rogue;
mod strangers;
mod talk;
mod ways;
