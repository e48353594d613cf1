//! States behind the hashes that the chain stores, collected from events. Each proves itself by its hash, so that where it came
//! from (another branch, a node that errs) does not matter.

use perunika_contracts::{Event, Preimage, Stored, VirtualPreimage};
use perunika_core::B256;
use perunika_core::signed::Amount;

/// What the events of one object told.
#[derive(Debug, Default)]
pub(crate) struct Preimages {
    known: Vec<Preimage>,
    /// Of a virtual channel: what its ends put in together, and the States that wait for it.
    total: Option<Amount>,
    waiting: Vec<VirtualPreimage>,
}

impl Preimages {
    pub(crate) fn learn(&mut self, event: &Event) {
        match event {
            Event::Registered { preimage, .. } | Event::Refuted { preimage, .. } => self.add(*preimage),
            Event::Disclosed { vc, total, .. } => {
                self.total = Some(*total);
                for preimage in std::mem::take(&mut self.waiting) {
                    self.add(preimage.with_total(*vc, *total));
                }
            }
            Event::VirtualRegistered { vc, preimage, .. } | Event::VirtualRefuted { vc, preimage } => {
                self.add_virtual(*vc, *preimage);
            }
            _ => {}
        }
    }

    pub(crate) fn find(&self, stored: Stored) -> Option<&Preimage> {
        self.known.iter().rev().find(|preimage| preimage.stored() == stored)
    }

    /// Once no dispute is in sight.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    fn add_virtual(&mut self, vc: B256, preimage: VirtualPreimage) {
        match self.total {
            Some(total) => self.add(preimage.with_total(vc, total)),
            None if !self.waiting.contains(&preimage) => self.waiting.push(preimage),
            None => {}
        }
    }

    fn add(&mut self, preimage: Preimage) {
        if !self.known.contains(&preimage) {
            self.known.push(preimage);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn virtual_preimage(ver: u64) -> VirtualPreimage {
        VirtualPreimage { ver, def_a: 1, nanos: 0, nano_root: B256::ZERO, mix: B256::repeat_byte(9) }
    }

    #[test]
    fn a_virtual_state_waits_for_its_total() {
        let vc = B256::repeat_byte(1);
        let mut preimages = Preimages::default();
        let wanted = virtual_preimage(4).with_total(vc, 30).stored();
        for _ in 0..2 {
            preimages.learn(&Event::VirtualRefuted { vc, preimage: virtual_preimage(4) });
        }
        assert_eq!(preimages.find(wanted), None);
        preimages.learn(&Event::Disclosed { vc, total: 30, t_exp: 0, challenge: 0, window: 0 });
        assert_eq!(preimages.find(wanted).map(|p| p.state.ver), Some(4));
        preimages.learn(&Event::VirtualRegistered { vc, preimage: virtual_preimage(6), refute_end: 0 });
        assert!(preimages.find(virtual_preimage(6).with_total(vc, 30).stored()).is_some());
        assert_eq!(preimages.known.len(), 2);
        preimages.forget();
        assert_eq!(preimages.find(wanted), None);
    }

    #[test]
    fn the_mix_belongs_to_the_proof() {
        let mut preimages = Preimages::default();
        let real = virtual_preimage(4).with_total(B256::ZERO, 30);
        let other = Preimage { mix: B256::ZERO, ..real };
        preimages.learn(&Event::Refuted { id: B256::ZERO, preimage: other });
        assert_eq!(preimages.find(real.stored()), None);
    }
}
