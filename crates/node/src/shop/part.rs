//! The growing file of a download, `.<job id>.part` beside the output.

use super::offer::Offer;
use super::tree;
use crate::files;
use perunika_core::B256;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Says why a file cannot go to `output`, if so.
pub(crate) fn check_output(output: &Path) -> Result<(), String> {
    if !output.is_absolute() || output.file_name().is_none() {
        return Err("the output must be the absolute path of a file".into());
    }
    if output.exists() {
        return Err(format!("{} exists already", output.display()));
    }
    match output.parent() {
        Some(folder) if folder.is_dir() => Ok(()),
        _ => Err(format!("the folder of {} does not exist", output.display())),
    }
}

fn part_path(output: &Path, job: &str) -> PathBuf {
    output.with_file_name(format!(".{job}.part"))
}

/// The file between the first chunk and the last. All calls block.
#[derive(Debug)]
pub(crate) struct Part {
    file: File,
    path: PathBuf,
    output: PathBuf,
}

impl Part {
    pub(crate) fn open(output: &Path, job: &str, size: u64) -> io::Result<Self> {
        let path = part_path(output, job);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        file.set_len(size)?;
        Ok(Self { file, path, output: output.into() })
    }

    /// Writes a chunk and waits until the disk has it.
    pub(crate) fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.write_all(data)?;
        self.file.sync_data()
    }

    /// Which of the chunks that were once here still are.
    pub(crate) fn verify(&mut self, offer: &Offer, marks: &BTreeMap<u32, B256>) -> io::Result<Vec<u32>> {
        let mut found = Vec::with_capacity(marks.len());
        for (index, leaf) in marks {
            let mut data = vec![0; offer.chunk_len(*index)];
            self.file.seek(SeekFrom::Start(u64::from(*index) * u64::from(offer.chunk_bytes)))?;
            self.file.read_exact(&mut data)?;
            if tree::leaf(&data) == *leaf {
                found.push(*index);
            }
        }
        Ok(found)
    }

    /// Gives the complete file its name. Overwrites nothing.
    pub(crate) fn finish(&self) -> io::Result<()> {
        self.file.sync_all()?;
        if self.output.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(&self.path, &self.output)?;
        files::sync_folder(&self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::offer::example;

    #[test]
    fn what_was_written_is_found_again_and_what_was_damaged_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        let offer = Offer { size: 25, chunk_bytes: 10, ..example() };
        let mut part = Part::open(&output, "job", offer.size).unwrap();
        part.write(0, &[1; 10]).unwrap();
        part.write(20, &[3; 5]).unwrap();
        drop(part);
        let mut part = Part::open(&output, "job", offer.size).unwrap();
        let marks = BTreeMap::from([(0, tree::leaf(&[1; 10])), (1, tree::leaf(&[2; 10])), (2, tree::leaf(&[3; 5]))]);
        assert_eq!(part.verify(&offer, &marks).unwrap(), [0, 2]);
        part.write(10, &[2; 10]).unwrap();
        assert!(check_output(&output).is_ok());
        part.finish().unwrap();
        assert_eq!(fs::read(&output).unwrap().len(), 25);
        assert!(check_output(&output).unwrap_err().contains("exists"));
        assert!(Part::open(&output, "other", offer.size).unwrap().finish().is_err());
    }

    #[test]
    fn outputs_that_cannot_be_are_refused() {
        assert!(check_output(Path::new("relative")).is_err());
        assert!(check_output(Path::new("/no/such/folder/file")).unwrap_err().contains("folder"));
    }
}
