//! `POST /v1/nanos`

use crate::api::auth::Caller;
use crate::api::endpoint::Endpoint;
use crate::api::error::ApiError;
use crate::api::extract::Sent;
use crate::api::money::{self, Call};
use crate::api::{Api, Shared};
use alloy_primitives::keccak256;
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perunika_apps::App;
use perunika_client::types::{Done, Mover, OpenNano, Scope};
use perunika_core::B256;
use perunika_core::io::Command;
use perunika_core::message::NanoTerms;
use perunika_core::params::Side;

pub(super) fn endpoint() -> Endpoint {
    let summary = "Offers a nanocontract to the other party of a channel, and opens it if that agrees.";
    Endpoint::post("/v1/nanos", summary, open)
        .needs(Scope::Open)
        .may(&[perunika_client::types::ErrorCode::NotFound])
        .moves_money()
        .large()
        .takes::<OpenNano>()
        .answers::<Done>()
}

async fn open(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<OpenNano>,
) -> Result<Response, ApiError> {
    let me = side(&api, wish.channel).await?;
    let (code, gas) = code(&wish)?;
    let (mine, theirs) = (wish.amount.0, wish.peer_amount.0);
    let total = mine.checked_add(theirs).ok_or_else(|| ApiError::bad_request("the stakes are too large"))?;
    let first = match wish.first {
        Mover::Me => me,
        Mover::Peer => me.other(),
    };
    let terms = NanoTerms {
        total,
        da0: if me == Side::A { mine } else { theirs },
        mover0: first.index() as u8,
        code_hash: keccak256(&code),
        gas,
        k_max: wish.steps,
        storage: wish.storage.to_vec(),
    };
    let command = Command::OpenNano { ch: wish.channel, terms, code, within: wish.answer_within };
    let call = Call { caller: &caller, headers: &headers, path: "/v1/nanos", body: &bytes, wait_s: wish.wait_s };
    money::run(api, call, command).await
}

/// Bytecode and gas bound.
fn code(wish: &OpenNano) -> Result<(Vec<u8>, u32), ApiError> {
    match (&wish.app, &wish.code) {
        (Some(name), None) => {
            let app: App = name.parse().map_err(|error| ApiError::bad_request(format!("{error}")))?;
            Ok((app.code().to_vec(), wish.gas.unwrap_or(app.gas())))
        }
        (None, Some(code)) => {
            let gas = wish.gas.ok_or_else(|| ApiError::bad_request("code without a name needs the gas bound `gas`"))?;
            Ok((code.to_vec(), gas))
        }
        _ => Err(ApiError::bad_request("either `app` or `code` says what is to be opened")),
    }
}

/// Which party this node is in a channel that is one of its own.
async fn side(api: &Api, ch: B256) -> Result<Side, ApiError> {
    let found = api.engine.query(move |participant| {
        let ledger = participant.ledger(ch).map(|ledger| Some(ledger.me));
        ledger.or_else(|| participant.virtual_channel(ch).map(|v| end(v.index, v.params.path.len())))
    });
    match found.await? {
        Some(Some(side)) => Ok(side),
        Some(None) => {
            Err(ApiError::bad_request("this node is a hub of that channel; only its ends open nanocontracts"))
        }
        None => Err(ApiError::not_found(format!("there is no channel {ch} here"))),
    }
}

fn end(index: usize, participants: usize) -> Option<Side> {
    match index {
        0 => Some(Side::A),
        last if last + 1 == participants => Some(Side::B),
        _ => None,
    }
}
