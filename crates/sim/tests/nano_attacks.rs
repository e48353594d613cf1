//! Nanocontracts against whoever reads the rules closely: clocks, versions out at the same time, batches, secrets, handed inputs.

#[path = "nano_attacks/batches.rs"]
mod batches;
#[path = "nano_attacks/codes.rs"]
mod codes;
#[path = "nano_attacks/disputes.rs"]
mod disputes;
#[path = "nanos/games.rs"]
#[allow(dead_code, reason = "the stories of the other binary need more of it")]
mod games;
#[path = "nano_attacks/hands.rs"]
mod hands;
#[path = "nano_attacks/paper.rs"]
mod paper;
#[path = "forced/scene.rs"]
#[allow(dead_code, reason = "the stories of the other binary need more of it")]
mod scene;
#[path = "nano_attacks/secrets.rs"]
mod secrets;
#[path = "nano_attacks/time.rs"]
mod time;
#[path = "nano_attacks/virtuals.rs"]
mod virtuals;
