//! S13: numbers that their types do not admit.

use super::abi;
use super::evm::Ended;
use super::number;
use super::pair::{At, Pair};
use super::story::tell_with;
use super::world::World;
use perunika_reference::Call;

/// A call that would succeed, with one of the highest bits of one word flipped: it is refused, or the word means nothing and nothing else happens.
fn spoil(pair: &mut Pair, at: At, call: &Call, spoilt: &mut [u64; 2]) -> Result<(), String> {
    // What a step is told, a secret and code are anything; a call of a batch is passed over where it would be refused alone.
    let free = matches!(
        call,
        Call::Reveal { .. }
            | Call::Deploy { .. }
            | Call::Execute { .. }
            | Call::ExecuteVirtual { .. }
            | Call::Batch { .. }
    );
    let steps = match call {
        Call::RegisterNano { claims, .. }
        | Call::RegisterVirtualNano { claims, .. }
        | Call::RefuteNano { claims, .. }
        | Call::RefuteVirtualNano { claims, .. } => !claims.steps.is_empty(),
        _ => false,
    };
    if free || steps {
        return Ok(());
    }
    let data = abi::calldata(call);
    let probe = |pair: &mut Pair, data| pair.evm.probe(at.sender, at.value, data, at.time, at.number);
    let (whole, changed) = probe(pair, data.clone());
    if !matches!(whole, Ended::Well { .. }) {
        return Ok(());
    }
    for word in (0..typed_words(call).unwrap_or((data.len() - 4) / 32)).filter(|word| !is_any_key(call, *word)) {
        for bit in [0x80, 0x01] {
            let mut dirty = data.clone();
            dirty[4 + 32 * word] ^= bit;
            let (ended, effect) = probe(pair, dirty);
            match ended {
                Ended::Reverted(_) => spoilt[0] += 1,
                Ended::Halted(why) => return Err(format!("word {word} breaks the call off: {why}")),
                ended if ended == whole && effect == changed => spoilt[1] += 1,
                ended => return Err(format!("word {word} with {bit:02x}: {ended:?}")),
            }
        }
    }
    Ok(())
}

/// How many words there are before a funding, where another first byte is another way to pay.
fn typed_words(call: &Call) -> Option<usize> {
    match call {
        Call::OpenWith { .. } | Call::ConfirmWith { .. } | Call::Deposit { .. } => Some(16),
        Call::OpenBoth { .. } => Some(17),
        _ => None,
    }
}

/// Whether the word is the key of a P-256 party of a channel that is opened: there is none that cannot be one.
fn is_any_key(call: &Call, word: usize) -> bool {
    match call {
        Call::Open { params, .. } | Call::OpenWith { params, .. } | Call::OpenBoth { params, .. } => {
            (word == 3 && params.key_a.scheme == 2) || (word == 5 && params.key_b.scheme == 2)
        }
        _ => false,
    }
}

/// `PERUNIKA_DIRTY_STORIES` says how many.
#[test]
fn s13_dirty_words_are_refused_or_mean_nothing() {
    let world = World::new();
    let mut spoilt = [0; 2];
    for seed in 0..number("PERUNIKA_DIRTY_STORIES", 24) {
        let told = tell_with(&world, 1_000_000 + seed, 40, &mut |pair, at, call| spoil(pair, at, call, &mut spoilt));
        told.unwrap_or_else(|why| panic!("{why}"));
    }
    println!("dirty words: {} refused, {} without meaning", spoilt[0], spoilt[1]);
    assert!(spoilt[0] > 5_000 && spoilt[1] < spoilt[0] / 10);
}
