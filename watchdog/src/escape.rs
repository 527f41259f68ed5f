//! Text from outside on one line: the one place that makes names, arguments and messages harmless.
//!
//! Log, mail and status all come here, so that one event stays one line and no terminal obeys a
//! process name. Not here: HTML (the templates escape that), mail headers' own encoding (lettre).
//!
//! What is replaced becomes `\xNN`, one per byte. A backslash stays as it is, so the text is for
//! reading and cannot be turned back.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with every character that could end the line, move the cursor or turn the reading
/// direction written as `\xNN`: C0 and C1 controls, DEL, U+2028, U+2029, the byte order mark and
/// all of Unicode's `Bidi_Control`. Borrowed where nothing has to be replaced.
pub fn one_line(text: &str) -> Cow<'_, str> {
    match text.find(is_hostile) {
        None => Cow::Borrowed(text),
        Some(first) => {
            let mut line = String::with_capacity(text.len() + 16);
            line.push_str(&text[..first]);
            push(&mut line, &text[first..]);
            Cow::Owned(line)
        }
    }
}

/// Bytes that should be text, such as a process name of the kernel: as [`one_line`], and every
/// byte that is not UTF-8 as `\xNN`.
pub fn bytes(raw: &[u8]) -> String {
    let mut line = String::with_capacity(raw.len());
    for chunk in raw.utf8_chunks() {
        push(&mut line, chunk.valid());
        for byte in chunk.invalid() {
            push_byte(&mut line, *byte);
        }
    }
    line
}

fn push(line: &mut String, text: &str) {
    for character in text.chars() {
        if is_hostile(character) {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                push_byte(line, byte);
            }
        } else {
            line.push(character);
        }
    }
}

fn push_byte(line: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(line, "\\x{byte:02x}");
}

fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{2028}' | '\u{2029}' | '\u{feff}'
            | '\u{061c}' | '\u{200e}' | '\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_kind_of_hostile_character_is_shown_by_its_bytes() {
        let table = [
            ("apache", "apache"),
            ("naïve 日本 🦀", "naïve 日本 🦀"),
            ("a\r\nBcc: x", r"a\x0d\x0aBcc: x"),
            ("tab\there", r"tab\x09here"),
            ("nul\0", r"nul\x00"),
            ("\x1b[2J", r"\x1b[2J"),
            ("del\x7f", r"del\x7f"),
            ("next line\u{85}", r"next line\xc2\x85"),
            ("\u{2028}\u{2029}", r"\xe2\x80\xa8\xe2\x80\xa9"),
            ("\u{202e}gnp", r"\xe2\x80\xaegnp"),
            ("\u{2066}x\u{2069}", r"\xe2\x81\xa6x\xe2\x81\xa9"),
            ("\u{feff}bom", r"\xef\xbb\xbfbom"),
            (r"back\slash \x41", r"back\slash \x41"),
        ];
        for (text, shown) in table {
            assert_eq!(one_line(text), shown);
            assert_eq!(bytes(text.as_bytes()), shown);
        }
    }

    #[test]
    fn harmless_text_is_not_copied() {
        assert!(matches!(one_line("apache2 -k start"), Cow::Borrowed(_)));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_shown_one_by_one() {
        assert_eq!(bytes(b"a\xff\xfeb"), r"a\xff\xfeb");
        assert_eq!(bytes(b"cut \xe2\x80"), r"cut \xe2\x80");
    }

    proptest! {
        #[test]
        fn no_text_yields_a_control_byte(text in ".*") {
            let shown = one_line(&text);
            prop_assert!(shown.bytes().all(|byte| byte >= 0x20 && byte != 0x7f));
            prop_assert!(!shown.chars().any(is_hostile));
            prop_assert_eq!(one_line(&shown), shown.as_ref(), "a second pass changes nothing");
        }

        #[test]
        fn no_bytes_yield_a_control_byte(raw in proptest::collection::vec(any::<u8>(), 0..64)) {
            let shown = bytes(&raw);
            prop_assert!(!shown.chars().any(is_hostile));
        }
    }
}
