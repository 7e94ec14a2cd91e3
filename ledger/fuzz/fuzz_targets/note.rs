//! Signed notes: nothing is trusted unless the key signed it.
#![no_main]

#[path = "../../tests/negative/any_bytes.rs"]
#[expect(dead_code, reason = "each target has one of the formats")]
mod any_bytes;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    any_bytes::note(bytes);
});
