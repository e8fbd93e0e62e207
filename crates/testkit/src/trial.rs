//! What trials by bad input stand on: how much is asked for, what it cost, whether anything panicked.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A number from the environment: the extended set asks for more.
pub fn asked(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Resident memory of this process, in KiB: now, or at its highest.
pub fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let text = status.lines().find_map(|found| found.strip_prefix(line)).expect("a line of that name");
    text.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number of KiB")
}

/// Panics anywhere in this process, the servers' tasks included, counted from the first call on.
pub fn panics() -> usize {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            COUNT.fetch_add(1, Ordering::SeqCst);
            usual(info);
        }));
    });
    COUNT.load(Ordering::SeqCst)
}
