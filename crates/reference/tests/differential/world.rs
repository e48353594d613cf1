//! A small world: five participants in a row, channels between them, virtual channels over them.

use super::abi::View;
use super::code;
use super::pair::Pair;
use alloy_primitives::{Address, B256, keccak256};
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use perunika_core::sig::{MemoryKey, RawKey};
use perunika_reference::{Channel, Key, Manner, PERMIT2, Token, VirtualChannel, hash};
use std::cell::RefCell;
use std::collections::HashMap;

/// First second of a story.
pub(crate) const START: u64 = 1_900_000_100;
/// What every account has at first, wei.
pub(crate) const WEALTH: u128 = 1 << 100;
/// The first so many channels are of ETH, with keys of secp256k1.
pub(crate) const PLAIN: usize = 5;
/// What every owner has at first of every token.
const TOKENS: u128 = 1 << 60;
/// Participants.
pub(crate) const PEOPLE: usize = 5;

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `0..bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// In `0..=most`.
    pub(crate) fn upto(&mut self, most: u128) -> u128 {
        u128::from(self.next()) % most.saturating_add(1).max(1)
    }

    /// True in `percent` of 100 cases.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

fn secret(kind: &str, index: usize) -> B256 {
    keccak256(format!("{kind} {index}"))
}

/// From here on, numbers name P-256 keys of the same participants.
pub(crate) const P256: usize = 100;

/// The address of a participant's key. Number `PEOPLE` belongs to nobody.
pub(crate) fn key(person: usize) -> Address {
    thread_local!(static KEYS: Vec<MemoryKey> = keys("key"));
    KEYS.with(|keys| keys[person % P256].address())
}

/// A participant's key of either scheme.
pub(crate) fn key_of(person: usize) -> Key {
    if person < P256 { Key::of(key(person)) } else { Key { scheme: 2, key: keccak256(point(person - P256)) } }
}

fn keys(kind: &str) -> Vec<MemoryKey> {
    (0..=PEOPLE).map(|person| MemoryKey::new(secret(kind, person), B256::ZERO).unwrap()).collect()
}

fn p256_key(person: usize) -> SigningKey {
    SigningKey::from_slice(secret("P-256", person).as_slice()).unwrap()
}

/// x and y.
fn point(person: usize) -> Vec<u8> {
    thread_local!(static POINTS: Vec<Vec<u8>> = (0..=PEOPLE)
        .map(|person| p256_key(person).verifying_key().to_encoded_point(false).as_bytes()[1..].to_vec())
        .collect());
    POINTS.with(|points| points[person].clone())
}

/// The signature of a participant's key on a digest; each is made once.
pub(crate) fn sign(person: usize, digest: B256) -> Vec<u8> {
    type Made = HashMap<(usize, B256), Vec<u8>>;
    thread_local! {
        static KEYS: Vec<MemoryKey> = keys("key");
        static MADE: RefCell<Made> = RefCell::default();
    }
    let make = || {
        if person < P256 {
            return KEYS.with(|keys| keys[person].sign(digest)).0.to_vec();
        }
        let signature: p256::ecdsa::Signature = p256_key(person - P256).sign_prehash(digest.as_slice()).unwrap();
        let low = signature.normalize_s().unwrap_or(signature);
        [&low.to_bytes()[..], &point(person - P256)].concat()
    };
    MADE.with_borrow_mut(|made| {
        if made.len() > 200_000 {
            made.clear();
        }
        made.entry((person, digest)).or_insert_with(make).clone()
    })
}

/// Who has this key.
pub(crate) fn person_of(key: &Key) -> usize {
    let mut all = (0..PEOPLE).chain(P256..P256 + PEOPLE);
    all.find(|person| key_of(*person) == *key).unwrap_or(PEOPLE)
}

/// The account of a participant. 2 and 3 take no money: one refuses it, one burns the gas that it gets. 4 is a wallet that signs
/// in its own way. All have a key as well.
pub(crate) fn owner(person: usize) -> Address {
    thread_local!(static OWNERS: Vec<MemoryKey> = keys("owner"));
    OWNERS.with(|owners| owners[person].address())
}

/// Whether the account is a contract that signs.
pub(crate) fn is_wallet(account: Address) -> bool {
    account == owner(4)
}

/// The signature of an owner's key; none if it is no owner.
pub(crate) fn sign_as_owner(account: Address, digest: B256) -> Option<[u8; 64]> {
    thread_local!(static OWNERS: Vec<MemoryKey> = keys("owner"));
    OWNERS.with(|owners| owners.iter().find(|key| key.address() == account).map(|key| key.sign(digest).0))
}

/// A token by its number in [`MANNERS`].
pub(crate) fn token(number: usize) -> Address {
    Address::from_word(secret("token", number))
}

/// How the tokens behave.
pub(crate) const MANNERS: [Manner; 10] = [
    Manner::Plain,
    Manner::Silent,
    Manner::Fee,
    Manner::Generous,
    Manner::Refusing,
    Manner::Reverting,
    Manner::Burning,
    Manner::Strange,
    Manner::Short,
    Manner::Lying,
];

/// A channel between two participants.
pub(crate) fn channel(a: usize, b: usize, challenge: u32, window: u32, k_max: u16, lane: u16) -> Channel {
    Channel {
        owner_a: owner(a),
        owner_b: owner(b),
        key_a: Key::of(key(a)),
        key_b: Key::of(key(b)),
        asset: Address::ZERO,
        challenge,
        window,
        k_max,
        lane,
    }
}

/// A virtual channel, with what the chain sees only as hashes.
#[derive(Clone, Debug)]
pub(crate) struct Virtual {
    pub(crate) params: VirtualChannel,
    pub(crate) id: B256,
    pub(crate) path: Vec<usize>,
    pub(crate) secrets: Vec<B256>,
}

impl Virtual {
    /// The keys of the hubs.
    pub(crate) fn mids(&self) -> Vec<Key> {
        self.path[1..self.path.len() - 1].iter().map(|person| key_of(*person)).collect()
    }
}

/// Everything that a story happens in.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) pair: Pair,
    pub(crate) channels: Vec<Channel>,
    pub(crate) virtuals: Vec<Virtual>,
}

/// Any code reverts.
const REFUSES: &[u8] = &[0x5f, 0x5f, 0xfd];
/// JUMPDEST PUSH0 JUMP
const BURNS: &[u8] = &[0x5b, 0x5f, 0x56];

impl World {
    pub(crate) fn new() -> Self {
        Self::over_pair(Pair::new())
    }

    /// On a contract that nobody has called.
    pub(crate) fn over_pair(mut pair: Pair) -> Self {
        for person in 0..=PEOPLE {
            let code = match person {
                2 => REFUSES.to_vec(),
                3 => BURNS.to_vec(),
                4 => code::wallet(),
                _ => Vec::new(),
            };
            pair.account(owner(person), WEALTH, &code, [2, 3].contains(&person));
            pair.account(key(person), WEALTH, &[], false);
        }
        pair.reference.money.balances.insert(pair.evm.domain.adjudicator, 0);
        pair.reference.money.wallets.insert(owner(4));
        pair.evm.set_account(PERMIT2, 0, &code::permit2());
        for (number, manner) in MANNERS.into_iter().enumerate() {
            let contract = pair.evm.domain.adjudicator;
            let mut owned = Token { manner, ..Token::default() };
            for person in 0..PEOPLE {
                owned.balances.insert(owner(person), TOKENS);
                owned.allowances.insert((owner(person), PERMIT2), TOKENS);
                if person != 1 {
                    owned.allowances.insert((owner(person), contract), TOKENS);
                }
            }
            pair.token(token(number), owned);
        }
        let channels = vec![
            channel(0, 1, 12, 7, 9, 0),
            channel(1, 2, 6, 3, 4, 0),
            channel(2, 3, 3, 2, 2, 0),
            channel(3, 4, 20, 9, 12, 1),
            channel(1, 0, 1, 1, 1, 1),
            // With keys of the other scheme.
            Channel { key_a: key_of(P256), key_b: key_of(P256 + 1), ..channel(0, 1, 12, 7, 9, 2) },
            Channel { key_b: key_of(P256 + 4), asset: token(0), ..channel(0, 4, 12, 7, 9, 3) },
        ];
        let pairs = [(0, 1), (1, 2), (4, 1), (3, 4), (0, 4), (1, 0), (2, 3), (4, 0), (0, 2), (1, 4)];
        let of_tokens = pairs
            .into_iter()
            .enumerate()
            .map(|(number, (a, b))| Channel { asset: token(number), ..channel(a, b, 12, 7, 9, 10 + number as u16) });
        let channels: Vec<Channel> = channels.into_iter().chain(of_tokens).collect();
        let paths: [&[usize]; 5] = [&[0, 1, 2], &[3, 2, 1, 0], &[0, 1, 2, 3, 4], &[4, 0, 1], &[0, P256 + 1, P256 + 2]];
        let mut world = Self { pair, channels, virtuals: Vec::new() };
        world.virtuals = paths.iter().enumerate().map(|(number, path)| world.over(number, path)).collect();
        for v in &world.virtuals {
            world.pair.totals.insert(v.id, v.params.init_a + v.params.init_b);
        }
        world
    }

    fn over(&self, number: usize, path: &[usize]) -> Virtual {
        let mids: Vec<Key> = path[1..path.len() - 1].iter().map(|person| key_of(*person)).collect();
        let secrets: Vec<B256> = path.iter().map(|person| secret("activation", 10 * number + person)).collect();
        let ends = [path[0], path[path.len() - 1]].map(key_of);
        let params = VirtualChannel {
            a: ends[0],
            b: ends[1],
            mids: hash::keys(&mids),
            links: secret("links", number),
            fees: secret("fees", number),
            asset: Address::ZERO,
            init_a: [5, 3, 2, (1 << 96) - 2, 4][number],
            init_b: [4, 0, 2, 1, 3][number],
            t_exp: START + [60, 45, 100, 30, 50][number],
            challenge: [10, 4, 8, 1, 6][number],
            window: [6, 3, 4, 1, 3][number],
            k_max: [9, 3, 4, 1, 5][number],
            nonce: u128::MAX - number as u128,
            act_mode: 1,
            act: hash::activation(&secrets),
        };
        Virtual { id: self.pair.reference.virtual_id(&params), params, path: path.to_vec(), secrets }
    }

    /// The signatures of participants on a struct, one after the other.
    pub(crate) fn signed(&self, people: &[usize], struct_hash: B256) -> Vec<u8> {
        let digest = hash::digest(self.pair.reference.domain, struct_hash);
        people.iter().flat_map(|person| sign(*person, digest)).collect()
    }

    /// Those of both keys of a channel, less that of the side whose owner sends.
    pub(crate) fn signed_by_others(&self, params: &Channel, sender: Address, struct_hash: B256) -> Vec<u8> {
        let sides = [(params.owner_a, &params.key_a), (params.owner_b, &params.key_b)];
        let people: Vec<usize> =
            sides.iter().filter(|(owner, _)| *owner != sender).map(|(_, key)| person_of(key)).collect();
        self.signed(&people, struct_hash)
    }

    /// Every view of everything.
    pub(crate) fn same_views(&mut self, time: u64) -> Result<(), String> {
        let mut views = vec![View::DomainSeparator];
        for params in &self.channels {
            let slot = self.pair.reference.slots.get(&params.slot_key()).copied().unwrap_or_default();
            views.extend([View::Channel(*params), View::SlotKey(*params), View::Slots(params.slot_key())]);
            for nonce in 0..=slot.nonce.min(3) {
                let id = self.pair.reference.channel_id(params, nonce);
                views.extend([View::ChannelId(*params, nonce), View::Escrow(id), View::Accrued(id)]);
            }
        }
        for v in &self.virtuals {
            views.extend([View::VirtualId(v.params), View::Record(v.id), View::Accrued(v.id)]);
        }
        let nanos = self.pair.reference.nanos.keys().map(|(ch, entry)| View::Nano(*ch, *entry));
        views.extend(nanos.chain([View::Nano(B256::ZERO, B256::ZERO)]));
        views.extend(self.pair.reference.revealed.keys().chain([&B256::ZERO]).map(|hash| View::RevealedAt(*hash)));
        for asset in [Address::ZERO, token(0), token(1), token(6)] {
            views.extend((0..=PEOPLE).map(|person| View::Vault(asset, owner(person))));
        }
        views.into_iter().try_for_each(|view| self.pair.same_view(view, time))
    }
}
