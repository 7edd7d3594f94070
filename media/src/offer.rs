//! Offers that come by HTTP (RFC 9725, draft-ietf-wish-whep), before anybody is let in for them.

use std::borrow::Cow;

use str0m::change::SdpOffer;

/// Which way media goes by a door, seen from the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// The client sends (WHIP).
    Sends,
    /// The client receives (WHEP).
    Receives,
}

/// Why an offer cannot be taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OfferError {
    /// It is no session description.
    #[error("this is no session description: {0}")]
    Malformed(String),
    /// It is one, and nothing would flow.
    #[error("{0}")]
    Unusable(&'static str),
}

/// What is wrong with something a client has sent, for the client. The stack says where in memory it has found it: that is
/// left out.
pub(crate) fn told(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains("PointerOffset("));
    let said = lines.collect::<Vec<_>>().join("; ");
    if said.is_empty() { "it cannot be read".to_owned() } else { said }
}

/// Reads an offer. One that does not say by which certificate its sender is known is refused before it can do harm to the
/// session it comes to (RFC 8842 §5.1).
pub(crate) fn read(sdp: &str) -> Result<SdpOffer, String> {
    let offer = SdpOffer::from_sdp_string(sdp).map_err(|error| told(&error))?;
    let is_named = sdp.lines().any(|line| line.starts_with("a=fingerprint:"));
    if is_named { Ok(offer) } else { Err("an offer has a fingerprint".to_owned()) }
}

/// The offer with at most so many candidates, which the node could do without, and how many it has.
pub(crate) fn with_candidates(sdp: &str, most: usize) -> (Cow<'_, str>, usize) {
    let is_candidate = |line: &str| line.starts_with("a=candidate:");
    let count = sdp.lines().filter(|line| is_candidate(line)).count();
    if count <= most {
        return (sdp.into(), count);
    }
    let mut left = most;
    let kept = sdp.split_inclusive('\n').filter(|line| {
        let is_over = is_candidate(line) && left == 0;
        left -= usize::from(is_candidate(line) && left > 0);
        !is_over
    });
    (kept.collect::<String>().into(), most)
}

/// The offer as the node takes it: a section that would go both ways goes the one of the door (RFC 9725 §4.2),
/// so that the answer says so too.
pub fn one_way(sdp: &str, flow: Flow) -> Result<String, OfferError> {
    let (kept, refused, missing) = match flow {
        Flow::Sends => ("a=sendonly", "a=recvonly", "nothing is sent by this offer"),
        Flow::Receives => ("a=recvonly", "a=sendonly", "nothing is received by this offer"),
    };
    let mut text = String::with_capacity(sdp.len());
    // Whether the present section has media and has not said yet which way it goes.
    let (mut silent, mut usable) = (false, false);
    let mut say = |line: &str| {
        usable |= line == kept;
        text.push_str(line);
        text.push_str("\r\n");
    };
    for line in sdp.lines().map(str::trim_end) {
        if line.starts_with("m=") {
            // A section that says nothing goes both ways (RFC 8866 §6.7).
            if silent {
                say(kept);
            }
            silent = line.starts_with("m=audio ") || line.starts_with("m=video ");
        }
        let said = match line {
            "a=sendrecv" => kept,
            line if line == refused => "a=inactive",
            line => line,
        };
        silent &= ![kept, "a=inactive"].contains(&said);
        say(said);
    }
    if silent {
        say(kept);
    }
    read(&text).map_err(OfferError::Malformed)?;
    if usable { Ok(text) } else { Err(OfferError::Unusable(missing)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An offer of one sound that goes this way.
    fn offer(direction: &str) -> String {
        format!(
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:abcd\r\n\
             a=ice-pwd:abcdefghijklmnopqrstuv\r\n\
             a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n\
             a=setup:actpass\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n{direction}"
        )
    }

    #[test]
    fn what_would_go_both_ways_goes_the_way_of_the_door() {
        let both = offer("a=sendrecv\r\n");
        assert!(one_way(&both, Flow::Sends).unwrap().contains("a=sendonly\r\n"));
        assert!(one_way(&both, Flow::Receives).unwrap().contains("a=recvonly\r\n"));
        let sent = offer("a=sendonly\r\n");
        assert_eq!(one_way(&sent, Flow::Sends), Ok(sent.clone()));
        assert_eq!(one_way(&sent, Flow::Receives), Err(OfferError::Unusable("nothing is received by this offer")));
        assert_eq!(one_way(&offer(""), Flow::Sends), Ok(sent), "both ways is what is meant when nothing is said");
    }

    #[test]
    fn what_is_wrong_is_told_without_addresses_of_memory() {
        for text in ["hello", "v=0\r\no=1", &offer("a=sideways\r\n").replace("a=mid:0", "a=mid")] {
            let Err(OfferError::Malformed(said)) = one_way(text, Flow::Sends) else { panic!("{text}") };
            assert!(!said.is_empty() && !said.contains("0x") && !said.contains('\n'), "{said}");
        }
        assert_eq!(told(&"at PointerOffset(0x7f)"), "it cannot be read");
    }

    #[test]
    fn an_offer_without_a_fingerprint_is_none() {
        let without: String = offer("a=sendrecv\r\n")
            .lines()
            .filter(|line| !line.contains("fingerprint"))
            .fold(String::new(), |text, line| text + line + "\r\n");
        assert_eq!(read(&without).err(), Some("an offer has a fingerprint".to_owned()));
    }

    #[test]
    fn of_too_many_candidates_the_first_ones_are_looked_at() {
        let candidate = |number: usize| format!("a=candidate:{number} 1 udp 1 192.0.2.1 {number} typ host\r\n");
        let many = (1..=100).fold(offer("a=sendrecv\r\n"), |text, number| text + &candidate(number));
        assert_eq!(with_candidates(&many, 100), (Cow::Borrowed(many.as_str()), 100));
        let (few, count) = with_candidates(&many, 3);
        assert_eq!(few, offer("a=sendrecv\r\n") + &candidate(1) + &candidate(2) + &candidate(3));
        assert_eq!((count, with_candidates(&many, 0).1), (3, 0));
    }

    #[test]
    fn no_text_from_outside_brings_the_reading_of_offers_down() {
        bolero::check!().with_type::<(Vec<u8>, u16)>().for_each(|(bytes, place)| {
            let own = offer("a=sendrecv\r\n");
            let place = usize::from(*place) % own.len();
            let text = format!("{}{}{}", &own[..place], String::from_utf8_lossy(bytes), &own[place..]);
            for flow in [Flow::Sends, Flow::Receives] {
                if let Ok(taken) = one_way(&text, flow) {
                    assert!(SdpOffer::from_sdp_string(&taken).is_ok());
                }
                let _ = one_way(&String::from_utf8_lossy(bytes), flow);
            }
        });
    }

    #[test]
    fn what_is_no_session_description_is_told_from_what_is_one_without_media() {
        assert!(matches!(one_way("hello", Flow::Sends), Err(OfferError::Malformed(_))));
        assert!(matches!(one_way("", Flow::Sends), Err(OfferError::Malformed(_))));
    }
}
