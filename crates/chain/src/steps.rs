//! Storages of a nanocontract, collected from the events of its forced steps. Each proves itself by the hash that the chain stores.

use perunika_contracts::Event;
use perunika_contracts::view::NanoSlots;

/// The forced steps of one nanocontract, in the order in which they were heard of.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    known: Vec<Event>,
}

impl Steps {
    pub(crate) fn learn(&mut self, event: Event) {
        // What was heard last is the likeliest where two branches have the same outcome of different inputs.
        self.known.retain(|known| *known != event);
        self.known.push(event);
    }

    pub(crate) fn fill(&self, slots: &mut NanoSlots) {
        let _ = self.known.iter().rev().any(|event| slots.fill(event));
    }

    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }
}
