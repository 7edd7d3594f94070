//! A client of the media node on a WebRTC stack that is not the node's own: what the node says is
//! checked by somebody else's reading of the standards.
