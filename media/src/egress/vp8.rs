//! Picture ids within VP8 payloads (RFC 7741 §4.2).

/// Writes other numbers into a payload that has them, in as many bits as it has for them.
pub(crate) fn renumber(payload: &mut [u8], picture_id: Option<u16>, tl0: Option<u8>) {
    let _ = renumbered(payload, picture_id, tl0);
}

fn renumbered(payload: &mut [u8], picture_id: Option<u16>, tl0: Option<u8>) -> Option<()> {
    let is_extended = payload.first()? & 0x80 != 0;
    let extensions = if is_extended { *payload.get(1)? } else { 0 };
    let mut at = 2;
    if extensions & 0x80 != 0 {
        let is_long = payload.get(at)? & 0x80 != 0;
        match (is_long, picture_id) {
            (true, Some(id)) => payload.get_mut(at..at + 2)?.copy_from_slice(&(id | 0x8000).to_be_bytes()),
            (false, Some(id)) => *payload.get_mut(at)? = id as u8 & 0x7f,
            (_, None) => {}
        }
        at += 1 + usize::from(is_long);
    }
    if let (true, Some(index)) = (extensions & 0x40 != 0, tl0) {
        *payload.get_mut(at)? = index;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(mut payload: Vec<u8>) -> Vec<u8> {
        renumber(&mut payload, Some(0x1234), Some(0x56));
        payload
    }

    #[test]
    fn numbers_are_written_where_they_are() {
        assert_eq!(after(vec![0x90, 0xc0, 0x80, 7, 9, 1]), [0x90, 0xc0, 0x92, 0x34, 0x56, 1], "15 bits");
        assert_eq!(after(vec![0x90, 0xc0, 7, 9, 1]), [0x90, 0xc0, 0x34, 0x56, 1], "7 bits");
        assert_eq!(after(vec![0x90, 0x40, 9, 1]), [0x90, 0x40, 0x56, 1], "no picture id");
        assert_eq!(after(vec![0x90, 0x80, 0x80, 9, 1]), [0x90, 0x80, 0x92, 0x34, 1], "no layer index");
    }

    #[test]
    fn what_has_no_numbers_or_is_cut_off_stays() {
        for payload in [vec![], vec![0x10, 1, 2], vec![0x90], vec![0x90, 0x20, 3], vec![0x90, 0x80, 0x80]] {
            assert_eq!(after(payload.clone()), payload);
        }
    }
}
