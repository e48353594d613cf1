//! Calls as calldata, and everything that comes back as words.
//!
//! Numbers are encoded as whole words whatever the width of their type, so that values can be told that the type does not admit.

use alloy_primitives::{Address, B256, Selector, U256, keccak256};
use alloy_sol_types::SolCall;
use perunika_reference::{self as reference, Call, Error, Event};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

#[allow(clippy::all, missing_docs, rust_2018_idioms, unreachable_pub)]
mod wide {
    alloy_sol_types::sol! {
        struct Channel { address ownerA; address ownerB; uint256 schemeA; bytes32 keyA; uint256 schemeB; bytes32 keyB; address asset; uint256 challenge; uint256 window; uint256 kMax; uint256 lane; }
        struct Key { uint256 scheme; bytes32 key; }
        struct VirtualChannel { Key a; Key b; bytes32 mids; bytes32 links; bytes32 fees; address asset; uint256 initA; uint256 initB; uint256 tExp; uint256 challenge; uint256 window; uint256 kMax; uint256 nonce; uint256 actMode; bytes32 act; }
        struct State { uint256 ver; uint256 depA; uint256 depB; uint256 total; uint256 defA; uint256 nanos; uint256 locks; bytes32 lockRoot; bytes32 nanoRoot; }
        struct VirtualState { uint256 ver; uint256 defA; uint256 nanos; bytes32 nanoRoot; }
        struct CloseTerms { uint256 depA; uint256 depB; uint256 outA; uint256 escrowed; uint256 locks; bytes32 lockRoot; address receiverA; address receiverB; uint256 notAfter; }
        struct LockTerms { bool leftIsA; uint256 left; uint256 right; }
        struct WatchAuth { uint256 notBefore; uint256 notAfter; bytes signature; }
        struct Opener { uint256 position; Key[] mids; WatchAuth auth; }
        struct Entry { bytes32 nid; uint256 born; uint256 total; uint256 dA0; uint256 mover0; bytes32 codeHash; uint256 gas; uint256 kMax; bytes32 storage0; }
        struct NanoVersion { uint256 ver; uint256 dA; uint256 mover; uint256 stepsLeft; bytes32 storageHash; }
        struct NanoStep { address code; bytes state; bytes input; bytes auth; }
        struct NanoClaim { Entry entry; uint256 index; uint256 depth; bool step; NanoVersion version; }
        struct NanoClaims { NanoClaim[] list; bytes evidence; NanoStep[] steps; }

        struct Opening { uint256 nonce; uint256 depositA; uint256 depositB; uint256 notAfter; }
        struct AdjustTerms { uint256 seq; uint256 side; uint256 amount; address receiver; uint256 ver; uint256 notAfter; }

        function openWith(Channel params, Opening opening, bytes fundingA);
        function confirmWith(Channel params, Opening opening, bytes fundingB);
        function openBoth(Channel params, Opening opening, bytes fundingA, bytes fundingB);
        function deposit(Channel params, uint256 nonce, uint256 side, uint256 amount, uint256 notAfter, bytes funding);
        function adjust(Channel params, AdjustTerms terms, bytes signatures);
        function fundVault(address asset, address owner, uint256 amount);
        function batch(uint256 gasEach, bytes[] calls);
        function open(Channel params, uint256 nonce);
        function confirm(Channel params, uint256 nonce, uint256 depositA);
        function refund(Channel params);
        function close(Channel params, CloseTerms terms, bytes signatures);
        function register(Channel params, State state, bytes signatures);
        function registerFor(Channel params, State state, bytes signatures, bool byB, WatchAuth auth);
        function refute(Channel params, State state, bytes signatures);
        function conclude(Channel params, State state, bytes32 mix);
        function registerVirtual(VirtualChannel params, VirtualState state, bytes signatures, bytes32[] secrets);
        function registerVirtualFor(VirtualChannel params, VirtualState state, bytes signatures, bytes32[] secrets, Opener opener);
        function refuteVirtual(VirtualChannel params, VirtualState state, bytes signatures);
        function concludeVirtual(VirtualChannel params, VirtualState state, bytes32 mix);
        function finalise(VirtualChannel params, Key[] mids, uint256 outA, bytes signatures);
        function registerNano(Channel params, State state, bytes32 mix, NanoClaims claims);
        function registerVirtualNano(VirtualChannel params, VirtualState state, bytes32 mix, NanoClaims claims);
        function refuteNano(Channel params, NanoClaims claims);
        function refuteVirtualNano(VirtualChannel params, NanoClaims claims);
        function execute(Channel params, Entry entry, NanoStep step);
        function executeVirtual(VirtualChannel params, Entry entry, NanoStep step);
        function reveal(bytes32 secret);
        function deploy(bytes code);
        function settle(Channel params, uint256 nonce, bytes32 vc, LockTerms lock, uint256 index, bytes32[] proof);
        function settleExpired(Channel params, uint256 nonce, VirtualChannel virtualParams, LockTerms lock, uint256 index, bytes32[] proof);
        function withdraw(address asset, address to, uint256 amount);

        function channel(Channel params);
        function slots(bytes32 slotKey);
        function record(bytes32 vc);
        function escrow(bytes32 id);
        function nano(bytes32 ch, bytes32 entry);
        function accrued(bytes32 ch);
        function revealedAt(bytes32 hash);
        function vault(address asset, address owner);
        function domainSeparator();
        function slotKey(Channel params);
        function channelId(Channel params, uint256 nonce);
        function virtualId(VirtualChannel params);
    }
}

fn n(value: impl Into<u128>) -> U256 {
    U256::from(value.into())
}

fn key(k: &reference::Key) -> wide::Key {
    wide::Key { scheme: n(k.scheme), key: k.key }
}

fn channel(c: &reference::Channel) -> wide::Channel {
    wide::Channel {
        ownerA: c.owner_a,
        ownerB: c.owner_b,
        schemeA: n(c.key_a.scheme),
        keyA: c.key_a.key,
        schemeB: n(c.key_b.scheme),
        keyB: c.key_b.key,
        asset: c.asset,
        challenge: n(c.challenge),
        window: n(c.window),
        kMax: n(c.k_max),
        lane: n(c.lane),
    }
}

fn virtual_channel(v: &reference::VirtualChannel) -> wide::VirtualChannel {
    wide::VirtualChannel {
        a: key(&v.a),
        b: key(&v.b),
        mids: v.mids,
        links: v.links,
        fees: v.fees,
        asset: v.asset,
        initA: n(v.init_a),
        initB: n(v.init_b),
        tExp: n(v.t_exp),
        challenge: n(v.challenge),
        window: n(v.window),
        kMax: n(v.k_max),
        nonce: n(v.nonce),
        actMode: n(v.act_mode),
        act: v.act,
    }
}

fn state(s: &reference::LedgerState) -> wide::State {
    wide::State {
        ver: n(s.ver),
        depA: n(s.dep_a),
        depB: n(s.dep_b),
        total: n(s.total),
        defA: n(s.def_a),
        nanos: n(s.nanos),
        locks: n(s.locks),
        lockRoot: s.lock_root,
        nanoRoot: s.nano_root,
    }
}

fn virtual_state(s: &reference::VirtualState) -> wide::VirtualState {
    wide::VirtualState { ver: n(s.ver), defA: n(s.def_a), nanos: n(s.nanos), nanoRoot: s.nano_root }
}

fn terms(t: &reference::CloseTerms) -> wide::CloseTerms {
    wide::CloseTerms {
        depA: n(t.dep_a),
        depB: n(t.dep_b),
        outA: n(t.out_a),
        escrowed: n(t.escrowed),
        locks: n(t.locks),
        lockRoot: t.lock_root,
        receiverA: t.receiver_a,
        receiverB: t.receiver_b,
        notAfter: n(t.not_after),
    }
}

fn opening(o: &reference::Opening) -> wide::Opening {
    wide::Opening { nonce: n(o.nonce), depositA: n(o.deposit_a), depositB: n(o.deposit_b), notAfter: n(o.not_after) }
}

fn adjust(t: &reference::AdjustTerms) -> wide::AdjustTerms {
    wide::AdjustTerms {
        seq: n(t.seq),
        side: n(t.side),
        amount: n(t.amount),
        receiver: t.receiver,
        ver: n(t.ver),
        notAfter: n(t.not_after),
    }
}

fn lock(l: &reference::LockTerms) -> wide::LockTerms {
    wide::LockTerms { leftIsA: l.left_is_a, left: n(l.left), right: n(l.right) }
}

fn auth(a: &reference::WatchAuth) -> wide::WatchAuth {
    wide::WatchAuth { notBefore: n(a.not_before), notAfter: n(a.not_after), signature: a.signature.clone().into() }
}

fn entry(e: &reference::Entry) -> wide::Entry {
    wide::Entry {
        nid: e.nid,
        born: n(e.born),
        total: n(e.total),
        dA0: n(e.d_a0),
        mover0: n(e.mover0),
        codeHash: e.code_hash,
        gas: n(e.gas),
        kMax: n(e.k_max),
        storage0: e.storage0,
    }
}

fn version(v: &reference::NanoVersion) -> wide::NanoVersion {
    wide::NanoVersion {
        ver: n(v.ver),
        dA: n(v.d_a),
        mover: n(v.mover),
        stepsLeft: n(v.steps_left),
        storageHash: v.storage_hash,
    }
}

fn step(s: &reference::NanoStep) -> wide::NanoStep {
    wide::NanoStep {
        code: s.code,
        state: s.state.clone().into(),
        input: s.input.clone().into(),
        auth: s.auth.clone().into(),
    }
}

fn claims(c: &reference::NanoClaims) -> wide::NanoClaims {
    let list = c.list.iter().map(|c| wide::NanoClaim {
        entry: entry(&c.entry),
        index: n(c.index),
        depth: n(c.depth),
        step: c.step,
        version: version(&c.version),
    });
    wide::NanoClaims {
        list: list.collect(),
        evidence: c.evidence.clone().into(),
        steps: c.steps.iter().map(step).collect(),
    }
}

/// Puts the selector of the real signature before the arguments.
fn encoded(name: &str, call: impl SolCall) -> Vec<u8> {
    let mut data = call.abi_encode();
    data[..4].copy_from_slice(INTERFACE.functions[name].as_slice());
    data
}

/// A call as calldata.
pub(crate) fn calldata(call: &Call) -> Vec<u8> {
    let name = call.name();
    match call {
        Call::Open { params, nonce } => encoded(name, wide::openCall { params: channel(params), nonce: n(*nonce) }),
        Call::Confirm { params, nonce, deposit_a } => {
            encoded(name, wide::confirmCall { params: channel(params), nonce: n(*nonce), depositA: n(*deposit_a) })
        }
        Call::Refund { params } => encoded(name, wide::refundCall { params: channel(params) }),
        Call::Close { params, terms: t, signatures } => encoded(
            name,
            wide::closeCall { params: channel(params), terms: terms(t), signatures: signatures.clone().into() },
        ),
        Call::Register { params, state: s, signatures } => encoded(
            name,
            wide::registerCall { params: channel(params), state: state(s), signatures: signatures.clone().into() },
        ),
        Call::RegisterFor { params, state: s, signatures, by_b, auth: a } => encoded(
            name,
            wide::registerForCall {
                params: channel(params),
                state: state(s),
                signatures: signatures.clone().into(),
                byB: *by_b,
                auth: auth(a),
            },
        ),
        Call::Refute { params, state: s, signatures } => encoded(
            name,
            wide::refuteCall { params: channel(params), state: state(s), signatures: signatures.clone().into() },
        ),
        Call::Conclude { params, state: s, mix } => {
            encoded(name, wide::concludeCall { params: channel(params), state: state(s), mix: *mix })
        }
        Call::RegisterVirtual { params, state: s, signatures, secrets } => encoded(
            name,
            wide::registerVirtualCall {
                params: virtual_channel(params),
                state: virtual_state(s),
                signatures: signatures.clone().into(),
                secrets: secrets.clone(),
            },
        ),
        Call::RegisterVirtualFor { params, state: s, signatures, secrets, opener } => encoded(
            name,
            wide::registerVirtualForCall {
                params: virtual_channel(params),
                state: virtual_state(s),
                signatures: signatures.clone().into(),
                secrets: secrets.clone(),
                opener: wide::Opener {
                    position: n(opener.position),
                    mids: opener.mids.iter().map(key).collect(),
                    auth: auth(&opener.auth),
                },
            },
        ),
        Call::RefuteVirtual { params, state: s, signatures } => encoded(
            name,
            wide::refuteVirtualCall {
                params: virtual_channel(params),
                state: virtual_state(s),
                signatures: signatures.clone().into(),
            },
        ),
        Call::ConcludeVirtual { params, state: s, mix } => encoded(
            name,
            wide::concludeVirtualCall { params: virtual_channel(params), state: virtual_state(s), mix: *mix },
        ),
        Call::Finalise { params, mids, out_a, signatures } => encoded(
            name,
            wide::finaliseCall {
                params: virtual_channel(params),
                mids: mids.iter().map(key).collect(),
                outA: n(*out_a),
                signatures: signatures.clone().into(),
            },
        ),
        Call::RegisterNano { params, state: s, mix, claims: c } => encoded(
            name,
            wide::registerNanoCall { params: channel(params), state: state(s), mix: *mix, claims: claims(c) },
        ),
        Call::RegisterVirtualNano { params, state: s, mix, claims: c } => encoded(
            name,
            wide::registerVirtualNanoCall {
                params: virtual_channel(params),
                state: virtual_state(s),
                mix: *mix,
                claims: claims(c),
            },
        ),
        Call::RefuteNano { params, claims: c } => {
            encoded(name, wide::refuteNanoCall { params: channel(params), claims: claims(c) })
        }
        Call::RefuteVirtualNano { params, claims: c } => {
            encoded(name, wide::refuteVirtualNanoCall { params: virtual_channel(params), claims: claims(c) })
        }
        Call::Execute { params, entry: e, step: s } => {
            encoded(name, wide::executeCall { params: channel(params), entry: entry(e), step: step(s) })
        }
        Call::ExecuteVirtual { params, entry: e, step: s } => {
            encoded(name, wide::executeVirtualCall { params: virtual_channel(params), entry: entry(e), step: step(s) })
        }
        Call::Reveal { secret } => encoded(name, wide::revealCall { secret: *secret }),
        Call::Deploy { code } => encoded(name, wide::deployCall { code: code.clone().into() }),
        Call::Settle { params, nonce, vc, lock: l, index, proof } => encoded(
            name,
            wide::settleCall {
                params: channel(params),
                nonce: n(*nonce),
                vc: *vc,
                lock: lock(l),
                index: n(*index),
                proof: proof.clone(),
            },
        ),
        Call::SettleExpired { params, nonce, virtual_params, lock: l, index, proof } => encoded(
            name,
            wide::settleExpiredCall {
                params: channel(params),
                nonce: n(*nonce),
                virtualParams: virtual_channel(virtual_params),
                lock: lock(l),
                index: n(*index),
                proof: proof.clone(),
            },
        ),
        Call::Withdraw { asset, to, amount } => {
            encoded(name, wide::withdrawCall { asset: *asset, to: *to, amount: n(*amount) })
        }
        Call::FundVault { asset, owner, amount } => {
            encoded(name, wide::fundVaultCall { asset: *asset, owner: *owner, amount: n(*amount) })
        }
        Call::OpenWith { params, opening: o, funding_a } => encoded(
            name,
            wide::openWithCall { params: channel(params), opening: opening(o), fundingA: funding_a.clone().into() },
        ),
        Call::ConfirmWith { params, opening: o, funding_b } => encoded(
            name,
            wide::confirmWithCall { params: channel(params), opening: opening(o), fundingB: funding_b.clone().into() },
        ),
        Call::OpenBoth { params, opening: o, funding_a, funding_b } => encoded(
            name,
            wide::openBothCall {
                params: channel(params),
                opening: opening(o),
                fundingA: funding_a.clone().into(),
                fundingB: funding_b.clone().into(),
            },
        ),
        Call::Deposit { params, nonce, side, amount, not_after, funding } => encoded(
            name,
            wide::depositCall {
                params: channel(params),
                nonce: n(*nonce),
                side: n(*side),
                amount: n(*amount),
                notAfter: n(*not_after),
                funding: funding.clone().into(),
            },
        ),
        Call::Adjust { params, terms: t, signatures } => encoded(
            name,
            wide::adjustCall { params: channel(params), terms: adjust(t), signatures: signatures.clone().into() },
        ),
        Call::Batch { gas_each, calls } => encoded(
            name,
            wide::batchCall { gasEach: n(*gas_each), calls: calls.iter().map(|call| calldata(call).into()).collect() },
        ),
    }
}

/// A batch of any calldata.
pub(crate) fn batch(gas_each: u64, calls: Vec<Vec<u8>>) -> Vec<u8> {
    let calls = calls.into_iter().map(Into::into).collect();
    encoded("batch", wide::batchCall { gasEach: n(gas_each), calls })
}

/// A question.
#[derive(Clone, Copy, Debug)]
pub(crate) enum View {
    Channel(reference::Channel),
    Slots(B256),
    Record(B256),
    Escrow(B256),
    Nano(B256, B256),
    Accrued(B256),
    RevealedAt(B256),
    Vault(Address, Address),
    DomainSeparator,
    SlotKey(reference::Channel),
    ChannelId(reference::Channel, u64),
    VirtualId(reference::VirtualChannel),
}

impl View {
    pub(crate) const NAMES: [&str; 12] = [
        "channel",
        "slots",
        "record",
        "escrow",
        "nano",
        "accrued",
        "revealedAt",
        "vault",
        "domainSeparator",
        "slotKey",
        "channelId",
        "virtualId",
    ];

    pub(crate) fn name(&self) -> &'static str {
        let index = match self {
            Self::Channel(_) => 0,
            Self::Slots(_) => 1,
            Self::Record(_) => 2,
            Self::Escrow(_) => 3,
            Self::Nano(..) => 4,
            Self::Accrued(_) => 5,
            Self::RevealedAt(_) => 6,
            Self::Vault(..) => 7,
            Self::DomainSeparator => 8,
            Self::SlotKey(_) => 9,
            Self::ChannelId(..) => 10,
            Self::VirtualId(_) => 11,
        };
        Self::NAMES[index]
    }

    pub(crate) fn calldata(&self) -> Vec<u8> {
        let name = self.name();
        match *self {
            Self::Channel(c) => encoded(name, wide::channelCall { params: channel(&c) }),
            Self::Slots(slot_key) => encoded(name, wide::slotsCall { slotKey: slot_key }),
            Self::Record(vc) => encoded(name, wide::recordCall { vc }),
            Self::Escrow(id) => encoded(name, wide::escrowCall { id }),
            Self::Nano(ch, entry) => encoded(name, wide::nanoCall { ch, entry }),
            Self::Accrued(ch) => encoded(name, wide::accruedCall { ch }),
            Self::RevealedAt(hash) => encoded(name, wide::revealedAtCall { hash }),
            Self::Vault(asset, owner) => encoded(name, wide::vaultCall { asset, owner }),
            Self::DomainSeparator => encoded(name, wide::domainSeparatorCall {}),
            Self::SlotKey(c) => encoded(name, wide::slotKeyCall { params: channel(&c) }),
            Self::ChannelId(c, nonce) => encoded(name, wide::channelIdCall { params: channel(&c), nonce: n(nonce) }),
            Self::VirtualId(v) => encoded(name, wide::virtualIdCall { params: virtual_channel(&v) }),
        }
    }
}

/// Names and signatures as the committed artifact has them.
pub(crate) struct Interface {
    pub(crate) functions: BTreeMap<String, Selector>,
    errors: BTreeMap<Selector, String>,
    events: BTreeMap<String, B256>,
}

pub(crate) static INTERFACE: LazyLock<Interface> = LazyLock::new(|| {
    let artifact: Value =
        serde_json::from_str(include_str!("../../../../contracts/artifacts/Adjudicator.json")).unwrap();
    let mut interface = Interface { functions: BTreeMap::new(), errors: BTreeMap::new(), events: BTreeMap::new() };
    for item in artifact["abi"].as_array().unwrap() {
        let Some(name) = item["name"].as_str() else { continue };
        let hash = keccak256(format!("{name}{}", tuple(&item["inputs"])));
        let selector = Selector::from_slice(&hash[..4]);
        match item["type"].as_str() {
            Some("function") => drop(interface.functions.insert(name.to_owned(), selector)),
            Some("error") => drop(interface.errors.insert(selector, name.to_owned())),
            Some("event") => drop(interface.events.insert(name.to_owned(), hash)),
            _ => {}
        }
    }
    interface
});

fn tuple(params: &Value) -> String {
    let kinds = params.as_array().unwrap().iter().map(|p| {
        let kind = p["type"].as_str().unwrap();
        kind.strip_prefix("tuple")
            .map_or_else(|| kind.to_owned(), |array| format!("{}{array}", tuple(&p["components"])))
    });
    format!("({})", kinds.collect::<Vec<_>>().join(","))
}

/// The custom error in revert data; none if the call reverted without a word.
pub(crate) fn error(data: &[u8]) -> Option<Error> {
    if data.is_empty() {
        return None;
    }
    assert_eq!(data.len(), 4, "revert data that no custom error has: {data:02x?}");
    let name = &INTERFACE.errors[&Selector::from_slice(data)];
    Some(*Error::CUSTOM.iter().find(|error| error.name() == Some(name)).expect("an error that the reference knows"))
}

/// 0 of an error without a word.
fn selector(error: Error) -> Selector {
    let mut all = INTERFACE.errors.iter();
    all.find(|(_, name)| error.name() == Some(name)).map(|(selector, _)| *selector).unwrap_or_default()
}

/// Every custom error of the artifact.
pub(crate) fn error_names() -> Vec<&'static str> {
    INTERFACE.errors.values().map(String::as_str).collect()
}

/// Topics and data of a log.
pub(crate) type RawLog = (Vec<B256>, Vec<u8>);

fn words<T: Into<U256> + Copy>(list: &[T]) -> Vec<u8> {
    list.iter().flat_map(|word| (*word).into().to_be_bytes::<32>()).collect()
}

fn of(address: Address) -> U256 {
    address.into_word().into()
}

fn w(word: B256) -> U256 {
    word.into()
}

fn state_words(s: &reference::LedgerState) -> [U256; 9] {
    let numbers = [n(s.ver), n(s.dep_a), n(s.dep_b), n(s.total), n(s.def_a), n(s.nanos), n(s.locks)];
    [numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6], w(s.lock_root), w(s.nano_root)]
}

fn virtual_words(s: &reference::VirtualState) -> [U256; 4] {
    [n(s.ver), n(s.def_a), n(s.nanos), w(s.nano_root)]
}

fn params_words(v: &reference::VirtualChannel) -> [U256; 17] {
    [
        n(v.a.scheme),
        w(v.a.key),
        n(v.b.scheme),
        w(v.b.key),
        w(v.mids),
        w(v.links),
        w(v.fees),
        of(v.asset),
        n(v.init_a),
        n(v.init_b),
        n(v.t_exp),
        n(v.challenge),
        n(v.window),
        n(v.k_max),
        n(v.nonce),
        n(v.act_mode),
        w(v.act),
    ]
}

/// ver 48 | nRef 40 | last 40 | stepsLeft 16 | mover 8 | forced 8 | dA 96
pub(crate) fn position_word(p: &reference::Position) -> U256 {
    n(p.ver) << 208
        | n(p.n_ref) << 168
        | n(p.last) << 128
        | n(p.steps_left) << 112
        | n(p.mover) << 104
        | n(u8::from(p.forced)) << 96
        | n(p.d_a)
}

fn with_bytes(head: &[U256], tails: [&[u8]; 2]) -> Vec<u8> {
    let mut data = words(head);
    let mut at = 32 * (head.len() + 2);
    for tail in tails {
        data.extend(words(&[n(at as u128)]));
        at += 32 + tail.len().div_ceil(32) * 32;
    }
    for tail in tails {
        data.extend(words(&[n(tail.len() as u128)]));
        data.extend_from_slice(tail);
        data.resize(data.len().div_ceil(32) * 32, 0);
    }
    data
}

/// An event as the log has it.
pub(crate) fn log(event: &Event) -> RawLog {
    let (name, topics, data): (&str, Vec<B256>, Vec<u8>) = match event {
        Event::Opened { id, params: c, nonce, deposit_a, way } => {
            // way 8 | schemeA 8 | schemeB 8 | challenge 32 | window 32 | kMax 16 | lane 16 | nonce 40 | depositA 96
            let terms = n(*way) << 248
                | n(c.key_a.scheme) << 240
                | n(c.key_b.scheme) << 232
                | n(c.challenge) << 200
                | n(c.window) << 168
                | n(c.k_max) << 152
                | n(c.lane) << 136
                | n(*nonce) << 96
                | n(*deposit_a);
            let topics = vec![*id, c.owner_a.into_word(), c.owner_b.into_word()];
            ("Opened", topics, words(&[w(c.key_a.key), w(c.key_b.key), of(c.asset), terms]))
        }
        Event::Confirmed { id, deposit_b, way } => ("Confirmed", vec![*id], words(&[n(*way) << 96 | n(*deposit_b)])),
        Event::Deposited { id, payer, side, amount, way } => {
            let terms = n(*way) << 104 | n(*side) << 96 | n(*amount);
            ("Deposited", vec![*id, payer.into_word()], words(&[terms]))
        }
        Event::Adjusted { id, seq, side, amount } => {
            ("Adjusted", vec![*id], words(&[n(*seq) << 104 | n(*side) << 96 | n(*amount)]))
        }
        Event::Skipped { index, reason } => {
            let mut word = [0; 32];
            word[..4].copy_from_slice(selector(*reason).as_slice());
            ("Skipped", vec![B256::from(n(*index))], word.to_vec())
        }
        Event::Refunded { id } => ("Refunded", vec![*id], vec![]),
        Event::Closed { id, pay_a } => ("Closed", vec![*id], words(&[n(*pay_a)])),
        Event::Registered { id, state, mix, deadline } => {
            ("Registered", vec![*id], [words(&state_words(state)), words(&[w(*mix), n(*deadline)])].concat())
        }
        Event::Refuted { id, state, mix } => {
            ("Refuted", vec![*id], [words(&state_words(state)), words(&[w(*mix)])].concat())
        }
        Event::Concluded { id, pay_a, pay_b } => ("Concluded", vec![*id], words(&[n(*pay_a), n(*pay_b)])),
        Event::Escrowed { id, lock_root, locks, amount } => {
            ("Escrowed", vec![*id], words(&[w(*lock_root), n(*locks), n(*amount)]))
        }
        Event::Settled { id, vc, index, pay_a, pay_b } => {
            ("Settled", vec![*id, *vc], words(&[n(*index), n(*pay_a), n(*pay_b)]))
        }
        Event::Disclosed { vc, params } => ("Disclosed", vec![*vc], words(&params_words(params))),
        Event::VirtualRegistered { vc, state, mix, deadline } => {
            ("VirtualRegistered", vec![*vc], [words(&virtual_words(state)), words(&[w(*mix), n(*deadline)])].concat())
        }
        Event::VirtualRefuted { vc, state, mix } => {
            ("VirtualRefuted", vec![*vc], [words(&virtual_words(state)), words(&[w(*mix)])].concat())
        }
        Event::VirtualConcluded { vc, out_a } => ("VirtualConcluded", vec![*vc], words(&[n(*out_a)])),
        Event::Finalised { vc, out_a } => ("Finalised", vec![*vc], words(&[n(*out_a)])),
        Event::NanoRegistered { ch, entry, position } => {
            ("NanoRegistered", vec![*ch, *entry], words(&[position_word(position)]))
        }
        Event::NanoStepped { ch, entry, d_a, mover, steps_left, input, next } => {
            ("NanoStepped", vec![*ch, *entry], with_bytes(&[n(*d_a), n(*mover), n(*steps_left)], [input, next]))
        }
        Event::Revealed { hash, secret } => ("Revealed", vec![*hash], words(&[w(*secret)])),
        Event::Vaulted { asset, owner, amount } => {
            ("Vaulted", vec![asset.into_word(), owner.into_word()], words(&[n(*amount)]))
        }
        Event::Withdrawn { asset, owner, to, amount } => {
            ("Withdrawn", vec![asset.into_word(), owner.into_word()], words(&[of(*to), n(*amount)]))
        }
    };
    ([vec![INTERFACE.events[name]], topics].concat(), data)
}

/// The words of an answer.
pub(crate) fn answer(data: &[u8]) -> Vec<U256> {
    data.chunks(32).map(U256::from_be_slice).collect()
}
