//! A participant seen from outside.

use perunika_core::Participant;

/// Everything that programs can ask of it.
pub(super) fn look(participant: &Participant) {
    for ledger in participant.ledgers() {
        participant.nanos(ledger.id);
    }
    for vc in participant.virtuals() {
        participant.evidence(vc.id);
        participant.dossier(vc.id);
        participant.nanos(vc.id);
    }
    participant.all_nanos();
    participant.overview();
    participant.figures();
    participant.companions();
    participant.budgets();
}
