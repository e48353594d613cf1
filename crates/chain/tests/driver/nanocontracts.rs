//! Nanocontracts and published secrets.

use crate::world::{CHALLENGE, World, auto_mine};
use alloy::primitives::{U256, keccak256};
use perunika_core::chain::{Call, ForcedStep, Home, NanoClaim, NanoView, Roots, Watch};
use perunika_core::params::{code_address, secret_hash};
use perunika_core::sig::RawKey;
use perunika_core::signed::{Eip712, Entry, Nano, State, StepAuth};
use perunika_core::{B256, tree};

const WINDOW: u64 = 60;
const HELD: u128 = 100;
const DA0: u128 = 40;
const STORAGE: &[u8] = b"before";

/// Runtime code that answers the same whatever it is told: `next` as storage, 77 to A, B moves, two steps left.
fn code(next: &[u8]) -> Vec<u8> {
    let word = |value: usize| U256::from(value).to_be_bytes::<32>();
    let mut answer = [word(128), word(77), word(1), word(2), word(next.len())].concat();
    answer.extend_from_slice(next);
    answer.resize(answer.len().next_multiple_of(32), 0);
    let size = u16::try_from(answer.len()).expect("short").to_be_bytes();
    [&[0x61][..], &size, &[0x80, 0x60, 0x0a, 0x5f, 0x39, 0x5f, 0xf3], &answer].concat()
}

/// A dispute over a State with one nanocontract.
struct Game {
    entry: Entry,
    state: State,
    roots: Roots,
    mix: B256,
}

impl Game {
    /// Its code is deployed, the State registered, and the refutation over; B follows the nanocontract.
    async fn start(world: &mut World) -> Self {
        let code = code(b"after");
        let entry = Entry {
            nid: B256::repeat_byte(7),
            born: 2,
            total: HELD,
            da0: DA0,
            mover0: 0,
            code_hash: keccak256(&code),
            gas: 50_000,
            k_max: 5,
            storage0: keccak256(STORAGE),
        };
        world.a.succeed(Call::Deploy { code }).await;
        let roots = Roots { locks: B256::ZERO, nanos: tree::root(&[entry]) };
        let state = State { nanos: 1, entries: tree::entries(B256::ZERO, roots.nanos), ..world.state(2, 640) };
        let sigs = world.sign(&state).map(Some);
        world.a.succeed(Call::Register { params: world.params, state, roots, sigs }).await;
        let dispute = world.b.dispute(2).await;
        assert_eq!((dispute.nanos, dispute.roots), (true, roots));
        assert_eq!(dispute.final_at(60), dispute.refute_end + WINDOW);
        let game = Self { entry, state, roots, mix: dispute.mix };
        world.b.chain.watch(game.watch(world));
        game.seen(world, "nothing yet", |view| view.is_none()).await;
        world.pass(u64::from(CHALLENGE) + 1);
        game
    }

    fn watch(&self, world: &World) -> Watch {
        Watch::Nano { ch: world.id(), entry: self.entry.struct_hash() }
    }

    /// What B sees of it, once it is as wanted.
    async fn seen(
        &self,
        world: &mut World,
        what: &str,
        wanted: impl Fn(&Option<NanoView>) -> bool,
    ) -> Option<NanoView> {
        let at = (world.id(), self.entry.struct_hash());
        world.b.until(what, |node| node.nanos.get(&at).map(|seen| seen.head.clone()).filter(|view| wanted(view))).await
    }

    fn version(&self, world: &World, ver: u64, da: u128) -> Nano {
        let (ch, entry, storage_hash) = (world.id(), self.entry.struct_hash(), keccak256(STORAGE));
        Nano { ch, entry, ver, da, mover: 0, steps_left: 5, storage_hash }
    }

    fn claim(&self, world: &World, version: Nano, step: Option<ForcedStep>) -> NanoClaim {
        let sigs = if version.ver == 0 { [None, None] } else { world.sign(&version).map(Some) };
        NanoClaim { entry: self.entry, index: 0, proof: vec![], version, sigs, step }
    }

    fn register(&self, world: &World, step: Option<ForcedStep>) -> Call {
        let claims = vec![self.claim(world, self.version(world, 0, DA0), step)];
        let home = Home::Ledger(world.params);
        Call::RegisterNanos { home, state: self.state, roots: self.roots, mix: self.mix, claims }
    }

    fn refute(&self, world: &World, version: Nano) -> Call {
        Call::RefuteNanos { home: Home::Ledger(world.params), claims: vec![self.claim(world, version, None)] }
    }

    fn step(&self, world: &World, input: &[u8]) -> ForcedStep {
        let code = code_address(&world.domain, &code(b"after"));
        ForcedStep { code, storage: STORAGE.to_vec(), input: input.to_vec(), auth: None }
    }

    fn execute(&self, world: &World, step: ForcedStep) -> Call {
        Call::Execute { home: Home::Ledger(world.params), entry: self.entry, step }
    }
}

fn has_storage(view: &Option<NanoView>) -> bool {
    view.as_ref().is_some_and(|view| view.storage.as_deref() == Some(b"after"))
}

#[tokio::test]
async fn a_nanocontract_from_registration_to_conclude() {
    let mut world = World::open().await;
    let game = Game::start(&mut world).await;
    world.a.succeed(game.register(&world, None)).await;
    let view = game.seen(&mut world, "version 0", Option::is_some).await.expect("registered");
    let n_ref = view.n_ref;
    assert_eq!((view.ver, view.da, view.steps_left, view.mover, view.last), (0, DA0, 5, 0, 0));
    assert_eq!((view.storage_hash, view.storage, view.input), (keccak256(STORAGE), None, None));
    assert_eq!(n_ref, world.a.head.time.max(n_ref - WINDOW) + WINDOW);

    let newer = game.version(&world, 4, 10);
    world.b.succeed(game.refute(&world, newer)).await;
    let view = game.seen(&mut world, "version 4", |view| view.as_ref().is_some_and(|v| v.ver == 4)).await;
    assert_eq!(view.map(|view| (view.da, view.n_ref)), Some((10, n_ref)));
    assert_eq!(world.b.fail(game.refute(&world, newer)).await, "what is registered is as new or newer");

    let step = game.step(&world, b"input");
    assert_eq!(world.a.fail(game.execute(&world, step.clone())).await, "the time to refute is not over");
    world.pass(WINDOW + 1);
    assert_eq!(world.b.fail(game.execute(&world, step.clone())).await, "it is not the sender's move");
    world.a.succeed(game.execute(&world, step)).await;
    let view = game.seen(&mut world, "the step", has_storage).await.expect("registered");
    assert_eq!((view.da, view.mover, view.steps_left), (77, 1, 2));
    assert_eq!(view.input.as_deref(), Some(&b"input"[..]));
    let end = view.step_end(60);
    assert_eq!(end, view.last + WINDOW);
    // The end of the dispute moves with it.
    world.b.ledger("the end", |seen| seen.head.dispute.is_some_and(|d| d.final_at(60) == end)).await;

    // Whoever comes late finds the storage in an older event.
    world.a.chain.watch(game.watch(&world));
    let at = (world.id(), game.entry.struct_hash());
    let late = world.a.until("the same", |node| node.nanos.get(&at).map(|seen| seen.head.clone())).await;
    assert_eq!(late, Some(view));

    world.pass(WINDOW);
    let conclude = Call::Conclude { params: world.params, state: game.state, roots: game.roots, mix: game.mix };
    let before = world.b.chain.balance(world.params.a.owner).await.expect("a balance");
    world.b.succeed(conclude).await;
    let after = world.b.chain.balance(world.params.a.owner).await.expect("a balance");
    assert_eq!(after - before, U256::from(640 - DA0 + 77));
}

#[tokio::test]
async fn a_step_that_a_reorg_undoes_is_not_there_any_more() {
    let mut world = World::open().await;
    let game = Game::start(&mut world).await;
    world.a.succeed(game.register(&world, None)).await;
    world.pass(WINDOW + 1);
    world.a.succeed(game.execute(&world, game.step(&world, b"input"))).await;
    game.seen(&mut world, "the step", has_storage).await;
    // The driver sends it again, but it stays in the pool.
    auto_mine(&world.server, false).await;
    world.reorg(1);
    let is_undone = |view: &Option<NanoView>| view.as_ref().is_some_and(|v| v.last == 0 && v.storage.is_none());
    let view = game.seen(&mut world, "no step", is_undone).await.expect("registered");
    assert_eq!((view.steps_left, view.input), (5, None));
}

#[tokio::test]
async fn a_provisional_step_comes_with_the_registration_by_whoever_holds_its_authorisation() {
    let mut world = World::open().await;
    let game = Game::start(&mut world).await;
    let version = game.version(&world, 0, DA0);
    let auth = StepAuth {
        ch: version.ch,
        entry: version.entry,
        ver: 0,
        steps_left: version.steps_left,
        storage_hash: version.storage_hash,
        input_hash: keccak256(b"input"),
    };
    let step = game.step(&world, b"input");
    assert_eq!(world.b.fail(game.register(&world, Some(step.clone()))).await, "it is not the sender's move");
    let auth = Some(world.a.key.sign(world.domain.digest(auth.struct_hash())));
    world.b.succeed(game.register(&world, Some(ForcedStep { auth, ..step }))).await;
    let view = game.seen(&mut world, "the step", has_storage).await.expect("registered");
    assert_eq!((view.ver, view.last, view.steps_left), (0, 0, 2));
    assert_eq!(view.input.as_deref(), Some(&b"input"[..]));
}

#[tokio::test]
async fn a_published_secret_is_seen() {
    let mut world = World::open().await;
    let secret = B256::repeat_byte(9);
    let hash = secret_hash(secret);
    world.b.chain.watch(Watch::Revealed(hash));
    let time = |seen: u64| (seen != 0).then_some(seen);
    world.b.until("never yet", |node| (node.revealed.get(&hash)?.head == 0).then_some(())).await;
    world.a.succeed(Call::Reveal { secret }).await;
    let seen = world.b.until("published", |node| time(node.revealed.get(&hash)?.head)).await;
    assert!(seen > 0 && seen <= world.b.head.time);
    world.pass(5);
    // A second time changes nothing.
    world.a.succeed(Call::Reveal { secret }).await;
    world.b.until("final", |node| (node.revealed.get(&hash)?.settled == seen).then_some(())).await;
    assert_eq!(world.b.revealed.get(&hash).map(|view| view.head), Some(seen));
}
