//! Types generated from the committed artifact, and conversions from those of the core.

use crate::call::EncodeError;
use crate::event::Event;
use alloy_primitives::aliases::{U40, U48, U96};
use alloy_primitives::{Address, B256, U256};
use perunika_core::params::{ChannelParams, Party, Side, VirtualParams};
use perunika_core::sig::SECP256K1;
use perunika_core::signed::Amount;

pub(crate) use interface::Adjudicator;
pub(crate) use interface::Adjudicator::{
    AdjustTerms, Channel, CloseTerms, Key, LockTerms, Opener, Opening, State, VirtualChannel, VirtualState, WatchAuth,
};

/// `contracts/src/interfaces/IAdjudicator.sol`, less what only watchtowers call; a test holds it against the artifact.
///
/// It is written out because the generator cannot read an artifact whose structs name an enumeration of another scope.
#[allow(missing_docs, unreachable_pub, rust_2018_idioms, clippy::all)]
mod interface {
    alloy_sol_types::sol! {
        #![sol(all_derives)]

        interface Adjudicator {
            struct Channel {
                address ownerA;
                address ownerB;
                uint8 schemeA;
                bytes32 keyA;
                uint8 schemeB;
                bytes32 keyB;
                address asset;
                uint32 challenge;
                uint32 window;
                uint16 kMax;
                uint16 lane;
            }

            struct Opening {
                uint40 nonce;
                uint96 depositA;
                uint96 depositB;
                uint40 notAfter;
            }

            struct AdjustTerms {
                uint16 seq;
                uint8 side;
                uint96 amount;
                address receiver;
                uint48 ver;
                uint40 notAfter;
            }

            struct Key {
                uint8 scheme;
                bytes32 key;
            }

            struct VirtualChannel {
                Key a;
                Key b;
                bytes32 mids;
                bytes32 links;
                bytes32 fees;
                address asset;
                uint96 initA;
                uint96 initB;
                uint40 tExp;
                uint32 challenge;
                uint32 window;
                uint16 kMax;
                uint128 nonce;
                uint8 actMode;
                bytes32 act;
            }

            struct State {
                uint48 ver;
                uint96 depA;
                uint96 depB;
                uint96 total;
                uint96 defA;
                uint8 nanos;
                uint8 locks;
                bytes32 lockRoot;
                bytes32 nanoRoot;
            }

            struct VirtualState {
                uint48 ver;
                uint96 defA;
                uint8 nanos;
                bytes32 nanoRoot;
            }

            struct WatchAuth {
                uint40 notBefore;
                uint40 notAfter;
                bytes signature;
            }

            struct Opener {
                uint8 position;
                Key[] mids;
                WatchAuth auth;
            }

            struct Entry {
                bytes32 nid;
                uint48 born;
                uint96 total;
                uint96 dA0;
                uint8 mover0;
                bytes32 codeHash;
                uint32 gas;
                uint16 kMax;
                bytes32 storage0;
            }

            struct NanoVersion {
                uint48 ver;
                uint96 dA;
                uint8 mover;
                uint16 stepsLeft;
                bytes32 storageHash;
            }

            struct NanoStep {
                address code;
                bytes state;
                bytes input;
                bytes auth;
            }

            struct NanoClaim {
                Entry entry;
                uint16 index;
                uint8 depth;
                bool step;
                NanoVersion version;
            }

            struct NanoClaims {
                NanoClaim[] list;
                bytes evidence;
                NanoStep[] steps;
            }

            struct CloseTerms {
                uint96 depA;
                uint96 depB;
                uint96 outA;
                uint96 escrowed;
                uint8 locks;
                bytes32 lockRoot;
                address receiverA;
                address receiverB;
                uint40 notAfter;
            }

            struct LockTerms {
                bool leftIsA;
                uint96 left;
                uint96 right;
            }

            struct ChannelInfo {
                bytes32 id;
                uint8 phase;
                uint40 nonce;
                uint16 seq;
                uint96 depositA;
                uint96 depositB;
                bool disputed;
                uint48 ver;
                uint40 deadline;
                uint40 finalAt;
                bool nanos;
                uint160 stored;
            }

            struct RecordInfo {
                uint8 status;
                uint48 ver;
                uint40 deadline;
                bool nanos;
                uint160 stored;
                uint96 outA;
                uint40 nanosEnd;
            }

            struct NanoInfo {
                uint48 ver;
                uint40 nRef;
                uint40 last;
                uint16 stepsLeft;
                uint8 mover;
                bool forced;
                uint96 dA;
                bytes32 storageHash;
            }

            struct EscrowInfo {
                bytes32 lockRoot;
                uint96 left;
                uint128 settled;
                uint8 locks;
            }

            error AlreadyConcluded();
            error AlreadySettled();
            error DeploymentFailed();
            error Expired();
            error InsufficientGas();
            error InDispute();
            error InsufficientVault();
            error InvalidActivation();
            error InvalidAuthorisation();
            error InvalidFunding();
            error InvalidKey();
            error InvalidNano();
            error InvalidOwners();
            error InvalidPeriods();
            error InvalidProof();
            error InvalidReceiver();
            error InvalidSide();
            error InvalidSignature();
            error InvalidState();
            error InvalidStep();
            error NoBlockhash();
            error NoDispute();
            error NoSuchLock();
            error NoSuchNano();
            error NotExpired();
            error NotFinal();
            error NotMover();
            error NotNewer();
            error NotOwner();
            error NothingToWithdraw();
            error Reentered();
            error RefutationOver();
            error RefutationRunning();
            error SlotExhausted();
            error StepFailed();
            error TooLong();
            error TransferFailed();
            error UnsupportedAsset();
            error UnsupportedScheme();
            error WrongCode();
            error WrongDeposit();
            error WrongDomain();
            error WrongNonce();
            error WrongPhase();
            error WrongPreimage();
            error WrongStorage();

            event Opened(
                bytes32 indexed id,
                address indexed ownerA,
                address indexed ownerB,
                bytes32 keyA,
                bytes32 keyB,
                address asset,
                uint256 terms
            );
            event Confirmed(bytes32 indexed id, uint256 terms);
            event Refunded(bytes32 indexed id);
            event Closed(bytes32 indexed id, uint96 payA);
            event Registered(bytes32 indexed id, State state, bytes32 mix, uint40 deadline);
            event Refuted(bytes32 indexed id, State state, bytes32 mix);
            event Concluded(bytes32 indexed id, uint96 payA, uint96 payB);
            event Escrowed(bytes32 indexed id, bytes32 lockRoot, uint8 locks, uint96 amount);
            event Settled(bytes32 indexed id, bytes32 indexed vc, uint8 index, uint96 payA, uint96 payB);
            event Disclosed(bytes32 indexed vc, VirtualChannel params);
            event VirtualRegistered(bytes32 indexed vc, VirtualState state, bytes32 mix, uint40 deadline);
            event VirtualRefuted(bytes32 indexed vc, VirtualState state, bytes32 mix);
            event VirtualConcluded(bytes32 indexed vc, uint96 outA);
            event Finalised(bytes32 indexed vc, uint96 outA);
            event NanoRegistered(bytes32 indexed ch, bytes32 indexed entry, uint256 word);
            event NanoStepped(
                bytes32 indexed ch,
                bytes32 indexed entry,
                uint96 dA,
                uint8 mover,
                uint16 stepsLeft,
                bytes input,
                bytes next
            );
            event Revealed(bytes32 indexed hash, bytes32 secret);
            event Deposited(bytes32 indexed id, address indexed payer, uint256 terms);
            event Adjusted(bytes32 indexed id, uint256 terms);
            event Skipped(uint256 indexed index, bytes4 reason);
            event Vaulted(address indexed asset, address indexed owner, uint256 amount);
            event Withdrawn(address indexed asset, address indexed owner, address to, uint256 amount);

            function open(Channel params, uint40 nonce) external payable;
            function confirm(Channel params, uint40 nonce, uint96 depositA) external payable;
            function openWith(Channel params, Opening opening, bytes fundingA) external payable;
            function confirmWith(Channel params, Opening opening, bytes fundingB) external payable;
            function openBoth(Channel params, Opening opening, bytes fundingA, bytes fundingB) external payable;
            function deposit(
                Channel params,
                uint40 nonce,
                uint8 side,
                uint96 amount,
                uint40 notAfter,
                bytes funding
            ) external payable;
            function adjust(Channel params, AdjustTerms terms, bytes signatures) external;
            function refund(Channel params) external;
            function close(Channel params, CloseTerms terms, bytes signatures) external;
            function register(Channel params, State state, bytes signatures) external;
            function refute(Channel params, State state, bytes signatures) external;
            function conclude(Channel params, State state, bytes32 mix) external;

            function registerVirtual(
                VirtualChannel params,
                VirtualState state,
                bytes signatures,
                bytes32[] secrets
            ) external;
            function registerVirtualFor(
                VirtualChannel params,
                VirtualState state,
                bytes signatures,
                bytes32[] secrets,
                Opener opener
            ) external;
            function refuteVirtual(VirtualChannel params, VirtualState state, bytes signatures) external;
            function concludeVirtual(VirtualChannel params, VirtualState state, bytes32 mix) external;
            function finalise(VirtualChannel params, Key[] mids, uint96 outA, bytes signatures) external;

            function registerNano(Channel params, State state, bytes32 mix, NanoClaims claims) external;
            function registerVirtualNano(
                VirtualChannel params,
                VirtualState state,
                bytes32 mix,
                NanoClaims claims
            ) external;
            function refuteNano(Channel params, NanoClaims claims) external;
            function refuteVirtualNano(VirtualChannel params, NanoClaims claims) external;
            function execute(Channel params, Entry entry, NanoStep step) external;
            function executeVirtual(VirtualChannel params, Entry entry, NanoStep step) external;
            function reveal(bytes32 secret) external;
            function deploy(bytes code) external returns (address account);

            function settle(
                Channel params,
                uint40 nonce,
                bytes32 vc,
                LockTerms lock,
                uint256 index,
                bytes32[] proof
            ) external;
            function settleExpired(
                Channel params,
                uint40 nonce,
                VirtualChannel virtualParams,
                LockTerms lock,
                uint256 index,
                bytes32[] proof
            ) external;
            function fundVault(address asset, address owner, uint96 amount) external payable;
            function withdraw(address asset, address to, uint256 amount) external;
            function batch(uint256 gasEach, bytes[] calls) external;

            function channel(Channel params) external view returns (ChannelInfo info);
            function record(bytes32 vc) external view returns (RecordInfo info);
            function escrow(bytes32 id) external view returns (EscrowInfo info);
            function nano(bytes32 ch, bytes32 entry) external view returns (NanoInfo info);
            function accrued(bytes32 ch) external view returns (uint40 end, int128 sum);
            function revealedAt(bytes32 hash) external view returns (uint256 time);
            function vault(address asset, address owner) external view returns (uint256 amount);
        }
    }
}

pub(crate) fn amount(field: &'static str, value: Amount) -> Result<U96, EncodeError> {
    U96::try_from(value).map_err(|_| EncodeError::TooLarge(field))
}

pub(crate) fn time(field: &'static str, seconds: u64) -> Result<U40, EncodeError> {
    U40::try_from(seconds).map_err(|_| EncodeError::TooLarge(field))
}

pub(crate) fn version(value: u64) -> Result<U48, EncodeError> {
    U48::try_from(value).map_err(|_| EncodeError::TooLarge("version"))
}

pub(crate) fn key(address: Address) -> Key {
    Key { scheme: SECP256K1, key: address.into_word() }
}

pub(crate) fn channel(p: &ChannelParams) -> Channel {
    Channel {
        ownerA: p.a.owner,
        ownerB: p.b.owner,
        schemeA: SECP256K1,
        keyA: p.a.key.into_word(),
        schemeB: SECP256K1,
        keyB: p.b.key.into_word(),
        asset: p.asset,
        challenge: p.challenge,
        window: p.window,
        kMax: p.k_max,
        lane: p.lane,
    }
}

/// Some bits of a word, counted from the low end.
pub(crate) fn bits_of(word: U256, from: usize, bits: usize) -> U256 {
    (word >> from) & ((U256::ONE << bits) - U256::ONE)
}

/// Parameters, nonce and deposit of A, as the event carries them. `None` if a key is not of scheme 1: the core knows no other.
pub(crate) fn opened(e: &Adjudicator::Opened) -> Option<(ChannelParams, u64, Amount)> {
    // way 8 | schemeA 8 | schemeB 8 | challenge 32 | window 32 | kMax 16 | lane 16 | nonce 40 | depositA 96
    let field = |from: usize, bits: usize| bits_of(e.terms, from, bits);
    let party = |owner, scheme: U256, key: B256| {
        let address = Address::from_word(key);
        (scheme == U256::from(SECP256K1) && address.into_word() == key).then_some(Party { owner, key: address })
    };
    let params = ChannelParams {
        a: party(e.ownerA, field(240, 8), e.keyA)?,
        b: party(e.ownerB, field(232, 8), e.keyB)?,
        asset: e.asset,
        challenge: field(200, 32).to(),
        window: field(168, 32).to(),
        k_max: field(152, 16).to(),
        lane: field(136, 16).to(),
    };
    Some((params, field(96, 40).to(), field(0, 96).to()))
}

/// The version in an event, and nRef.
pub(crate) fn registered(e: &Adjudicator::NanoRegistered) -> Event {
    // ver 48 | nRef 40 | 0 | stepsLeft 16 | mover 8 | 0 | dA 96
    let field = |from: usize, bits: usize| bits_of(e.word, from, bits);
    Event::NanoRegistered {
        ch: e.ch,
        entry: e.entry,
        ver: field(208, 48).to(),
        da: field(0, 96).to(),
        mover: field(104, 8).to(),
        steps_left: field(112, 16).to(),
        n_ref: field(168, 40).to(),
    }
}

pub(crate) fn virtual_channel(p: &VirtualParams) -> Result<VirtualChannel, EncodeError> {
    Ok(VirtualChannel {
        a: key(p.end(Side::A)),
        b: key(p.end(Side::B)),
        mids: p.mids_hash(),
        links: p.links_hash(),
        fees: p.fees_hash(),
        asset: p.asset,
        initA: amount("initA", p.init_a)?,
        initB: amount("initB", p.init_b)?,
        tExp: time("tExp", p.t_exp)?,
        challenge: p.challenge,
        window: p.window,
        kMax: p.k_max,
        nonce: p.nonce,
        actMode: 1,
        act: p.act(),
    })
}

#[cfg(test)]
mod tests {
    use super::Adjudicator::{AdjudicatorCalls, AdjudicatorErrors, AdjudicatorEvents};
    use super::*;
    use alloy_primitives::{hex, keccak256};
    use alloy_sol_types::{SolCall, SolStruct};
    use serde_json::Value;
    use std::collections::BTreeMap;

    fn tuple(params: &Value) -> String {
        let types: Vec<String> = params
            .as_array()
            .expect("a list of parameters")
            .iter()
            .map(|p| {
                let kind = p["type"].as_str().expect("a type");
                kind.strip_prefix("tuple")
                    .map_or_else(|| kind.to_owned(), |array| format!("{}{array}", tuple(&p["components"])))
            })
            .collect();
        format!("({})", types.join(","))
    }

    /// Hash of the signature → tuple of the outputs.
    fn artifact(kind: &str) -> BTreeMap<B256, String> {
        let artifact: Value = serde_json::from_str(crate::code::ARTIFACT).expect("the artifact is JSON");
        let items = artifact["abi"].as_array().expect("an ABI").iter().filter(|item| item["type"] == kind);
        items
            .map(|item| {
                let name = item["name"].as_str().expect("a name");
                let outputs = item.get("outputs").map(tuple).unwrap_or_default();
                (keccak256(format!("{name}{}", tuple(&item["inputs"]))), outputs)
            })
            .collect()
    }

    #[test]
    fn calls_are_those_of_the_artifact() {
        let functions = artifact("function");
        for (selector, name) in AdjudicatorCalls::SELECTORS.iter().zip(AdjudicatorCalls::VARIANT_NAMES) {
            assert!(functions.keys().any(|hash| hash[..4] == *selector), "{name} {}", hex::encode(selector));
        }
    }

    #[test]
    fn answers_are_those_of_the_artifact() {
        fn check<C: SolCall, Answer: SolStruct>(functions: &BTreeMap<B256, String>) {
            let root = Answer::eip712_root_type();
            let fields = &root[root.find('(').expect("fields") + 1..root.len() - 1];
            let types: Vec<&str> = fields.split(',').filter_map(|field| field.split(' ').next()).collect();
            let outputs = &functions[&keccak256(C::SIGNATURE)];
            assert_eq!(&format!("(({}))", types.join(",")), outputs, "{}", C::SIGNATURE);
        }
        let functions = artifact("function");
        check::<Adjudicator::channelCall, Adjudicator::ChannelInfo>(&functions);
        check::<Adjudicator::recordCall, Adjudicator::RecordInfo>(&functions);
        check::<Adjudicator::escrowCall, Adjudicator::EscrowInfo>(&functions);
        check::<Adjudicator::nanoCall, Adjudicator::NanoInfo>(&functions);
    }

    #[test]
    fn events_and_errors_are_all_those_of_the_artifact() {
        let topics: Vec<B256> = artifact("event").into_keys().collect();
        assert_eq!(AdjudicatorEvents::SELECTORS.iter().map(B256::from).collect::<Vec<_>>(), topics);
        let mut errors: Vec<[u8; 4]> =
            artifact("error").into_keys().map(|hash| hash[..4].try_into().expect("4 bytes")).collect();
        errors.sort_unstable();
        assert_eq!(AdjudicatorErrors::SELECTORS.to_vec(), errors);
    }

    #[test]
    fn packed_terms_of_an_opening() {
        let word = |s: &str| s.parse::<B256>().expect("hex");
        let owner = Address::repeat_byte;
        let event = Adjudicator::Opened {
            id: B256::ZERO,
            ownerA: owner(1),
            ownerB: owner(2),
            keyA: owner(3).into_word(),
            keyB: owner(4).into_word(),
            asset: Address::ZERO,
            terms: word("0x000101000000780000003c00500002000000000700000000000000000000000f").into(),
        };
        let (params, nonce, deposit) = opened(&event).expect("scheme 1");
        assert_eq!((params.challenge, params.window, params.k_max, params.lane), (120, 60, 80, 2));
        assert_eq!((nonce, deposit), (7, 15));
        let other_scheme = Adjudicator::Opened { terms: event.terms + (U256::ONE << 240), ..event };
        assert!(opened(&other_scheme).is_none());
    }
}
