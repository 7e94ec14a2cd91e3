//! Taking locks: a panic of another thread that held one is reported where it happens, and must not cause a
//! second one here. What these locks guard is replaced as a whole, so that nothing half done is left behind.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Waits for a lock.
pub fn locked<T: ?Sized>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives a lock back until something changed, and waits for it again.
pub fn locked_again<'a, T>(changed: &Condvar, lock: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    changed.wait(lock).unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a lock that others may read under, too.
pub fn locked_to_read<T: ?Sized>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a lock to have it alone.
pub fn locked_to_write<T: ?Sized>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
