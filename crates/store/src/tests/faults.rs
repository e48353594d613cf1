use super::{
    disks::{FragileDisk, Random},
    numbered,
};
use crate::{Store, StoreConfig, StoreError, WriteBatch};

fn open(disk: &FragileDisk) -> Store {
    Store::on_backend(disk.clone(), &StoreConfig::default()).unwrap()
}

#[test]
fn after_a_failed_write_nothing_is_accepted_any_more() {
    let disk = FragileDisk::default();
    let store = open(&disk);
    store.commit_blocking(numbered(1)).unwrap();
    disk.break_after(0);
    let first = store.commit_blocking(numbered(2)).unwrap_err();
    assert!(matches!(&first, StoreError::Stopped { first } if first.contains("no space left")), "{first}");
    for n in 3..6 {
        assert_eq!(store.commit_blocking(numbered(n)).unwrap_err(), first);
    }
    assert_eq!(store.stats().commits, 1);
}

/// Two keys per batch show whether it is whole; consecutive numbers show whether one is missing.
fn paired(number: u64) -> WriteBatch {
    let filler = vec![number as u8; 64 + (number as usize * 37) % 1500];
    WriteBatch::new()
        .put([b"a/", &number.to_be_bytes()[..]].concat(), filler)
        .put([b"b/", &number.to_be_bytes()[..]].concat(), b"")
}

fn numbers(store: &Store, prefix: &[u8]) -> Vec<u64> {
    let pairs = store.scan_prefix(prefix).unwrap();
    pairs.iter().map(|(key, _)| u64::from_be_bytes(key[2..].try_into().unwrap())).collect()
}

/// Writes until the disk breaks and returns how many batches were acknowledged.
fn write_until_broken(store: &Store, from: u64, random: &mut Random) -> u64 {
    let mut acknowledged = from;
    loop {
        let size = 1 + random.below(8);
        let group: Vec<_> = (0..size).map(|i| store.submit_blocking(paired(acknowledged + i)).unwrap()).collect();
        for ticket in group {
            match ticket.wait_blocking() {
                Ok(()) => acknowledged += 1,
                Err(_) => return acknowledged,
            }
        }
    }
}

#[test]
fn a_power_loss_at_any_write_loses_nothing_acknowledged() {
    for seed in 0..150 {
        let mut random = Random(seed);
        let mut image = Vec::new();
        let mut present = 0;
        for _life in 0..3 {
            let disk = FragileDisk::holding(image);
            let store = open(&disk);
            assert_eq!(numbers(&store, b"a/").len() as u64, present, "seed {seed}");
            disk.break_after(random.below(400));
            let acknowledged = write_until_broken(&store, present, &mut random);
            image = disk.after_power_loss(&mut random);
            drop(store);

            let after = open(&FragileDisk::holding(image.clone()));
            let found = numbers(&after, b"a/");
            present = found.len() as u64;
            assert!(present >= acknowledged, "seed {seed}: {acknowledged} acknowledged, {present} found");
            assert_eq!(found, (0..present).collect::<Vec<_>>(), "seed {seed}: a batch in the middle is missing");
            assert_eq!(found, numbers(&after, b"b/"), "seed {seed}: half a batch");
        }
    }
}
