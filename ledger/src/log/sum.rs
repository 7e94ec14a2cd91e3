//! Rows that come in different orders, compared without keeping them.
//!
//! Both sides are added up: the sum over a keyed hash of each row is the same only if the rows are.

/// The sum over rows.
pub struct RowSum {
    key: [u8; 32],
    sum: u128,
    rows: u64,
}

impl RowSum {
    /// An empty sum. The key must be drawn each time: then nobody can prepare other rows with the same sum.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key, sum: 0, rows: 0 }
    }

    /// An empty sum, comparable with this one.
    pub fn other(&self) -> Self {
        Self { key: self.key, sum: 0, rows: 0 }
    }

    /// Adds a row.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(key.len() as u64).to_be_bytes()).update(key).update(value);
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(bytes));
        self.rows += 1;
    }

    /// How many rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether both are over the same rows.
    pub fn same(&self, other: &Self) -> bool {
        (self.key, self.sum, self.rows) == (other.key, other.sum, other.rows)
    }
}
