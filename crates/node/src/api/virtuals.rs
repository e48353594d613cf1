//! `GET /v1/virtual` and `GET /v1/virtual/{id}`

use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::{Asked, ChannelKey, channels_after, cut};
use super::{Api, Shared};
use axum::Json;
use axum::extract::State;
use perunika_client::types::{Page, PageQuery, Role, Scope, Virtual, Wei};
use perunika_core::info::VirtualInfo;
use perunika_core::params::Side;

pub(super) fn all() -> Endpoint {
    let summary = "Virtual channels in order of their ids, those that are over included.";
    Endpoint::get("/v1/virtual", summary, list).needs(Scope::Read).pages::<Virtual>()
}

pub(super) fn single() -> Endpoint {
    Endpoint::get("/v1/virtual/{id}", "A virtual channel.", one).needs(Scope::Read).channel().answers::<Virtual>()
}

async fn list(State(api): Shared, Asked(asked): Asked<PageQuery>) -> Result<Json<Page<Virtual>>, ApiError> {
    let (after, limit) = channels_after(&asked)?;
    let some = api.engine.query(move |participant| participant.virtuals_after(after, limit + 1)).await?;
    let Page { items, next } = cut(some, limit, |info| info.id);
    Ok(Json(Page { items: items.iter().map(|info| show(&api, info)).collect(), next }))
}

async fn one(State(api): Shared, ChannelKey(id): ChannelKey) -> Result<Json<Virtual>, ApiError> {
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
    let asset = api.assets.get(params.asset);
    Virtual {
        id: api.id(info.id, params.asset),
        symbol: asset.map(|asset| asset.symbol.clone()),
        decimals: asset.map(|asset| asset.decimals),
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
        renews: info.renews,
        renewed_by: info.renewed_by,
        kept: info.kept,
        deadline: info.deadline,
        claimable_now: info.claimable.map(Wei),
    }
}
