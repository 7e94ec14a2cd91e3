//! Write buffers are written out before they are full, by whoever writes.
//!
//! fjall asks its worker to do it, once more with each write over the limit until it is done. The worker
//! that is asked a thousand times while it compacts stops for good, since it adds to the same full queue
//! (fjall-rs/fjall#323): then buffers grow until memory ends, and closing waits for ever. So what is over
//! the limit must stay the exception.

use ::fjall::{AbstractTree, Keyspace};

/// Of a buffer's limit, this share is room for the write to come.
const ROOM: u64 = 4;

/// Writes the buffer out if it is nearly as large as `limit`.
pub(super) fn make(space: &Keyspace, limit: u64) -> ::fjall::Result<()> {
    if space.tree.active_memtable().size() > limit - limit / ROOM {
        space.rotate_memtable()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::fjall::{Database, KeyspaceCreateOptions};

    const LIMIT: u64 = 64 << 10;

    #[test]
    fn buffers_are_written_out_while_the_worker_is_busy() {
        let folder = tempfile::tempdir().expect("a folder");
        // One that is busy for ever.
        let db = Database::builder(folder.path()).worker_threads_unchecked(0).open().expect("opened");
        let options = || KeyspaceCreateOptions::default().max_memtable_size(LIMIT);
        let space = db.keyspace("rows", options).expect("made");
        let mut written = 0u64;
        // At four that wait for the worker, fjall holds up whoever writes: that bounds what memory is used.
        while space.sealed_memtable_count() < 3 {
            make(&space, LIMIT).expect("written out");
            let mut write = db.batch();
            write.insert(&space, written.to_be_bytes(), [0; 1024]);
            write.commit().expect("committed");
            written += 1;
            assert!(space.tree.active_memtable().size() <= LIMIT, "nothing was over the limit");
        }
        assert!(written * 1024 < 4 * LIMIT);
    }
}
