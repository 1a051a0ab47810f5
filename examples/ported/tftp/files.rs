//! The files: read and written on threads, block by block, with the line ends that a mode wants.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use tempfile::NamedTempFile;
use torsade::{Reactor, Result};

use super::BLOCK;

/// Where the files are.
#[derive(Clone)]
pub(crate) struct Folder {
    pub(super) reactor: Reactor,
    path: Rc<PathBuf>,
}

impl Folder {
    pub(crate) fn new(reactor: &Reactor, path: impl Into<PathBuf>) -> Self {
        Self {
            reactor: reactor.clone(),
            path: Rc::new(path.into()),
        }
    }

    /// The path of a file that a client names, if it is below the folder.
    fn find(&self, name: &str) -> io::Result<PathBuf> {
        let name = Path::new(name);
        let is_below = name
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        match is_below && name.file_name().is_some() {
            true => Ok(self.path.join(name)),
            false => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }
}

impl Folder {
    pub(super) async fn source(&self, name: &str, is_text: bool) -> Result<Source> {
        let path = self.find(name)?;
        let opening = self.reactor.defer_to_thread(move || Ok(File::open(path)?));
        Ok(Source {
            reactor: self.reactor.clone(),
            file: Some(opening.await?),
            ready: Vec::new(),
            is_text,
        })
    }

    pub(super) async fn sink(&self, name: &str, is_text: bool) -> Result<Sink> {
        let path = self.find(name)?;
        let (target, folder) = (path.clone(), Rc::unwrap_or_clone(self.path.clone()));
        let opening = self.reactor.defer_to_thread(move || {
            if target.exists() {
                return Err(io::Error::from(io::ErrorKind::AlreadyExists).into());
            }
            Ok(NamedTempFile::new_in(folder)?)
        });
        Ok(Sink {
            reactor: self.reactor.clone(),
            file: Some(opening.await?),
            path,
            is_text,
            has_cr: false,
        })
    }
}

/// A file that is read block by block.
pub(super) struct Source {
    reactor: Reactor,
    file: Option<File>,
    /// What was read, and converted, and not sent yet.
    ready: Vec<u8>,
    is_text: bool,
}

impl Source {
    /// The next block; one that is not full is the last.
    pub(super) async fn block(&mut self) -> Result<Vec<u8>> {
        while self.ready.len() < BLOCK
            && let Some(mut file) = self.file.take()
        {
            // The file goes to the thread and comes back.
            let reading = self.reactor.defer_to_thread(move || {
                let mut piece = vec![0; 16 * BLOCK];
                let read = file.read(&mut piece)?;
                piece.truncate(read);
                Ok((file, piece))
            });
            let (file, piece) = reading.await?;
            if !piece.is_empty() {
                self.file = Some(file);
            }
            match self.is_text {
                true => piece.iter().for_each(|byte| match byte {
                    b'\n' => self.ready.extend(b"\r\n"),
                    b'\r' => self.ready.extend(b"\r\0"),
                    byte => self.ready.push(*byte),
                }),
                false => self.ready.extend(piece),
            }
        }
        let end = self.ready.len().min(BLOCK);
        Ok(self.ready.drain(..end).collect())
    }
}

/// A file that is written, under another name until it is whole.
pub(super) struct Sink {
    reactor: Reactor,
    file: Option<NamedTempFile>,
    path: PathBuf,
    is_text: bool,
    /// The last block ended in the middle of a line's end.
    has_cr: bool,
}

impl Sink {
    /// Writes a block; the last one, which is not full, completes the file.
    pub(super) async fn block(&mut self, data: &[u8]) -> Result<()> {
        let is_last = data.len() < BLOCK;
        let data = if self.is_text {
            self.without_line_ends(data, is_last)
        } else {
            data.to_vec()
        };
        let Some(mut file) = self.file.take() else {
            return Ok(());
        };
        let path = is_last.then(|| self.path.clone());
        let writing = self.reactor.defer_to_thread(move || {
            file.write_all(&data)?;
            match path {
                Some(path) => file
                    .persist_noclobber(path)
                    .map(|_| None)
                    .map_err(|error| error.error.into()),
                None => Ok(Some(file)),
            }
        });
        self.file = writing.await?;
        Ok(())
    }

    fn without_line_ends(&mut self, data: &[u8], is_last: bool) -> Vec<u8> {
        let mut plain = Vec::with_capacity(data.len());
        for byte in data {
            match (std::mem::take(&mut self.has_cr), byte) {
                (true, b'\n') => plain.push(b'\n'),
                (true, b'\0') => plain.push(b'\r'),
                (was_cr, byte) => {
                    plain.extend(was_cr.then_some(b'\r'));
                    match byte {
                        b'\r' => self.has_cr = true,
                        byte => plain.push(*byte),
                    }
                }
            }
        }
        plain.extend((is_last && std::mem::take(&mut self.has_cr)).then_some(b'\r'));
        plain
    }
}
