//! States and moves in words.

use super::duel::Duel;
use super::engine::{Engine, Move, State};
use alloy_primitives::B256;
use perunika_core::chain::{Call, NanoClaim};
use perunika_core::io::Command;
use perunika_core::message::Message;

/// One line.
pub(crate) fn describe(duel: &Duel, engine: &mut Engine, state: &State) -> String {
    let view = engine.chain.ledger(state.chain, &duel.params);
    let dispute = match view.dispute {
        Some(d) => format!("dispute at version {} until {}", d.ver, super::duel::since_start(d.refute_end)),
        None => format!("{:?}", view.phase),
    };
    let participant = engine.participant(state);
    let log = participant.update_log(duel.ch);
    let own = log.map(|log| {
        let above: Vec<u64> = log.own().iter().map(|own| own.body.ver).collect();
        let (top, cur) = (&log.top().body, &log.cur().body);
        format!("signed by both {}, accepted {} (A has {}), own {above:?}", top.ver, cur.ver, cur.def_a)
    });
    let stage = participant.ledger(duel.ch).map(|ledger| format!("{:?}", ledger.stage)).unwrap_or_default();
    let waiting = state.pending.len();
    format!("t={} | {stage}, {} | chain: {dispute}, {waiting} waiting", state.time, own.unwrap_or_default())
}

/// One line.
pub(crate) fn tell(step: &Move) -> String {
    match step {
        Move::Message(message) => format!("corrupt says   {}", short(message)),
        Move::Command(command) => format!("honest orders  {}", order(command)),
        Move::Call(call) => format!("corrupt calls  {}", self::call(call)),
        Move::Mine(call) => format!("mined, honest  {}", self::call(call)),
        Move::Look => "honest sees the newest block".into(),
        Move::Time => "a unit of time passes".into(),
    }
}

/// The first digits of a name.
fn brief(name: B256) -> String {
    let mut text = name.to_string();
    text.truncate(8);
    text
}

/// A call with what tells it from others of its name.
pub(crate) fn call(call: &Call) -> String {
    let claims = |claims: &[NanoClaim]| -> String {
        let one = |claim: &NanoClaim| {
            let step = if claim.step.is_some() { " and a step" } else { "" };
            format!(" [nano {} at version {}{step}]", brief(claim.entry.nid), claim.version.ver)
        };
        claims.iter().map(one).collect()
    };
    let more = match call {
        Call::Register { state, .. } | Call::Refute { state, .. } | Call::Conclude { state, .. } => {
            format!(" version {} (A has {})", state.ver, state.def_a)
        }
        Call::RegisterVirtual { state, .. }
        | Call::RefuteVirtual { state, .. }
        | Call::ConcludeVirtual { state, .. } => {
            format!(" version {} (left has {})", state.ver, state.def_a)
        }
        Call::Finalise { out_a, .. } => format!(" at {out_a}"),
        Call::RegisterNanos { claims: all, .. } | Call::RefuteNanos { claims: all, .. } => claims(all),
        Call::Execute { entry, .. } => format!(" nano {}", brief(entry.nid)),
        Call::Close { close, .. } => format!(" (A has {})", close.out_a),
        _ => String::new(),
    };
    format!("{}{more}", call.name())
}

fn order(command: &Command) -> String {
    match command {
        Command::OpenNano { .. } => "OpenNano".into(),
        Command::HandNano { nid, .. } => format!("HandNano {}", brief(*nid)),
        Command::StepNano { nid, .. } => format!("StepNano {}", brief(*nid)),
        Command::AnswerNano { nid, .. } => format!("AnswerNano {}", brief(*nid)),
        Command::CloseNano { nid, .. } => format!("CloseNano {}", brief(*nid)),
        Command::Pay { amount, cosign, .. } => format!("Pay {amount}, cosign {cosign}"),
        Command::CloseChannel { force, .. } => format!("CloseChannel, force {force}"),
        other => format!("{other:?}"),
    }
}

fn short(message: &Message) -> String {
    match message {
        Message::Item { ver, base, def_a, cosign, .. } => {
            format!("Item {ver} over {base}: A has {def_a}, cosign {cosign}")
        }
        Message::NanoOffer { .. } => "NanoOffer".into(),
        Message::NanoHand { nid, count, .. } => format!("NanoHand {count} of {}", brief(*nid)),
        Message::Accept { ver, .. } => format!("Accept {ver}"),
        Message::Propose { ver, ops, .. } => format!("Propose {ver}: {ops:?}"),
        Message::Presign { ver, op, .. } => format!("Presign {ver}: {op:?}"),
        other => {
            let mut text = format!("{other:?}");
            if let Some((end, _)) = text.char_indices().nth(160) {
                text.truncate(end);
            }
            text
        }
    }
}

/// One line.
pub(crate) fn describe_hub(hub: &super::hub::Hub, engine: &mut Engine, state: &State) -> String {
    use perunika_core::chain::RecordView;
    let record = match engine.chain.record(state.chain, hub.vc) {
        RecordView::None => "no record".into(),
        RecordView::Disputed(d) => {
            format!("record at version {} until {}", d.ver, super::duel::since_start(d.refute_end))
        }
        RecordView::Concluded { out_a } => format!("concluded at {out_a}"),
    };
    let link = |engine: &mut Engine, index: usize| {
        let view = engine.chain.ledger(state.chain, &hub.links[index]);
        let chain = match view.dispute {
            Some(d) => format!("dispute at {} until {}", d.ver, super::duel::since_start(d.refute_end)),
            None => format!("{:?}", view.phase),
        };
        let participant = engine.participant(state);
        let stage = participant.ledger(hub.ids[index]).map(|ledger| format!("{:?}", ledger.stage)).unwrap_or_default();
        let log = participant.update_log(hub.ids[index]).map(|log| {
            let above: Vec<u64> = log.own().iter().map(|own| own.body.ver).collect();
            let (top, locked) = (&log.top().body, log.top().body.lock(hub.vc).is_some());
            format!("both {} locked {locked} own {above:?}", top.ver)
        });
        format!("{stage}, {}, {chain}", log.unwrap_or_default())
    };
    let (left, right) = (link(engine, 0), link(engine, 1));
    let virt = engine.participant(state).virtual_channel(hub.vc).map(|v| format!("{:?}", v.stage)).unwrap_or_default();
    let end = super::duel::since_start(hub.params.t_exp);
    format!(
        "t={} (term until {end}) | {virt}, {record} | left: {left} | right: {right} | {} waiting",
        state.time,
        state.pending.len()
    )
}
