// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Channel, Entry, NanoClaims, NanoStep, State, VirtualChannel, VirtualState} from "../types/Structs.sol";
import {IShared} from "./IShared.sol";

/// @title The calls that the Adjudicator hands on to its extension, at the Adjudicator's own address like all others
interface IExtension is IShared {
    // ---------------------------------------------------------------------------------------------- nanocontracts

    /// @notice Registers nanocontracts of the registered state, in ]R, R + w]: version 0 without signatures, any other with both
    ///         keys' (on a ledger channel, less that of the side whose owner is the sender). By anybody; a provisional step, by
    ///         its mover. A claim on a nanocontract that is registered already replaces a lower version and is otherwise passed
    ///         over, so that nobody can spoil the call by coming first; it reverts if there is nothing to do.
    /// @param mix the value that `Registered` or `Refuted` named with the state
    /// @param claims in any order; by index, the proofs after the first one may be short (NanoClaims)
    function registerNano(Channel calldata params, State calldata state, bytes32 mix, NanoClaims calldata claims)
        external;

    /// @notice `registerNano` of a virtual channel.
    function registerVirtualNano(
        VirtualChannel calldata params,
        VirtualState calldata state,
        bytes32 mix,
        NanoClaims calldata claims
    ) external;

    /// @notice Replaces registered nanocontracts by higher versions, each until its nRef. By anybody; a provisional step, by
    ///         its mover. What is not newer, or past its nRef, is passed over; it reverts if there is nothing to do.
    function refuteNano(Channel calldata params, NanoClaims calldata claims) external;

    /// @notice `refuteNano` of a virtual channel.
    function refuteVirtualNano(VirtualChannel calldata params, NanoClaims calldata claims) external;

    /// @notice Forces a step, in ]nRef, max(nRef, last) + w]. By the mover: its owner, or whoever holds its StepAuth.
    function execute(Channel calldata params, Entry calldata entry, NanoStep calldata step) external;

    /// @notice `execute` of a virtual channel; the mover is the address of its key.
    function executeVirtual(VirtualChannel calldata params, Entry calldata entry, NanoStep calldata step) external;

    /// @notice Makes a secret public and notes when that first happened. By anybody.
    function reveal(bytes32 secret) external;

    /// @notice Puts runtime code where anybody can compute that it is: CREATE2, salt 0, and as init code
    ///         0x61 ‖ length (two bytes) ‖ 0x80600a5f395ff3 ‖ code. Does nothing if it is there. By anybody.
    function deploy(bytes calldata code) external returns (address);

    // ----------------------------------------------------------------------------------------------------- batches

    /// @notice Makes calls as if the sender made each. One that fails is passed over (`Skipped`), so that no counterparty can stop
    ///         the others by making its own stale. Without ether: openings are paid out of the vault, and what closings pay the
    ///         sender goes into its vault if the receiver is the Adjudicator. By anybody. (Protocol 3.7)
    /// @dev Reverts with InsufficientGas.
    /// @param gasEach what each call gets; if there is not so much, the batch reverts
    /// @param calls calldata of this contract's functions
    function batch(uint256 gasEach, bytes[] calldata calls) external;

    // ------------------------------------------------------------------------------------------------------- views

    function channel(Channel calldata params) external view returns (ChannelInfo memory);

    /// @notice The two words of a slot as they are stored.
    function slots(bytes32 slotKey) external view returns (uint256 s0, uint256 s1);

    function record(bytes32 vc) external view returns (RecordInfo memory);

    function escrow(bytes32 id) external view returns (EscrowInfo memory);

    /// @param ch id of the current life of a ledger channel, or of a virtual channel
    /// @param entry struct hash of the Entry
    function nano(bytes32 ch, bytes32 entry) external view returns (NanoInfo memory);

    /// @notice What the registered nanocontracts of a dispute amount to.
    /// @return end the last moment at which one may still move; 0 if none is registered
    /// @return sum Σ (dA - dA0): what they moved to A
    function accrued(bytes32 ch) external view returns (uint40 end, int128 sum);

    function vault(address asset, address owner) external view returns (uint256);

    function domainSeparator() external view returns (bytes32);

    function slotKey(Channel calldata params) external pure returns (bytes32);

    function channelId(Channel calldata params, uint40 nonce) external view returns (bytes32);

    function virtualId(VirtualChannel calldata params) external view returns (bytes32);
}
