//! Routes as they come over the edge's socket: no bytes panic, and what is taken can be kept.
#![no_main]

use haloy_edge::table::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(snapshot) = decode(bytes) {
        let kept = serde_json::to_vec(&snapshot).expect("what was decoded can be encoded");
        assert_eq!(decode(&kept).expect("and decoded again"), snapshot);
    }
});
