//! The four apps, and bad ones, through the kit.

#[path = "kit/apps.rs"]
mod apps;
#[path = "kit/bad.rs"]
mod bad;
#[path = "kit/players.rs"]
mod players;
