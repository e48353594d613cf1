// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @dev The parameters of a ledger channel. Their words, in this order, hash to the slot key (docs/encoding.md, Ids).
///      Every call on a ledger channel carries them.
struct Channel {
    address ownerA; // deposits, pays gas, receives money
    address ownerB;
    uint8 schemeA; // 1 = secp256k1
    bytes32 keyA; // signs states; scheme 1: an address, left-padded
    uint8 schemeB;
    bytes32 keyB;
    address asset; // zero = ETH
    uint32 challenge; // C, seconds in which a registered state may be refuted
    uint32 window; // w, seconds of one forced step
    uint16 kMax; // most forced steps of one nanocontract
    uint16 lane; // tells channels of one pair apart
}

/// @dev What both parties agree on when they open a life of a channel. With the id it is what an OpenAuth names.
struct Opening {
    uint40 nonce; // of the life: the slot's current one
    uint96 depositA;
    uint96 depositB;
    uint40 notAfter;
}

/// @dev What signs states.
struct Key {
    uint8 scheme;
    bytes32 key;
}

/// @dev VParams. Their words, in this order, hash into the id of a virtual channel.
struct VirtualChannel {
    Key a; // ends[0]
    Key b; // ends[1]
    bytes32 mids; // hash of the list of hub keys
    bytes32 links; // hash of the list of ledger channel ids
    bytes32 fees; // hash of the list of hub fees
    address asset;
    uint96 initA;
    uint96 initB;
    uint40 tExp; // seconds since the epoch
    uint32 challenge;
    uint32 window;
    uint16 kMax;
    uint128 nonce;
    uint8 actMode; // 1
    bytes32 act; // H(h_0 .. h_n)
}

/// @dev A State of a ledger channel as calls and events carry it: `ch` is computed, and `entries` = node(lockRoot, nanoRoot).
struct State {
    uint48 ver;
    uint96 depA; // counted deposits
    uint96 depB;
    uint96 total; // cash and open nanocontracts; depA + depB - total stands in locks
    uint96 defA; // A's part of total if no nanocontract is ever registered
    uint8 nanos;
    uint8 locks;
    bytes32 lockRoot;
    bytes32 nanoRoot;
}

/// @dev A State of a virtual channel: depA, depB, locks and lockRoot are 0 and total is initA + initB.
struct VirtualState {
    uint48 ver;
    uint96 defA;
    uint8 nanos;
    bytes32 nanoRoot;
}

/// @dev The terms of a cooperative close. A Close counts no nanocontracts, so that `entries` = node(lockRoot, 0).
struct CloseTerms {
    uint96 depA;
    uint96 depB;
    uint96 outA; // A's part of the cash
    uint96 escrowed; // what stands in locks: total = depA + depB - escrowed
    uint8 locks;
    bytes32 lockRoot;
    address receiverA; // zero stands for the owner, in the call only: what is signed names the owner; the Adjudicator, for the owner's vault
    address receiverB;
    uint40 notAfter;
}

/// @dev A withdrawal while the channel stays open: an Adjust, less the id.
struct AdjustTerms {
    uint16 seq; // how many there were before in this life
    uint8 side; // whose deposit becomes less: 0 = A, 1 = B
    uint96 amount;
    address receiver; // as in CloseTerms
    uint48 ver; // of the State that counts so much less; for the signers only
    uint40 notAfter;
}

/// @dev A lock, less the id of its virtual channel.
struct LockTerms {
    bool leftIsA;
    uint96 left;
    uint96 right;
}

/// @dev A WatchAuth, less what the contract knows: the id of the channel and the tower, which is the sender.
struct WatchAuth {
    uint40 notBefore;
    uint40 notAfter;
    bytes signature;
}

/// @dev Who opens the dispute of a virtual channel: participant number `position` of the path (0 = ends[0], 1.. = hubs,
///      n = ends[1]). `mids` is needed for a hub only. An empty signature means that the sender is that key's address.
struct Opener {
    uint8 position;
    Key[] mids;
    WatchAuth auth;
}

/// @dev A nanocontract as the tree of a State holds it: constants only, and what happens to its money if nobody ever moves.
struct Entry {
    bytes32 nid; // never repeats within a channel
    uint48 born; // version of the State that added it
    uint96 total; // what it holds
    uint96 dA0; // A's part at first, and for ever if nobody registers it
    uint8 mover0; // who moves first: 0 = A, 1 = B
    bytes32 codeHash; // of the runtime code
    uint32 gas; // of one step, exactly
    uint16 kMax; // most forced steps
    bytes32 storage0; // hash of its first state
}

/// @dev One version of a nanocontract. Version 0 is (dA0, mover0, kMax, storage0) of its Entry and carries no signatures.
struct NanoVersion {
    uint48 ver;
    uint96 dA; // A's part if the mover stalls
    uint8 mover;
    uint16 stepsLeft;
    bytes32 storageHash;
}

/// @dev One forced step. `auth` is the mover's StepAuth, or empty: then the sender must be the mover itself.
struct NanoStep {
    address code; // holds the code that the Entry names
    bytes state; // what the stored hash is of
    bytes input;
    bytes auth;
}

/// @dev A version of a nanocontract, and perhaps one provisional step of its mover, which a higher version discards.
struct NanoClaim {
    Entry entry;
    uint16 index; // its leaf in the registered State; unused in a refutation
    uint8 depth; // siblings upwards, to the root or to a sibling on the way of a former claim of the same call
    bool step; // whether one of `NanoClaims.steps` is its provisional one
    NanoVersion version;
}

/// @dev The claims of one call. What differs in length stands outside of them, in their order, each claim taking its own.
struct NanoClaims {
    NanoClaim[] list;
    bytes evidence; // of each claim: `depth` siblings, 32 bytes each, then the signatures
    NanoStep[] steps; // of the claims that have one
}
