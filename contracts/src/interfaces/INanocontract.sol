// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @dev What a step is told. A static struct is inlined in calldata: word i lies at offset 4 + 32 * i.
struct Context {
    bytes32 ch; // 0: id of the ledger channel or of the virtual channel
    bytes32 entry; // 1: struct hash of the Entry
    uint256 total; // 2: what the nanocontract holds, in the asset's smallest unit
    uint256 dA; // 3: A's part if the mover stalls, before this step
    uint256 stepsLeft; // 4: before this step
    uint256 time; // 5: the app clock, seconds: stands still from the opening of a dispute on, and may then be less than before
    uint256 absolute; // 6: seconds since the epoch; on chain block.timestamp
    address registry; // 7: the Adjudicator, which says when a preimage was revealed; calldata offset 228
}

/// @title The code of a nanocontract
/// @notice A pure function on bytes, which both parties run off chain and the Adjudicator runs in a dispute. It is called by
///         STATICCALL with exactly the gas that its Entry names, and everything it may depend on is in its arguments: no
///         storage, no environment, no call but to precompiles and to the registry (docs/protocol.md, 2.7).
interface INanocontract {
    /// @notice One step of the mover. A step that reverts is no step.
    /// @param state what the nanocontract remembers, at most 16,384 bytes
    /// @param caller whose turn it is: 0 = A, 1 = B
    /// @param input what the mover says, at most 16,384 bytes
    /// @return next the new state, at most 16,384 bytes
    /// @return dA what A gets if the next mover stalls, at most `ctx.total`
    /// @return mover whose turn is next: 0 = A, 1 = B
    /// @return stepsLeft below `ctx.stepsLeft`; 0: it is over
    function step(Context calldata ctx, bytes calldata state, uint8 caller, bytes calldata input)
        external
        view
        returns (bytes memory next, uint256 dA, uint256 mover, uint256 stepsLeft);
}
