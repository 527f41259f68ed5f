//! Percent-coding of one segment of a path (RFC 3986, section 2.1): service names hold any text.

use std::fmt::Write as _;

/// The segment as it stands in a request line: all but unreserved characters coded.
pub fn encode(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    // "." and ".." would be taken away by clients that normalise paths.
    if !out.is_empty() && out.bytes().all(|byte| byte == b'.') {
        out = out.replace('.', "%2E");
    }
    out
}

/// The text of a segment; `None` where a `%` is not followed by two hexadecimal digits or the
/// result is not UTF-8.
pub fn decode(segment: &str) -> Option<String> {
    let mut out = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = digit(bytes.next()?)?;
            let low = digit(bytes.next()?)?;
            out.push(high << 4 | low);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

/// The value of one parameter of a query, not decoded.
pub fn parameter<'q>(query: Option<&'q str>, name: &str) -> Option<&'q str> {
    query?
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_comes_back(text in ".*") {
            let coded = encode(&text);
            prop_assert!(!coded.contains('/'));
            prop_assert_eq!(decode(&coded), Some(text));
        }

        #[test]
        fn any_segment_is_survived(text in "[%0-9a-fA-F/é]*") {
            let _ = decode(&text);
        }
    }

    #[test]
    fn bad_codes_are_refused() {
        for bad in ["%", "%1", "%zz", "%ff", "%+1"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn parameters_are_found_by_their_whole_name() {
        assert_eq!(parameter(Some("await=1&wait=0"), "wait"), Some("0"));
        assert_eq!(parameter(Some("wait"), "wait"), None);
        assert_eq!(parameter(None, "wait"), None);
    }
}
