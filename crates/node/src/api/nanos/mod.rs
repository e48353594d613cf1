//! `GET /v1/nanos` and `GET /v1/nanos/{channel}/{nid}`; what is done to nanocontracts is in the files beside this one.

mod open;
mod play;
mod reveal;

use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::{Asked, page};
use super::{Api, Shared};
use alloy_primitives::Bytes;
use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use perunika_apps::App;
use perunika_client::types::{Nano, Page, PageQuery, Party, Scope};
use perunika_core::B256;
use perunika_core::info::NanoInfo;
use perunika_core::params::Side;
use std::sync::Arc;

/// Everything that can be done with nanocontracts.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let summary =
        "Nanocontracts in order of their channels and names, offers included; those that are over are forgotten.";
    let all = Endpoint::get("/v1/nanos", summary, list).needs(Scope::Read).pages::<Nano>();
    let single = Endpoint::get("/v1/nanos/{channel}/{nid}", "A nanocontract.", one);
    let single = single.needs(Scope::Read).nano().answers::<Nano>();
    let played = [play::answer(), play::step(), play::prepare(), play::hand(), play::close()];
    [all, single, open::endpoint()].into_iter().chain(played).chain([reveal::endpoint()]).collect()
}

/// Channel and name in a path.
#[derive(Clone, Copy)]
pub(super) struct NanoKey(pub(super) B256, pub(super) B256);

impl FromRequestParts<Arc<Api>> for NanoKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Api>) -> Result<Self, ApiError> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let (channel, nid) = path.map_err(|_| ApiError::bad_request("the path is not valid UTF-8"))?.0;
        let hash = |text: &str| {
            text.parse().map_err(|_| {
                ApiError::bad_request(
                    "a nanocontract is named by the id of its channel and its name, 32 bytes each in hexadecimal",
                )
            })
        };
        Ok(Self(hash(&channel)?, hash(&nid)?))
    }
}

async fn list(State(api): Shared, Asked(asked): Asked<PageQuery>) -> Result<Json<Page<Nano>>, ApiError> {
    let all = api.engine.query(|participant| participant.all_nanos()).await?;
    let Page { items, next } = page(all, &asked, |nano| format!("{}-{}", nano.ch, nano.nid))?;
    let mut shown = Vec::with_capacity(items.len());
    for info in &items {
        shown.push(show(&api, info).await);
    }
    Ok(Json(Page { items: shown, next }))
}

async fn one(State(api): Shared, NanoKey(ch, nid): NanoKey) -> Result<Json<Nano>, ApiError> {
    let info = known(&api, ch, nid).await?;
    Ok(Json(show(&api, &info).await))
}

/// Refuses what is no nanocontract of this node.
pub(super) async fn known(api: &Api, ch: B256, nid: B256) -> Result<NanoInfo, ApiError> {
    let info = api.engine.query(move |participant| participant.nano(ch, nid)).await?;
    info.ok_or_else(|| ApiError::not_found(format!("there is no nanocontract {nid} in the channel {ch} here")))
}

async fn show(api: &Api, info: &NanoInfo) -> Nano {
    let terms = &info.terms;
    let share = |da: u128| match info.me {
        Side::A => (da, terms.total.saturating_sub(da)),
        Side::B => (terms.total.saturating_sub(da), da),
    };
    let (mine, theirs) = share(info.da);
    let asset = api.asset_of(info.ch).await;
    let named = api.assets.get(asset);
    Nano {
        id: api.id(info.ch, asset),
        symbol: named.map(|asset| asset.symbol.clone()),
        decimals: named.map(|asset| asset.decimals),
        nid: info.nid,
        party: party(info.me),
        peer: info.peer,
        stage: info.stage,
        app: App::of(terms.code_hash).map(|app| app.name().to_string()),
        code_hash: terms.code_hash,
        total: terms.total.into(),
        stake: share(terms.da0).0.into(),
        mine: mine.into(),
        theirs: theirs.into(),
        gas: terms.gas,
        steps: terms.k_max,
        steps_left: info.steps_left,
        mover: Party::of(info.mover),
        my_turn: info.my_turn,
        version: info.version.map(|version| version.ver),
        storage: Bytes::from(info.storage.clone()),
        outstanding: info.outstanding,
        refused: info.refused.clone(),
        prepared: info.prepared,
        deadline: info.deadline,
    }
}

/// A side as the API names it.
pub(super) fn party(side: Side) -> Party {
    match side {
        Side::A => Party::A,
        Side::B => Party::B,
    }
}
