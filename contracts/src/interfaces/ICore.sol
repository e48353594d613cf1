// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    Channel,
    CloseTerms,
    Key,
    LockTerms,
    Opener,
    State,
    VirtualChannel,
    VirtualState,
    WatchAuth
} from "../types/Structs.sol";
import {IShared} from "./IShared.sol";

/// @title The calls of which the Adjudicator has the code itself: those that move money, and those of disputes
interface ICore is IShared {
    // ------------------------------------------------------------------------------------- life of a ledger channel

    /// @notice Opens the channel with the value sent as A's deposit. By A's owner.
    /// @param nonce the number of this life, which must be the slot's current one (0 at first)
    function open(Channel calldata params, uint40 nonce) external payable;

    /// @notice Confirms the channel with the value sent as B's deposit. By B's owner.
    /// @param nonce the life that B agrees to; with the parameters, it names the id
    /// @param depositA A's deposit that B agrees to
    function confirm(Channel calldata params, uint40 nonce, uint96 depositA) external payable;

    /// @notice Ends a life that B has not confirmed and returns A's deposit. By A's owner.
    function refund(Channel calldata params) external;

    /// @notice Ends a life on terms that both parties signed, with or without a dispute.
    function close(Channel calldata params, CloseTerms calldata terms, bytes calldata signatures) external;

    /// @notice Registers a state: begins a dispute, or, if one runs, acts as `refute`. By an owner, who may begin with
    ///         version 0 (all numbers and roots 0, no signatures) where no state was ever signed.
    function register(Channel calldata params, State calldata state, bytes calldata signatures) external;

    /// @notice `register` by a watchtower that a party's channel key authorised.
    /// @param byB whether the WatchAuth is B's
    function registerFor(
        Channel calldata params,
        State calldata state,
        bytes calldata signatures,
        bool byB,
        WatchAuth calldata auth
    ) external;

    /// @notice Replaces the registered state by one of a higher version, until R. By anybody.
    function refute(Channel calldata params, State calldata state, bytes calldata signatures) external;

    /// @notice Ends a life by the registered state, when its dispute is over. By anybody.
    /// @param mix the value that `Registered` or `Refuted` named with the state
    function conclude(Channel calldata params, State calldata state, bytes32 mix) external;

    // -------------------------------------------------------------------------------------------- virtual channels

    /// @notice Registers a state of a virtual channel: begins its dispute (until tExp), or acts as `refuteVirtual`. By the
    ///         address of the key of one of the ends.
    /// @param secrets the activation secrets of all participants in path order
    function registerVirtual(
        VirtualChannel calldata params,
        VirtualState calldata state,
        bytes calldata signatures,
        bytes32[] calldata secrets
    ) external;

    /// @notice `registerVirtual` by a hub, which may begin a dispute in [tExp - w, tExp] only, or by a watchtower of any
    ///         participant.
    function registerVirtualFor(
        VirtualChannel calldata params,
        VirtualState calldata state,
        bytes calldata signatures,
        bytes32[] calldata secrets,
        Opener calldata opener
    ) external;

    /// @notice Replaces the registered state of a virtual channel by one of a higher version, until R. By anybody.
    function refuteVirtual(VirtualChannel calldata params, VirtualState calldata state, bytes calldata signatures)
        external;

    /// @notice Fixes the outcome of a virtual channel by its registered state, when its dispute is over. By anybody.
    function concludeVirtual(VirtualChannel calldata params, VirtualState calldata state, bytes32 mix) external;

    /// @notice Fixes the outcome that all participants signed: until tExp, or until the end of a dispute. By anybody.
    /// @param mids the keys of the hubs in path order
    /// @param signatures of the Final in path order: first end, hubs, second end
    function finalise(VirtualChannel calldata params, Key[] calldata mids, uint96 outA, bytes calldata signatures)
        external;

    // -------------------------------------------------------------------------------------------------- settlement

    /// @notice Pays out lock `index` of the ended life `nonce` by the recorded outcome of its virtual channel. By anybody.
    function settle(
        Channel calldata params,
        uint40 nonce,
        bytes32 vc,
        LockTerms calldata lock,
        uint256 index,
        bytes32[] calldata proof
    ) external;

    /// @notice Pays out lock `index` at its initial split: its virtual channel has expired without a record. By anybody.
    function settleExpired(
        Channel calldata params,
        uint40 nonce,
        VirtualChannel calldata virtualParams,
        LockTerms calldata lock,
        uint256 index,
        bytes32[] calldata proof
    ) external;

    /// @notice Pays the sender's vault balance to `to`.
    function withdraw(address asset, address to) external;

    // ---------------------------------------------------------------------------------------------------- registry

    /// @notice When the secret with this hash was first revealed, in seconds since the epoch; 0: never.
    function revealedAt(bytes32 hash) external view returns (uint256);
}
