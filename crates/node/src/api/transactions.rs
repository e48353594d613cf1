//! `GET /v1/transactions`

use super::Shared;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::{Asked, page};
use crate::transactions;
use axum::Json;
use axum::extract::State;
use perunika_client::types::{Page, PageQuery, Scope, Transaction};

pub(super) fn endpoint() -> Endpoint {
    let summary = "What the node sent to the chain, the oldest block first, failures last.";
    Endpoint::get("/v1/transactions", summary, list).needs(Scope::Read).pages::<Transaction>()
}

async fn list(State(api): Shared, Asked(asked): Asked<PageQuery>) -> Result<Json<Page<Transaction>>, ApiError> {
    let Page { items, next } = page(transactions::list(&api.store)?, &asked, |(id, _)| id.to_string())?;
    let show = |(id, t): (_, transactions::Transaction)| Transaction {
        id,
        name: t.name,
        hash: t.hash,
        block: t.block,
        gas: t.gas,
        fee_wei: t.fee.into(),
        failure: t.failure,
    };
    Ok(Json(Page { items: items.into_iter().map(show).collect(), next }))
}
