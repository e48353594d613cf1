//! `POST /v1/quotes`

use super::error::ApiError;
use super::{Shared, open_virtual, read};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use perunika_client::types::{HubFee, Quote, QuoteWish, Wei};
use perunika_core::io::{Command, Reply};

pub(super) async fn ask(State(api): Shared, body: Bytes) -> Result<Json<Quote>, ApiError> {
    let wish: QuoteWish = read(&body)?;
    let path = open_virtual::path(wish.hubs.clone(), wish.peer)?;
    let command = Command::Quote { path, stake: wish.amount.0, peer_stake: wish.peer_amount.0, term: wish.term };
    match api.engine.command(command).await? {
        Reply::Quoted { fees, t_exp } => {
            let total = fees.iter().copied().fold(0, u128::saturating_add);
            let fees = wish.hubs.into_iter().zip(fees).map(|(hub, fee)| HubFee { hub, fee: Wei(fee) }).collect();
            Ok(Json(Quote { fees, total: Wei(total), expires: t_exp }))
        }
        Reply::Refused(fault) => Err(fault.into()),
        other => Err(ApiError::internal(format!("a quote was answered with {other:?}"))),
    }
}
