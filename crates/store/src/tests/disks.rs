//! Disks to order: one that waits, one that fails, one that forgets what was not synced.

use std::{
    io,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use redb::{StorageBackend, backends::InMemoryBackend};

/// A disk whose `sync` waits while the gate is shut.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate {
    state: Arc<(Mutex<GateState>, Condvar)>,
}

#[derive(Debug, Default)]
struct GateState {
    shut: bool,
    waiting: bool,
}

impl Gate {
    pub(super) fn shut(&self) {
        self.state.0.lock().unwrap().shut = true;
    }

    pub(super) fn open(&self) {
        self.state.0.lock().unwrap().shut = false;
        self.state.1.notify_all();
    }

    /// Returns once the writer stands before the gate.
    pub(super) fn await_writer(&self) {
        let guard = self.state.0.lock().unwrap();
        let (guard, _) =
            self.state.1.wait_timeout_while(guard, Duration::from_secs(30), |state| !state.waiting).unwrap();
        assert!(guard.waiting, "the writer never came to the disk");
    }

    fn pass(&self) {
        let mut guard = self.state.0.lock().unwrap();
        guard.waiting = guard.shut;
        self.state.1.notify_all();
        let mut guard = self.state.1.wait_while(guard, |state| state.shut).unwrap();
        guard.waiting = false;
    }
}

#[derive(Debug)]
pub(super) struct GatedDisk {
    pub(super) disk: InMemoryBackend,
    pub(super) gate: Gate,
}

impl StorageBackend for GatedDisk {
    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.gate.pass();
        self.disk.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.write(offset, data)
    }
}

/// A disk with a volatile cache. It breaks for good after a given number of changes; what survives is what was synced
/// and a seeded selection of the sectors written since.
#[derive(Clone, Debug, Default)]
pub(super) struct FragileDisk {
    state: Arc<Mutex<Fragile>>,
}

#[derive(Debug, Default)]
struct Fragile {
    view: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
    changes_left: Option<u64>,
}

const SECTOR: usize = 512;

impl FragileDisk {
    pub(super) fn holding(image: Vec<u8>) -> Self {
        let state = Fragile { view: image.clone(), synced: image, ..Fragile::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Breaks at the change after the next `changes`.
    pub(super) fn break_after(&self, changes: u64) {
        self.state.lock().unwrap().changes_left = Some(changes);
    }

    /// What a restart finds after a loss of power.
    pub(super) fn after_power_loss(&self, random: &mut Random) -> Vec<u8> {
        let state = self.state.lock().unwrap();
        let mut image = state.synced.clone();
        for (offset, data) in &state.unsynced {
            for (number, sector) in data.chunks(SECTOR).enumerate() {
                if random.below(2) == 0 {
                    put(&mut image, offset + number * SECTOR, sector);
                }
            }
        }
        image
    }
}

impl Fragile {
    fn change(&mut self) -> io::Result<()> {
        match &mut self.changes_left {
            None => Ok(()),
            Some(0) => Err(io::Error::other("no space left on the test disk")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

fn put(image: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if image.len() < offset + data.len() {
        image.resize(offset + data.len(), 0);
    }
    image[offset..offset + data.len()].copy_from_slice(data);
}

impl StorageBackend for FragileDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state.lock().unwrap().view.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state.lock().unwrap();
        let offset = usize::try_from(offset).unwrap();
        let bytes = state.view.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    /// Lengths are kept at once: a file system journals them.
    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.change()?;
        let len = usize::try_from(len).unwrap();
        state.view.resize(len, 0);
        state.synced.resize(len, 0);
        state.unsynced.retain(|(offset, data)| offset + data.len() <= len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.change()?;
        state.synced = state.view.clone();
        state.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.change()?;
        let offset = usize::try_from(offset).unwrap();
        put(&mut state.view, offset, data);
        state.unsynced.push((offset, data.to_vec()));
        Ok(())
    }
}

/// SplitMix64.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
