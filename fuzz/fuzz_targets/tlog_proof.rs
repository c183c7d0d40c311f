//! See `targets`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::run("tlog_proof", bytes));
