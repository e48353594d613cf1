//! Calls about nanocontracts as calldata.

use crate::abi::{self, Adjudicator, amount, version};
use crate::call::{EncodeError, Encoded, both, joined, ledger_state, virtual_state};
use alloy_primitives::{Address, B256, Bytes};
use perunika_core::chain::{ForcedStep, Home, NanoClaim, Roots};
use perunika_core::signed::{Entry, Nano, State};

pub(crate) fn register(
    home: &Home,
    state: &State,
    roots: Roots,
    mix: B256,
    list: &[NanoClaim],
    sender: Address,
) -> Result<Encoded, EncodeError> {
    let claims = claims(home, &shortened(list), sender)?;
    Ok(match home {
        Home::Ledger(params) => {
            let (params, state) = (abi::channel(params), ledger_state(state, roots)?);
            Encoded::new(Adjudicator::registerNanoCall { params, state, mix, claims })
        }
        Home::Virtual(params) => {
            let (params, state) = (abi::virtual_channel(params)?, virtual_state(state, roots)?);
            Encoded::new(Adjudicator::registerVirtualNanoCall { params, state, mix, claims })
        }
    })
}

pub(crate) fn refute(home: &Home, list: &[NanoClaim], sender: Address) -> Result<Encoded, EncodeError> {
    let claims = claims(home, list, sender)?;
    Ok(match home {
        Home::Ledger(params) => Encoded::new(Adjudicator::refuteNanoCall { params: abi::channel(params), claims }),
        Home::Virtual(params) => {
            Encoded::new(Adjudicator::refuteVirtualNanoCall { params: abi::virtual_channel(params)?, claims })
        }
    })
}

pub(crate) fn execute(home: &Home, named: &Entry, forced: &ForcedStep) -> Result<Encoded, EncodeError> {
    let (entry, step) = (entry(named)?, step(forced));
    Ok(match home {
        Home::Ledger(params) => Encoded::new(Adjudicator::executeCall { params: abi::channel(params), entry, step }),
        Home::Virtual(params) => {
            Encoded::new(Adjudicator::executeVirtualCall { params: abi::virtual_channel(params)?, entry, step })
        }
    })
}

/// The claims by index, each proof cut where it meets what a former one has shown.
fn shortened(list: &[NanoClaim]) -> Vec<NanoClaim> {
    let mut claims = list.to_vec();
    claims.sort_by_key(|claim| claim.index);
    // At each level, the place of the node that is known: the contract remembers the siblings that it has passed.
    let mut known: Vec<Option<usize>> = Vec::new();
    for claim in &mut claims {
        let meets = |level: &usize| known.get(*level).copied().flatten() == Some(claim.index >> level);
        if let Some(level) = (0..claim.proof.len()).find(meets) {
            claim.proof.truncate(level);
        }
        for level in 0..claim.proof.len() {
            if known.len() <= level {
                known.push(None);
            }
            known[level] = Some((claim.index >> level) ^ 1);
        }
    }
    claims
}

fn claims(home: &Home, claims: &[NanoClaim], sender: Address) -> Result<Adjudicator::NanoClaims, EncodeError> {
    let list = claims.iter().map(claim).collect::<Result<_, _>>()?;
    let mut evidence = Vec::new();
    for claim in claims {
        claim.proof.iter().for_each(|sibling| evidence.extend_from_slice(&sibling[..]));
        evidence.extend_from_slice(&signatures(home, claim, sender)?);
    }
    let steps = claims.iter().filter_map(|claim| claim.step.as_ref()).map(step).collect();
    Ok(Adjudicator::NanoClaims { list, evidence: evidence.into(), steps })
}

fn claim(claim: &NanoClaim) -> Result<Adjudicator::NanoClaim, EncodeError> {
    Ok(Adjudicator::NanoClaim {
        entry: entry(&claim.entry)?,
        index: u16::try_from(claim.index).map_err(|_| EncodeError::TooLarge("index"))?,
        depth: u8::try_from(claim.proof.len()).map_err(|_| EncodeError::TooLarge("proof"))?,
        step: claim.step.is_some(),
        version: nano_version(&claim.version)?,
    })
}

/// None of version 0; of a ledger channel not that of the owner who sends; of a virtual channel always both.
fn signatures(home: &Home, claim: &NanoClaim, sender: Address) -> Result<Bytes, EncodeError> {
    match (home, &claim.sigs) {
        _ if claim.version.ver == 0 => Ok(Bytes::new()),
        (Home::Ledger(params), sigs) => both(params, sigs, sender),
        (Home::Virtual(_), [Some(a), Some(b)]) => Ok(joined([a, b])),
        (Home::Virtual(_), _) => Err(EncodeError::MissingSignature),
    }
}

fn entry(e: &Entry) -> Result<Adjudicator::Entry, EncodeError> {
    Ok(Adjudicator::Entry {
        nid: e.nid,
        born: version(e.born)?,
        total: amount("total", e.total)?,
        dA0: amount("dA0", e.da0)?,
        mover0: e.mover0,
        codeHash: e.code_hash,
        gas: e.gas,
        kMax: e.k_max,
        storage0: e.storage0,
    })
}

fn nano_version(v: &Nano) -> Result<Adjudicator::NanoVersion, EncodeError> {
    Ok(Adjudicator::NanoVersion {
        ver: version(v.ver)?,
        dA: amount("dA", v.da)?,
        mover: v.mover,
        stepsLeft: v.steps_left,
        storageHash: v.storage_hash,
    })
}

fn step(step: &ForcedStep) -> Adjudicator::NanoStep {
    Adjudicator::NanoStep {
        code: step.code,
        state: step.storage.clone().into(),
        input: step.input.clone().into(),
        auth: step.auth.map(|sig| sig.0.to_vec()).unwrap_or_default().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::encode_call;
    use alloy_sol_types::SolCall;
    use perunika_core::Domain;
    use perunika_core::chain::Call;
    use perunika_core::params::{ChannelParams, Party};
    use perunika_core::sig::Signature;
    use perunika_core::signed::Eip712;

    const DOMAIN: Domain = Domain { chain_id: 1, adjudicator: Address::repeat_byte(9) };

    fn params() -> ChannelParams {
        let party = |owner, key| Party { owner: Address::repeat_byte(owner), key: Address::repeat_byte(key) };
        let (a, b) = (party(1, 3), party(2, 4));
        ChannelParams { a, b, asset: Address::ZERO, challenge: 120, window: 60, k_max: 80, lane: 0 }
    }

    fn one(ver: u64, sigs: [Option<Signature>; 2], step: Option<ForcedStep>) -> NanoClaim {
        let nid = B256::repeat_byte(5);
        let (code_hash, storage0) = (B256::repeat_byte(6), B256::repeat_byte(7));
        let entry = Entry { nid, born: 2, total: 9, da0: 4, mover0: 1, code_hash, gas: 100_000, k_max: 8, storage0 };
        let version = Nano {
            ch: B256::ZERO,
            entry: entry.struct_hash(),
            ver,
            da: 4,
            mover: 1,
            steps_left: 8,
            storage_hash: storage0,
        };
        NanoClaim { entry, index: 3, proof: vec![B256::repeat_byte(8)], version, sigs, step }
    }

    fn sent(claims: Vec<NanoClaim>, sender: Address) -> Result<Adjudicator::NanoClaims, EncodeError> {
        let call = Call::RefuteNanos { home: Home::Ledger(params()), claims };
        let data = encode_call(&call, &DOMAIN, sender)?.data;
        Ok(Adjudicator::refuteNanoCall::abi_decode(&data).expect("refuteNano").claims)
    }

    #[test]
    fn only_those_who_do_not_send_sign_and_nobody_signs_version_0() {
        let sigs = [Some(Signature([0xaa; 64])), Some(Signature([0xbb; 64]))];
        // One sibling precedes them.
        let signatures =
            |ver, sigs, sender| sent(vec![one(ver, sigs, None)], sender).map(|claims| claims.evidence[32..].to_vec());
        assert_eq!(signatures(2, sigs, params().a.owner), Ok(vec![0xbb; 64]));
        assert_eq!(signatures(2, sigs, Address::ZERO), Ok([[0xaa; 64], [0xbb; 64]].concat()));
        assert_eq!(signatures(2, [None, None], Address::ZERO), Err(EncodeError::MissingSignature));
        assert_eq!(signatures(0, [None, None], Address::ZERO), Ok(vec![]));
    }

    #[test]
    fn a_provisional_step_is_carried_or_none() {
        let none = sent(vec![one(0, [None, None], None)], Address::ZERO).expect("encodes");
        assert_eq!((none.list.len(), none.steps.len()), (1, 0));
        let only = &none.list[0];
        assert_eq!((only.index, only.depth, only.step), (3, 1, false));
        assert_eq!((only.entry.dA0.to::<u128>(), only.version.stepsLeft), (4, 8));
        let (code, auth) = (Address::repeat_byte(7), Some(Signature([1; 64])));
        let step = ForcedStep { code, storage: vec![1, 2], input: vec![3], auth };
        let list = vec![one(0, [None, None], None), one(0, [None, None], Some(step))];
        let mut some = sent(list, Address::ZERO).expect("encodes");
        assert_eq!(some.list.iter().map(|claim| claim.step).collect::<Vec<_>>(), [false, true]);
        assert_eq!(some.steps.len(), 1);
        let some = some.steps.remove(0);
        assert_eq!((some.code, &some.state[..], &some.input[..], some.auth.len()), (code, &[1, 2][..], &[3][..], 64));
    }

    #[test]
    fn the_evidence_of_each_claim_is_its_proof_and_then_its_signatures() {
        let sigs = |a, b| [Some(Signature([a; 64])), Some(Signature([b; 64]))];
        let at = |ver, proof: &[u8], sigs| {
            let proof = proof.iter().map(|byte| B256::repeat_byte(*byte)).collect();
            NanoClaim { proof, ..one(ver, sigs, None) }
        };
        let list = vec![at(4, &[1, 2], sigs(3, 4)), at(0, &[5], [None, None]), at(2, &[], sigs(6, 7))];
        let claims = sent(list, Address::ZERO).expect("encodes");
        assert_eq!(claims.list.iter().map(|claim| claim.depth).collect::<Vec<_>>(), [2, 1, 0]);
        let parts = [(1, 32), (2, 32), (3, 64), (4, 64), (5, 32), (6, 64), (7, 64)];
        let expected: Vec<u8> = parts.iter().flat_map(|(byte, length)| vec![*byte; *length]).collect();
        assert_eq!(claims.evidence.to_vec(), expected);
    }

    #[test]
    fn proofs_of_one_call_are_as_short_as_they_can_be() {
        let at = |index, depth| NanoClaim { index, proof: vec![B256::ZERO; depth], ..one(0, [None, None], None) };
        let claims: Vec<NanoClaim> = [6, 2, 0, 1, 3, 5, 4].map(|index| at(index, 3)).to_vec();
        let lengths: Vec<(usize, usize)> =
            shortened(&claims).iter().map(|claim| (claim.index, claim.proof.len())).collect();
        assert_eq!(lengths, [(0, 3), (1, 0), (2, 1), (3, 0), (4, 2), (5, 0), (6, 1)]);
        let far: Vec<NanoClaim> = [1, 6].map(|index| at(index, 3)).to_vec();
        assert_eq!(shortened(&far).iter().map(|claim| claim.proof.len()).collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn numbers_are_never_cut() {
        let mut claim = one(0, [None, None], None);
        claim.entry.total = 1 << 96;
        assert_eq!(sent(vec![claim], Address::ZERO).err(), Some(EncodeError::TooLarge("total")));
        let claim = NanoClaim { index: 1 << 16, ..one(0, [None, None], None) };
        assert_eq!(sent(vec![claim], Address::ZERO).err(), Some(EncodeError::TooLarge("index")));
        let claim = NanoClaim { proof: vec![B256::ZERO; 1 << 8], ..one(0, [None, None], None) };
        assert_eq!(sent(vec![claim], Address::ZERO).err(), Some(EncodeError::TooLarge("proof")));
    }
}
