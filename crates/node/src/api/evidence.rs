//! `GET /v1/virtual/{id}/evidence`

use super::Shared;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::ChannelKey;
use alloy_primitives::B512;
use axum::Json;
use axum::extract::State;
use perunika_client::types::{Evidence, EvidenceState, OpenerAuth, Scope, VirtualTerms};
use perunika_core::participant::Exhibit;

pub(super) fn endpoint() -> Endpoint {
    let summary = "What this node could show the chain for a virtual channel, old versions included.";
    Endpoint::get("/v1/virtual/{id}/evidence", summary, evidence).needs(Scope::Admin).channel().answers::<Evidence>()
}

async fn evidence(State(api): Shared, ChannelKey(vc): ChannelKey) -> Result<Json<Evidence>, ApiError> {
    let found = api.engine.query(move |participant| (participant.dossier(vc), participant.overview().owner)).await?;
    let (Some(dossier), account) = found else {
        return Err(ApiError::not_found(format!("there is no virtual channel {vc} here")));
    };
    let opener = dossier.opener.map(|opener| OpenerAuth {
        account,
        position: opener.position,
        not_before: opener.not_before,
        not_after: opener.not_after,
        signature: B512::from(opener.sig.0),
    });
    Ok(Json(Evidence {
        id: api.id(vc, dossier.params.asset),
        params: VirtualTerms::from(&dossier.params),
        states: dossier.states.iter().map(show).collect(),
        secrets: dossier.secrets.map(|secrets| secrets.into_iter().map(|secret| secret.0).collect()),
        opener,
    }))
}

fn show(exhibit: &Exhibit) -> EvidenceState {
    EvidenceState {
        version: exhibit.state.ver,
        total: exhibit.state.total.into(),
        share_a: exhibit.state.def_a.into(),
        nanos: exhibit.state.nanos,
        lock_root: exhibit.roots.locks,
        nano_root: exhibit.roots.nanos,
        signatures: exhibit.sigs.map(|sig| sig.map(|sig| B512::from(sig.0))),
    }
}
