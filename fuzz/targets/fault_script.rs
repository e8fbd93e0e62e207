#![no_main]
// libFuzzer's own hook ends the process at any panic, also at one of a library that the house catches.
libfuzzer_sys::fuzz_target!(init: drop(std::panic::take_hook()), |bytes: &[u8]| hostile::run("fault_script", bytes));
