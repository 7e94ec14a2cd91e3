//! Write buffers are flushed by the writers before they are full.
//!
//! fjall has its worker do that, with one more request for each write over the limit until it is done. A
//! worker that gets a thousand requests while it compacts stops for good, since it adds to the same full
//! queue (fjall-rs/fjall#323): then buffers grow until memory ends, and closing waits for ever. So writes
//! over the limit must stay the exception.

use ::fjall::{AbstractTree, Keyspace};

/// Share of a buffer's limit that is room for the next write.
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
        // A worker that is busy for ever.
        let db = Database::builder(folder.path()).worker_threads_unchecked(0).open().expect("opened");
        let options = || KeyspaceCreateOptions::default().max_memtable_size(LIMIT);
        let space = db.keyspace("rows", options).expect("made");
        let mut written = 0u64;
        // With four buffers that wait for the worker, fjall holds up the writers: that bounds memory.
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
