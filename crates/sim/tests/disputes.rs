//! Disputes on the real bytecode in virtual time: what an honest node does by itself when somebody goes to the chain.

#[path = "disputes/ledger.rs"]
mod ledger;
#[path = "disputes/locks.rs"]
mod locks;
#[path = "disputes/reorg.rs"]
mod reorg;
#[path = "disputes/virtuals.rs"]
mod virtuals;
