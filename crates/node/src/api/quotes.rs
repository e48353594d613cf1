//! `POST /v1/quotes`

use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::Sent;
use super::{Shared, open_virtual};
use axum::Json;
use axum::extract::State;
use perunika_client::types::{ErrorCode, HubFee, Quote, QuoteWish, Scope, Wei};
use perunika_core::io::{Command, Reply};

pub(super) fn endpoint() -> Endpoint {
    let summary = "What hubs would charge for a virtual channel. Opens nothing and binds nobody.";
    Endpoint::post("/v1/quotes", summary, ask).needs(Scope::Open).takes::<QuoteWish>().answers::<Quote>().may(&[
        ErrorCode::Refused,
        ErrorCode::Peer,
        ErrorCode::Chain,
    ])
}

async fn ask(State(api): Shared, Sent { wish, .. }: Sent<QuoteWish>) -> Result<Json<Quote>, ApiError> {
    let path = open_virtual::path(wish.hubs.clone(), wish.peer)?;
    api.peers.reach(&path).await;
    let command = Command::Quote {
        path,
        stake: wish.amount.0,
        peer_stake: wish.peer_amount.0,
        asset: wish.asset,
        term: wish.term,
    };
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
