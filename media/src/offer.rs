//! Offers that come by HTTP (RFC 9725, draft-ietf-wish-whep), before anybody is let in for them.

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
    SdpOffer::from_sdp_string(&text).map_err(|error| OfferError::Malformed(error.to_string()))?;
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
    fn what_is_no_session_description_is_told_from_what_is_one_without_media() {
        assert!(matches!(one_way("hello", Flow::Sends), Err(OfferError::Malformed(_))));
        assert!(matches!(one_way("", Flow::Sends), Err(OfferError::Malformed(_))));
    }
}
