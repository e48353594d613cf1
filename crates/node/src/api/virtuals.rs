//! `GET /v1/virtual` and `GET /v1/virtual/{id}`

use super::error::ApiError;
use super::{Api, Shared, channel_id};
use axum::Json;
use axum::extract::{Path, State};
use perunika_client::types::{Role, Virtual, Wei};
use perunika_core::info::VirtualInfo;
use perunika_core::params::Side;

pub(super) async fn list(State(api): Shared) -> Result<Json<Vec<Virtual>>, ApiError> {
    let all = api.engine.query(|participant| participant.virtuals()).await?;
    Ok(Json(all.iter().map(|info| show(&api, info)).collect()))
}

pub(super) async fn one(State(api): Shared, id: Path<String>) -> Result<Json<Virtual>, ApiError> {
    let id = channel_id(&id)?;
    let info = api.engine.query(move |participant| participant.virtual_channel(id)).await?;
    let info = info.ok_or_else(|| ApiError::not_found(format!("there is no virtual channel {id} here")))?;
    Ok(Json(show(&api, &info)))
}

fn show(api: &Api, info: &VirtualInfo) -> Virtual {
    let params = &info.params;
    let (role, peer) = match info.index {
        0 => (Role::EndA, Some(params.end(Side::B))),
        last if last + 1 == params.path.len() => (Role::EndB, Some(params.end(Side::A))),
        _ => (Role::Hub, None),
    };
    Virtual {
        id: api.id(info.id, params.asset),
        role,
        path: params.path.clone(),
        peer,
        stage: info.stage,
        mine: info.mine.map(Wei),
        theirs: info.theirs.map(Wei),
        stakes: [params.init_a.into(), params.init_b.into()],
        fees: params.fees.iter().map(|fee| Wei(*fee)).collect(),
        expires: params.t_exp,
        version: info.version,
        accepted: info.accepted,
        payments: info.payments,
        out_a: info.out_a.map(Wei),
    }
}
