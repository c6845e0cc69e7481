#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    towline_fuzz::targets::ranges::list(input);
});
