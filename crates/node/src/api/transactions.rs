//! `GET /v1/transactions`

use super::Shared;
use super::error::ApiError;
use crate::transactions;
use axum::Json;
use axum::extract::State;
use perunika_client::types::Transaction;

pub(super) async fn list(State(api): Shared) -> Result<Json<Vec<Transaction>>, ApiError> {
    let all = transactions::list(&api.store)?;
    let show = |t: transactions::Transaction| Transaction {
        name: t.name,
        hash: t.hash,
        block: t.block,
        gas: t.gas,
        fee_wei: t.fee.into(),
        failure: t.failure,
    };
    Ok(Json(all.into_iter().map(show).collect()))
}
