//! Escapes of one byte by a backslash and three characters, as the kernel and systemd write them.

/// Undoes them: `decode` is given the three characters and says which byte they mean. What it does
/// not know stays as it is.
pub fn unescape(text: &[u8], decode: impl Fn(&str) -> Option<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail.get(..3).filter(|_| first == b'\\').and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(&decode) {
            Some(byte) => {
                out.push(byte);
                rest = &tail[3..];
            }
            None => {
                out.push(first);
                rest = tail;
            }
        }
    }
    out
}
