//! Why a socket ends, and the close code that says so.

/// Why a socket ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Close {
    /// The peer has gone, with or without a word.
    Gone,
    /// The peer has said goodbye.
    Goodbye,
    /// This node is stopping, or cannot serve the socket at the moment.
    Restart,
    /// What was sent could not be read.
    Malformed(&'static str),
    /// The session has ended, for this reason.
    SessionEnded(&'static str),
    /// The caller lacks the right.
    Forbidden,
    /// Nothing was heard for too long.
    Idle,
    /// The reader is too slow.
    TooSlow,
    /// The position to resume from is too far back.
    TooFarBack,
    /// A frame was too large.
    FrameTooLarge,
    /// Too many requests.
    TooManyRequests,
}

impl Close {
    /// The close code; `None`: there is nobody to tell.
    pub(crate) fn code(&self) -> Option<u16> {
        Some(match self {
            Close::Gone => return None,
            Close::Goodbye => 1000,
            Close::Restart => 1012,
            Close::Malformed(_) => 4400,
            Close::SessionEnded(_) => 4401,
            Close::Forbidden => 4403,
            Close::Idle => 4408,
            Close::TooSlow => 4409,
            Close::TooFarBack => 4410,
            Close::FrameTooLarge => 4413,
            Close::TooManyRequests => 4429,
        })
    }

    /// What the close frame says, at most 123 bytes (RFC 6455 §5.5).
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Close::Gone | Close::Goodbye => "",
            Close::Restart => "restart",
            Close::Malformed(what) => what,
            Close::SessionEnded(reason) => reason,
            Close::Forbidden => "forbidden",
            Close::Idle => "idle",
            Close::TooSlow | Close::TooFarBack => "resync",
            Close::FrameTooLarge => "frame too large",
            Close::TooManyRequests => "too many requests",
        }
    }

    /// Whether what waits to be sent still goes out before the close frame.
    pub(crate) fn is_graceful(&self) -> bool {
        matches!(self, Close::SessionEnded(_) | Close::Restart)
    }

    /// Its name in metrics and logs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Close::Gone => "gone",
            Close::Goodbye => "goodbye",
            Close::Restart => "restart",
            Close::Malformed(_) => "malformed",
            Close::SessionEnded(_) => "session_ended",
            Close::Forbidden => "forbidden",
            Close::Idle => "idle",
            Close::TooSlow => "too_slow",
            Close::TooFarBack => "too_far_back",
            Close::FrameTooLarge => "frame_too_large",
            Close::TooManyRequests => "too_many_requests",
        }
    }
}
