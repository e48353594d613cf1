//! Taking transactions into the pool.

use alloy::{
    consensus::{
        SignableTransaction, Transaction as _, TxEip1559, TxEnvelope, Typed2718,
        transaction::{Recovered, SignerRecoverable},
    },
    eips::{eip2718::Decodable2718, eip2930::AccessList},
    primitives::{Address, Bytes, Signature, TxHash, TxKind, U256},
};
use revm::{context_interface::cfg::gas::calculate_initial_tx_gas_for_tx, primitives::eip3860::MAX_INITCODE_SIZE};

use super::{Chain, error::TxError, evm};

/// The most gas that one transaction may use (EIP-7825).
pub const TX_GAS_CAP: u64 = 1 << 24;

/// How many nonces ahead of an account's next one a transaction may be.
pub const MAX_NONCE_AHEAD: u64 = 1_024;

/// The tip that is suggested, and used where none is given, in wei per gas.
pub const SUGGESTED_TIP: u128 = 1_000_000_000;

/// A transaction from an account whose key nobody needs.
#[derive(Clone, Debug, Default)]
pub struct UnsignedTx {
    /// The sender.
    pub from: Address,
    /// The receiver; none creates a contract.
    pub to: Option<Address>,
    /// In wei.
    pub value: U256,
    /// Call data, or creation code.
    pub data: Bytes,
    /// In gas.
    pub gas_limit: u64,
    /// The next one that the pool does not hold, if none is given.
    pub nonce: Option<u64>,
    /// In wei per gas; twice the next base fee and the tip, if none is given.
    pub max_fee: Option<u128>,
    /// In wei per gas; [`SUGGESTED_TIP`] (or the fee cap, if lower), if none is given.
    pub tip: Option<u128>,
    /// Accounts and slots to be warm from the start.
    pub access_list: AccessList,
}

impl Chain {
    /// Takes a signed transaction, encoded as EIP-2718 says.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<TxHash, TxError> {
        let mut rest = bytes;
        let tx = TxEnvelope::decode_2718(&mut rest).map_err(|error| TxError::Decode(error.to_string()))?;
        if !rest.is_empty() {
            return Err(TxError::Decode(format!("{} bytes too many", rest.len())));
        }
        let from = tx.recover_signer().map_err(|_| TxError::Signature)?;
        self.resubmit(Recovered::new_unchecked(tx, from))
    }

    /// Takes a transaction from `from` with no signature, at the usual fees and with the next nonce.
    ///
    /// `to` is the receiver, or none to create a contract; `value` is in wei.
    pub fn send_unsigned(
        &mut self,
        from: Address,
        to: Option<Address>,
        value: U256,
        data: Bytes,
        gas_limit: u64,
    ) -> Result<TxHash, TxError> {
        self.send_as(UnsignedTx { from, to, value, data, gas_limit, ..UnsignedTx::default() })
    }

    /// Takes a transaction with no signature.
    pub fn send_as(&mut self, request: UnsignedTx) -> Result<TxHash, TxError> {
        let usual_fee = (2 * u128::from(self.next_base_fee())).saturating_add(request.tip.unwrap_or(SUGGESTED_TIP));
        let max_fee_per_gas = request.max_fee.unwrap_or(usual_fee);
        let tx = TxEip1559 {
            chain_id: self.chain_id(),
            nonce: request.nonce.unwrap_or_else(|| self.next_nonce(request.from)),
            gas_limit: request.gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas: request.tip.unwrap_or(SUGGESTED_TIP.min(max_fee_per_gas)),
            to: request.to.map_or(TxKind::Create, TxKind::Call),
            value: request.value,
            access_list: request.access_list,
            input: request.data,
        };
        // The sender in place of `r`, so that equal transactions of two senders have two hashes.
        let r = U256::from_be_slice(request.from.as_slice());
        let signed = TxEnvelope::Eip1559(tx.into_signed(Signature::new(r, U256::ONE, false)));
        self.resubmit(Recovered::new_unchecked(signed, request.from))
    }

    /// Takes a transaction whose sender is known, such as one that [`Chain::reorg`] gave back.
    pub fn resubmit(&mut self, tx: Recovered<TxEnvelope>) -> Result<TxHash, TxError> {
        let hash = *tx.tx_hash();
        if self.pool.get(hash).is_some() || self.tx_index.contains_key(&hash) {
            return Err(TxError::AlreadyKnown);
        }
        self.check_form(&tx)?;
        self.check_account(&tx)?;
        self.pool.insert(hash, tx)?;
        Ok(hash)
    }

    /// Takes a transaction out of the pool.
    pub fn forget(&mut self, hash: TxHash) -> Option<Recovered<TxEnvelope>> {
        self.pool.remove(hash).map(|pooled| pooled.tx)
    }

    /// What holds for a transaction in any state.
    fn check_form(&self, tx: &Recovered<TxEnvelope>) -> Result<(), TxError> {
        if tx.is_eip4844() || tx.ty() > 4 {
            return Err(TxError::UnsupportedType(tx.ty()));
        }
        if let Some(actual) = tx.chain_id().filter(|id| *id != self.chain_id()) {
            return Err(TxError::WrongChain { expected: self.chain_id(), actual });
        }
        if tx.max_priority_fee_per_gas().is_some_and(|tip| tip > tx.max_fee_per_gas()) {
            return Err(TxError::TipAboveFeeCap);
        }
        let cap = TX_GAS_CAP.min(self.genesis.gas_limit);
        if tx.gas_limit() > cap {
            return Err(TxError::GasLimitTooHigh { limit: tx.gas_limit(), cap });
        }
        if tx.is_create() && tx.input().len() > MAX_INITCODE_SIZE {
            return Err(TxError::InitCodeTooLarge { size: tx.input().len(), limit: MAX_INITCODE_SIZE });
        }
        let intrinsic = calculate_initial_tx_gas_for_tx(evm::tx_env(tx), evm::SPEC, None);
        let needed = intrinsic.initial_regular_gas.max(intrinsic.floor_gas);
        if tx.gas_limit() < needed {
            return Err(TxError::IntrinsicGas { limit: tx.gas_limit(), needed });
        }
        Ok(())
    }

    /// What depends on the sender's account.
    fn check_account(&self, tx: &Recovered<TxEnvelope>) -> Result<(), TxError> {
        let account = self.store.account(tx.signer(), self.height());
        let (expected, have) = account.map(|info| (info.nonce, info.balance)).unwrap_or_default();
        let actual = tx.nonce();
        if actual < expected {
            return Err(TxError::NonceTooLow { expected, actual });
        }
        // The highest nonce stays unused (EIP-2681).
        if actual - expected > MAX_NONCE_AHEAD || actual == u64::MAX {
            return Err(TxError::NonceTooHigh { expected, actual, limit: MAX_NONCE_AHEAD });
        }
        let fee = U256::from(tx.gas_limit()) * U256::from(tx.max_fee_per_gas());
        let need = fee.saturating_add(tx.value());
        if have < need {
            return Err(TxError::InsufficientFunds { have, need });
        }
        Ok(())
    }
}
