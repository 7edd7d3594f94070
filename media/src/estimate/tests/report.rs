//! What a receiver reports.

use std::collections::BTreeMap;

/// A feedback packet that tells of these packets, from a number on: sequence numbers, extended, and times of arrival, µs.
pub(super) fn feedback(base: u64, arrivals: &BTreeMap<u64, i64>) -> Vec<u8> {
    let (Some((_, first)), Some((last, _))) = (arrivals.first_key_value(), arrivals.last_key_value()) else {
        panic!("there is nothing to report");
    };
    let reference = first.div_euclid(64_000);
    let (mut symbols, mut deltas, mut time) = (Vec::new(), Vec::new(), reference * 64_000);
    for sequence in base..=*last {
        let Some(arrival) = arrivals.get(&sequence) else {
            symbols.push(0);
            continue;
        };
        let delta = (arrival - time).div_euclid(250);
        time += delta * 250;
        match u8::try_from(delta) {
            Ok(small) => {
                symbols.push(1);
                deltas.push(small);
            }
            Err(_) => {
                symbols.push(2);
                deltas.extend(i16::try_from(delta).expect("a report of no more than seconds").to_be_bytes());
            }
        }
    }
    let mut packet = vec![0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    packet.extend((base as u16).to_be_bytes());
    packet.extend((symbols.len() as u16).to_be_bytes());
    packet.extend(((reference as u32) << 8).to_be_bytes());
    packet.extend(chunks(&symbols));
    packet.extend(deltas);
    while packet.len() % 4 != 0 {
        packet.push(0);
    }
    let words = (packet.len() / 4 - 1) as u16;
    packet[2..4].copy_from_slice(&words.to_be_bytes());
    packet
}

/// Every kind of chunk where it fits.
fn chunks(mut symbols: &[u16]) -> Vec<u8> {
    let mut chunks = Vec::new();
    while let Some(symbol) = symbols.first() {
        let run = symbols.iter().take_while(|other| *other == symbol).count();
        let (chunk, taken) = if run > 14 {
            (symbol << 13 | run.min(0x1fff) as u16, run.min(0x1fff))
        } else if symbols.iter().take(14).all(|symbol| *symbol < 2) {
            let bits = (0..14).fold(0, |bits, place| bits << 1 | symbols.get(place).copied().unwrap_or(0));
            (0x8000 | bits, symbols.len().min(14))
        } else {
            let bits = (0..7).fold(0, |bits, place| bits << 2 | symbols.get(place).copied().unwrap_or(0));
            (0xc000 | bits, symbols.len().min(7))
        };
        chunks.extend(chunk.to_be_bytes());
        symbols = &symbols[taken..];
    }
    chunks
}
