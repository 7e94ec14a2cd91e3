//! Entries as the log stores them: what is read can be written and read again.
#![no_main]

#[path = "../../tests/negative/any_bytes.rs"]
#[expect(dead_code, reason = "each target has one of the formats")]
mod any_bytes;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    any_bytes::entry(bytes);
});
