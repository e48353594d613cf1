//! Running code without a block: calls and gas estimates.

use std::convert::Infallible;

use alloy::{
    consensus::Header,
    eips::{
        BlockId,
        eip2930::{AccessList, AccessListItem},
    },
    primitives::{Address, B256, Bytes, Log, Selector, TxKind, U256},
    sol_types::{ContractError, SolInterface},
};
use revm::{
    ExecuteEvm,
    context::{
        TxEnv,
        result::{EVMError, ExecutionResult},
    },
};

use super::{
    Chain, ChainError, TX_GAS_CAP,
    evm::{self, View},
};

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// To the end.
    Success,
    /// With `REVERT`; the output is the revert data.
    Revert,
    /// By a fault of the code, or out of gas; the name of the fault.
    Halt(String),
}

/// A call, as `eth_call` has it. Calls pay no fees.
#[derive(Clone, Debug, Default)]
pub struct CallRequest {
    /// The sender.
    pub from: Address,
    /// The contract; none runs `data` as creation code.
    pub to: Option<Address>,
    /// In wei; the sender must have it.
    pub value: U256,
    /// Call data.
    pub data: Bytes,
    /// In gas; the block's limit, if none is given.
    pub gas_limit: Option<u64>,
    /// Accounts and slots to be warm from the start.
    pub access_list: AccessList,
}

/// Where a call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// In a block of the chain, after its transactions.
    Block(BlockId),
    /// In a block after the head with this time, in seconds since the epoch, as its first transaction.
    Next {
        /// In seconds since the epoch.
        timestamp: u64,
    },
}

impl<T: Into<BlockId>> From<T> for At {
    fn from(block: T) -> Self {
        Self::Block(block.into())
    }
}

/// What a call did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallResult {
    /// How it ended.
    pub outcome: Outcome,
    /// What it returned, or the revert data.
    pub output: Bytes,
    /// In gas, after refunds.
    pub gas_used: u64,
    /// The logs, if it ended well.
    pub logs: Vec<Log>,
    /// In gas, before refunds: what had to be there.
    gas_spent: u64,
}

impl CallResult {
    /// Whether it ran to the end.
    pub fn is_success(&self) -> bool {
        self.outcome == Outcome::Success
    }

    /// What went wrong, in words: the text of `Error(string)` or `Panic(uint256)`, or the selector of another error.
    pub fn failure(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Success => None,
            Outcome::Halt(reason) => Some(format!("execution halted: {reason}")),
            Outcome::Revert => {
                let reason = match ContractError::<Infallible>::abi_decode(&self.output) {
                    Ok(ContractError::Revert(revert)) => revert.reason,
                    Ok(ContractError::Panic(panic)) => panic.to_string(),
                    _ => match self.output.first_chunk::<4>() {
                        Some(selector) => format!("custom error {}", Selector::from(selector)),
                        None => return Some("execution reverted".to_owned()),
                    },
                };
                Some(format!("execution reverted: {reason}"))
            }
        }
    }
}

/// A call that gives no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The block or its state is not there.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// It cannot even start, for instance because the sender has too little.
    #[error("{0}")]
    Invalid(String),
    /// There is no amount of gas with which it ends well.
    #[error("{}", .0.failure().unwrap_or_default())]
    Failed(Box<CallResult>),
}

impl Chain {
    /// Runs a call and forgets what it changed. A revert is a result like any other.
    pub fn call(&self, request: &CallRequest, at: impl Into<At>) -> Result<CallResult, CallError> {
        let (view, header) = self.place(at.into())?;
        let gas_limit = request.gas_limit.unwrap_or(header.gas_limit).min(header.gas_limit);
        self.run(request, view, &header, gas_limit).map_err(CallError::Invalid)
    }

    /// The gas limit with which a transaction like `request` ends well, at most a 64th above the least.
    ///
    /// It is found by running with different limits, so that calls that keep back a 64th of their gas, and refunds that
    /// come too late to be spent, are accounted for.
    pub fn estimate_gas(&self, request: &CallRequest, at: impl Into<At>) -> Result<u64, CallError> {
        let (view, header) = self.place(at.into())?;
        let cap = TX_GAS_CAP.min(header.gas_limit);
        let mut high = request.gas_limit.unwrap_or(cap).min(cap);
        let most = self.run(request, view, &header, high).map_err(CallError::Invalid)?;
        if !most.is_success() {
            return Err(CallError::Failed(Box::new(most)));
        }
        let enough = |gas: u64| self.run(request, view, &header, gas).is_ok_and(|result| result.is_success());
        let mut low = most.gas_used.saturating_sub(1);
        let exact = most.gas_used.max(most.gas_spent);
        for guess in [exact, (exact + 2_300) / 63 * 64 + 64] {
            if guess < high && guess > low {
                if enough(guess) {
                    high = guess;
                    break;
                }
                low = guess;
            }
        }
        while low + 1 < high && high - low > high / 64 {
            let middle = low + (high - low) / 2;
            if enough(middle) { high = middle } else { low = middle }
        }
        Ok(high)
    }

    /// What a call touches besides the accounts that every transaction touches, and its result.
    pub fn access_list(&self, request: &CallRequest, at: impl Into<At>) -> Result<(AccessList, CallResult), CallError> {
        let (view, header) = self.place(at.into())?;
        let gas_limit = request.gas_limit.unwrap_or(header.gas_limit).min(header.gas_limit);
        let result = self.run(request, view, &header, gas_limit).map_err(CallError::Invalid)?;
        let tx = self.tx_env(request, gas_limit).map_err(CallError::Invalid)?;
        let mut evm = evm::evm(view, evm::call_cfg(self.chain_id()), evm::block_env(&header));
        let state = evm.transact(tx).map_err(|error| CallError::Invalid(error.to_string()))?.state;
        let warm = [Some(request.from), request.to, Some(header.beneficiary)];
        let mut items: Vec<AccessListItem> = state
            .into_iter()
            .map(|(address, account)| {
                let mut keys: Vec<B256> = account.storage.keys().map(|slot| B256::from(*slot)).collect();
                keys.sort_unstable();
                AccessListItem { address, storage_keys: keys }
            })
            .filter(|item| !item.storage_keys.is_empty() || !warm.contains(&Some(item.address)))
            .collect();
        items.sort_unstable_by_key(|item| item.address);
        Ok((AccessList(items), result))
    }

    fn place(&self, at: At) -> Result<(View<'_>, Header), ChainError> {
        match at {
            At::Block(id) => {
                let block = self.block(id)?;
                Ok((self.view(block.header.number)?, block.header.clone()))
            }
            At::Next { timestamp } => Ok((self.view(self.height())?, self.next_header(timestamp))),
        }
    }

    fn tx_env(&self, request: &CallRequest, gas: u64) -> Result<TxEnv, String> {
        TxEnv::builder()
            .caller(request.from)
            .kind(request.to.map_or(TxKind::Create, TxKind::Call))
            .value(request.value)
            .data(request.data.clone())
            .gas_limit(gas)
            .access_list(request.access_list.clone())
            .chain_id(Some(self.chain_id()))
            .build()
            .map_err(|error| format!("{error:?}"))
    }

    fn run(&self, request: &CallRequest, view: View<'_>, header: &Header, gas: u64) -> Result<CallResult, String> {
        let tx = self.tx_env(request, gas)?;
        let mut evm = evm::evm(view, evm::call_cfg(self.chain_id()), evm::block_env(header));
        let result = evm.transact_one(tx).map_err(|error| match error {
            EVMError::Transaction(invalid) => invalid.to_string(),
            other => other.to_string(),
        })?;
        let (gas_used, gas_spent) = (result.tx_gas_used(), result.gas().total_gas_spent());
        let (outcome, output, logs) = match result {
            ExecutionResult::Success { output, logs, .. } => (Outcome::Success, output.into_data(), logs),
            ExecutionResult::Revert { output, .. } => (Outcome::Revert, output, Vec::new()),
            ExecutionResult::Halt { reason, .. } => (Outcome::Halt(format!("{reason:?}")), Bytes::new(), Vec::new()),
        };
        Ok(CallResult { outcome, output, gas_used, logs, gas_spent })
    }
}
