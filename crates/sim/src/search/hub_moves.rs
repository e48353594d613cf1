//! What both corrupt ends may do next.

use super::engine::{Engine, State};
use super::hub::{Hub, all_ops};
use super::model::Content;
use alloy_primitives::{Address, B256};
use perunika_core::body::{Body, Change};
use perunika_core::chain::{Call, Opener, Phase, RecordView};
use perunika_core::info::LedgerStage;
use perunika_core::log::{OwnKind, UpdateLog};
use perunika_core::message::{LinkOp, Message, Removal};
use perunika_core::params::Side;
use perunika_core::secret::Secret;
use perunika_core::sig::{RawKey as _, Signature};
use perunika_core::signed::{Amount, Eip712, Final, WatchAuth};
use perunika_core::tree;

/// What the corrupt ends may agree on beside the initial split.
pub(crate) const OUTCOMES: [Amount; 2] = [3, 0];

/// Everything that the ends may say to the hub.
pub(crate) fn messages(hub: &Hub, engine: &Engine, state: &State) -> Vec<(Address, Message)> {
    let participant = engine.participant(state);
    let mut all = Vec::new();
    for link in 0..2 {
        let ch = hub.ids[link];
        let stage = participant.ledger(ch).map(|ledger| ledger.stage);
        let Some(log) = participant.update_log(ch).filter(|_| stage.is_some_and(|s| s != LedgerStage::Closed)) else {
            continue;
        };
        let mut said = Vec::new();
        link_messages(hub, link, log, &mut said);
        if stage == Some(LedgerStage::Disputed) {
            said.truncate(4);
        }
        all.extend(said.into_iter().map(|message| (hub.ends[link].address(), message)));
    }
    let secret = engine.known(state).find_map(|content| match content {
        Content::Secret(secret) => Some(*secret),
        _ => None,
    });
    for end in 0..2usize {
        let mut said = virtual_messages(hub, end);
        said.extend(secret.map(|secret| receipt(hub, secret)));
        all.extend(said.into_iter().map(|message| (hub.ends[end].address(), message)));
    }
    all
}

/// Locks come and go.
fn link_messages(hub: &Hub, link: usize, log: &UpdateLog, all: &mut Vec<Message>) {
    let ch = hub.ids[link];
    let me = log.me.other();
    let cur = &log.cur().body;
    let sign = |body: &Body| hub.ends[link].sign(body.digest(&hub.domain));
    for own in log.own() {
        let ver = own.body.ver;
        all.push(Message::Accept { ch, ver, sig: sign(&own.body) });
        let refused = match &own.kind {
            OwnKind::Presign(op) => vec![op.subject()],
            OwnKind::Propose { ops, .. } => ops.iter().map(LinkOp::subject).collect(),
            OwnKind::Item { .. } | OwnKind::Start => Vec::new(),
        };
        all.push(Message::Refuse { ch, ver, refused, reason: String::new() });
    }
    let ops = all_ops(hub.vc, cur.lock(hub.vc).is_some(), &OUTCOMES);
    let ver = log.presign_version(Side::A);
    for op in ops.iter().filter(|_| ver <= hub.newest) {
        let next = derive(hub, link, cur, ver, std::slice::from_ref(op));
        all.extend(next.map(|next| Message::Presign { ch, ver, op: *op, sig: sign(&next) }));
    }
    let above = me.next_version(log.my_high().max(log.peer_high()).max(cur.ver));
    let mut bases = vec![cur.hash()];
    bases.extend(log.own().iter().map(|own| own.body.hash()));
    for ver in [above, above + 2].into_iter().filter(|ver| *ver <= hub.newest) {
        let lists = std::iter::once(Vec::new()).chain(ops.iter().map(|op| vec![*op]));
        for list in lists {
            let Some(next) = derive(hub, link, cur, ver, &list) else { continue };
            let sig = sign(&next);
            let proposals = bases.iter().map(|base| Message::Propose { ch, ver, base: *base, ops: list.clone(), sig });
            all.extend(proposals);
        }
    }
    all.push(Message::CloseAsk { ch });
}

fn derive(hub: &Hub, link: usize, cur: &Body, ver: u64, ops: &[LinkOp]) -> Option<Body> {
    let lock = hub.lock(link);
    let (mut remove, mut add) = (Vec::new(), Vec::new());
    for op in ops {
        match op {
            LinkOp::Add { .. } => add.push(lock),
            LinkOp::Remove { vc, how: Removal::Initial } => remove.push((*vc, lock.left)),
            LinkOp::Remove { vc, how: Removal::Outcome(out_a) } => remove.push((*vc, *out_a)),
            _ => {}
        }
    }
    cur.with(ver, &Change::locks(remove, add)).ok()
}

/// What is said about the virtual channel.
fn virtual_messages(hub: &Hub, end: usize) -> Vec<Message> {
    let (vc, index) = (hub.vc, 2 * end as u8);
    let mut all = vec![
        Message::Activate { vc, index, secret: Secret(hub.secrets[end]) },
        Message::Abort { vc, reason: String::new() },
    ];
    for out_a in OUTCOMES {
        let digest = hub.domain.digest(Final { vc, out_a }.struct_hash());
        let sigs = [(0u8, hub.ends[0].sign(digest)), (2, hub.ends[1].sign(digest))];
        all.push(Message::FinalSigs { vc, out_a, sigs: vec![sigs[end]] });
        all.push(Message::FinalSigs { vc, out_a, sigs: sigs.to_vec() });
    }
    all
}

fn receipt(hub: &Hub, secret: B256) -> Message {
    let first = version(hub, 1, hub.params.init_a);
    let secrets = vec![Secret(hub.secrets[0]), Secret(secret), Secret(hub.secrets[1])];
    Message::Receipt { vc: hub.vc, secrets, sigs: both_ends(hub, &first) }
}

fn version(hub: &Hub, ver: u64, def_a: Amount) -> Body {
    Body { ver, def_a, ..Body::virtual_genesis(hub.vc, hub.params.init_a, hub.params.init_b) }
}

fn both_ends(hub: &Hub, body: &Body) -> [Signature; 2] {
    let digest = body.digest(&hub.domain);
    [hub.ends[0].sign(digest), hub.ends[1].sign(digest)]
}

/// What the accounts of the ends can call.
pub(crate) fn calls(hub: &Hub, engine: &mut Engine, state: &State) -> Vec<(Address, Call)> {
    let known: Vec<Content> = engine.known(state).cloned().collect();
    let mut all = Vec::new();
    for link in 0..2 {
        let mut of_link = Vec::new();
        link_calls(hub, link, engine, state, &known, &mut of_link);
        all.extend(of_link.into_iter().map(|call| (hub.owners[link], call)));
    }
    let record = engine.chain.record(state.chain, hub.vc);
    let mut of_record = Vec::new();
    record_calls(hub, record, &known, &mut of_record);
    all.extend(of_record.into_iter().map(|call| (hub.owners[0], call)));
    all
}

fn link_calls(hub: &Hub, link: usize, engine: &mut Engine, state: &State, known: &[Content], all: &mut Vec<Call>) {
    let (params, ch) = (hub.links[link], hub.ids[link]);
    let view = engine.chain.ledger(state.chain, &params);
    let bodies = known.iter().filter_map(|content| match content {
        Content::State(body) if body.ch == ch && body.ver > 0 => Some(body),
        _ => None,
    });
    let escrow = engine.chain.escrow(state.chain, ch);
    if !escrow.root.is_zero() {
        let locks = bodies.clone().map(|body| &body.locks).find(|locks| tree::root(locks) == escrow.root);
        let proof = locks.and_then(|locks| tree::proof(locks, 0));
        all.extend(proof.map(|proof| {
            let (lock, virtual_params) = (hub.lock(link), hub.params.clone());
            Call::Settle { params, nonce: 0, lock, index: 0, proof, virtual_params }
        }));
    }
    if view.phase != Phase::Open || view.nonce != 0 {
        return;
    }
    let mine = if hub.links[link].a.key == hub.ends[link].address() { Side::A } else { Side::B };
    for body in bodies {
        let digest = body.digest(&hub.domain);
        let mut sigs = [Some(hub.honest.sign(digest)); 2];
        sigs[mine.index()] = Some(hub.ends[link].sign(digest));
        let (state, roots) = (body.state(), body.roots());
        all.push(match view.dispute {
            None => Call::Register { params, state, roots, sigs },
            Some(_) => Call::Refute { params, state, roots, sigs },
        });
    }
    match view.dispute {
        None => {
            let empty = Body { dep_a: 0, dep_b: 0, total: 0, def_a: 0, ..Body::ledger_genesis(ch, 0, 0) };
            all.push(Call::Register { params, state: empty.state(), roots: empty.roots(), sigs: [None, None] });
        }
        Some(dispute) => all.extend(dispute.state.map(|state| {
            let (roots, mix) = (dispute.roots, dispute.mix);
            Call::Conclude { params, state, roots, mix }
        })),
    }
}

/// The ends sign whatever they like for each other; the hub's secret and its Final they must have got.
fn record_calls(hub: &Hub, record: RecordView, known: &[Content], all: &mut Vec<Call>) {
    let params = || hub.params.clone();
    let secret = known.iter().find_map(|content| match content {
        Content::Secret(secret) => Some(*secret),
        _ => None,
    });
    // Three versions, and two contents of one of them.
    let bodies = [(1, hub.params.init_a), (2, OUTCOMES[0]), (2, OUTCOMES[1]), (3, OUTCOMES[1])];
    for (ver, def_a) in bodies {
        let body = version(hub, ver, def_a);
        let (state, roots, sigs) = (body.state(), body.roots(), both_ends(hub, &body));
        match (record, secret) {
            (RecordView::None, Some(secret)) => {
                let secrets = vec![hub.secrets[0], secret, hub.secrets[1]];
                let opener = Some(opener(hub));
                all.push(Call::RegisterVirtual { params: params(), state, roots, sigs, secrets, opener });
            }
            (RecordView::Disputed(_), _) => all.push(Call::RefuteVirtual { params: params(), state, roots, sigs }),
            _ => {}
        }
    }
    if let RecordView::Disputed(dispute) = record
        && let Some(state) = dispute.state
    {
        all.push(Call::ConcludeVirtual { params: params(), state, roots: dispute.roots, mix: dispute.mix });
    }
    for content in known {
        if let Content::Final(out_a) = content {
            let digest = hub.domain.digest(Final { vc: hub.vc, out_a: *out_a }.struct_hash());
            let sigs = vec![hub.ends[0].sign(digest), hub.honest.sign(digest), hub.ends[1].sign(digest)];
            all.push(Call::Finalise { params: params(), out_a: *out_a, sigs });
        }
    }
}

fn opener(hub: &Hub) -> Opener {
    let not_after = hub.params.t_exp;
    let auth = WatchAuth { id: hub.vc, tower: hub.owners[0], not_before: 0, not_after };
    let sig = hub.ends[0].sign(hub.domain.digest(auth.struct_hash()));
    Opener { position: 0, not_before: 0, not_after, sig }
}
