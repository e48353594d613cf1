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
