//! The chain on disk: a file with one line for each block, and for each time that blocks were dropped.
//!
//! The first line names the format, its version and the first block. Every line begins with a checksum over the one before it and
//! over itself, so that a line that was changed, lost or moved is noticed. Loading executes the blocks again and compares their
//! hashes. An unfinished last line is what a crash in the middle of a write leaves; it is cut off.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use alloy::primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};

use crate::{BlockRecord, Chain, Genesis};

const FORMAT: &str = "perunika development chain";
const VERSION: u32 = 1;
/// Hexadecimal digits of a checksum.
const SUM_DIGITS: usize = 16;

/// Why a state cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The disk.
    #[error("{} cannot be used: {reason}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Somebody else has it open.
    #[error("{} is in use by another development chain", .0.display())]
    InUse(PathBuf),
    /// Something else.
    #[error("{} is not the state of a development chain", .0.display())]
    Foreign(PathBuf),
    /// Of another version of the format.
    #[error("{} has version {found} of the format, and only version {VERSION} can be read", .path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in it.
        found: u32,
    },
    /// Not as it was written.
    #[error("{} is damaged at line {line}; nothing was changed in it", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// For another chain.
    #[error("{} holds chain {found}, not {wanted}", .path.display())]
    OtherChain {
        /// The file.
        path: PathBuf,
        /// The id in it.
        found: u64,
        /// The id asked for.
        wanted: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    version: u32,
    accounts: Vec<Address>,
    genesis: Genesis,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    /// The next block.
    Block(Box<BlockRecord>),
    /// The blocks above this one are dropped.
    Keep(u64),
    /// This many snapshots were taken; they are gone after a restart, and their ids are not given again.
    Snapshots(u64),
}

/// What a file holds.
pub(super) struct Loaded {
    pub(super) chain: Chain,
    pub(super) accounts: Vec<Address>,
}

/// An open file, locked.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    sum: String,
    /// Hashes of the blocks in the file, by number.
    hashes: Vec<B256>,
    snapshots: u64,
    unsynced: bool,
    failed: bool,
}

impl Journal {
    /// Opens the file and executes what is in it; none if there is no file yet.
    pub(super) fn open(path: &Path, chain_id: u64) -> Result<Option<(Self, Loaded)>, StateError> {
        let io = |error: io::Error| StateError::Io { path: path.into(), reason: error.to_string() };
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        lock(&file, path)?;
        let text = fs::read(path).map_err(io)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut journal = Self::new(path, file);
        let loaded = journal.load(&text[..whole], chain_id)?;
        if whole < text.len() {
            tracing::warn!(path = %path.display(), bytes = text.len() - whole, "cuts off an unfinished line");
            journal.file.set_len(whole as u64).map_err(io)?;
        }
        journal.file.seek(SeekFrom::Start(whole as u64)).map_err(io)?;
        Ok(Some((journal, loaded)))
    }

    /// Makes the file, all or nothing.
    pub(super) fn create(path: &Path, chain: &Chain, accounts: &[Address]) -> Result<Self, StateError> {
        let io = |error: io::Error| StateError::Io { path: path.into(), reason: error.to_string() };
        let part = path.with_extension("part");
        let mut journal = Self::new(path, File::create(&part).map_err(io)?);
        lock(&journal.file, path)?;
        let head = Head {
            format: FORMAT.into(),
            version: VERSION,
            accounts: accounts.to_vec(),
            genesis: chain.genesis().clone(),
        };
        journal.write(&head).map_err(io)?;
        journal.file.sync_all().map_err(io)?;
        fs::rename(&part, path).map_err(io)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        journal.hashes = vec![chain.block(0).map(|block| block.hash).unwrap_or_default()];
        Ok(journal)
    }

    fn new(path: &Path, file: File) -> Self {
        Self {
            path: path.into(),
            file,
            sum: String::new(),
            hashes: Vec::new(),
            snapshots: 0,
            unsynced: false,
            failed: false,
        }
    }

    fn load(&mut self, text: &[u8], chain_id: u64) -> Result<Loaded, StateError> {
        let damaged = |line: usize| StateError::Damaged { path: self.path.clone(), line: line + 1 };
        let mut lines = text.split_inclusive(|byte| *byte == b'\n').enumerate();
        let first = lines.next().map_or(&[][..], |(_, line)| line);
        let head = self.head(first)?;
        let mut sum = checksum("", body(first));
        if !first.starts_with(sum.as_bytes()) {
            return Err(damaged(0));
        }
        if head.genesis.chain_id != chain_id {
            let (path, found) = (self.path.clone(), head.genesis.chain_id);
            return Err(StateError::OtherChain { path, found, wanted: chain_id });
        }
        let (mut records, mut snapshots) = (Vec::new(), 0);
        for (number, line) in lines {
            sum = checksum(&sum, body(line));
            if !line.starts_with(sum.as_bytes()) {
                return Err(damaged(number));
            }
            match serde_json::from_slice(body(line)).map_err(|_| damaged(number))? {
                Line::Block(record) => records.push((number, record)),
                Line::Keep(keep) => records.truncate(usize::try_from(keep).unwrap_or(usize::MAX)),
                Line::Snapshots(taken) => snapshots = taken,
            }
        }
        let mut chain = Chain::new(head.genesis);
        self.hashes = vec![chain.head().hash];
        for (number, record) in &records {
            chain.replay(record).map_err(|_| damaged(*number))?;
            self.hashes.push(record.hash);
        }
        chain.skip_snapshots(snapshots);
        (self.sum, self.snapshots) = (sum, snapshots);
        Ok(Loaded { chain, accounts: head.accounts })
    }

    fn head(&self, line: &[u8]) -> Result<Head, StateError> {
        #[derive(Deserialize)]
        struct Name {
            format: String,
            version: u32,
        }
        let foreign = || StateError::Foreign(self.path.clone());
        let name: Name = serde_json::from_slice(body(line)).map_err(|_| foreign())?;
        if name.format != FORMAT {
            return Err(foreign());
        }
        if name.version != VERSION {
            return Err(StateError::Version { path: self.path.clone(), found: name.version });
        }
        serde_json::from_slice(body(line)).map_err(|_| StateError::Damaged { path: self.path.clone(), line: 1 })
    }

    /// Brings the file up to the chain. After a failure it stays as it is, a chain of the past.
    pub(super) fn follow(&mut self, chain: &Chain) {
        if self.failed {
            return;
        }
        if let Err(error) = self.append(chain) {
            tracing::error!(path = %self.path.display(), %error, "the state is not saved any more");
            self.failed = true;
        }
    }

    fn append(&mut self, chain: &Chain) -> io::Result<()> {
        let hash_of = |number: usize| chain.block(number as u64).map(|block| block.hash).ok();
        let mut common = self.hashes.len();
        while common > 1 && hash_of(common - 1) != Some(self.hashes[common - 1]) {
            common -= 1;
        }
        if common < self.hashes.len() {
            self.write(&Line::Keep(common as u64 - 1))?;
            self.hashes.truncate(common);
        }
        if chain.snapshots_taken() > self.snapshots {
            self.snapshots = chain.snapshots_taken();
            self.write(&Line::Snapshots(self.snapshots))?;
        }
        for number in common as u64..=chain.height() {
            let Ok(block) = chain.block(number) else { break };
            self.write(&Line::Block(Box::new(BlockRecord::of(block))))?;
            self.hashes.push(block.hash);
        }
        Ok(())
    }

    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        let json = serde_json::to_string(line)?;
        let sum = checksum(&self.sum, json.as_bytes());
        self.file.write_all(format!("{sum} {json}\n").as_bytes())?;
        (self.sum, self.unsynced) = (sum, true);
        Ok(())
    }

    /// Returns when what was written is on the disk.
    pub(super) fn sync(&mut self) {
        if std::mem::take(&mut self.unsynced)
            && let Err(error) = self.file.sync_data()
        {
            tracing::error!(path = %self.path.display(), %error, "the state is not saved any more");
            self.failed = true;
        }
    }
}

fn lock(file: &File, path: &Path) -> Result<(), StateError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(fs::TryLockError::WouldBlock) => Err(StateError::InUse(path.into())),
        Err(fs::TryLockError::Error(error)) => Err(StateError::Io { path: path.into(), reason: error.to_string() }),
    }
}

/// A line without its checksum and its end.
fn body(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line).get(SUM_DIGITS + 1..).unwrap_or_default()
}

fn checksum(before: &str, json: &[u8]) -> String {
    let hash = keccak256([before.as_bytes(), json].concat());
    alloy::hex::encode(&hash[..SUM_DIGITS / 2])
}
