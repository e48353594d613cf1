//! The parameters of a request, by position.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::RpcError;

pub(super) struct Params(Vec<Value>);

impl Params {
    pub(super) fn new(value: Option<Value>) -> Result<Self, RpcError> {
        match value {
            None | Some(Value::Null) => Ok(Self(Vec::new())),
            Some(Value::Array(values)) => Ok(Self(values)),
            Some(_) => Err(RpcError::invalid_params("params must be an array")),
        }
    }

    /// The parameter at `index`, which must be there.
    pub(super) fn required<T: DeserializeOwned>(&mut self, index: usize, name: &str) -> Result<T, RpcError> {
        self.optional(index, name)?
            .ok_or_else(|| RpcError::invalid_params(format!("missing parameter {index} ({name})")))
    }

    /// The parameter at `index`, or none where it is absent or null.
    pub(super) fn optional<T: DeserializeOwned>(&mut self, index: usize, name: &str) -> Result<Option<T>, RpcError> {
        match self.0.get_mut(index).map(Value::take) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value)
                .map(Some)
                .map_err(|error| RpcError::invalid_params(format!("parameter {index} ({name}): {error}"))),
        }
    }
}
