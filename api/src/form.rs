//! `application/x-www-form-urlencoded`, both ways (WHATWG URL §5).

/// Decodes name and value pairs. Bytes that are not UTF-8 become U+FFFD, NUL too.
pub(crate) fn pairs(text: &[u8]) -> Vec<(String, String)> {
    let parts = text.split(|byte| *byte == b'&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let at = part.iter().position(|byte| *byte == b'=');
            let (name, value) = at.map_or((part, &[][..]), |at| (&part[..at], &part[at + 1..]));
            (decode(name), decode(value))
        })
        .collect()
}

/// Decodes `+` and `%XX`.
pub(crate) fn decode(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => match hex_pair(tail) {
                Some(decoded) => {
                    rest = &tail[2..];
                    decoded
                }
                None => b'%',
            },
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).replace('\0', "\u{FFFD}")
}

fn hex_pair(text: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (high, low) = (digit(*text.first()?)?, digit(*text.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}

/// Encodes everything but unreserved characters (RFC 3986 §2.3).
pub(crate) fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_and_broken_escapes_stay() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = vec![pair("username", "alice smith@quobis"), pair("password", "a+b%"), pair("x", "")];
        assert_eq!(pairs(b"username=alice+smith%40quobis&password=a%2Bb%&&x"), expected);
        assert_eq!(escape("a b@c"), "a%20b%40c");
    }
}
