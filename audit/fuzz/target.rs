//! What every target has: libFuzzer's entry, and what is true of every answer.
//!
//! Part of: each target of audit/fuzz, which libFuzzer runs. In: bytes that libFuzzer made. Out: nothing, or the end of the
//! process, which libFuzzer reports. Never: ships.

use bailiff::shared::pure::addr::Addr;

/// libFuzzer's entry: calls this function with every input.
macro_rules! target {
    ($run:path) => {
        #[unsafe(no_mangle)]
        pub extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, size: usize) -> i32 {
            if size > 0 {
                // SAFETY: libFuzzer's contract: `size` bytes stand at `data` until this returns, and nobody writes them.
                $run(unsafe { core::slice::from_raw_parts(data, size) });
            }
            0
        }
    };
}
pub(crate) use target;

/// Ends the process when `part` is no piece of `whole`.
pub(crate) fn is_within(whole: &[u8], part: &[u8]) {
    let (whole, part) = (whole.as_ptr_range(), part.as_ptr_range());
    assert!(
        whole.start <= part.start && part.end <= whole.end,
        "an answer that is no piece of what was read"
    );
}

/// Whether the line has this address, in any spelling.
pub(crate) fn names(line: &[u8], addr: Addr) -> bool {
    let is_it = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.');
    let starts = (0..line.len()).filter(|at| is_it(&line[*at]));
    let mut texts = starts.flat_map(|at| {
        let most = line[at..].iter().take(45).take_while(|b| is_it(b)).count();
        (2..=most).map(move |long| &line[at..at + long])
    });
    texts.any(|text| Addr::parse(text) == Some(addr))
}
