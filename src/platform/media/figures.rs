//! What `/metrics` tells of the media node of this process.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use wac_media_io::{BadToken, Dropped, Figures, Limit, MediaLoad};

/// Reads them from the node at each scrape.
pub(crate) struct MediaFigures(pub(crate) MediaLoad);

impl fmt::Debug for MediaFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaFigures").finish_non_exhaustive()
    }
}

impl Collector for MediaFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let figures = self.0.figures();
        now(&mut encoder, "media_sessions", "Media sessions of this node", figures.sessions)?;
        now(&mut encoder, "media_rooms", "Rooms with somebody's media on this node", figures.rooms)?;
        let Figures { packets_received, bytes_received, packets_sent, bytes_sent, .. } = figures;
        let by_direction = |received, sent| [("received", received), ("sent", sent)];
        let packets = by_direction(packets_received, packets_sent);
        so_far(&mut encoder, ("media_packets", "Datagrams of media", "direction"), packets)?;
        let bytes = by_direction(bytes_received, bytes_sent);
        so_far(&mut encoder, ("media_bytes", "Bytes of datagrams of media", "direction"), bytes)?;
        let dropped = Dropped::ALL.map(|why| (why.name(), figures.dropped(why)));
        so_far(&mut encoder, ("media_packets_dropped", "Datagrams that went no further", "reason"), dropped)?;
        let refused = Limit::ALL.map(|limit| (limit.name(), figures.refused(limit)));
        so_far(&mut encoder, ("media_joins_refused", "Joins refused for want of something", "limit"), refused)?;
        let tokens = BadToken::ALL.map(|why| (why.name(), self.0.bad_tokens(why)));
        so_far(&mut encoder, ("media_tokens_refused", "Media tokens that let nobody in", "reason"), tokens)?;
        let took = "From the kernel's receipt of a datagram of media to the sending of all that came of it";
        let kind = MetricType::Histogram;
        let forwarded = figures.forwarded;
        encoder.encode_descriptor("media_forward", took, Some(&Unit::Seconds), kind)?.encode_histogram::<NoLabelSet>(
            forwarded.sum_s(),
            forwarded.count(),
            &forwarded.buckets(),
            None,
        )
    }
}

fn now(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Result<(), fmt::Error> {
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

/// One counter for each value of a label.
fn so_far<const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, label): (&str, &str, &'static str),
    values: [(&'static str, u64); N],
) -> Result<(), fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (which, value) in values {
        ConstCounter::new(value).encode(family.encode_family(&[(label, which)])?)?;
    }
    Ok(())
}
