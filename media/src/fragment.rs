//! Fragments of session descriptions: what WHIP and WHEP send and answer in a `PATCH` (RFC 8840 §9, RFC 9725 §4.3).

/// Most candidates of one fragment; what comes beyond is not looked at.
pub const CANDIDATES_MAX: usize = 64;
/// Bounds of a user name fragment and of a password (RFC 8839 §5.4).
const UFRAG_BYTES: std::ops::RangeInclusive<usize> = 4..=256;
const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 22..=256;

/// ICE credentials.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`.
    pub password: String,
}

/// What a fragment says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fragment {
    /// Whose candidates these are; absent: those of the session.
    pub credentials: Option<Credentials>,
    /// As in `a=candidate`, `candidate:` included.
    pub candidates: Vec<String>,
}

/// Why a text is no fragment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FragmentError {
    /// It says nothing of ICE.
    #[error("there is neither a candidate nor `a=ice-ufrag`, nor `a=end-of-candidates`")]
    Empty,
    /// One without the other, or not as RFC 8839 §5.4 has them.
    #[error("`a=ice-ufrag` and `a=ice-pwd` go together, as RFC 8839 §5.4 has them")]
    Credentials,
    /// A line is none.
    #[error("a line is not `<letter>=<value>`")]
    Malformed,
}

fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

fn is_secret(text: &str, bytes: std::ops::RangeInclusive<usize>) -> bool {
    bytes.contains(&text.len()) && text.bytes().all(is_ice_char)
}

impl Fragment {
    /// Reads one. Lines that have nothing to do with ICE are passed over.
    pub fn parse(text: &str) -> Result<Self, FragmentError> {
        let (mut ufrag, mut password, mut candidates, mut ended) = (None, None, Vec::new(), false);
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            if line.as_bytes().get(1) != Some(&b'=') {
                return Err(FragmentError::Malformed);
            }
            let Some(attribute) = line.strip_prefix("a=") else { continue };
            match attribute.split_once(':') {
                // Of bundled sections, which alone are taken, all say the same; the first counts.
                Some(("ice-ufrag", value)) => _ = ufrag.get_or_insert(value),
                Some(("ice-pwd", value)) => _ = password.get_or_insert(value),
                Some(("candidate", _)) if candidates.len() < CANDIDATES_MAX => candidates.push(attribute.to_owned()),
                None if attribute == "end-of-candidates" => ended = true,
                _ => {}
            }
        }
        let credentials = match (ufrag, password) {
            (None, None) if candidates.is_empty() && !ended => return Err(FragmentError::Empty),
            (None, None) => None,
            (Some(ufrag), Some(password)) if is_secret(ufrag, UFRAG_BYTES) && is_secret(password, PASSWORD_BYTES) => {
                Some(Credentials { ufrag: ufrag.to_owned(), password: password.to_owned() })
            }
            _ => return Err(FragmentError::Credentials),
        };
        Ok(Self { credentials, candidates })
    }

    /// The former offer with these credentials in place of its own: what the client would offer to restart ICE.
    /// Its former candidates are gone with the former network.
    pub fn restarted(offer: &str, credentials: &Credentials) -> String {
        let mut text = String::with_capacity(offer.len());
        for line in offer.lines().map(str::trim_end) {
            if line.starts_with("a=candidate:") || line == "a=end-of-candidates" {
                continue;
            }
            if line.starts_with("a=ice-ufrag:") {
                text.push_str("a=ice-ufrag:");
                text.push_str(&credentials.ufrag);
            } else if line.starts_with("a=ice-pwd:") {
                text.push_str("a=ice-pwd:");
                text.push_str(&credentials.password);
            } else {
                text.push_str(line);
            }
            text.push_str("\r\n");
        }
        text
    }

    /// What the answer to a restart says to a client that wants no more than a fragment: the lines about ICE, once.
    pub fn of_answer(answer: &str) -> String {
        let mut text = String::new();
        let mut said: Vec<&str> = Vec::new();
        let mut sections = 0;
        for line in answer.lines().map(str::trim_end) {
            sections += usize::from(line.starts_with("m="));
            let of_session = ["a=ice-lite", "a=ice-options:", "a=group:"].iter().any(|it| line.starts_with(it));
            let of_first = ["m=", "a=mid:"].iter().any(|it| line.starts_with(it)) && sections == 1;
            let of_ice = ["a=ice-ufrag:", "a=ice-pwd:", "a=candidate:"].iter().any(|it| line.starts_with(it));
            if (of_session || of_first || of_ice) && !said.contains(&line) {
                said.push(line);
            }
        }
        // What belongs to the section follows its beginning, wherever the answer has it.
        let rank = |line: &str| match line {
            line if line.starts_with("m=") => 1,
            line if line.starts_with("a=mid:") => 2,
            line if line.starts_with("a=ice-ufrag:") => 3,
            line if line.starts_with("a=ice-pwd:") => 4,
            line if line.starts_with("a=candidate:") => 5,
            _ => 0,
        };
        said.sort_by_key(|line| rank(line));
        for line in said.into_iter().chain(["a=end-of-candidates"]) {
            text.push_str(line);
            text.push_str("\r\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESTART: &str = "a=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
        a=ice-ufrag:ysXw\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n\
        a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\n\
        a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host\r\na=end-of-candidates\r\n";

    #[test]
    fn a_fragment_says_whose_candidates_it_brings() {
        let fragment = Fragment::parse(RESTART).unwrap();
        let credentials = fragment.credentials.unwrap();
        assert_eq!((credentials.ufrag.as_str(), credentials.password.len()), ("ysXw", 24));
        assert_eq!(fragment.candidates.len(), 2);
        assert!(fragment.candidates[1].starts_with("candidate:3471623853 "));
        assert_eq!(Fragment::parse("a=end-of-candidates\n").map(|it| it.credentials), Ok(None));
    }

    #[test]
    fn what_is_no_fragment_is_named() {
        assert_eq!(Fragment::parse(""), Err(FragmentError::Empty));
        assert_eq!(Fragment::parse("v=0\r\na=mid:0\r\n"), Err(FragmentError::Empty));
        assert_eq!(Fragment::parse("hello"), Err(FragmentError::Malformed));
        let long = format!("a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", "a".repeat(257), "b".repeat(22));
        for text in ["a=ice-ufrag:ysXw\r\n", "a=ice-ufrag:y\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n", &long] {
            assert_eq!(Fragment::parse(text), Err(FragmentError::Credentials), "{text}");
        }
        let many = "a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n".repeat(1_000);
        assert_eq!(Fragment::parse(&many).unwrap().candidates.len(), CANDIDATES_MAX);
    }

    #[test]
    fn a_restart_changes_the_credentials_of_an_offer_and_nothing_else_of_it() {
        let credentials = Credentials { ufrag: "new1".to_owned(), password: "n".repeat(22) };
        let offer = "v=0\r\na=ice-ufrag:old1\r\na=ice-pwd:o\r\nm=audio 9 X 0\r\na=candidate:1\r\na=mid:0\r\n";
        let restarted = Fragment::restarted(offer, &credentials);
        let expected = "v=0\r\na=ice-ufrag:new1\r\na=ice-pwd:nnnnnnnnnnnnnnnnnnnnnn\r\nm=audio 9 X 0\r\na=mid:0\r\n";
        assert_eq!(restarted, expected);
    }

    #[test]
    fn of_an_answer_the_lines_about_ice_are_said_once() {
        let section = |mid: u32| {
            format!(
                "m=audio 9 X {mid}\r\na=mid:{mid}\r\na=ice-ufrag:abcd\r\na=ice-pwd:p\r\na=candidate:1 udp\r\na=x:y\r\n"
            )
        };
        let answer = format!("v=0\r\na=group:BUNDLE 0 1\r\na=ice-lite\r\n{}{}", section(0), section(1));
        let fragment = Fragment::of_answer(&answer);
        let expected = "a=group:BUNDLE 0 1\r\na=ice-lite\r\nm=audio 9 X 0\r\na=mid:0\r\na=ice-ufrag:abcd\r\n\
                        a=ice-pwd:p\r\na=candidate:1 udp\r\na=end-of-candidates\r\n";
        assert_eq!(fragment, expected);
    }

    #[test]
    fn no_text_from_outside_brings_the_reading_of_fragments_down() {
        bolero::check!().with_type::<Vec<u8>>().for_each(|bytes| {
            let text = String::from_utf8_lossy(bytes);
            if let Ok(fragment) = Fragment::parse(&text) {
                assert!(fragment.candidates.len() <= CANDIDATES_MAX);
                let secrets = fragment.credentials.map(|it| it.ufrag + &it.password).unwrap_or_default();
                assert!(!secrets.contains(['\r', '\n']));
            }
            let _ = Fragment::of_answer(&text);
        });
    }
}
