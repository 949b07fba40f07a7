#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| resonate_fuzz::run("client_reply", data));
