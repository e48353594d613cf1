//! The methods, one file per group.
//!
//! To add one: write it in the file of its group as `fn(&mut Node, &mut Params) -> Result<T, RpcError>`, where `T` can
//! be serialised, and name it in that file's `call`.

mod blocks;
mod calls;
mod control;
mod fees;
mod logs;
mod meta;
mod pool;
mod state;
mod transactions;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{error::RpcError, node::Node, params::Params};

/// A method's answer, as JSON.
pub(super) type Answer = Result<Box<RawValue>, RpcError>;

/// One group's methods: none if the group has no method of this name.
type Group = fn(&mut Node, &str, &mut Params) -> Option<Answer>;

const GROUPS: [Group; 9] = [
    blocks::call,
    calls::call,
    control::call,
    fees::call,
    logs::call,
    meta::call,
    pool::call,
    state::call,
    transactions::call,
];

pub(super) fn dispatch(node: &mut Node, method: &str, params: &mut Params) -> Answer {
    GROUPS
        .iter()
        .find_map(|group| group(node, method, params))
        .unwrap_or_else(|| Err(RpcError::method_not_found(method)))
}

fn json(result: Result<impl Serialize, RpcError>) -> Answer {
    to_raw_value(&result?).map_err(|error| RpcError::internal(error.to_string()))
}
