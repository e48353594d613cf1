//! Both ends, or both neighbours, of an honest hub are one adversary. The hub never ends with less than it started with (I7),
//! and it gets everything back without anybody's help (I9).

#[path = "collusion/finals.rs"]
mod finals;

#[path = "collusion/chaos.rs"]
mod chaos;
#[path = "collusion/creation.rs"]
mod creation;
#[path = "collusion/neighbours.rs"]
mod neighbours;
#[path = "collusion/paper.rs"]
mod paper;
