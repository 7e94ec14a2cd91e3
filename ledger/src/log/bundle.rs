//! 256 entries as one value: the entry bundle of C2SP tlog-tiles, published and stored alike.

/// Entries of a full bundle.
pub const WIDTH: u64 = 256;

/// Why a bundle cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The bundle ends within an entry.
    #[error("it ends within an entry")]
    Torn,
    /// The bundle has another number of entries.
    #[error("it does not contain exactly {0} entries")]
    Count(u64),
    /// An entry is longer than a bundle can say. The log never writes such an entry.
    #[error("an entry of {0} bytes is longer than any bundle can hold")]
    TooLong(usize),
}

/// Appends an entry to a bundle: its length in two bytes, big-endian, then itself.
///
/// # Errors
/// [`BundleError::TooLong`] if it is longer than 65,535 bytes. The log refuses such entries long before;
/// one that is read from a store may be forged.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), BundleError> {
    let length = u16::try_from(entry.len()).map_err(|_| BundleError::TooLong(entry.len()))?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// Entries of a bundle of this width, borrowed from it.
pub fn decode_bundle(bytes: &[u8], width: u64) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::with_capacity(WIDTH as usize);
    for entry in (Entries { bytes }) {
        entries.push(entry?);
        if entries.len() as u64 > width {
            return Err(BundleError::Count(width));
        }
    }
    if entries.len() as u64 == width { Ok(entries) } else { Err(BundleError::Count(width)) }
}

/// One entry of a bundle, counted from 0.
pub fn entry_of(bytes: &[u8], index: usize) -> Result<&[u8], BundleError> {
    Entries { bytes }.nth(index).unwrap_or(Err(BundleError::Count(WIDTH)))
}

/// How many bytes the first entries of a bundle take; none where it has fewer.
pub fn beginning(bytes: &[u8], width: u64) -> Option<usize> {
    let entries = Entries { bytes }.take(usize::try_from(width).ok()?).map_while(Result::ok);
    let (count, length) =
        entries.fold((0, 0), |(count, length), entry| (count + 1, length + 2 + entry.len()));
    (count == width).then_some(length)
}

/// Walks a bundle. Ends after an error.
struct Entries<'a> {
    bytes: &'a [u8],
}

impl<'a> Entries<'a> {
    fn split(bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<&'a [u8], BundleError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.is_empty() {
            return None;
        }
        let split = Self::split(self.bytes);
        self.bytes = split.map_or(&[], |(_, rest)| rest);
        Some(split.map(|(entry, _)| entry).ok_or(BundleError::Torn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_come_back_and_torn_ones_do_not() {
        let entries: [&[u8]; 3] = [b"", b"a", b"bcd"];
        let mut bundle = Vec::new();
        entries.iter().try_for_each(|entry| push_entry(&mut bundle, entry)).expect("short");
        assert_eq!(push_entry(&mut bundle, &[0; 65_536]), Err(BundleError::TooLong(65_536)));
        assert_eq!(decode_bundle(&bundle, 3).expect("whole"), entries);
        for cut in 0..bundle.len() {
            assert!(decode_bundle(&bundle[..cut], 3).is_err(), "cut at {cut}");
        }
        assert_eq!(decode_bundle(&bundle, 2), Err(BundleError::Count(2)));
        assert_eq!(decode_bundle(&bundle, 4), Err(BundleError::Count(4)));
        assert_eq!(entry_of(&bundle, 2), Ok(&b"bcd"[..]));
        assert_eq!(entry_of(&bundle, 3), Err(BundleError::Count(WIDTH)));
        assert_eq!(entry_of(&bundle[..bundle.len() - 1], 2), Err(BundleError::Torn));
    }
}
