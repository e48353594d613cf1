//! Attacks on nanocontracts in a dispute: the real contract, real participants, and an adversary who times every call.

#[path = "forced/clock.rs"]
mod clock;
#[path = "forced/evidence.rs"]
mod evidence;
#[path = "forced/nonsense.rs"]
mod nonsense;
#[path = "forced/scene.rs"]
mod scene;
#[path = "forced/steps.rs"]
mod steps;
#[path = "forced/trouble.rs"]
mod trouble;
