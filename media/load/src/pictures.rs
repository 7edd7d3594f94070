//! Which pictures have arrived whole, and when.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::made_up::Part;

/// Most packets of a picture that are told apart.
const PARTS_MAX: u8 = 64;

/// The pictures of one sender.
#[derive(Debug, Default)]
pub struct Pictures(BTreeMap<u16, Arriving>);

#[derive(Debug, Default)]
struct Arriving {
    parts: u64,
    whole_at: Option<Instant>,
}

/// A picture that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Which of its sender, from 0.
    pub picture: u16,
    /// When it and all whole ones before it were there.
    pub at: Instant,
}

impl Pictures {
    pub(crate) fn note(&mut self, part: Part, now: Instant) {
        if part.of > PARTS_MAX || part.number >= part.of {
            return;
        }
        let picture = self.0.entry(part.picture).or_default();
        picture.parts |= 1 << part.number;
        if picture.parts.count_ones() == u32::from(part.of) {
            picture.whole_at.get_or_insert(now);
        }
    }

    /// Those that are whole, in their order.
    pub fn shown(&self) -> Vec<Shown> {
        let mut latest = None;
        let whole = self.0.iter().filter_map(|(picture, arriving)| Some((*picture, arriving.whole_at?)));
        let in_order =
            whole.map(|(picture, at)| Shown { picture, at: *latest.insert(latest.map_or(at, |it| at.max(it))) });
        in_order.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_picture_is_shown_when_it_is_whole_and_none_before_it_is_waited_for() {
        let (mut pictures, start) = (Pictures::default(), Instant::now());
        let mut came = |picture, number, ms| {
            pictures.note(Part { picture, number, of: 2, key: false }, start + Duration::from_millis(ms));
        };
        came(0, 0, 1);
        came(0, 0, 2);
        came(1, 0, 3);
        came(1, 1, 4);
        came(0, 1, 9);
        came(0, 1, 20);
        came(2, 0, 30);
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(pictures.shown(), [Shown { picture: 0, at: at(9) }, Shown { picture: 1, at: at(9) }]);
    }
}
