//! A corrupt node's disk, read: the first fields of each record, as the core writes them. A record that reads otherwise is skipped; a test says
//! that none is.

use super::loot::Game;
use crate::adversary::Position;
use alloy_primitives::B256;
use perunika_core::body::Body;
use perunika_core::log::UpdateLog;
use perunika_core::message::NanoTerms;
use perunika_core::params::{ChannelParams, Side, VirtualParams};
use perunika_core::secret::Secret;
use perunika_core::sig::Signature;
use perunika_core::signed::{Amount, Entry, Lock, Nano};
use serde::Deserialize;

/// Most unanswered signatures of a record that are looked at.
const OWN: usize = 40;

type Signed = Vec<(Body, [Option<Signature>; 2])>;

#[derive(Deserialize)]
enum Life {
    Agreed,
    Open,
    Ended {
        #[allow(dead_code, reason = "it is read to find what follows")]
        locks: Vec<Lock>,
    },
    Closed,
}

#[derive(Deserialize)]
enum Deal {
    Proposed,
    Offered,
    Agreed,
    Open,
}

type LedgerHead = (B256, ChannelParams, B256, u64, Side, [Amount; 2], Life, UpdateLog);
type VirtualHead = (B256, VirtualParams, usize, B256, bool, bool, Vec<Option<Secret>>, u64, Option<UpdateLog>);
type Authorised = (u64, u16, B256, Vec<u8>);
type GameHead = (B256, B256, Side, NanoTerms, Deal, u64, bool, Option<(u16, Vec<u8>)>);
type GameTail = (Option<Authorised>, bool, Vec<Vec<u8>>, Option<Live>);
type Version = (Nano, [Option<Signature>; 2], Vec<u8>, u64);
type OwnStep = (Nano, Vec<u8>, Vec<u8>, u64, Signature, Option<u64>, Option<String>);
type Live = (Entry, Version, Option<OwnStep>, Vec<OwnStep>, Option<Vec<u8>>);

/// A ledger channel.
pub(crate) struct Ledger {
    pub(crate) id: B256,
    pub(crate) params: ChannelParams,
    pub(crate) nonce: u64,
    pub(crate) signed: Signed,
}

/// A virtual channel.
pub(crate) struct Virtual {
    pub(crate) id: B256,
    pub(crate) params: VirtualParams,
    pub(crate) secrets: Vec<Option<B256>>,
    pub(crate) signed: Signed,
}

fn head<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<(T, &'a [u8])> {
    postcard::take_from_bytes(bytes).ok()
}

fn signed(log: &UpdateLog) -> Signed {
    let accepted = [Some(log.top()), log.item()].into_iter().flatten().map(|s| (s.body.clone(), s.sigs));
    // Of a long stream the newest items will do; the others were heard one by one.
    let own = log.own().iter().rev().take(OWN).map(|own| {
        let mut sigs = [None, None];
        sigs[log.me.index()] = Some(own.sig);
        (own.body.clone(), sigs)
    });
    accepted.chain(own).filter(|(body, _)| body.ver > 0 || body.dep_a > 0 || body.dep_b > 0).collect()
}

pub(crate) fn ledger(bytes: &[u8]) -> Option<Ledger> {
    let ((id, params, _, nonce, _, _, _, log), _) = head::<LedgerHead>(bytes)?;
    Some(Ledger { id, params, nonce, signed: signed(&log) })
}

pub(crate) fn virtual_channel(bytes: &[u8]) -> Option<Virtual> {
    let ((id, params, _, _, _, _, secrets, _, log), _) = head::<VirtualHead>(bytes)?;
    let secrets = secrets.into_iter().map(|s| s.map(|s| s.0)).collect();
    Some(Virtual { id, params, secrets, signed: log.as_ref().map(signed).unwrap_or_default() })
}

pub(crate) fn game(bytes: &[u8]) -> Option<(B256, B256, Game)> {
    let ((ch, nid, me, terms, _, _, _, _), rest) = head::<GameHead>(bytes)?;
    let ((_, _, mut inputs, live), _) = head::<GameTail>(rest)?;
    let mut versions = Vec::new();
    let entry = live.as_ref().map(|live| live.0);
    if let Some((entry, (nano, sigs, storage, _), own, _, handed)) = live {
        versions.push(Position { entry, nano, sigs, storage });
        if let Some((nano, storage, input, _, sig, _, _)) = own {
            let mut sigs = [None, None];
            sigs[me.index()] = Some(sig);
            versions.push(Position { entry, nano, sigs, storage });
            inputs.push(input);
        }
        inputs.extend(handed);
    }
    Some((ch, nid, Game { terms, entry, versions, inputs }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::{ETH, Path, quick_policy};
    use perunika_apps::{App, tic_tac_toe};

    /// Were a record of the core to change, the adversary would forget what her nodes know.
    #[test]
    fn every_record_of_a_node_is_read() {
        let mut path = Path::open(9, 1, &quick_policy());
        let (ch, nodes) = (path.links[0], path.nodes.clone());
        let world = &mut path.world;
        world.pay(0, ch, ETH);
        let vc = world.open_virtual(&nodes, ETH, ETH);
        world.pay(0, vc, ETH / 4);
        let terms = tic_tac_toe::terms(ETH, ETH, Side::A).expect("stakes");
        let nid = world.open_nano(0, 1, ch, &terms, App::TicTacToe.code());
        world.make_step(0, ch, nid, tic_tac_toe::place(4));
        let accepted = world.ledger_of(0, ch).expect("open").accepted;
        let (mut ledgers, mut virtuals, mut games) = (0, 0, 0);
        for (key, value) in &world.nodes[0].disk {
            match key.first() {
                Some(b'l') => {
                    let read = ledger(value).expect("a ledger channel");
                    let both = |(body, sigs): &(Body, [Option<Signature>; 2])| {
                        body.ver == accepted && sigs.iter().all(Option::is_some)
                    };
                    assert!(read.id == ch && read.signed.iter().any(both));
                    ledgers += 1;
                }
                Some(b'v') => {
                    let read = virtual_channel(value).expect("a virtual channel");
                    assert!(read.id == vc && read.secrets.iter().all(Option::is_some));
                    assert!(read.signed.iter().any(|(body, _)| body.def_a == 3 * ETH / 4));
                    virtuals += 1;
                }
                Some(b'n') => {
                    let (_, name, read) = game(value).expect("a nanocontract");
                    assert!(name == nid && read.versions.iter().any(|at| at.nano.ver > 0));
                    games += 1;
                }
                _ => {}
            }
        }
        assert_eq!((ledgers, virtuals, games), (1, 1, 1));
    }
}
