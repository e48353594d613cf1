//! Offers of nanocontracts that the owner agreed to beforehand (`[nano] accept`).

use crate::config::NanoSection;
use crate::engine::EngineHandle;
use crate::tasks::Tasks;
use perunika_core::B256;
use perunika_core::info::{NanoInfo, NanoStage};
use perunika_core::io::{Command, Event, Reply};
use tokio::sync::broadcast::error::RecvError;

/// Answers them until the engine stops: those that wait from an earlier run too.
pub(crate) async fn answer(engine: EngineHandle, settings: NanoSection, tasks: Tasks) {
    let mut events = engine.events();
    let mut offers = engine.query(|participant| participant.all_nanos()).await;
    while let Ok(offered) = offers {
        for nano in offered.into_iter().filter(|nano| covers(&settings, nano)) {
            // Each waits for the peer to sign the State; none of them keeps the others waiting.
            tasks.spawn(agree(engine.clone(), nano.ch, nano.nid));
        }
        offers = match events.recv().await {
            Ok(Event::NanoOffered { ch, nid, .. }) => {
                engine.query(move |participant| participant.nano(ch, nid).into_iter().collect()).await
            }
            Ok(_) => Ok(Vec::new()),
            Err(RecvError::Lagged(_)) => engine.query(|participant| participant.all_nanos()).await,
            Err(RecvError::Closed) => return,
        };
    }
}

/// Whether this is an offer that needs no answer of the owner. What does waits for it.
fn covers(settings: &NanoSection, nano: &NanoInfo) -> bool {
    if nano.stage != NanoStage::Offered {
        return false;
    }
    let why = settings.agrees(&nano.terms, nano.me).err();
    if let Some(why) = &why {
        tracing::info!(ch = %nano.ch, nid = %nano.nid, peer = %nano.peer, %why, "an offer waits for the owner's answer");
    }
    why.is_none()
}

async fn agree(engine: EngineHandle, ch: B256, nid: B256) {
    match engine.command(Command::AnswerNano { ch, nid, refuse: None }).await {
        Ok(Reply::Refused(fault)) => tracing::info!(%ch, %nid, ?fault, "an offer was not agreed to after all"),
        Ok(_) => tracing::info!(%ch, %nid, "agreed to a nanocontract by [nano] accept"),
        Err(_) => {}
    }
}
