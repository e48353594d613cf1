//! What applications are told is true (1.4(6), S57).

use super::Auditor;
use alloy_primitives::B256;
use perunika_core::io::{Event, Reply};

/// Something that a node told its application in the step that is being read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word {
    /// A payment of its own is in the State that both signed.
    Applied { ch: B256, ver: u64 },
    /// The payee has it durably.
    Delivered { ch: B256, ver: u64 },
    /// A payment arrived.
    Received { ch: B256, ver: u64, share: u128 },
}

impl Auditor {
    pub(super) fn replied(&mut self, node: usize, reply: &Reply) {
        let word = match reply {
            Reply::Applied { ch, ver } => Word::Applied { ch: *ch, ver: *ver },
            Reply::Delivered { ch, ver } => Word::Delivered { ch: *ch, ver: *ver },
            Reply::Receipted { cosigned, receipt, .. } if *cosigned => {
                Word::Applied { ch: receipt.ch, ver: receipt.ver }
            }
            _ => return,
        };
        self.words.push((node, word));
    }

    pub(super) fn reported(&mut self, node: usize, event: &Event) {
        if let Event::Received { ch, ver, share, .. } = event {
            self.words.push((node, Word::Received { ch: *ch, ver: *ver, share: *share }));
        }
    }

    /// A step was read to its end: what it said to the application is compared with what it said to its peer.
    pub(super) fn check_words(&mut self) {
        if !self.strict {
            return;
        }
        for (node, word) in std::mem::take(&mut self.words) {
            if self.honest(node) {
                self.check_word(node, word);
            }
        }
    }

    fn check_word(&mut self, node: usize, word: Word) {
        // What a crash swallowed is known to the node and not to the auditor.
        let crashed = self.people[node].crashed;
        match word {
            Word::Applied { ch, ver } => {
                let known = self.knowledge.get(&(node, ch));
                let cur = known.map_or(0, |k| k.cur);
                // An item of the peer that is built on it holds it too, and can be completed at any time.
                if cur < ver && !crashed {
                    let text =
                        format!("1.4(6): {} reports version {ver} of {ch} as applied, it has {cur}", self.name(node));
                    self.fault(text);
                }
            }
            Word::Delivered { ch, ver } => {
                let Some(object) = self.objects.get(&ch) else { return };
                let peers = object.keys.iter().filter(|key| **key != self.key(node));
                let Some(payee) = peers.filter_map(|key| self.node_of(*key)).find(|n| self.honest(*n)) else { return };
                let has = self.knowledge.get(&(payee, ch)).map_or(0, |k| k.cur);
                if has < ver {
                    let text =
                        format!("1.4(6): {} reports {ver} of {ch} as delivered, the payee has {has}", self.name(node));
                    self.fault(text);
                }
            }
            Word::Received { ch, ver, share } => self.check_received(node, ch, ver, share),
        }
    }

    /// S57: what is reported as paid is what the payee accepted, and is reported once.
    fn check_received(&mut self, node: usize, ch: B256, ver: u64, share: u128) {
        let Some(object) = self.objects.get(&ch) else { return };
        let Some(side) = object.side(self.key(node)) else { return };
        let cur = self.knowledge.get(&(node, ch)).map_or(0, |k| k.cur);
        let said: Vec<u128> = object.all_signed_by(ver, object.keys[1 - side]).map(|c| c.share(side)).collect();
        // One item may pay again what was lost on the way, and more: then each is reported, the share growing up to what it says.
        if cur < ver || said.iter().all(|said| share > *said) {
            let text = format!(
                "S57: {} reports {share} by version {ver} of {ch}, it has version {cur} and that says {said:?}",
                self.name(node)
            );
            self.fault(text);
        }
        let last = self.received.insert((node, ch), (ver, share)).unwrap_or_default();
        if last.0 > ver || (last.0 == ver && last.1 >= share) {
            let text = format!("P10: {} reports version {ver} of {ch} after {}", self.name(node), last.0);
            self.fault(text);
        }
    }
}
