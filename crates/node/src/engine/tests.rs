use super::*;
use perunika_core::Domain;
use perunika_core::chain::{Call, TxKey, TxOutcome, Watch};
use perunika_core::funding::Source;
use perunika_core::io::{Command, Fault};
use perunika_core::message::Message;
use perunika_core::params::{ChannelParams, Side};
use perunika_core::policy::Policy;
use perunika_core::sig::MemoryKey;
use perunika_core::signed::OpenAuth;

/// Collects what is sent.
struct Wire(mpsc::UnboundedSender<(Address, Message)>);

impl Peers for Wire {
    fn send(&self, to: Address, message: &Message) {
        let _ = self.0.send((to, message.clone()));
    }

    fn drop_connection(&self, _peer: Address, _reason: &str) {}
}

struct NoChain;

impl Chain for NoChain {
    fn submit(&self, _key: TxKey, _call: Call, _deadline: Option<u64>) {}
    fn authorise(&self, _params: ChannelParams, _side: Side, _terms: OpenAuth) {}
    fn watch(&self, _watch: Watch) {}
    fn unwatch(&self, _watch: Watch) {}
}

struct Rig {
    handle: EngineHandle,
    sent: mpsc::UnboundedReceiver<(Address, Message)>,
    app: mpsc::Receiver<(Address, Vec<u8>)>,
    task: tokio::task::JoinHandle<Result<(), EngineError>>,
}

fn rig(store: Store) -> Rig {
    let (sender, sent) = mpsc::unbounded_channel();
    let (events, _) = mpsc::unbounded_channel();
    let (app_in, app) = mpsc::channel(4);
    let config = Config {
        domain: Domain { chain_id: 1, adjudicator: Address::repeat_byte(1) },
        owner: Address::repeat_byte(2),
        policy: Policy::dev(),
    };
    let key = MemoryKey::new(B256::repeat_byte(3), B256::repeat_byte(4)).unwrap();
    let sink = EventSink { events, app: app_in, metrics: Arc::default() };
    let (engine, handle) =
        Engine::new(store, config, Box::new(key), Box::new(Wire(sender)), Box::new(NoChain), sink).unwrap();
    Rig { handle, sent, app, task: tokio::spawn(engine.run()) }
}

#[tokio::test]
async fn questions_are_answered_and_a_stop_ends_the_task() {
    let rig = rig(Store::in_memory().unwrap());
    let owner = rig.handle.query(|p| p.overview().owner).await.unwrap();
    assert_eq!(owner, Address::repeat_byte(2));
    rig.handle.stop().await;
    rig.task.await.unwrap().unwrap();
    assert_eq!(rig.handle.query(|_| ()).await, Err(Stopped));
}

#[tokio::test]
async fn an_impossible_command_is_refused_with_a_reason() {
    let rig = rig(Store::in_memory().unwrap());
    let pay = Command::Pay { ch: B256::repeat_byte(9), amount: 1, cosign: true, reference: Vec::new() };
    let reply = rig.handle.command(pay).await.unwrap();
    assert!(matches!(reply, Reply::Refused(Fault::Caller(_))), "{reply:?}");
}

#[tokio::test]
async fn application_data_travels_both_ways() {
    let mut rig = rig(Store::in_memory().unwrap());
    let peer = Address::repeat_byte(7);
    rig.handle.input(Input::Connected(peer)).await.unwrap();
    let command = Command::SendApp { to: peer, data: vec![1, 2] };
    assert_eq!(rig.handle.command(command).await, Ok(Reply::Done));
    assert_eq!(rig.sent.recv().await, Some((peer, Message::App { data: vec![1, 2] })));
    let message = Message::App { data: vec![3] };
    rig.handle.input(Input::Message { from: peer, message }).await.unwrap();
    assert_eq!(rig.app.recv().await, Some((peer, vec![3])));
}

#[tokio::test]
async fn an_opening_asks_the_peer() {
    let mut rig = rig(Store::in_memory().unwrap());
    let peer = Address::repeat_byte(7);
    rig.handle.input(Input::Connected(peer)).await.unwrap();
    let handle = rig.handle.clone();
    let open =
        Command::OpenChannel { peer, asset: Address::ZERO, deposit: 5, peer_deposit: 0, lane: 3, from: Source::Wallet };
    let _waiting = tokio::spawn(async move { handle.command(open).await });
    assert_eq!(rig.sent.recv().await, Some((peer, Message::ChannelAsk { asset: Address::ZERO, lane: 3 })));
}

#[tokio::test]
async fn a_transaction_is_remembered_before_the_node_goes_on() {
    let store = Store::in_memory().unwrap();
    let rig = rig(store.clone());
    let end = TxEnd {
        key: TxKey(B256::repeat_byte(1)),
        name: "open".into(),
        outcome: TxOutcome::Mined { gas: 5 },
        cost: Some(TxCost { hash: B256::repeat_byte(2), block: 3, gas: 5, fee: 10 }),
    };
    // Reported twice after a reorg, it is one transaction.
    rig.handle.transaction(end.clone()).await.unwrap();
    rig.handle.transaction(end).await.unwrap();
    rig.handle.query(|_| ()).await.unwrap();
    let all = transactions::list(&store).unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].1.name.as_str(), all[0].1.fee, all[0].1.block), ("open", 10, Some(3)));
}

#[tokio::test]
async fn what_a_reorg_removed_has_cost_nothing() {
    let store = Store::in_memory().unwrap();
    let rig = rig(store.clone());
    let end = |hash: u8, fee| TxEnd {
        key: TxKey(B256::repeat_byte(1)),
        name: "open".into(),
        outcome: TxOutcome::Mined { gas: 5 },
        cost: Some(TxCost { hash: B256::repeat_byte(hash), block: 3, gas: 5, fee }),
    };
    // Lost, and included again for a higher price, which is another transaction.
    rig.handle.transaction(end(2, 10)).await.unwrap();
    rig.handle.removed(B256::repeat_byte(2)).await.unwrap();
    rig.handle.transaction(end(3, 11)).await.unwrap();
    rig.handle.query(|_| ()).await.unwrap();
    let fees: Vec<u128> = transactions::list(&store).unwrap().into_iter().map(|(_, paid)| paid.fee).collect();
    assert_eq!(fees, [11]);
}

#[tokio::test]
async fn of_more_inputs_than_a_commit_takes_none_is_lost() {
    let rig = rig(Store::in_memory().unwrap());
    // All of them wait before the engine sees the first one.
    let ask = |_| {
        let (reply, answer) = oneshot::channel();
        rig.handle.work.try_send(Work::Acknowledge(0, reply)).expect("there is room");
        answer
    };
    let answers: Vec<_> = (0..3 * BATCH_MAX + 7).map(ask).collect();
    let answers = futures::future::join_all(answers).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 0);
}
