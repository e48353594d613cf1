//! The example of docs/nanocontracts.md, under everything that the kit has.

use alloy_primitives::{b256, keccak256};
use perunika_core::{message::NanoTerms, params::Side};
use perunika_sim::ETH;
use perunika_sim::kit::{self, Seat, Strategy, Subject};

const TEXT: &[u8] = b"3, and the rest is not to be guessed";

/// A has the text, B a guess.
struct Player {
    guess: u8,
}

impl Strategy for Player {
    fn step(&mut self, seat: &Seat<'_>) -> Option<Vec<u8>> {
        Some(match seat.side {
            Side::A => TEXT.to_vec(),
            Side::B => vec![self.guess],
        })
    }
}

fn subject(guess: u8) -> Subject {
    let code = perunika_apps::runtime_code(include_str!("guess/Guess.json")).expect("a nanocontract");
    let terms = NanoTerms {
        total: ETH / 10,
        da0: ETH / 10 / 4 * 3,
        mover0: 1,
        code_hash: keccak256(&code),
        gas: 10_000,
        k_max: 2,
        // printf '3, and the rest is not to be guessed' | sha256sum
        storage: b256!("722662b4216e748293ad4c5b80c124a89f76e9c5ecae7a85f495b484391be4b6").to_vec(),
    };
    Subject::new("guess", &code, terms, move |_| Box::new(Player { guess }))
}

#[test]
fn a_game_can_be_enforced_whoever_wins() {
    for guess in [b'3', b'1'] {
        let report = kit::check(&subject(guess), 1);
        assert_eq!(report.moves, 2);
        assert!(report.dearest_step < 80_000, "{} gas", report.dearest_step);
    }
}
