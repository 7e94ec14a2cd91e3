//! A context as an archive, made while it is sent: only the pieces in flight are in memory.

use super::{Context, Entry, IGNORED, OUTSIDE, io_failure};
use futures_util::stream::{self, BoxStream, StreamExt};
use hyper::body::Bytes;
use std::fs::{File, Metadata};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

/// Bytes of a piece.
const PIECE: usize = 64 * 1024;
/// Pieces in flight.
const PIECES: usize = 8;

/// What was sent, in hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Digests {
    pub(in super::super) context: String,
    pub(in super::super) dockerfile: String,
}

/// An archive that is being made.
pub(in super::super) struct Packing(tokio::task::JoinHandle<Result<Digests, String>>);

impl Packing {
    /// What was sent; else what could not be read.
    pub(in super::super) async fn ended(self) -> Result<Digests, String> {
        crate::join::ended(self.0.await).await
    }
}

impl Context {
    /// The archive in pieces. It is read as fast as they are taken.
    pub(in super::super) fn packed(self) -> (BoxStream<'static, io::Result<Bytes>>, Packing) {
        let (sender, receiver) = mpsc::channel(PIECES);
        let packing = tokio::task::spawn_blocking(move || {
            let done = self.pack(BufWriter::with_capacity(PIECE, Pieces(sender.clone())));
            if let Err(cause) = &done {
                // Half an archive must not be taken for a whole one.
                drop(sender.blocking_send(Err(io::Error::other(cause.clone()))));
            }
            done
        });
        let pieces = stream::unfold(receiver, |mut receiver| async {
            let piece = receiver.recv().await?;
            Some((piece, receiver))
        });
        (pieces.boxed(), Packing(packing))
    }

    /// What would be sent, without sending it.
    pub(in super::super) async fn digests(self) -> Result<Digests, String> {
        crate::join::ended(tokio::task::spawn_blocking(move || self.pack(io::sink())).await).await
    }

    fn pack(&self, to: impl Write) -> Result<Digests, String> {
        let mut archive = Archive { tar: Builder::new(to), digest: blake3::Hasher::new() };
        // The engine's reader knows no sparse files.
        archive.tar.sparse(false);
        for entry in &self.entries {
            let replaced = self.rules.is_some() && entry.name == Path::new(IGNORED);
            if !replaced {
                let path = self.folder.join(&entry.name);
                archive.add(&path, entry).map_err(|error| io_failure(&path, &error))?;
            }
        }
        if let Some(rules) = &self.rules {
            let added = archive.made(IGNORED, rules.as_bytes());
            added.and_then(|()| archive.made(OUTSIDE, &self.recipe)).map_err(|error| error.to_string())?;
        }
        let ended = archive.tar.into_inner().and_then(|mut to| to.flush());
        ended.map_err(|error| error.to_string())?;
        Ok(Digests {
            context: archive.digest.finalize().to_hex().to_string(),
            dockerfile: blake3::hash(&self.recipe).to_hex().to_string(),
        })
    }
}

/// What is behind a name.
enum Content {
    File(File),
    Link(PathBuf),
    None,
}

impl Content {
    fn of(path: &Path, metadata: &Metadata) -> io::Result<Self> {
        if metadata.is_symlink() {
            return std::fs::read_link(path).map(Self::Link);
        }
        if metadata.is_file() {
            return File::open(path).map(Self::File);
        }
        Ok(Self::None)
    }
}

struct Archive<W: Write> {
    tar: Builder<W>,
    digest: blake3::Hasher,
}

impl<W: Write> Archive<W> {
    /// As `docker build` does: mode and time as they are, owned by root. A file that vanished since it was
    /// listed is left out.
    fn add(&mut self, path: &Path, entry: &Entry) -> io::Result<()> {
        match Content::of(path, &entry.metadata) {
            Ok(content) => self.put(entry, content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn put(&mut self, Entry { name, metadata }: &Entry, content: Content) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_metadata(metadata);
        header.set_mode(metadata.mode() & 0o7777);
        header.set_uid(0);
        header.set_gid(0);
        // With lengths before them, no two trees have one digest.
        self.sized(name.as_os_str().as_bytes());
        self.sized(&metadata.mode().to_be_bytes());
        match content {
            Content::File(from) => {
                self.digest.update(&metadata.len().to_be_bytes());
                let content = Counted { from, left: metadata.len(), digest: &mut self.digest };
                self.tar.append_data(&mut header, name, content)
            }
            Content::Link(leads) => {
                self.sized(leads.as_os_str().as_bytes());
                header.set_size(0);
                self.tar.append_link(&mut header, name, leads)
            }
            Content::None => {
                header.set_size(0);
                self.tar.append_data(&mut header, name, io::empty())
            }
        }
    }

    /// A file that is made here.
    fn made(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_size(content.len() as u64);
        self.sized(name.as_bytes());
        self.sized(content);
        self.tar.append_data(&mut header, name, content)
    }

    fn sized(&mut self, bytes: &[u8]) {
        self.digest.update(&(bytes.len() as u64).to_be_bytes()).update(bytes);
    }
}

/// As many bytes of a file as it had when it was listed, digested in passing.
struct Counted<'a> {
    from: File,
    left: u64,
    digest: &'a mut blake3::Hasher,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.from.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(io::Error::other("it became shorter while it was read"));
        }
        self.left -= read as u64;
        self.digest.update(&buffer[..read]);
        Ok(read)
    }
}

/// Destination of the pieces; an error once nothing takes them any more.
struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn look(folder: &Path) -> Result<Context, String> {
        Context::look(folder, "Dockerfile")
    }

    #[tokio::test]
    async fn no_two_trees_have_one_digest() {
        let recipe = ("Dockerfile", "FROM scratch\n");
        let trees = [
            vec![recipe, ("a", ""), ("b", "x")],
            vec![recipe, ("a", "b\0x")],
            vec![recipe, ("a", "b"), ("x", "")],
        ];
        let mut digests = BTreeSet::new();
        for tree in &trees {
            let folder = tempfile::tempdir().expect("a folder");
            for (name, content) in tree {
                std::fs::write(folder.path().join(name), content).expect("written");
            }
            let context = look(folder.path()).expect("readable");
            let alone = context.digests().await.expect("read");
            let (pieces, packing) = look(folder.path()).expect("readable").packed();
            assert!(pieces.all(|piece| async move { piece.is_ok() }).await);
            assert_eq!(packing.ended().await.expect("packed"), alone);
            digests.insert(alone.context);
        }
        assert_eq!(digests.len(), trees.len());
    }

    #[tokio::test]
    async fn rules_that_cannot_be_read_let_nothing_through() {
        let folder = tempfile::tempdir().expect("a folder");
        let rules = folder.path().join(IGNORED);
        std::fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").expect("written");
        for bad in [b"secret\xff\n".as_slice(), b"[secret\n"] {
            std::fs::write(&rules, bad).expect("written");
            assert!(look(folder.path()).is_err_and(|cause| cause.contains(IGNORED)));
        }
        std::fs::remove_file(&rules).expect("removed");
        std::fs::create_dir(&rules).expect("made");
        assert!(look(folder.path()).is_err(), "a folder cannot be read as rules");
    }

    #[tokio::test]
    async fn a_file_that_becomes_shorter_is_an_error_and_no_archive() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").expect("written");
        std::fs::write(folder.path().join("a"), vec![0; 1 << 20]).expect("written");
        std::fs::write(folder.path().join("Gone"), "x").expect("written");
        let context = look(folder.path()).expect("readable");
        std::fs::write(folder.path().join("a"), "short").expect("written");
        // A file that vanished is not part of the archive any more.
        std::fs::remove_file(folder.path().join("Gone")).expect("removed");
        let (pieces, packing) = context.packed();
        assert!(pieces.any(|piece| async move { piece.is_err() }).await);
        let cause = packing.ended().await.expect_err("it is not whole");
        assert!(cause.contains("/a: it became shorter"), "{cause}");
    }
}
