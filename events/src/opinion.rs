//! The opinion score one may expect of a connection.

/// Rating of a connection without any impairment, all parameters at their defaults (ITU-T G.107, table 3).
const RATING_BEST: f64 = 93.2;
/// Packet loss robustness of the codec, percent (ITU-T G.113 appendix I: G.711 with loss concealment, random loss).
const LOSS_ROBUSTNESS: f64 = 25.1;
/// What gathering, sending and smoothing out packets adds to the delay, milliseconds: a 20 ms packet and a usual
/// jitter buffer of 40 ms.
const DELAY_OF_ENDS_MS: f64 = 60.0;
/// From this delay on people begin to talk into one another's words, milliseconds.
const DELAY_FELT_MS: f64 = 177.3;

/// The mean opinion score to be expected, 1 to 4.5, by the E-model of ITU-T G.107 with all but delay and loss at their
/// defaults: `R = 93.2 − Id − Ie,eff`.
///
/// * `Id = 0.024 d + 0.11 (d − 177.3) H(d − 177.3)`, Cole and Rosenbluth's short form of the delay impairment
///   (ACM SIGCOMM CCR 31(2), 2001). `d`: the participant's way to the node and back, which stands for his way and that
///   of whom he hears, and 60 ms at the ends.
/// * `Ie,eff = 95 · Ppl / (Ppl + Bpl)`, `Ie = 0`, `Bpl = 25.1` (ITU-T G.113 appendix I).
/// * `MOS = 1 + 0.035 R + R (R − 60) (100 − R) 7·10⁻⁶` (ITU-T G.107 annex B).
///
/// `lost_percent`: 0 to 100; `round_trip_ms`: milliseconds.
pub fn estimated_mos(lost_percent: f64, round_trip_ms: f64) -> f64 {
    let delay_ms = round_trip_ms.max(0.0) + DELAY_OF_ENDS_MS;
    let delay = 0.024 * delay_ms + 0.11 * (delay_ms - DELAY_FELT_MS).max(0.0);
    let lost = lost_percent.clamp(0.0, 100.0);
    let rating = (RATING_BEST - delay - 95.0 * lost / (lost + LOSS_ROBUSTNESS)).clamp(0.0, 100.0);
    let mos = 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6;
    // Below a rating of about 6.5 the formula dips under the scale's end.
    mos.clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_connection_is_rated_as_the_e_model_says() {
        assert!((estimated_mos(0.0, 0.0) - 4.38).abs() < 0.01, "{}", estimated_mos(0.0, 0.0));
    }

    #[test]
    fn loss_and_delay_make_it_worse_and_never_leave_the_scale() {
        let mut last = f64::MAX;
        for step in 0..=100 {
            let mos = estimated_mos(f64::from(step), f64::from(step) * 20.0);
            assert!(mos <= last && (1.0..=4.5).contains(&mos), "{step}: {mos} after {last}");
            last = mos;
        }
        assert!((estimated_mos(5.0, 100.0) - 3.76).abs() < 0.01, "{}", estimated_mos(5.0, 100.0));
    }
}
