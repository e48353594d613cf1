//! Offers of nanocontracts that the owner agreed to beforehand (`[nano] accept`).

use crate::config::Agreed;
use crate::engine::EngineHandle;
use crate::tasks::Tasks;
use perunika_core::B256;
use perunika_core::info::NanoStage;
use perunika_core::io::{Command, Event, Reply};
use tokio::sync::broadcast::error::RecvError;

/// Answers them until the engine stops: those that wait from an earlier run too.
pub(crate) async fn answer(engine: EngineHandle, agreed: Agreed, tasks: Tasks) {
    let mut events = engine.events();
    let mut look = true;
    loop {
        if look {
            let Ok(nanos) = engine.query(|participant| participant.all_nanos()).await else { return };
            let offers = nanos.iter().filter(|nano| nano.stage == NanoStage::Offered);
            for nano in offers.filter(|nano| agreed.covers(nano.terms.code_hash)) {
                tasks.spawn(agree(engine.clone(), nano.ch, nano.nid));
            }
        }
        look = match events.recv().await {
            Ok(Event::NanoOffered { ch, nid, terms, .. }) if agreed.covers(terms.code_hash) => {
                // Each waits for the peer to sign the State; none of them keeps the others waiting.
                tasks.spawn(agree(engine.clone(), ch, nid));
                false
            }
            Ok(_) => false,
            Err(RecvError::Lagged(_)) => true,
            Err(RecvError::Closed) => return,
        };
    }
}

async fn agree(engine: EngineHandle, ch: B256, nid: B256) {
    match engine.command(Command::AnswerNano { ch, nid, refuse: None }).await {
        Ok(Reply::Refused(fault)) => tracing::info!(%ch, %nid, ?fault, "an offer was not agreed to after all"),
        Ok(_) => tracing::info!(%ch, %nid, "agreed to a nanocontract by [nano] accept"),
        Err(_) => {}
    }
}
