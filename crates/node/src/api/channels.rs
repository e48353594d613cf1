//! `GET /v1/channels` and `GET /v1/channels/{id}`

use super::error::ApiError;
use super::{Api, Shared, channel_id};
use axum::Json;
use axum::extract::{Path, State};
use perunika_client::types::Channel;
use perunika_core::info::LedgerInfo;

pub(super) async fn list(State(api): Shared) -> Result<Json<Vec<Channel>>, ApiError> {
    let all = api.engine.query(|participant| participant.ledgers()).await?;
    Ok(Json(all.iter().map(|info| show(&api, info)).collect()))
}

pub(super) async fn one(State(api): Shared, id: Path<String>) -> Result<Json<Channel>, ApiError> {
    let id = channel_id(&id)?;
    let info = api.engine.query(move |participant| participant.ledger(id)).await?;
    let info = info.ok_or_else(|| ApiError::not_found(format!("there is no ledger channel {id} here")))?;
    Ok(Json(show(&api, &info)))
}

fn show(api: &Api, info: &LedgerInfo) -> Channel {
    Channel {
        id: api.id(info.id, info.params.asset),
        peer: info.peer,
        stage: info.stage,
        mine: info.mine.into(),
        theirs: info.theirs.into(),
        locked: info.locked.into(),
        locks: info.locks,
        deposit: info.deposits[info.me.index()].into(),
        peer_deposit: info.deposits[info.me.other().index()].into(),
        version: info.version,
        accepted: info.accepted,
        outstanding: info.outstanding,
        lane: info.params.lane,
        refute_end: info.refute_end,
    }
}
